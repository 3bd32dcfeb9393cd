"""Groups of studies told by order statistics: medians with intervals, outliers, and which groups differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binom, false_discovery_control, rankdata

__all__ = [
    "FEWEST_FOR_INTERVAL",
    "FEWEST_FOR_OUTLIERS",
    "OUTLIER_Z",
    "Boxed",
    "Contrast",
    "adjusted",
    "boxed",
    "contrasts",
    "median_interval",
    "robust_z",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Conventions of statistics, not of the clinic. A 95 % interval of a median from order statistics exists from 6 on.
FEWEST_FOR_INTERVAL = 6
FEWEST_FOR_OUTLIERS = 20
OUTLIER_Z = 3.5  # Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993
_LEVEL = 0.95
_NORMAL_MAD = 0.674489750196082  # MAD of a normal distribution over its standard deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxed:
    """What a box of a chart tells of a group.

    Attributes
    ----------
    count : int
        Finite values.
    low, first, median, third, high : float
        5th, 25th, 50th, 75th and 95th percentile.
    ci_low, ci_high : float or None
        95 % interval of the median; None below `FEWEST_FOR_INTERVAL`.
    """

    count: int
    low: float
    first: float
    median: float
    third: float
    high: float
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A group against all others.

    Attributes
    ----------
    delta : float
        Cliff's delta, from -1 to 1: how much more often a value of the group is above one of the others than below.
    p_value : float
        Two-sided, Mann and Whitney 1947.
    """

    delta: float
    p_value: float


def median_interval(values: Floats) -> tuple[float, float] | None:
    """95 % interval of the median from order statistics; None where the group is too small for any.

    The narrowest symmetric pair of ranks whose binomial coverage is at least 95 % (Conover 1999, 3.2): free of any
    shape of distribution.

    Parameters
    ----------
    values : ndarray of float64, shape (study,)
        Finite.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 11.0))
    (2.0, 9.0)
    >>> median_interval(np.arange(5.0)) is None
    True
    """
    count = values.size
    if count < FEWEST_FOR_INTERVAL:
        return None
    # P(median below the rank-th value) = P(Binomial(n, 1/2) <= rank - 1)
    tail = (1 - _LEVEL) / 2
    rank = int(binom.ppf(tail, count, 0.5))
    rank = rank if binom.cdf(rank - 1, count, 0.5) <= tail else rank - 1
    ranked = np.sort(values)
    return float(ranked[rank - 1]), float(ranked[count - rank])


def boxed(values: Floats) -> Boxed | None:
    """Percentiles of a group; None of an empty one.

    Parameters
    ----------
    values : ndarray of float64, shape (study,)
        NaN where not measured; left out.
    """
    held = values[np.isfinite(values)]
    if held.size == 0:
        return None
    low, first, median, third, high = (float(one) for one in np.percentile(held, [5, 25, 50, 75, 95]))
    interval = median_interval(held) or (None, None)
    return Boxed(
        count=held.size,
        low=low,
        first=first,
        median=median,
        third=third,
        high=high,
        ci_low=interval[0],
        ci_high=interval[1],
    )


def robust_z(values: Floats, *, logarithmic: bool = False) -> Floats:
    """How far each value lies from the median, in robust standard deviations.

    ``0.6745 (x - median) / MAD`` (Iglewicz and Hoaglin 1993).

    Parameters
    ----------
    values : ndarray of float64, shape (study,)
        NaN where not measured.
    logarithmic : bool
        Whether logarithms are compared, of what is positive and skewed; what is not positive gets none.

    Returns
    -------
    ndarray of float64, shape (study,)
        NaN where nothing was measured, and everywhere in a group below `FEWEST_FOR_OUTLIERS` or without spread.

    Examples
    --------
    >>> z = robust_z(np.append(np.linspace(-1.0, 1.0, 41), 4.0))
    >>> bool(abs(z[:-1]).max() < OUTLIER_Z < z[-1])
    True
    """
    told = values
    if logarithmic:
        told = np.full(values.shape, np.nan)
        positive = values > 0
        told[positive] = np.log(values[positive])
    held = told[np.isfinite(told)]
    if held.size < FEWEST_FOR_OUTLIERS:
        return np.full(values.shape, np.nan)
    center = np.median(held)
    spread = float(np.median(np.abs(held - center)))
    # A spread of rounding alone makes an outlier of every study.
    if spread <= 1e-9 * max(1.0, abs(float(center))):
        return np.full(values.shape, np.nan)
    return np.asarray(_NORMAL_MAD * (told - center) / spread)


def contrasts(values: Floats, groups: Integers, *, count: int) -> tuple[Contrast | None, ...]:
    """Compare each group with all others by ranks (Mann and Whitney, Ann Math Stat 1947;18:50, ties corrected).

    Parameters
    ----------
    values : ndarray of float64, shape (study,)
        Finite.
    groups : ndarray of int64, shape (study,)
        From 0 on; negative is in no group but among the others.
    count : int
        Number of groups.

    Returns
    -------
    tuple of Contrast or None
        One a group; None where the group or the others are below `FEWEST_FOR_INTERVAL`.

    Examples
    --------
    >>> [one.delta for one in contrasts(np.arange(20.0), np.repeat([0, 1], 10), count=2)]
    [-1.0, 1.0]
    """
    total = values.size
    ranks = rankdata(values)
    _, ties = np.unique(values, return_counts=True)
    spread = (total + 1) - float(np.sum(ties.astype(float) ** 3 - ties)) / max(1, total * (total - 1))
    found: list[Contrast | None] = []
    for group in range(count):
        held = groups == group
        size = int(held.sum())
        others = total - size
        if min(size, others) < FEWEST_FOR_INTERVAL:
            found.append(None)
            continue
        pairs = size * others
        above = float(ranks[held].sum()) - size * (size + 1) / 2
        error = math.sqrt(pairs / 12 * spread)
        z = max(0.0, abs(above - pairs / 2) - 0.5) / error if error > 0 else 0.0
        found.append(Contrast(delta=2 * above / pairs - 1, p_value=float(2 * ndtr(-z))))
    return tuple(found)


def adjusted(p_values: Floats) -> Floats:
    """Adjust p-values for their number: Benjamini and Hochberg, J R Stat Soc B 1995;57:289."""
    return np.asarray(false_discovery_control(p_values)) if p_values.size else p_values
