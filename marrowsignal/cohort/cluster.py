"""A run over many studies on the workers of a dask cluster, of this machine or of many."""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from marrowsignal import __version__
from marrowsignal.cohort import cluster_worker
from marrowsignal.cohort.leftovers import remove_leftovers
from marrowsignal.cohort.records import CaseAnswer, CaseTask
from marrowsignal.cohort.runner import BatchOutcome, RunLedger, RunSetup, StopRequest, run_batch
from marrowsignal.cohort.watched_process import CaseLimits, run_case
from marrowsignal.errors import MarrowSignalError, OutputError, SomeStudiesFailedError, UsageError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ClusterPlace", "check_cluster_extra", "run_on_cluster"]

_STAGE = "batch"
# A worker has its next study at hand when it ends one, and an adaptive cluster sees that more is to be done.
_STUDIES_OF_THREAD = 2
_LOOK_EACH_S = 2.0
_WAIT_EACH_S = 0.2
_CONNECT_WITHIN_S = 30.0
_LOOPBACK = "127.0.0.1"
_FILE = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """Which cluster, and what its workers must see.

    Attributes
    ----------
    out : Path
        Folder of the cases.
    inputs : tuple of Path
        What studies are read from.
    scheduler : str or None
        Address of a running scheduler, such as ``"tcp://node7:8786"``, or the JSON file that it wrote.
    local_workers : int
        Without a scheduler: how many worker processes are started on this machine.
    analyze : callable
        Importable function that answers a task in a worker.
    tell : callable
        Given lines about the workers, for people.
    """

    out: Path
    inputs: tuple[Path, ...]
    scheduler: str | None = None
    local_workers: int = 1
    analyze: Callable[[CaseTask, CaseLimits], CaseAnswer] = run_case
    tell: Callable[[str], None] = lambda _line: None


def check_cluster_extra() -> None:
    """Refuse a cluster where dask.distributed is not installed.

    Raises
    ------
    UsageError
        Saying how to install it.
    """
    if importlib.util.find_spec("distributed") is None:
        raise UsageError(
            "a cluster needs dask.distributed, which is not installed",
            code="cluster_extra_missing",
            stage=_STAGE,
            hint='install it here and on the workers: pip install "marrowsignal[cluster]"',
        )


def run_on_cluster(
    tasks: Iterable[CaseTask],
    ledger: RunLedger,
    *,
    place: ClusterPlace,
    limits: CaseLimits,
    stop: StopRequest,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
) -> BatchOutcome:
    """Run studies on the workers of a cluster, each thread of a worker with a process for its studies.

    Workers may come and go. A study whose worker was lost is given to another one; when three were lost with it, it
    failed.

    Parameters
    ----------
    tasks, ledger, stop, on_end
        As `run_batch` takes them.
    place : ClusterPlace
        Which cluster.
    limits : CaseLimits
        What each study may take.

    Returns
    -------
    BatchOutcome
        As of `run_batch`.

    Raises
    ------
    UsageError
        If dask.distributed is missing, the scheduler does not answer, or a worker has no marrowsignal, another version
        of it, or does not see the folders of the run.
    OutputError
        If a worker cannot write the output folder.
    """
    check_cluster_extra()
    begun: list[str] = []

    def counted() -> Iterator[CaseTask]:
        for task in tasks:
            begun.append(task.source.case or task.source.key)
            yield task

    with _client(place) as client:
        workers = _Workers(client, place)
        if not workers.wait(stop):
            return BatchOutcome()
        try:
            setup = workers.setup(limits)
            return run_batch(counted(), ledger, workers.executor(), setup=setup, stop=stop, on_end=on_end)
        finally:
            workers.release()
            # A worker that was lost had no time for it.
            remove_leftovers(place.out, begun)


class _Workers:
    """The workers of a cluster as a run sees them: each is looked at before it counts."""

    def __init__(self, client: Client, place: ClusterPlace) -> None:
        self._client = client
        self._place = place
        self._out = str(place.out.absolute())
        self._run = secrets.token_hex(8)
        self._threads: dict[str, int] = {}
        self._closed: set[str] = set()
        self._differ: set[str] = set()
        self._looked_at = float("-inf")

    def wait(self, stop: StopRequest) -> bool:
        """Wait for the first worker, however long a queue of jobs takes; False where the run is ended before."""
        told = False
        while not stop.times:
            self.look()
            if self._threads:
                self._place.tell(
                    f"cluster: {len(self._threads)} workers, {sum(self._threads.values())} studies at once"
                )
                return True
            if not told:
                self._place.tell("cluster: waiting for its first worker")
            told = True
            time.sleep(_WAIT_EACH_S)
        return False

    def executor(self) -> Any:
        """Return the executor of the cluster; each study is a task of its own, also one that is tried again."""
        return self._client.get_executor(pure=False)

    def setup(self, limits: CaseLimits) -> RunSetup:
        """Return how studies are run."""
        analyze = partial(cluster_worker.analyze_far, run=self._run, version=__version__, analyze=self._place.analyze)
        return RunSetup(
            window=self._window,
            limits=limits,
            analyze=analyze,
            stop_now=self._stop_now,
            end_waiting=self._end_waiting,
            check=self.look,
        )

    def look(self) -> None:
        """See which workers there are, and look at new ones.

        Raises
        ------
        SomeStudiesFailedError
            If the scheduler is gone.
        UsageError, OutputError
            If a new worker cannot serve.
        """
        try:
            threads = dict(self._client.nthreads())
            new = [worker for worker in threads if worker not in self._threads]
            if new:
                self._admit(new)
        except MarrowSignalError:
            raise
        except Exception as error:
            raise _scheduler_gone(error) from error
        self._threads = threads
        self._looked_at = time.monotonic()

    def release(self) -> None:
        """Give back what idle processes of the run hold, where the cluster lives on."""
        self._on_workers(cluster_worker.stop_running, self._run, self._out)

    def _window(self) -> int:
        if time.monotonic() - self._looked_at >= _LOOK_EACH_S:
            self.look()
        return _STUDIES_OF_THREAD * sum(self._threads.values())

    def _end_waiting(self) -> None:
        if time.monotonic() - self._looked_at >= _LOOK_EACH_S:
            with suppress(MarrowSignalError):
                self.look()
        new = [worker for worker in self._threads if worker not in self._closed]
        if new:
            self._on_workers(cluster_worker.end_waiting, self._run, workers=new)
            self._closed.update(new)

    def _stop_now(self) -> None:
        self._on_workers(cluster_worker.stop_running, self._run, self._out)

    def _on_workers(self, act: Callable[..., Any], *arguments: str, workers: list[str] | None = None) -> None:
        """Ask all workers for something; those that are gone need not do it."""
        with suppress(Exception):
            self._client.run(act, *arguments, workers=workers, on_error="ignore")

    def _admit(self, workers: list[str]) -> None:
        # What is asked first every Python can answer.
        versions = self._ask(installed_version, "marrowsignal", workers=workers)
        other = sorted({str(found) for found in versions.values() if found != __version__ and isinstance(found, str)})
        missing = [worker for worker, found in versions.items() if not isinstance(found, str)]
        if other or missing:
            raise _other_version(other, missing=len(missing), of=len(versions))
        self._see_folders(list(versions))
        ours = cluster_worker.result_versions()
        theirs = self._ask(cluster_worker.result_versions, workers=list(versions))
        differ = {pair[0] for found in theirs.values() for pair in set(found) ^ set(ours)} - self._differ
        if differ:
            self._differ |= differ
            names = ", ".join(sorted(differ))
            self._place.tell(f"warning: workers have other versions of {names}: results may differ in the last digits")

    def _see_folders(self, workers: list[str]) -> None:
        inputs = tuple(str(path.absolute()) for path in self._place.inputs)
        with _token(self._place.out) as token:
            views = self._ask(cluster_worker.look, self._out, token, inputs, workers=workers)
        seen = [view for view in views.values() if isinstance(view, cluster_worker.WorkerView)]
        if len(seen) < len(views):
            raise _other_version([], missing=len(views) - len(seen), of=len(views))
        for what, good in (("output folder", "output"), ("studies", "inputs")):
            blind = sum(not getattr(view, good) for view in seen)
            if blind:
                raise UsageError(
                    f"{blind} of {len(seen)} workers do not see the {what}",
                    code="folder_not_shared",
                    stage=_STAGE,
                    hint="a cluster needs one file system that all its machines see under the same paths",
                )
        if not all(view.writable for view in seen):
            raise OutputError(
                "a worker of the cluster cannot write the output folder",
                code="output_not_writable",
                stage=_STAGE,
                hint="run the workers as the user that the folder belongs to",
            )

    def _ask(self, question: Callable[..., Any], *arguments: Any, workers: list[str]) -> dict[str, Any]:
        """Return what workers answer, or the error of it; those that have gone meanwhile are left out."""
        answers = self._client.run(question, *arguments, workers=workers, on_error="return")
        return {worker: answer for worker, answer in answers.items() if not isinstance(answer, OSError)}


@contextmanager
def _client(place: ClusterPlace) -> Iterator[Client]:
    """Connect to the cluster, or start one on this machine that ends with the run."""
    import dask  # noqa: PLC0415 - heavy, and an extra
    from distributed import Client, LocalCluster  # noqa: PLC0415

    with ExitStack() as stack:
        # What it has to say goes through errors of ours.
        stack.enter_context(_silent("distributed"))
        if place.scheduler is None:
            scratch = stack.enter_context(TemporaryDirectory(prefix="marrowsignal-dask-", ignore_cleanup_errors=True))
            # A study whose worker was lost comes back to the ledger, which counts its attempts.
            settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.profile.enabled": False}
            stack.enter_context(dask.config.set(settings))
            address: Any = stack.enter_context(
                LocalCluster(
                    n_workers=place.local_workers,
                    threads_per_worker=1,
                    processes=True,
                    # Each study is watched by its own limit.
                    memory_limit=None,
                    host=_LOOPBACK,
                    dashboard_address=None,
                    local_directory=scratch,
                    silence_logs=logging.CRITICAL,
                    preload=cluster_worker.__name__,
                )
            )
            given = {"address": address}
        elif place.scheduler.endswith(_FILE):
            given = {"scheduler_file": place.scheduler}
        else:
            given = {"address": place.scheduler}
        try:
            client = Client(**given, timeout=_CONNECT_WITHIN_S, set_as_default=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _no_scheduler(error) from error
        yield stack.enter_context(client)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _token(out: Path) -> Iterator[str]:
    """Put a file into the output folder by which a worker knows it."""
    token = f".marrowsignal-cluster-{secrets.token_hex(8)}"
    file = out / token
    try:
        _write(file, token)
        yield token
    finally:
        file.unlink(missing_ok=True)


def _write(file: Path, token: str) -> None:
    try:
        with file.open("w", encoding="ascii") as opened:
            opened.write(token)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise OutputError(
            f"the output folder cannot be written ({error.strerror})",
            code="output_not_writable",
            stage=_STAGE,
            hint="check that the output folder is writable and has space left",
        ) from error


def _other_version(versions: list[str], *, missing: int, of: int) -> UsageError:
    what = [f"version {', '.join(versions)} where this is {__version__}"] if versions else []
    what += [f"none on {missing} of {of}"] if missing else []
    return UsageError(
        f"workers of the cluster have another marrowsignal ({'; '.join(what)})",
        code="worker_version",
        stage=_STAGE,
        hint="install the same version in the environment that workers are started from",
    )


def _no_scheduler(error: Exception) -> UsageError:
    return UsageError(
        f"the scheduler does not answer ({type(error).__name__})",
        code="scheduler_unreachable",
        stage=_STAGE,
        hint="give its address, such as tcp://node7:8786 or tls://node7:8786, or the JSON file that it wrote",
    )


def _scheduler_gone(error: Exception) -> SomeStudiesFailedError:
    return SomeStudiesFailedError(
        f"the scheduler of the cluster is gone ({type(error).__name__})",
        code="workers_gone",
        stage=_STAGE,
        hint="look after the cluster, then run again: what is done is kept",
    )
