"""What is compared, and what came out; nothing but the standard library, so that this process stays small."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Comparison", "Measured", "Quality", "Run", "Spread", "Way"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One figure on how good the outcome is, or how much was done.

    Attributes
    ----------
    name, unit : str
        What it is.
    value : float
        Its value.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One fresh process.

    Attributes
    ----------
    wall_s, cpu_s : tuple of float
        Of each repeat of the step, or of the whole process.
    peak_mb : float
        Largest resident memory of the process and of any it waited for.
    quality : tuple of Quality
        What it says of its outcome.
    """

    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    peak_mb: float
    quality: tuple[Quality, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to do the work.

    Attributes
    ----------
    name : str
        As the table tells it.
    command : tuple of str
        What is run; ``{round}`` in it becomes the number of the round.
    tells : bool
        Whether the command prints the times of its step; otherwise the whole process counts, its start included.
    missing : str
        Why it cannot be run here; empty where it can.
    threads : int or None
        Where it gets another number than the comparison says.
    """

    name: str
    command: tuple[str, ...] = ()
    tells: bool = True
    missing: str = ""
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ways to do the same work on the same input.

    Attributes
    ----------
    name, study : str
        What is compared and on what.
    threads : int
        Processors and threads that each way gets.
    ways : tuple of Way
        The first one is what the others are set against.
    rounds : int
        Fresh processes for each way; they take turns.
    """

    name: str
    study: str
    threads: int
    ways: tuple[Way, ...]
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median of several measurements, the smallest and the largest."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(median=statistics.median(values), low=min(values), high=max(values), count=len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way on one input.

    Attributes
    ----------
    comparison, study, way : str
        What was measured.
    threads : int
        Processors and threads it had.
    wall_s, cpu_s, peak_mb : Spread or None
        None where it was not measured.
    quality : tuple of Quality
        Of the last round.
    times_first_wall, times_first_cpu, times_first_peak : float or None
        How many times what the first way of the comparison took; None where one of both was not measured.
    reason : str
        Why it was not measured.
    """

    comparison: str
    study: str
    way: str
    threads: int
    wall_s: Spread | None = None
    cpu_s: Spread | None = None
    peak_mb: Spread | None = None
    quality: tuple[Quality, ...] = ()
    times_first_wall: float | None = None
    times_first_cpu: float | None = None
    times_first_peak: float | None = None
    reason: str = ""
