"""Whether the way back undoes the way there."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.alignment.engine import Prepared, register
from marrowsignal.geometry.itk_bridge import affine_transform, array_to_itk
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["forward_backward_mm"]

_START_LEVEL = 1


def forward_backward_mm(
    fixed: Prepared,
    moving: Prepared,
    matrix: NDArray[np.float64],
    *,
    mask: NDArray[np.bool_],
    points_lps_mm: NDArray[np.float64],
) -> float | None:
    """Root mean square by which going to STIR and back by a transform found from the other side misses.

    Parameters
    ----------
    fixed, moving : Prepared
        T1 and STIR as acquired.
    matrix : ndarray of float64, shape (4, 4)
        Takes T1 points to STIR points, LPS mm.
    mask : ndarray of bool, shape of the T1 grid
        Where they are compared.
    points_lps_mm : ndarray of float64, shape (point, 3)
        Where the miss is told.

    Returns
    -------
    float or None
        mm; None where STIR does not reach the mask. STIR is the fixed image on the way back, so its own voxels are
        sampled and T1 is interpolated: an error of either is not repeated (Christensen and Johnson, IEEE TMI 2001,
        doi:10.1109/42.932742).
    """
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    try:
        returned = register(
            moving,
            fixed,
            mask=_on(moving.geometry, mask, fixed.geometry, back),
            initial=back,
            start_level=_START_LEVEL,
        )
    except RuntimeError:
        return None
    whole = returned @ matrix
    missed = points_lps_mm @ (whole - np.eye(4))[:3, :3].T + whole[:3, 3]
    return float(np.sqrt(np.mean(np.sum(missed**2, axis=1))))


def _on(
    grid: VolumeGeometry, mask: NDArray[np.bool_], geometry: VolumeGeometry, matrix: NDArray[np.float64]
) -> NDArray[np.bool_]:
    target = array_to_itk(np.zeros(grid.shape, np.uint8), grid)
    source = array_to_itk(mask.astype(np.uint8), geometry)
    moved = sitk.Resample(source, target, affine_transform(matrix), sitk.sitkNearestNeighbor, 0)
    return np.asarray(sitk.GetArrayFromImage(moved) > 0)
