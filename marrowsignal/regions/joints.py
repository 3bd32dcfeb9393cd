"""Where the joint surface is: between two labelled bones, or along a dark line inside one mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import JointSettings

__all__ = ["joint_between", "joint_from_dark_ridge"]

_FINE_SMOOTHING_MM = 0.6


def joint_between(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    contact_mm: float,
) -> NDArray[np.bool_]:
    """Voxels of two bones that face each other across a joint.

    Parameters
    ----------
    first, second : ndarray of bool, shape (slice, row, column)
        The bones.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    contact_mm : float
        Largest gap between the bones.

    Returns
    -------
    ndarray of bool, same shape
        Voxels of either bone within `contact_mm` in plane of the other one.
    """
    joint = np.zeros_like(first)
    # In plane only: across thick slices a voxel of another slice would count as contact.
    for k in np.flatnonzero(first.any(axis=(1, 2)) & second.any(axis=(1, 2))):
        to_first, to_second = (
            ndimage.distance_transform_edt(~bone[k], sampling=spacing_mm[1:]) for bone in (first, second)
        )
        joint[k] = (first[k] & (to_second <= contact_mm)) | (second[k] & (to_first <= contact_mm))
    return joint


def joint_from_dark_ridge(
    t1_of_fat: NDArray[np.float32],
    marrow: NDArray[np.bool_],
    *,
    left_of_midline_mm: NDArray[np.float64],
    spacing_mm: tuple[float, float, float],
    settings: JointSettings,
) -> NDArray[np.bool_]:
    """Dark line of cortex and joint space inside a mask that holds both bones of a joint.

    Parameters
    ----------
    t1_of_fat : ndarray of float32, shape (slice, row, column)
        Bias-corrected T1 divided by the level of fat.
    marrow : ndarray of bool, same shape
        Mask that encloses both bones, as expert masks of the sacroiliac region do.
    left_of_midline_mm : ndarray of float64, same shape
        Signed distance from the midline.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : JointSettings
        Depth, width and size of the line.

    Returns
    -------
    ndarray of bool, same shape
        On each side the largest 3-D component of the in-plane black top-hat above `dark_ridge`, away from the
        midline; empty on a side where none is large enough.
    """
    width = settings.ridge_width.value
    sigma = [0.0, *(_FINE_SMOOTHING_MM / s for s in spacing_mm[1:])]
    fine = ndimage.gaussian_filter(t1_of_fat, sigma)
    size = (1, *(2 * max(1, round(width / 2 / s)) + 1 for s in spacing_mm[1:]))
    ridge = (ndimage.grey_closing(fine, size=size) - fine > settings.dark_ridge.value) & marrow
    inner = np.stack([ndimage.distance_transform_edt(p, sampling=spacing_mm[1:]) for p in marrow]) > width / 2
    ridge &= inner
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    joint = np.zeros_like(marrow)
    for sign in (1.0, -1.0):
        side = ridge & (sign * left_of_midline_mm > settings.min_midline_distance.value)
        labels, count = ndimage.label(side, np.ones((3, 3, 3)))
        if count == 0:
            continue
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        if sizes.max() * voxel_ml >= settings.min_ridge_volume.value:
            joint |= labels == int(sizes.argmax())
    return joint
