"""What one study may take, and the watch over it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from marrowsignal.cohort.records import CaseAnswer, CaseState

__all__ = ["CaseLimits", "CaseWatch", "children_of", "resident_bytes"]

_STAGE = "analyze"
# To look for children means to look at every process of the machine.
_LOOK_FOR_CHILDREN_EACH_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLimits:
    """What one study may take.

    Attributes
    ----------
    time_s : float or None
        Wall time.
    memory_bytes : int or None
        Resident memory of its process and of those that it starts.
    threads : int
        Threads of the libraries in its process.
    studies_per_process : int
        After so many a new process is taken: what libraries leak does not add up.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    threads: int = 1
    studies_per_process: int = 500


@dataclass(slots=True, kw_only=True)
class CaseWatch:
    """Time and memory of one study in its process.

    Attributes
    ----------
    watched : psutil.Process
        The process; those that it starts count with it.
    limits : CaseLimits
        What the study may take.
    """

    watched: psutil.Process
    limits: CaseLimits
    _started: float = 0.0
    _peak_bytes: int = 0
    _children: tuple[psutil.Process, ...] = ()
    _next_search: float = 0.0

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._next_search = self._started + _LOOK_FOR_CHILDREN_EACH_S

    def look(self) -> CaseAnswer | None:
        """Return the answer of a study that is over its limits."""
        now = time.monotonic()
        if now >= self._next_search:
            self._next_search = now + _LOOK_FOR_CHILDREN_EACH_S
            self._children = children_of(self.watched)
        resident = sum(map(resident_bytes, (self.watched, *self._children)))
        self._peak_bytes = max(self._peak_bytes, resident)
        limits = self.limits
        if limits.memory_bytes is not None and resident > limits.memory_bytes:
            budget = f"{limits.memory_bytes / 1e6:.0f} MB"
            return self.failed("memory_limit", f"the study needs more memory than its budget of {budget}")
        if limits.time_s is not None and now - self._started > limits.time_s:
            return self.failed("time_limit", f"the study was not finished in its {limits.time_s:g} s")
        return None

    def failed(self, code: str, reason: str) -> CaseAnswer:
        """Return the answer of a study whose process cannot give one."""
        return CaseAnswer(
            state=CaseState.FAILED,
            stage=_STAGE,
            code=code,
            reason=reason,
            wall_s=time.monotonic() - self._started,
            peak_bytes=self._peak_bytes or None,
        )

    def completed(self, answer: CaseAnswer) -> CaseAnswer:
        """Add what was seen from outside."""
        peak = max(self._peak_bytes, answer.peak_bytes or 0)
        return answer.model_copy(update={"peak_bytes": peak or None})


def children_of(process: psutil.Process) -> tuple[psutil.Process, ...]:
    """Return all processes that a process started, and those that these started; none where it is gone."""
    with suppress(psutil.Error):
        return tuple(process.children(recursive=True))
    return ()


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process; 0 where it is gone."""
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
