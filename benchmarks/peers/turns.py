"""Run the ways of a comparison in turns, each time in a fresh process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .measured import Comparison, Measured, Quality, Run, Spread, Way

__all__ = ["ROOT", "compare", "last_line", "run_once"]

ROOT = Path(__file__).parents[2]
_LIMIT_S = 900.0
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


class _NotMeasuredError(Exception):
    """A way came to no end; the message says why, without paths."""


def compare(comparison: Comparison) -> tuple[Measured, ...]:
    """Measure every way; one that fails is told so and does not stop the others.

    Parameters
    ----------
    comparison : Comparison
        The ways, and how often.

    Returns
    -------
    tuple of Measured
        In the order of the ways.
    """
    runs: dict[str, list[Run]] = {way.name: [] for way in comparison.ways}
    reasons = {way.name: way.missing for way in comparison.ways}
    for turn in range(comparison.rounds):
        for way in comparison.ways:
            if reasons[way.name]:
                continue
            try:
                runs[way.name].append(run_once(way, way.threads or comparison.threads, turn))
            except _NotMeasuredError as error:
                reasons[way.name] = str(error)
    rows = [_row(comparison, way, runs[way.name], reasons[way.name]) for way in comparison.ways]
    return tuple(_against(row, rows[0]) for row in rows)


def run_once(way: Way, threads: int, turn: int = 0) -> Run:
    """Run one command with so many threads and processors, and see what it takes."""
    command = [part.replace("{round}", str(turn)) for part in way.command]
    environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        start = time.perf_counter()
        # A process inherits the processors of the one that starts it, so that no library can take more.
        allowed = _take_processors(threads)
        try:
            process = subprocess.Popen(command, stdout=said, stderr=complained, cwd=ROOT, env=environment)
        except OSError as error:
            raise _NotMeasuredError(f"the command cannot be started: {error.strerror}") from error
        finally:
            _give_back(allowed)
        code, usage = _ended(process)
        wall = time.perf_counter() - start
        if code:
            complained.seek(0)
            late = f", stopped after {_LIMIT_S:.0f} s" if code == -signal.SIGKILL else ""
            raise _NotMeasuredError(f"ended with {code}{late}: {last_line(complained.read())}")
        said.seek(0)
        told = said.read().decode(errors="replace")
    whole = Run(wall_s=(wall,), cpu_s=(usage.cpu_s,), peak_mb=usage.peak_mb)
    return _told(told, whole) if way.tells else whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usage:
    """What an ended process took, with those it waited for."""

    cpu_s: float
    peak_mb: float


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, _Usage]:
    """Wait for a process by the one call that tells what this one alone took."""
    old = signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    process.returncode = os.waitstatus_to_exitcode(status)
    in_mb = 1024 if sys.platform == "linux" else 1024 * 1024
    return process.returncode, _Usage(cpu_s=usage.ru_utime + usage.ru_stime, peak_mb=usage.ru_maxrss / in_mb)


def _take_processors(count: int) -> set[int]:
    if not hasattr(os, "sched_setaffinity"):
        return set()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    return allowed


def _give_back(allowed: set[int]) -> None:
    if allowed:
        os.sched_setaffinity(0, allowed)


def last_line(text: bytes) -> str:
    """Return the last line of what a process complained of, its paths taken out."""
    lines = text.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return " ".join("..." if "/" in word else word for word in lines[-1].split())


def _told(text: str, whole: Run) -> Run:
    """Take the times that the process prints on its last line; memory is as seen from outside."""
    lines = text.strip().splitlines()
    try:
        found = json.loads(lines[-1])
        quality = tuple(Quality(**one) for one in found["quality"])
        return replace(whole, wall_s=tuple(found["wall_s"]), cpu_s=tuple(found["cpu_s"]), quality=quality)
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise _NotMeasuredError("it printed no times") from error


def _row(comparison: Comparison, way: Way, runs: list[Run], reason: str) -> Measured:
    row = Measured(
        comparison=comparison.name,
        study=comparison.study,
        way=way.name,
        threads=way.threads or comparison.threads,
        reason=reason,
    )
    if not runs or reason:
        return row
    return replace(
        row,
        wall_s=Spread.of([value for run in runs for value in run.wall_s]),
        cpu_s=Spread.of([value for run in runs for value in run.cpu_s]),
        peak_mb=Spread.of([run.peak_mb for run in runs]),
        quality=runs[-1].quality,
    )


def _against(row: Measured, first: Measured) -> Measured:
    return replace(
        row,
        times_first_wall=_times(row.wall_s, first.wall_s),
        times_first_cpu=_times(row.cpu_s, first.cpu_s),
        times_first_peak=_times(row.peak_mb, first.peak_mb),
    )


def _times(one: Spread | None, first: Spread | None) -> float | None:
    return one.median / first.median if one is not None and first is not None and first.median > 0 else None
