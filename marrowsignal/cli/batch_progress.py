"""Progress of a run over many studies: a bar on a terminal, plain lines in a log; failures with their reason."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marrowsignal.cli.terminal import printable, say

if TYPE_CHECKING:
    from marrowsignal.cohort.records import CaseAnswer, CaseTask

__all__ = ["Pace", "batch_progress", "told_of", "words_of_time"]

_LINE_EACH_S = 30.0
# The pace of the last studies tells the rest better than that of the first ones.
_STUDIES_OF_PACE = 200
_SHORT_S, _LONG_S = 120.0, 7200.0


@dataclass(slots=True, kw_only=True)
class Pace:
    """How many studies have ended, how, and how fast.

    Attributes
    ----------
    total : int
        Studies to be done.
    clock : callable
        Seconds of a clock that never goes back.
    """

    total: int
    clock: Callable[[], float] = time.monotonic
    ended: int = 0
    failed: int = 0
    refused: int = 0
    _ends: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._ends = deque((self.clock(),), maxlen=_STUDIES_OF_PACE)

    def count(self, answer: CaseAnswer) -> None:
        """Count one more study."""
        self.ended += 1
        self.failed += answer.state.value == "failed"
        self.refused += answer.state.value == "refused"
        # What was known to be unreadable took no time and tells nothing of the others.
        if answer.wall_s > 0.0:
            self._ends.append(self.clock())

    @property
    def per_hour(self) -> float | None:
        """Studies an hour by the last ones; None before the first."""
        span = self._ends[-1] - self._ends[0]
        return 3600.0 * (len(self._ends) - 1) / span if len(self._ends) > 1 and span > 0.0 else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the others will take; None before the first has ended."""
        rate = self.per_hour
        return None if rate is None else 3600.0 * (self.total - self.ended) / rate

    def __str__(self) -> str:
        parts = [f"{self.ended} of {self.total} studies"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.refused} refused"] if self.refused else []
        if self.per_hour is not None and self.remaining_s is not None:
            parts += [f"{self.per_hour:.0f} an hour", f"about {words_of_time(self.remaining_s)} left"]
        return ", ".join(parts)


@contextmanager
def batch_progress(total: int, *, quiet: bool) -> Iterator[Callable[[CaseTask, CaseAnswer], None]]:
    """Give a function that is called with each study that ended and its answer.

    Parameters
    ----------
    total : int
        Studies to be done.
    quiet : bool
        Whether nothing is shown.
    """
    pace = Pace(total=total)
    if quiet:
        yield lambda _task, _answer: None
    elif sys.stderr.isatty():
        with _bar(pace) as ended:
            yield ended
    else:
        yield _plain_lines(pace)


def told_of(key: str, answer: CaseAnswer) -> str:
    """Return the line that tells of a study that failed or was refused."""
    return f"{answer.state.value} {key}: {answer.stage}: {answer.reason} [{answer.code}]"


def words_of_time(seconds: float) -> str:
    """Return a length of time as one would say it.

    >>> [words_of_time(s) for s in (7.2, 600, 86400)]
    ['7 s', '10 min', '24 h']
    """
    if seconds < _SHORT_S:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < _LONG_S else f"{seconds / 3600:.0f} h"


def _went_wrong(answer: CaseAnswer) -> bool:
    return answer.state.value != "done"


def _plain_lines(pace: Pace) -> Callable[[CaseTask, CaseAnswer], None]:
    last = pace.clock()

    def ended(task: CaseTask, answer: CaseAnswer) -> None:
        nonlocal last
        pace.count(answer)
        if _went_wrong(answer):
            say(told_of(task.source.key, answer), err=True)
        now = pace.clock()
        if now - last >= _LINE_EACH_S or pace.ended == pace.total:
            last = now
            say(str(pace), err=True)

    return ended


@contextmanager
def _bar(pace: Pace) -> Iterator[Callable[[CaseTask, CaseAnswer], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(str(pace), total=pace.total)

        def ended(task: CaseTask, answer: CaseAnswer) -> None:
            pace.count(answer)
            if _went_wrong(answer):
                console.print(printable(told_of(task.source.key, answer)), markup=False, highlight=False)
            progress.update(bar, completed=pace.ended, description=str(pace))

        yield ended
