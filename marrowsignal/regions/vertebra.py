"""Endplate zones of vertebral bodies and what lies behind the bodies, each in the vertebra's own axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.division import Division, Piece, undivided
from marrowsignal.regions.records import Side
from marrowsignal.regions.shapes import BoneVoxels, fit_plate, plate_height, square_to, unit

__all__ = ["body_centre", "divide_vertebra", "spine_axes"]

Array = NDArray[np.float64]
_BACK = np.array([0.0, 1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])
# The body is thicker than anything behind it.
_CORE = 0.6
# Pedicles leave the upper half: a section below the middle, in half heights, shows the body alone.
_SECTION = (-0.7, -0.1)
_FOOTPRINT = 0.8
_COLUMN_MM = 3.0
_WHOLE_COLUMN = 0.8
_MIN_COLUMNS = 12
_ROUNDS = 2
_MIN_BACK = 0.03
_LEVEL_MM = 1e-3
_ZONES = ("inferior_endplate_zone", "body_middle", "superior_endplate_zone")


def body_centre(bone: BoneVoxels) -> Array:
    """Middle of the thickest part of a vertebra, which is its body, LPS mm."""
    core = bone.depth_mm >= _CORE * bone.depth_mm.max()
    return np.asarray(bone.points_lps_mm[core].mean(axis=0))


def spine_axes(centres_lps_mm: Array) -> Array:
    """Direction up the spine at each body.

    Parameters
    ----------
    centres_lps_mm : ndarray of float64, shape (n, 3)
        Middles of bodies that follow each other.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Unit vectors towards the head; straight up for a body alone.
    """
    if len(centres_lps_mm) < 2:
        return np.tile(_UP, (len(centres_lps_mm), 1))
    way = np.gradient(centres_lps_mm, axis=0)
    # Bodies side by side, as wrong labels have them, show no way up.
    way = np.where(np.abs(way[:, 2:]) < _LEVEL_MM, _UP, way * np.sign(way[:, 2:]))
    return np.asarray(way / np.linalg.norm(way, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Body:
    """Coordinates of all voxels to the left, to the back and up, and what bounds the body, mm."""

    left: Array
    back: Array
    up: Array
    wall: float
    lower: Array
    upper: Array


def divide_vertebra(bone: BoneVoxels, up: Array, settings: DivisionSettings) -> Division:
    """Cut a vertebra into endplate zones, the middle of its body and posterior elements, each with two halves.

    Parameters
    ----------
    bone : BoneVoxels
        Marrow of one vertebra, or of its body.
    up : ndarray of float64, shape (3,)
        Direction up the spine.
    settings : DivisionSettings
        Height of the zones.

    Returns
    -------
    Division
        Heights count between curved plates fitted to both ends of the body, so that tilt and wedge do not matter.
    """
    if _body_is_cut(bone, up):
        return undivided(len(bone.index), "its body goes on outside the picture")
    body = _find_body(bone, up)
    if body is None:
        return undivided(len(bone.index), "no vertebral body with two endplates was found")
    low, high = plate_height(body.lower, body.left, body.back), plate_height(body.upper, body.left, body.back)
    height = (body.up - low) / np.maximum(high - low, 1e-6)
    zone = settings.endplate_zone.value
    cells = np.where(height < zone, 1, np.where(height > 1.0 - zone, 3, 2)).astype(np.uint8)
    behind = body.back > body.wall
    if behind.mean() > _MIN_BACK:
        cells[behind] = 4
    right = (body.left <= 0.0) & (cells < 4)
    cells[right] += 4
    pieces = [Piece(key=key, cells=(cell, cell + 4), side=Side.NONE) for cell, key in enumerate(_ZONES, start=1)]
    pieces += [Piece(key="posterior_elements", cells=(4,), side=Side.NONE)]
    pieces += [
        Piece(key="vertebral_bodies", cells=cells_of, side=side)
        for side, cells_of in ((Side.LEFT, (1, 2, 3)), (Side.RIGHT, (5, 6, 7)))
    ]
    return Division(cells=cells, pieces=tuple(pieces))


def _body_is_cut(bone: BoneVoxels, up: Array) -> bool:
    """Whether the thick part of a vertebra reaches the picture's edge above or below."""
    axis = int(np.argmax(np.abs(up @ bone.geometry.directions_lps)))
    at = bone.index[_thick_part(bone), axis]
    ends = (at.min() == 0, at.max() == bone.geometry.shape[axis] - 1)
    return any(ends)


def _find_body(bone: BoneVoxels, up: Array) -> _Body | None:
    centre = body_centre(bone)
    thick, half_mm = _thick_part(bone), float(bone.depth_mm.max())
    for _ in range(_ROUNDS):
        back_axis = square_to(_BACK, up)
        left_axis = np.cross(back_axis, up)
        offset = bone.points_lps_mm - centre
        left, back, high = offset @ left_axis, offset @ back_axis, offset @ up
        section = thick & (high > _SECTION[0] * half_mm) & (high < _SECTION[1] * half_mm)
        if section.sum() < _MIN_COLUMNS:
            return None
        sides, depth = np.percentile(left[section], [1.0, 99.0]), np.percentile(back[thick], [0.0, 100.0])
        left = left - sides.mean()
        footprint = (np.abs(left) < _FOOTPRINT * np.ptp(sides) / 2) & (
            np.abs(back - depth.mean()) < _FOOTPRINT * np.ptp(depth) / 2
        )
        ends = _ends(left[footprint], back[footprint], high[footprint], max(_COLUMN_MM, *bone.geometry.spacing_mm))
        if ends is None:
            return None
        a, b, low, top = ends
        lower, upper = fit_plate(a, b, low), fit_plate(a, b, top)
        up = _square_to_plates(lower, upper, (left_axis, back_axis, up))
    return _Body(left=left, back=back, up=high, wall=float(depth[1]), lower=lower, upper=upper)


def _thick_part(bone: BoneVoxels) -> NDArray[np.bool_]:
    """Voxels of balls that fit into the body but into nothing behind it."""
    radius = _CORE * float(bone.depth_mm.max())
    corner = bone.index.min(axis=0)
    outside = np.ones(bone.index.max(axis=0) - corner + 1, bool)
    at = tuple((bone.index - corner).T)
    outside[at] = bone.depth_mm < radius
    away = ndimage.distance_transform_edt(outside, sampling=bone.geometry.spacing_mm)
    return np.asarray(away[at] <= radius)


def _ends(left: Array, back: Array, high: Array, width_mm: float) -> tuple[Array, Array, Array, Array] | None:
    """Middle, lowest and highest voxel of each column that runs from end to end of the body."""
    if not len(left):
        return None
    a, b = (np.floor(v / width_mm).astype(np.intp) for v in (left, back))
    column = (a - a.min()) * (np.ptp(b) + 1) + b - b.min()
    _, which = np.unique(column, return_inverse=True)
    count = np.bincount(which)
    if len(count) < _MIN_COLUMNS:
        return None
    low, top = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(low, which, high)
    np.maximum.at(top, which, high)
    # Where slices are tilted, columns at their edges hold pieces alone.
    whole = top - low > _WHOLE_COLUMN * np.median(top - low)
    a_mm, b_mm = (np.bincount(which, v)[whole] / count[whole] for v in (left, back))
    return a_mm, b_mm, low[whole], top[whole]


def _square_to_plates(lower: Array, upper: Array, axes: tuple[Array, Array, Array]) -> Array:
    left, back, up = axes
    # the mean slope of both ends
    slope = 0.5 * (lower[1:3] + upper[1:3])
    return unit(up - slope[0] * left - slope[1] * back)
