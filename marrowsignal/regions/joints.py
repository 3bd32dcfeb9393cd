"""Where the joint surface is: between two labelled bones, or along a dark line inside one mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of, deeper_than
from marrowsignal.geometry.windows import closed_in_slices
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
        Along the three axes; slices lie along the coarsest.
    contact_mm : float
        Largest gap between the bones.

    Returns
    -------
    ndarray of bool, same shape
        Voxels of either bone within `contact_mm` in plane of the other one.
    """
    joint = np.zeros_like(first)
    box = _overlap(first, second, [contact_mm / s for s in spacing_mm])
    if box is None:
        return joint
    # In plane only: across thick slices a voxel of another slice would count as contact.
    in_plane = _in_plane(spacing_mm)
    a, b = first[box], second[box]
    away_from_a, away_from_b = (deeper_than(~bone, spacing_mm=in_plane, depth_mm=contact_mm) for bone in (a, b))
    joint[box] = (a & ~away_from_b) | (b & ~away_from_a)
    return joint


def _in_plane(spacing_mm: tuple[float, float, float]) -> list[float]:
    coarse = int(np.argmax(spacing_mm))
    return [np.inf if axis == coarse else s for axis, s in enumerate(spacing_mm)]


def _overlap(first: NDArray[np.bool_], second: NDArray[np.bool_], reach: list[float]) -> tuple[slice, ...] | None:
    """Box of all voxels of either mask within reach, in voxels, of the other's box; None when there is none."""
    one, other = box_of(first), box_of(second)
    if one is None or other is None:
        return None
    box = []
    for a, b, wide in zip(one, other, reach, strict=True):
        margin = int(np.ceil(wide))
        start, stop = max(0, a.start - margin, b.start - margin), min(a.stop, b.stop) + margin
        if start >= stop:
            return None
        box.append(slice(start, stop))
    return tuple(box)


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
        Along the three axes; slices lie along the coarsest.
    settings : JointSettings
        Depth, width and size of the line.

    Returns
    -------
    ndarray of bool, same shape
        On each side the largest 3-D component of the in-plane black top-hat above `dark_ridge`, away from the
        midline; empty on a side where none is large enough.
    """
    joint = np.zeros_like(marrow)
    width, coarse = settings.ridge_width.value, int(np.argmax(spacing_mm))
    # Reach of smoothing and closing: nothing farther from the mask changes what is found in it.
    margin = [0 if axis == coarse else int(np.ceil(2.0 * width / s)) for axis, s in enumerate(spacing_mm)]
    box = box_of(marrow, margin=margin)
    if box is None:
        return joint
    part, in_box = marrow[box], joint[box]
    sigma = [0.0 if axis == coarse else _FINE_SMOOTHING_MM / s for axis, s in enumerate(spacing_mm)]
    fine = ndimage.gaussian_filter(t1_of_fat[box], sigma)
    rows, columns = (2 * max(1, round(width / 2 / s)) + 1 for axis, s in enumerate(spacing_mm) if axis != coarse)
    closed = np.moveaxis(closed_in_slices(np.moveaxis(fine, coarse, 0), (rows, columns)), 0, coarse)
    ridge = closed - fine > settings.dark_ridge.value
    ridge &= deeper_than(part, spacing_mm=_in_plane(spacing_mm), depth_mm=width / 2)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    for sign in (1.0, -1.0):
        side = ridge & (sign * left_of_midline_mm[box] > settings.min_midline_distance.value)
        labels, count = ndimage.label(side, np.ones((3, 3, 3)))
        if count == 0:
            continue
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        if sizes.max() * voxel_ml >= settings.min_ridge_volume.value:
            in_box |= labels == int(sizes.argmax())
    return joint
