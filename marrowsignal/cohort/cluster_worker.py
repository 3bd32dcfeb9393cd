"""What runs in the workers of a cluster: studies, looks at what a worker sees, and the end of a run."""

from __future__ import annotations

import asyncio
import platform
import signal
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from marrowsignal import __version__
from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask
from marrowsignal.cohort.runner import NOT_BEGUN
from marrowsignal.cohort.watched_process import CaseLimits, stop_case_processes

__all__ = ["WorkerView", "analyze_far", "dask_setup", "end_waiting", "look", "result_versions", "stop_running"]

_LOOK_EACH_S = 0.05
_STOPPED_WITHIN_S = 20.0
# Libraries that the numbers come from, beside our own.
_RESULT_LIBRARIES = ("numpy", "scipy", "SimpleITK", "scikit-image", "scikit-learn", "onnxruntime", "pydicom")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """What a worker sees of the folders of a run.

    Attributes
    ----------
    output : bool
        Whether its output folder is that of the run.
    writable : bool
        Whether it can write there.
    inputs : bool
        Whether it sees all that is to be read.
    """

    output: bool
    writable: bool
    inputs: bool


@dataclass(slots=True)
class _Gate:
    """Whether studies of a run may begin in this worker, and how many have not ended."""

    closed: bool = False
    inside: int = 0


_gates: defaultdict[str, _Gate] = defaultdict(_Gate)
_lock = threading.Lock()


def analyze_far(
    task: CaseTask, limits: CaseLimits, *, run: str, version: str, analyze: Callable[[CaseTask, CaseLimits], CaseAnswer]
) -> CaseAnswer:
    """Analyze one study, unless its run has ended meanwhile or is of another version.

    Parameters
    ----------
    task : CaseTask
        The study and all choices.
    limits : CaseLimits
        What it may take.
    run : str
        Tells the run from others on the same cluster.
    version : str
        Of marrowsignal in the process of the run.
    analyze : callable
        Importable function that does it.

    Returns
    -------
    CaseAnswer
        That of `analyze`; of code `NOT_BEGUN` where it was not asked.
    """
    with _lock:
        gate = _gates[run]
        if gate.closed or version != __version__:
            return CaseAnswer(state=CaseState.FAILED, stage="batch", code=NOT_BEGUN, reason="this worker begins none")
        gate.inside += 1
    try:
        return analyze(task, limits)
    finally:
        with _lock:
            gate.inside -= 1


def end_waiting(run: str) -> None:
    """Let no study of a run begin in this worker any more; what runs goes on."""
    with _lock:
        _gates[run].closed = True


async def stop_running(run: str, out: str) -> None:
    """Stop what runs of a run in this worker, and let nothing begin; returns when nothing of it is left.

    Parameters
    ----------
    run : str
        Which run.
    out : str
        Folder of its cases.
    """
    end_waiting(run)
    gate, last = _gates[run], time.monotonic() + _STOPPED_WITHIN_S
    stop_case_processes(out)
    while gate.inside and time.monotonic() < last:
        await asyncio.sleep(_LOOK_EACH_S)
        # Again: a process may have been on its way.
        stop_case_processes(out)


def look(out: str, token: str, inputs: tuple[str, ...]) -> WorkerView:
    """Look at the folders of a run.

    Parameters
    ----------
    out : str
        Folder of the cases.
    token : str
        Name of a file that was put there; its contents are its name.
    inputs : tuple of str
        What studies are read from.
    """
    try:
        output = (Path(out) / token).read_text(encoding="ascii") == token
        with tempfile.TemporaryFile(dir=out):
            writable = True
    except FileNotFoundError:
        output = writable = False
    except OSError:
        output, writable = True, False
    return WorkerView(output=output, writable=writable, inputs=all(Path(path).exists() for path in inputs))


def result_versions() -> tuple[tuple[str, str], ...]:
    """Return the libraries that results depend on, and their versions here."""
    return (("Python", platform.python_version()), *((name, _version(name)) for name in _RESULT_LIBRARIES))


def dask_setup(_worker: object) -> None:
    """Leave it to the run to end its own workers; dask calls this in each of them as it starts.

    Ctrl-C goes to all processes of a terminal, and a scheduler's SIGTERM to all of a job.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _version(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:
        return "none"
