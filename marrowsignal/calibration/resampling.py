"""Draws of people with replacement: how often each is taken in every draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["drawn_counts", "ends"]


def drawn_counts(strata: NDArray[np.int64], *, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each person is drawn.

    Parameters
    ----------
    strata : ndarray of int64, shape (person,)
        People are drawn within strata, whose sizes stay.
    draws : int
        Number of draws.
    seed : int
        Of the random generator.

    Returns
    -------
    ndarray of int64, shape (draw, person)
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((draws, len(strata)), np.int64)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        counts[:, members] = rng.multinomial(members.size, np.full(members.size, 1 / members.size), size=draws)
    return counts


def ends(draws: NDArray[np.float64], *, level: float) -> tuple[float, float]:
    """Percentile interval of `draws`.

    Examples
    --------
    >>> tuple(round(end, 6) for end in ends(np.arange(101.0), level=0.9))
    (5.0, 95.0)
    """
    low, high = np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
