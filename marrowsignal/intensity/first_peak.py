"""First peak of a curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["first_peak"]


def first_peak(curve: NDArray[np.float64], *, min_height: float, min_prominence: float) -> int | None:
    """Find the first peak that is high enough and stands out enough.

    The first of what ``scipy.signal.find_peaks`` finds on the curve between zeros, without `scipy.signal`, which alone
    would import all of `scipy.stats`.

    Parameters
    ----------
    curve : ndarray of float64, shape (n,)
        Not below 0.
    min_height : float
        Of a peak.
    min_prominence : float
        How far it rises above the higher of the two valleys that part it from anything higher.

    Returns
    -------
    int or None
        Where it is, the middle of a flat one.

    Examples
    --------
    >>> first_peak(np.array([0.1, 0.3, 0.2, 0.9, 0.9, 0.9, 0.1]), min_height=0.25, min_prominence=0.2)
    4
    """
    padded = np.pad(curve, 1)
    starts = np.flatnonzero(np.concatenate([[True], padded[1:] != padded[:-1]]))
    steps = padded[starts]
    for at in np.flatnonzero((steps[1:-1] > steps[:-2]) & (steps[1:-1] > steps[2:])) + 1:
        top = steps[at]
        above = np.flatnonzero(steps > top)
        before, after = above[above < at], above[above > at]
        left = steps[before[-1] + 1 if before.size else 0 : at].min()
        right = steps[at + 1 : after[0] if after.size else None].min()
        if top >= min_height and top - max(left, right) >= min_prominence:
            return int(starts[at] + starts[at + 1] - 1) // 2 - 1
    return None
