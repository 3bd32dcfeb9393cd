"""Tell runs apart where a series holds its positions more than once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.stacks.copies import stable_key
from marrowsignal.dicom.stacks.same_kind import grouped
from marrowsignal.dicom.stacks.slice_grid import places_along
from marrowsignal.findings import Finding, Severity

__all__ = ["Runs", "split_repeats"]

# Any: what orders time differs in type from key to key; None where the header does not tell.
_Key = Callable[["_Placed"], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Slices of one series and kind, each position once a run.

    Attributes
    ----------
    runs : list of list of SliceHeader
        Each ordered along the normal.
    findings : tuple of Finding
        That runs differ in length.
    why_mixed : str
        Why the runs cannot be told apart, so that `runs` is one list of everything; empty when they can.
    """

    runs: list[list[SliceHeader]]
    findings: tuple[Finding, ...] = ()
    why_mixed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A slice and the number of its position along the normal."""

    header: SliceHeader
    place: int


def split_repeats(headers: list[SliceHeader], normal: NDArray[np.float64], same_position_mm: float) -> Runs:
    """Return one run with each position once; several when the series repeats its positions.

    Runs are told apart by time, acquisition or number. A key is taken only when its runs are as few as the repeats
    allow, or one of them is complete: AcquisitionNumbers that count slices tell nothing of repeats.

    Parameters
    ----------
    headers : list of SliceHeader
        Parallel slices of one kind, all with positions.
    normal : ndarray
        Unit normal.
    same_position_mm : float
        Slices that are closer are at one position.
    """
    along = places_along(headers, normal)
    order = sorted(range(len(headers)), key=lambda k: (along[k], stable_key(headers[k])))
    numbers = np.cumsum(np.diff(along[order], prepend=-math.inf) > same_position_mm).tolist()
    placed = [_Placed(header=headers[k], place=number) for k, number in zip(order, numbers, strict=True)]
    everything = [one.header for one in placed]
    repeats = Counter(numbers)
    if len(repeats) == len(placed):
        return Runs(runs=[everything])
    if len(repeats) == 1:
        return Runs(runs=[everything], why_mixed=f"its {len(placed)} slices lie at one place")
    runs = _told_apart(placed, repeats)
    twice = sum(count > 1 for count in repeats.values())
    if runs is None:
        why = f"{twice} of {len(repeats)} slice positions are there more than once, and nothing tells the runs apart"
        return Runs(runs=[everything], why_mixed=why)
    sizes = sorted(map(len, runs), reverse=True)
    findings = () if sizes[0] == sizes[-1] else _uneven(twice, len(repeats), sizes)
    return Runs(runs=[[one.header for one in run] for run in runs], findings=findings)


def _told_apart(placed: list[_Placed], repeats: Counter[int]) -> list[list[_Placed]] | None:
    """Try what may tell runs apart, the most outspoken first."""
    tries = (
        (_temporal, grouped),
        (_acquisition, grouped),
        (_time, grouped),
        (_time, _cut_at_repeats),
        (_number, _numbered_runs),
    )
    for key, parted in tries:
        values = {key(one) for one in placed}
        if None in values or len(values) == 1:
            continue
        runs = parted(placed, key)
        if runs and _are_runs(runs, repeats):
            return sorted(runs, key=lambda run: min(stable_key(one.header) for one in run))
    return None


def _are_runs(runs: list[list[_Placed]], repeats: Counter[int]) -> bool:
    longest = max(map(len, runs))
    fits = len(runs) == max(repeats.values()) or longest == len(repeats)
    return fits and all(len({one.place for one in run}) == len(run) for run in runs)


def _cut_at_repeats(placed: list[_Placed], key: _Key) -> list[list[_Placed]]:
    """Follow `key` and begin a new run where a position comes again."""
    runs: list[list[_Placed]] = []
    seen: set[int] = set()
    for step in grouped(sorted(placed, key=key), key):
        places = {one.place for one in step}
        if not runs or places & seen:
            runs.append([])
            seen = set()
        runs[-1].extend(step)
        seen |= places
    return [sorted(run, key=lambda one: one.place) for run in runs]


def _numbered_runs(placed: list[_Placed], key: _Key) -> list[list[_Placed]]:
    """Cut where numbers are counted through along the normal, run after run; no runs where they are not."""
    runs = _cut_at_repeats(placed, key) if len({key(one) for one in placed}) == len(placed) else []
    return runs if all(_is_monotonic([key(one) for one in run]) for run in runs) else []


def _is_monotonic(values: list[Any]) -> bool:
    return values in (sorted(values), sorted(values, reverse=True))


def _temporal(one: _Placed) -> int | None:
    return one.header.temporal_position


def _acquisition(one: _Placed) -> int | None:
    return one.header.acquisition_number


def _time(one: _Placed) -> str | None:
    return one.header.acquired_at or None


def _number(one: _Placed) -> Hashable:
    number = one.header.instance_number
    return None if number is None else (number, one.header.frame)


def _uneven(twice: int, positions: int, sizes: Iterable[int]) -> tuple[Finding, ...]:
    return (
        Finding(
            code="partial_repeat",
            stage="find_series",
            severity=Severity.WARN,
            message=(
                f"{twice} of {positions} slice positions were acquired more than once; each run is a stack of its own "
                f"({', '.join(map(str, sizes))} slices)."
            ),
        ),
    )
