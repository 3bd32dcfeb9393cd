"""Ilia told from the sacrum in a mask that holds both, by a surface grown from the dark lines of their joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.records import Midline
from marrowsignal.regions.shapes import fit_plate, plate_height, square_to

__all__ = ["IliacSide", "iliac_sides_of_ridge"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_BACK = np.array([0.0, 1.0, 0.0])
_MIN_POINTS = 30
_BIN_MM = 2.0
_REACH = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IliacSide:
    """What one joint's dark line tells of its ilium.

    Attributes
    ----------
    ilium : ndarray of bool, shape (slice, row, column)
        Empty where the joint does not part the bones.
    seen : float or None
        Share of the border inside the mask that lies near the dark line; None without a line.
    """

    ilium: Mask
    seen: float | None


def iliac_sides_of_ridge(
    mask: Mask, ridge: Mask, *, geometry: VolumeGeometry, midline: Midline, settings: DivisionSettings
) -> tuple[IliacSide, IliacSide]:
    """Tell left and right ilium from the sacrum.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Both bones.
    ridge : ndarray of bool, same shape
        Dark lines of the joints.
    geometry : VolumeGeometry
        The grid.
    midline : Midline
        Sides.
    settings : DivisionSettings
        How smooth and how stiff the surface is, and how much of it the line must show.

    Returns
    -------
    tuple of IliacSide
        Left and right. The surface is a distance from the midline as a function of place in the sagittal plane: a
        plate that bends no more than the line asks for, and follows the line where it is seen.
    """
    index = np.argwhere(mask)
    points = geometry.to_patient(index)
    normal = np.asarray(midline.normal_lps)
    back = square_to(_BACK, normal)
    out = points @ normal - midline.offset_mm
    plane = np.stack([points @ back, points @ np.cross(normal, back)], axis=1)
    on_ridge = ridge[tuple(index.T)]
    sides = []
    for sign in (1.0, -1.0):
        here = sign * out > 0
        ilium, share = np.zeros(mask.shape, bool), None
        if (on_ridge & here).sum() >= _MIN_POINTS:
            beyond, share = _beyond(plane[here], sign * out[here], on_ridge[here], settings)
            if share >= settings.min_seen_border.value:
                ilium[tuple(index[here][beyond].T)] = True
        ilium = _without_crumbs(ilium, settings.min_part_volume.value / geometry.voxel_ml)
        sides.append(IliacSide(ilium=ilium, seen=share))
    return sides[0], sides[1]


def _beyond(plane: Array, out: Array, seen: Mask, settings: DivisionSettings) -> tuple[Mask, float]:
    """Which points lie beyond the border, and how much of the border lies near the line."""
    smoothing_mm = settings.separation_smoothing.value
    a, b = (plane - plane[seen].mean(axis=0)).T
    # One point a cell, so that thick stretches of the line weigh no more than thin ones.
    cell = np.floor(plane / _BIN_MM).astype(np.intp)
    cell -= cell.min(axis=0)
    size = cell.max(axis=0) + 1
    flat = cell[:, 0] * size[1] + cell[:, 1]
    count = np.bincount(flat[seen], minlength=size.prod())
    have = count > 0
    mean = [np.bincount(flat[seen], v[seen], minlength=size.prod())[have] / count[have] for v in (a, b, out)]
    # Cells within the smoothing tell the same: the plate's usual shape weighs as much as they do together.
    stiff = (smoothing_mm, smoothing_mm * settings.joint_bend_radius.value)
    plate = fit_plate(*mean, slope_stiffness=stiff[0], bend_stiffness=stiff[1])
    # Beyond the line's reach the plate would bend on: it is held where the line ends.
    low, high = np.min(mean[:2], axis=1) - _REACH * smoothing_mm, np.max(mean[:2], axis=1) + _REACH * smoothing_mm
    whole = plate_height(plate, np.clip(a, low[0], high[0]), np.clip(b, low[1], high[1]))
    rest, weight = np.zeros(size.prod()), np.zeros(size.prod())
    rest[have] = mean[2] - plate_height(plate, mean[0], mean[1])
    weight[have] = 1.0
    sigma = smoothing_mm / 2.0 / _BIN_MM
    rest, weight = (ndimage.gaussian_filter(v.reshape(size), sigma).ravel() for v in (rest, weight))
    border = whole + (rest / np.maximum(weight, 0.1))[flat]
    near = ndimage.distance_transform_edt(~have.reshape(size), sampling=_BIN_MM).ravel() <= smoothing_mm
    at_border = np.unique(flat[np.abs(out - border) <= _BIN_MM])
    return np.asarray(out > border), float(near[at_border].mean()) if len(at_border) else 0.0


def _without_crumbs(mask: Mask, min_voxels: float) -> Mask:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    keep = sizes >= min_voxels
    keep[0] = False
    return np.asarray(keep[labels])
