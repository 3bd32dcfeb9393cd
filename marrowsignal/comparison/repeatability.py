"""The repeatability coefficient, and which of many changes stay when all are looked at together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

__all__ = ["benjamini_hochberg", "no_change_p", "ratio_coefficient"]

# 1.96 times the square root of 2: two examinations of one patient, 95 % (Bland and Altman, Lancet 1986).
_TWO_EXAMINATIONS = 2.77


def ratio_coefficient(log_sd: float) -> tuple[float, float]:
    """Repeatability coefficient of a ratio, as a fall and a rise relative to the earlier value.

    ``RC = exp(+-2.77 wSD_log) - 1`` (SCIENCE 7.4).

    Parameters
    ----------
    log_sd : float
        Within-subject SD of the log ratio.

    Examples
    --------
    >>> [round(x, 3) for x in ratio_coefficient(0.08)]
    [-0.199, 0.248]
    """
    size = _TWO_EXAMINATIONS * log_sd
    return float(np.expm1(-size)), float(np.expm1(size))


def no_change_p(change: float, *, coefficient: float) -> float:
    """Two-sided p of a change where nothing changed: the coefficient is what 95 of 100 stay within.

    Examples
    --------
    >>> round(no_change_p(0.2216, coefficient=0.2216), 3)
    0.05
    """
    return float(2 * ndtr(ndtri(0.025) * abs(change) / coefficient))


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values to hold the false discovery rate (Benjamini and Hochberg, J R Stat Soc B 1995).

    Parameters
    ----------
    p_values : array_like of float, shape (n,)
        Of n tests.

    Returns
    -------
    ndarray of float64, shape (n,)
        The smallest rate at which each test would be called a discovery; never below its p.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    p = np.asarray(p_values, float)
    if p.size == 0:
        return p
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    out = np.empty_like(p)
    out[order] = np.minimum(adjusted, 1.0)
    return out
