"""Sacral alae and sacroiliac quadrants, by the joint surface and its own long axis; sacrum told from ilia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import DivisionSettings
from marrowsignal.regions.division import Division, Piece
from marrowsignal.regions.records import Midline, Side
from marrowsignal.regions.shapes import BoneVoxels, fit_plate, plate_height, square_to

__all__ = ["JointCloud", "divide_ilium", "divide_sacrum", "iliac_side_of_ridge", "joint_cloud", "joint_points"]

Array = NDArray[np.float64]
_BACK = np.array([0.0, 1.0, 0.0])
_ENDS = (2.0, 98.0)
_MIN_POINTS = 30
_BIN_MM = 2.0
_REACH = 2.0
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
        The long axis is that of largest extent; None for too few points.
    """
    if len(points_lps_mm) < _MIN_POINTS:
        return None
    offset = points_lps_mm - points_lps_mm.mean(axis=0)
    _, _, axes = np.linalg.svd(offset, full_matrices=False)
    down = axes[0] * -np.sign(axes[0][2])
    along = offset @ down
    return JointCloud(points_lps_mm=points_lps_mm, lower=along > np.percentile(along, _ENDS).mean())


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
    ilium = cKDTree(ilium_mm)
    if seen is not None:
        near = (ilium.query(seen)[0] <= reach_mm) & (cKDTree(sacrum_mm).query(seen)[0] <= reach_mm)
        return np.asarray(seen[near])
    distance, which = ilium.query(sacrum_mm, distance_upper_bound=reach_mm)
    facing = np.isfinite(distance)
    return np.asarray(0.5 * (sacrum_mm[facing] + ilium_mm[which[facing]]))


def divide_sacrum(
    bone: BoneVoxels, left_mm: Array, joints: tuple[JointCloud | None, JointCloud | None], settings: DivisionSettings
) -> Division:
    """Cut the sacrum into its middle, two alae and their upper and lower quadrants at the joints.

    Parameters
    ----------
    bone : BoneVoxels
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
    points = bone.points_lps_mm
    cells = np.zeros(len(points), np.uint8)
    pieces = []
    for k, (side, joint) in enumerate(zip(_SIDES, joints, strict=True)):
        if joint is None:
            continue
        here = (left_mm > 0) == (side is Side.LEFT)
        distance, which = joint.nearest(points[here])
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


def divide_ilium(bone: BoneVoxels, joint: JointCloud | None, settings: DivisionSettings) -> Division:
    """Cut one ilium into the upper and lower quadrant at its joint and what lies away from it.

    Parameters
    ----------
    bone : BoneVoxels
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
        return Division(cells=np.zeros(len(bone.index), np.uint8), pieces=(), reason="its joint is not known")
    distance, which = joint.nearest(bone.points_lps_mm)
    cells = np.where(distance <= settings.quadrant_depth.value, np.where(joint.lower[which], 2, 1), 3).astype(np.uint8)
    keys = ("iliac_quadrant_upper", "iliac_quadrant_lower", "iliac_remainder")
    return Division(cells=cells, pieces=tuple(Piece(key=key, cells=(k,)) for k, key in enumerate(keys, start=1)))


def iliac_side_of_ridge(
    mask: NDArray[np.bool_],
    ridge: NDArray[np.bool_],
    *,
    geometry: VolumeGeometry,
    midline: Midline,
    settings: DivisionSettings,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell ilia from the sacrum in a mask that holds both, by a surface grown from the joints' dark lines.

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
        How smooth the surface is.

    Returns
    -------
    tuple of ndarray of bool
        Left and right ilium; empty on a side without a dark line. The surface is a distance from the midline as a
        function of place in the sagittal plane: of second order everywhere, and following the line where it is seen.
    """
    index = np.argwhere(mask)
    points = geometry.to_patient(index)
    normal = np.asarray(midline.normal_lps)
    back = square_to(_BACK, normal)
    across = np.cross(normal, back)
    out = points @ normal - midline.offset_mm
    on_ridge = ridge[tuple(index.T)]
    sides = []
    for sign in (1.0, -1.0):
        seen = on_ridge & (sign * out > 0)
        ilium = np.zeros(mask.shape, bool)
        if seen.sum() >= _MIN_POINTS:
            plane = np.stack([points @ back, points @ across], axis=1)
            border = _border(plane, sign * out, seen, settings.separation_smoothing.value)
            beyond = sign * out > border
            ilium[tuple(index[beyond].T)] = True
        sides.append(_without_crumbs(ilium, settings.min_part_volume.value / geometry.voxel_ml))
    return sides[0], sides[1]


def _border(plane: Array, out: Array, seen: NDArray[np.bool_], smoothing_mm: float) -> Array:
    middle = plane[seen].mean(axis=0)
    a, b = (plane - middle).T
    # One point a cell, so that thick stretches of the line weigh no more than thin ones.
    cell = np.floor(plane / _BIN_MM).astype(np.intp)
    cell -= cell.min(axis=0)
    size = cell.max(axis=0) + 1
    flat = cell[:, 0] * size[1] + cell[:, 1]
    count = np.bincount(flat[seen], minlength=size.prod())
    have = count > 0
    mean = [np.bincount(flat[seen], v[seen], minlength=size.prod())[have] / count[have] for v in (a, b, out)]
    plate = fit_plate(*mean)
    # Beyond the line's reach the plate would bend on: it is held where the line ends.
    low, high = np.min(mean[:2], axis=1) - _REACH * smoothing_mm, np.max(mean[:2], axis=1) + _REACH * smoothing_mm
    whole = plate_height(plate, np.clip(a, low[0], high[0]), np.clip(b, low[1], high[1]))
    rest, weight = np.zeros(size.prod()), np.zeros(size.prod())
    rest[have] = mean[2] - plate_height(plate, mean[0], mean[1])
    weight[have] = 1.0
    sigma = smoothing_mm / 2.0 / _BIN_MM
    rest, weight = (ndimage.gaussian_filter(v.reshape(size), sigma).ravel() for v in (rest, weight))
    return np.asarray(whole + (rest / np.maximum(weight, 0.1))[flat])


def _without_crumbs(mask: NDArray[np.bool_], min_voxels: float) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    keep = sizes >= min_voxels
    keep[0] = False
    return np.asarray(keep[labels])
