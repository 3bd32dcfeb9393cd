"""Sacral alae and sacroiliac quadrants, by the joint surface and its own long axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.division import Division, Piece
from marrowsignal.regions.records import Side

__all__ = ["JointCloud", "divide_ilium", "divide_sacrum", "joint_cloud", "joint_points"]

Array = NDArray[np.float64]
_ENDS = (2.0, 98.0)
_MIN_POINTS = 30
_CELL_MM = 2.0
_SIDES = (Side.LEFT, Side.RIGHT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointCloud:
    """The surface of one sacroiliac joint as points.

    Attributes
    ----------
    points_lps_mm : ndarray of float64, shape (n, 3)
        On the joint.
    lower : ndarray of bool, shape (n,)
        Below the middle of the joint's own long axis.
    """

    points_lps_mm: Array
    lower: NDArray[np.bool_]

    def nearest(self, points_lps_mm: Array) -> tuple[Array, NDArray[np.intp]]:
        """Distance of points from the joint, mm, and which of its points is nearest."""
        distance, which = cKDTree(self.points_lps_mm).query(points_lps_mm)
        return np.asarray(distance), np.asarray(which, np.intp)


def joint_cloud(points_lps_mm: Array) -> JointCloud | None:
    """Halve a joint surface across its long axis.

    Parameters
    ----------
    points_lps_mm : ndarray of float64, shape (n, 3)
        On one joint.

    Returns
    -------
    JointCloud or None
        One point a cell of patient space, since a query of many points at equal distances takes long. The long axis is
        that of largest extent; None for too few points.
    """
    if len(points_lps_mm) < _MIN_POINTS:
        return None
    points_lps_mm = _one_a_cell(points_lps_mm)
    offset = points_lps_mm - points_lps_mm.mean(axis=0)
    _, _, axes = np.linalg.svd(offset, full_matrices=False)
    down = axes[0] * -np.sign(axes[0][2])
    along = offset @ down
    return JointCloud(points_lps_mm=points_lps_mm, lower=along > np.percentile(along, _ENDS).mean())


def _one_a_cell(points_mm: Array) -> Array:
    """Mean of the points in each cell of a grid of patient space."""
    # Rounded alike on both sides of zero, so that a mirrored joint has mirrored points.
    cell = np.rint(np.round(points_mm / _CELL_MM, 6)).astype(np.int64)
    _, which = np.unique(cell, axis=0, return_inverse=True)
    which = which.ravel()
    sums = np.stack([np.bincount(which, axis) for axis in points_mm.T], axis=1)
    return np.asarray(sums / np.bincount(which)[:, None])


def _facing(points_mm: Array, others_mm: Array, reach_mm: float) -> Array:
    """Points in the box around others, since trees of whole bones take long."""
    low, high = others_mm.min(axis=0) - reach_mm, others_mm.max(axis=0) + reach_mm
    return points_mm[np.all((points_mm >= low) & (points_mm <= high), axis=1)]


def joint_points(sacrum_mm: Array, ilium_mm: Array, *, seen: Array | None, reach_mm: float) -> Array:
    """Points of one joint surface.

    Parameters
    ----------
    sacrum_mm, ilium_mm : ndarray of float64, shape (n, 3)
        Voxels of both bones, LPS.
    seen : ndarray of float64, shape (n, 3), or None
        Joint lines seen in the image; None where the bones are labelled apart.
    reach_mm : float
        Largest distance of the marrow of both bones across a joint.

    Returns
    -------
    ndarray of float64, shape (m, 3)
        What is seen near both bones, or the middle between each sacral voxel and the nearest iliac one.
    """
    if seen is not None:
        for bone in (ilium_mm, sacrum_mm):
            bone_near = _facing(bone, seen, reach_mm) if len(seen) else bone
            seen = seen[_distance_within(seen, bone_near, reach_mm) <= reach_mm]
        return seen
    ilium_mm = _facing(ilium_mm, sacrum_mm, reach_mm)
    sacrum_mm = _facing(sacrum_mm, ilium_mm, reach_mm) if len(ilium_mm) else sacrum_mm[:0]
    distance, which = cKDTree(ilium_mm).query(sacrum_mm, distance_upper_bound=reach_mm)
    facing = np.isfinite(distance)
    return np.asarray(0.5 * (sacrum_mm[facing] + ilium_mm[which[facing]]))


def _distance_within(points_mm: Array, others_mm: Array, reach_mm: float) -> Array:
    """Distance of points from the nearest of others; infinite beyond reach."""
    return np.asarray(cKDTree(others_mm).query(points_mm, distance_upper_bound=reach_mm)[0])


def divide_sacrum(
    points_lps_mm: Array,
    left_mm: Array,
    joints: tuple[JointCloud | None, JointCloud | None],
    settings: DivisionSettings,
) -> Division:
    """Cut the sacrum into its middle, two alae and their upper and lower quadrants at the joints.

    Parameters
    ----------
    points_lps_mm : ndarray of float64, shape (n, 3)
        Marrow of the sacrum.
    left_mm : ndarray of float64, shape (n,)
        Distance of its voxels to the patient's left of the midline.
    joints : tuple of JointCloud or None
        Left and right.
    settings : DivisionSettings
        Where the ala begins, how deep a quadrant is.

    Returns
    -------
    Division
        Cell 1 is the middle; a side whose joint is not known has no parts.
    """
    cells = np.zeros(len(points_lps_mm), np.uint8)
    pieces = []
    for k, (side, joint) in enumerate(zip(_SIDES, joints, strict=True)):
        if joint is None:
            continue
        here = (left_mm > 0) == (side is Side.LEFT)
        distance, which = joint.nearest(points_lps_mm[here])
        # The nearest joint point's own distance from the midline: the sacrum narrows downwards.
        reach = np.abs(left_mm[here]) + distance
        ala = np.abs(left_mm[here]) > settings.sacral_ala_begin.value * reach
        found = np.where(distance <= settings.quadrant_depth.value, np.where(joint.lower[which], 4, 3), 2) + 3 * k
        cells[here] = np.where(ala, found, 1)
        base = 2 + 3 * k
        pieces += [
            Piece(key="sacral_ala", cells=(base, base + 1, base + 2), side=side),
            Piece(key="sacral_quadrant_upper", cells=(base + 1,), side=side),
            Piece(key="sacral_quadrant_lower", cells=(base + 2,), side=side),
        ]
    if all(joint is not None for joint in joints):
        pieces.insert(0, Piece(key="sacral_middle", cells=(1,), side=Side.NONE))
    reason = "" if pieces else "the sacroiliac joints are not known"
    return Division(cells=cells, pieces=tuple(pieces), reason=reason)


def divide_ilium(points_lps_mm: Array, joint: JointCloud | None, settings: DivisionSettings) -> Division:
    """Cut one ilium into the upper and lower quadrant at its joint and what lies away from it.

    Parameters
    ----------
    points_lps_mm : ndarray of float64, shape (n, 3)
        Marrow of one ilium.
    joint : JointCloud or None
        Its joint.
    settings : DivisionSettings
        How deep a quadrant is.

    Returns
    -------
    Division
        Cells 1 upper, 2 lower quadrant, 3 the rest.
    """
    if joint is None:
        return Division(cells=np.zeros(len(points_lps_mm), np.uint8), pieces=(), reason="its joint is not known")
    distance, which = joint.nearest(points_lps_mm)
    cells = np.where(distance <= settings.quadrant_depth.value, np.where(joint.lower[which], 2, 1), 3).astype(np.uint8)
    keys = ("iliac_quadrant_upper", "iliac_quadrant_lower", "iliac_remainder")
    return Division(cells=cells, pieces=tuple(Piece(key=key, cells=(k,)) for k, key in enumerate(keys, start=1)))
