"""Signal as 8-bit levels that lose less than noise does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVELS", "NO_SIGNAL", "LevelScale", "level_scale"]

NO_SIGNAL = 0  # the level of voxels that the series does not hold
LEVELS = 255  # of signal: 1 to 255
_BISECTIONS = 40
_SPREAD = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelScale:
    """What each level means.

    Attributes
    ----------
    signals : ndarray of float64, shape (levels,)
        Signal of level 1, 2 ...; rising.
    step : float
        Distance of the lowest levels; nowhere else are they closer.
    even_to : float
        Signal up to which levels lie `step` apart; above, their distance grows with the signal.
    nearest : ndarray of uint8, shape (65536,)
        Level of 65536 signals spread evenly over the range.
    """

    signals: NDArray[np.float64]
    step: float
    even_to: float
    nearest: NDArray[np.uint8]

    def levels(self, signal: NDArray[np.floating], *, known: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the nearest level of each voxel, `NO_SIGNAL` where nothing is known.

        Parameters
        ----------
        signal : ndarray of float, any shape
            Signal.
        known : ndarray of bool, same shape
            Where the series holds a signal; what is not finite is not known either.
        """
        lowest, highest = self.signals[0], self.signals[-1]
        spread = (np.nan_to_num(signal, posinf=0.0, neginf=0.0) - lowest) * ((_SPREAD - 1) / (highest - lowest))
        places = np.clip(np.round(spread), 0, _SPREAD - 1).astype(np.uint16)
        return np.where(known & np.isfinite(signal), self.nearest[places], np.uint8(NO_SIGNAL))


def level_scale(lowest: float, highest: float, *, step: float) -> LevelScale:
    """Lay levels over a range of signal: `step` apart where they fit, else growing in proportion to signal above.

    Dark marrow keeps the finest steps, which is where windows are narrow.

    Parameters
    ----------
    lowest, highest : float
        Smallest and largest signal; `highest` above `lowest`.
    step : float
        Finest distance of two levels, signal units; positive.

    Returns
    -------
    LevelScale
        Its first level is `lowest`, its last at or above `highest`.

    Examples
    --------
    >>> level_scale(0.0, 10.0, step=2.0).signals
    array([ 0.,  2.,  4.,  6.,  8., 10.])
    >>> scale = level_scale(0.0, 5000.0, step=5.0)
    >>> scale.signals.size, float(scale.signals[1])
    (255, 5.0)
    """
    span = highest - lowest
    count = int(np.ceil(span / step * (1 - 1e-9))) + 1
    if count <= LEVELS:
        even = max(count, 2) - 1
        return _scale(np.asarray(lowest + step * np.arange(even + 1), np.float64), even)
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        growth = (low + high) / 2
        low, high = (growth, high) if _growing(step, growth)[-1] < span else (low, growth)
    signals = _growing(step, high)
    return _scale(lowest + signals, int((np.diff(signals) <= step * (1 + 1e-9)).sum()))


def _scale(signals: NDArray[np.float64], even: int) -> LevelScale:
    between = (signals[1:] + signals[:-1]) / 2
    spread = np.linspace(signals[0], signals[-1], _SPREAD)
    return LevelScale(
        signals=signals,
        step=float(signals[1] - signals[0]),
        even_to=float(signals[even]),
        nearest=(np.searchsorted(between, spread) + 1).astype(np.uint8),
    )


def _growing(step: float, growth: float) -> NDArray[np.float64]:
    signals = np.zeros(LEVELS, np.float64)
    for place in range(1, LEVELS):
        signals[place] = signals[place - 1] + max(step, growth * signals[place - 1])
    return signals
