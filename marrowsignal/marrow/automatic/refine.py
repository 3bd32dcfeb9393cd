"""Edges of bones where the patient's own T1 has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["follow_edges"]

Images = NDArray[np.float32]
# a class that is nowhere likelier than this has no edge
_SEEN = 0.2


def follow_edges(
    shares: Images, t1: Images, *, pixel_mm: tuple[float, float], reach_mm: float, softness: float
) -> Images:
    """Let each class follow the edges of T1: a guided filter (He, Sun, Tang, IEEE TPAMI 2013, eq. 5-8).

    Within windows, a share is taken as a line of T1; where T1 has an edge the share gets it, where T1 is flat the
    share is smoothed.

    Parameters
    ----------
    shares : ndarray of float32, shape (class, slice, row, column)
        Probabilities.
    t1 : ndarray of float32, shape (slice, row, column)
        T1.
    pixel_mm : tuple of float
        Distance of rows and of columns.
    reach_mm : float
        Half the width of the windows.
    softness : float
        Contrast of T1, in units of its own spread, that counts as an edge.

    Returns
    -------
    ndarray of float32, shape of `shares`
        Shares, no longer of sum 1.
    """
    window = [0, *(2 * max(1, round(reach_mm / mm)) + 1 for mm in pixel_mm)]

    def mean(image: Images) -> Images:
        return np.asarray(ndimage.uniform_filter(image, size=[1, *window[1:]], mode="nearest"), np.float32)

    guide = np.asarray(t1 / max(float(t1.std()), float(np.finfo(np.float32).tiny)), np.float32)
    middle = mean(guide)
    variance = np.maximum(mean(guide * guide) - middle * middle, np.float32(0.0))
    out = np.empty_like(shares)
    for share, result in zip(shares, out, strict=True):
        if float(share.max(initial=0.0)) < _SEEN:
            result[...] = share
            continue
        average = mean(share)
        slope = np.asarray((mean(guide * share) - middle * average) / (variance + softness**2), np.float32)
        result[...] = mean(slope) * guide + mean(average - slope * middle)
    return out
