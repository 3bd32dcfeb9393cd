"""The part of a marrow mask where signals are measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.depth import deeper_in_slices

__all__ = ["core_of"]


def core_of(
    mask: NDArray[np.bool_],
    t1: NDArray[np.float32],
    *,
    spacing_mm: tuple[float, float, float],
    erosion_mm: float,
    void_below: float,
) -> NDArray[np.bool_]:
    """Marrow without its rim, cortex and joint space.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Marrow, which may include cortex and joint space as expert masks do.
    t1 : ndarray of float32, same shape
        Bias-corrected T1.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    erosion_mm : float
        In-plane distance from the mask's edge, at least one voxel.
    void_below : float
        T1 signal of voids.

    Returns
    -------
    ndarray of bool, same shape
        Voxels inside, away from the edge, that are no void. Slices are eroded in plane only: with slices of
        3-5 mm a 3-D erosion would take the whole end slices' neighbours too.
    """
    reach = max(erosion_mm, *spacing_mm[1:])
    return deeper_in_slices(mask, spacing_mm=spacing_mm, depth_mm=reach) & (t1 > void_below)
