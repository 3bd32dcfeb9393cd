"""Intervals from draws of persons, of whom some have several studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.resampling import drawn_counts, ends
from marrowsignal.cohort.agreement import Estimate

__all__ = ["drawn_sums", "person_draws", "with_draws"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LEVEL = 0.95
# Percentile intervals of fewer are too narrow by far: Efron and Tibshirani 1993, chapter 13.
_FEWEST_PERSONS = 10
_DEFINED_SHARE = 0.9  # of the draws: where more are undefined the others are no fair sample


def person_draws(persons: int, *, draws: int = 1000, seed: int = 0) -> Floats:
    """Draw persons with replacement, as many as there are: how often each is taken, shape (draw, person)."""
    return drawn_counts(np.zeros(persons, np.int64), draws=draws, seed=seed).astype(np.float64)


def drawn_sums(draws: Floats, persons: Integers, columns: Floats) -> Floats:
    """Sum columns over the studies of each draw; all studies of a person come together.

    Parameters
    ----------
    draws : ndarray of float64, shape (draw, person)
        As `person_draws` gives them.
    persons : ndarray of int64, shape (study,)
        Whose each study is.
    columns : ndarray of float64, shape (study, column)
        What is summed.

    Returns
    -------
    ndarray of float64, shape (draw, column)
    """
    of_person = np.zeros((draws.shape[1], columns.shape[1]))
    np.add.at(of_person, persons, columns)
    return np.asarray(draws @ of_person)


def with_draws(estimate: Estimate, values: Floats, *, persons: int) -> Estimate:
    """Put a percentile interval from draws of persons in the place of an analytic one.

    Field and Welsh, J R Stat Soc B 2007;69:369.

    Parameters
    ----------
    estimate : Estimate
        Of all studies.
    values : ndarray of float64, shape (draw,)
        The same in each draw; NaN where undefined.
    persons : int
        How many there are; of the rarer class where it parts two.
    """
    if estimate.value is None:
        return estimate
    bare = Estimate(value=estimate.value, count=estimate.count)
    if persons < _FEWEST_PERSONS:
        return replace(bare, reason=f"no interval: {persons} persons, fewer than {_FEWEST_PERSONS}")
    held = values[np.isfinite(values)]
    if held.size < _DEFINED_SHARE * values.size:
        return replace(bare, reason="no interval: too few persons of one class")
    if np.ptp(held) == 0:
        return replace(bare, reason="no interval: it is the same in every draw")
    low, high = ends(held, level=_LEVEL)
    return replace(bare, low=low, high=high)
