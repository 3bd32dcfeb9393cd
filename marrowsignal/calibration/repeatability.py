"""How much a value moves between two scans of one person on whom nothing changed (SCIENCE 7.4)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.records import CohortCase, MeasuredRegion
from marrowsignal.calibration.resampling import drawn_counts

__all__ = ["repeated_people", "within_subject_sd"]

Floats = NDArray[np.float64]


def repeated_people(
    cases: tuple[CohortCase, ...], names: tuple[str, ...], *, logarithm: bool, in_symmetry: bool = False
) -> tuple[Floats, NDArray[np.int64]]:
    """Within-subject variance and its degrees of freedom, a row a person scanned twice or more.

    Parameters
    ----------
    cases : tuple of CohortCase
        Repeats share a `person`.
    names : tuple of str
        Values pooled; each region and name is a series of its own.
    logarithm : bool
        Of the logarithm; values that are not above 0 are left out.
    in_symmetry : bool
        Of left against right, not of regions.

    Returns
    -------
    variance : ndarray of float64, shape (person,)
        Mean over regions and names.
    freedom : ndarray of int64, shape (person,)
        Scans less one.
    """
    groups: dict[str, list[CohortCase]] = {}
    for case in cases:
        groups.setdefault(case.person, []).append(case)
    found = []
    for scans in groups.values():
        places = [scan.symmetry if in_symmetry else scan.regions or (scan.whole,) for scan in scans]
        series = [values for values in _series(places, names, logarithm) if len(values) == len(scans)]
        if len(scans) > 1 and series:
            found.append((float(np.mean([np.var(values, ddof=1) for values in series])), len(scans) - 1))
    table = np.array(found, float).reshape(-1, 2)
    return table[:, 0], table[:, 1].astype(np.int64)


def _series(scans: list[tuple[MeasuredRegion, ...]], names: tuple[str, ...], logarithm: bool) -> Iterable[list[float]]:
    for place in sorted({(region.key, region.side) for scan in scans for region in scan}):
        same = [region for scan in scans for region in scan if (region.key, region.side) == place]
        for name in names:
            values = [value for region in same if (value := region.value(name)) is not None]
            known = [value for value in values if value > 0 or not logarithm]
            yield [float(np.log(value)) for value in known] if logarithm else known


def within_subject_sd(variance: Floats, freedom: NDArray[np.int64], *, draws: int, seed: int) -> tuple[float, Floats]:
    """Root of the mean within-subject variance, weighed by degrees of freedom, and its draws over people.

    Bland and Altman, BMJ 1996;313:744.

    Parameters
    ----------
    variance, freedom
        From `repeated_people`, one person at least.
    draws : int
        Draws of people.
    seed : int
        Of the random generator.

    Examples
    --------
    >>> sd, _ = within_subject_sd(np.array([0.02, 0.0]), np.array([1, 1]), draws=1, seed=0)
    >>> round(sd, 3)
    0.1
    """
    counts = drawn_counts(np.zeros(len(variance), np.int64), draws=draws, seed=seed) * freedom
    drawn = np.sqrt(counts @ variance / counts.sum(axis=1))
    return float(np.sqrt(np.average(variance, weights=freedom))), drawn
