"""Fat fraction from the T1 fat-signal index, where both were measured (SCIENCE 1.5, 1.7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.records import CohortCase, FatFractionCheck
from marrowsignal.calibration.resampling import drawn_counts

__all__ = ["Paired", "fitted_line", "line_check", "paired_regions"]

Floats = NDArray[np.float64]
# Normal data: 95 % lie within so many SD (Bland and Altman, Lancet 1986).
_AGREEMENT_SD = 1.96


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paired:
    """Regions in which both were measured.

    Attributes
    ----------
    index : ndarray of float64, shape (region,)
        FSI.
    percent : ndarray of float64, shape (region,)
        PDFF.
    person, site : ndarray of int64, shape (region,)
        Whose, and where.
    sites : tuple of str
        Names.
    """

    index: Floats
    percent: Floats
    person: NDArray[np.int64]
    site: NDArray[np.int64]
    sites: tuple[str, ...]

    @property
    def people(self) -> int:
        """How many people."""
        return int(np.unique(self.person).size)


def paired_regions(cases: tuple[CohortCase, ...]) -> Paired:
    """Gather FSI and PDFF of every region; where a study has no region, of all its marrow."""
    sites = tuple(sorted({case.site for case in cases}))
    rows = [
        (index, percent, number, sites.index(case.site))
        for number, case in enumerate(cases)
        for region in case.regions or (case.whole,)
        if (index := region.value("fat_signal_index")) is not None and (percent := region.value("pdff")) is not None
    ]
    table = np.array(rows, float).reshape(-1, 4)
    return Paired(
        index=table[:, 0],
        percent=table[:, 1],
        person=table[:, 2].astype(np.int64),
        site=table[:, 3].astype(np.int64),
        sites=sites,
    )


def fitted_line(paired: Paired, *, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Intercept and slope by least squares, every region alike, and their draws over people.

    Returns
    -------
    line : ndarray of float64, shape (2,)
        Percent, percent per FSI.
    drawn : ndarray of float64, shape (draw, 2)
    """
    numbers, person = np.unique(paired.person, return_inverse=True)
    counts = drawn_counts(np.zeros(numbers.size, np.int64), draws=draws, seed=seed)[:, person]
    every = np.vstack([np.ones((1, person.size)), counts])
    lines = _lines(paired.index, paired.percent, every)
    return lines[0], lines[1:]


def line_check(paired: Paired, line: Floats) -> FatFractionCheck:
    """Limits of agreement, and errors at each site of a line fitted on the others.

    Parameters
    ----------
    paired : Paired
        Regions.
    line : ndarray of float64, shape (2,)
        From `fitted_line`.
    """
    error = paired.percent - (line[0] + line[1] * paired.index)
    middle, spread = float(error.mean()), float(error.std(ddof=2))
    return FatFractionCheck(
        intercept=float(line[0]),
        slope=float(line[1]),
        agreement_low=middle - _AGREEMENT_SD * spread,
        agreement_high=middle + _AGREEMENT_SD * spread,
        regions=paired.index.size,
        people=paired.people,
        site_errors=_left_out(paired),
    )


def _left_out(paired: Paired) -> tuple[tuple[str, float, float], ...]:
    present = np.unique(paired.site)
    if present.size < 2:
        return ()
    found = []
    for site in present:
        inside = paired.site == site
        line = _lines(paired.index, paired.percent, (~inside)[None, :].astype(float))[0]
        error = paired.percent[inside] - (line[0] + line[1] * paired.index[inside])
        found.append((paired.sites[site], float(error.mean()), float(np.sqrt(np.mean(error**2)))))
    return tuple(found)


def _lines(x: Floats, y: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    spread = weights @ x**2 / total - mean_x**2
    together = weights @ (x * y) / total - mean_x * mean_y
    slope = np.divide(together, spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)
    return np.stack([mean_y - slope * mean_x, slope], axis=1)
