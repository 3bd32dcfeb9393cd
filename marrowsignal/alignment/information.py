"""Mutual information of samples as a smooth function, with its slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.cubic import cubic_weights

__all__ = ["FixedBins", "smooth_information"]

_BINS = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedBins:
    """The image that stays, in bins of equal population.

    Attributes
    ----------
    row : ndarray of int64, shape (n,)
        Bin of each sample times the number of columns of the joint histogram.
    count : int
        Bins.
    """

    row: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> FixedBins:
        """Sort samples into bins by rank: shading and gain leave the cuts where the tissue is."""
        cuts = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
        return cls(row=np.searchsorted(cuts, values).astype(np.int64) * _COLUMNS, count=len(cuts) + 1)


_COLUMNS = _BINS + 3


def smooth_information(
    fixed: FixedBins, inside: NDArray[np.bool_], moving: NDArray[np.float32], *, top: float
) -> tuple[float, NDArray[np.float32]]:
    """Mutual information and its derivative by each moving value.

    Parameters
    ----------
    fixed : FixedBins
        Of all samples.
    inside : ndarray of bool, shape (n,)
        Which of them the moving image holds.
    moving : ndarray of float32, shape (inside,)
        Its values there, 0 to `top`.
    top : float
        Upper end of the bins.

    Returns
    -------
    information : float
        Nats.
    slope : ndarray of float32, shape (inside,)
        Its derivative by each value of `moving`.

    Notes
    -----
    Cubic B-splines as window of the moving values (Mattes et al., IEEE TMI 2003, doi:10.1109/TMI.2003.809072); with
    them the derivative by a value u is ``sum_k -B'(k - u) log(p(f, k) / p(k)) / n``, all other terms add up to 0.
    """
    row = fixed.row if inside.all() else fixed.row[inside]
    position = moving * np.float32(_BINS / top)
    base = np.minimum(position.astype(np.int32), _BINS - 1)
    t = position - base.astype(position.dtype)
    cell = row + base
    joint = np.zeros(fixed.count * _COLUMNS)
    for k, weight in enumerate(cubic_weights(t)):
        joint[k:] += np.bincount(cell, weights=weight, minlength=joint.size)[: joint.size - k]
    p = joint.reshape(fixed.count, _COLUMNS) / max(row.size, 1)
    across, down = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        conditional = np.where(p > 0, np.log(p / down), 0.0)
        own = np.where(across > 0, np.log(across), 0.0)
    information = float(np.sum(p * (conditional - own)))
    table = conditional.astype(np.float32).ravel()
    slope = np.zeros(row.size, np.float32)
    for k, change in enumerate(_window_slope(t)):
        slope += change * table[k:].take(cell)
    slope *= np.float32(_BINS / top / max(row.size, 1))
    return information, slope


def _window_slope(t: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    u, t2, half = 1 - t, t * t, np.float32(0.5)
    return -half * u * u, np.float32(1.5) * t2 - 2 * t, -np.float32(1.5) * t2 + t + half, half * t2
