"""Spheres, lines and curved plates fitted to the voxels of a bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = [
    "BoneVoxels",
    "bone_voxels",
    "fit_line",
    "fit_plate",
    "fit_sphere",
    "plate_height",
    "square_to",
    "unit",
]

Array = NDArray[np.float64]
_ROBUST_MM = 1.0
_MIN_SECTIONS = 4
_MAX_ROUNDS = 50
_SETTLED_MM = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoneVoxels:
    """One bone as points.

    Attributes
    ----------
    index : ndarray of int64, shape (n, 3)
        Slice, row, column.
    points_lps_mm : ndarray of float64, shape (n, 3)
        Their centres.
    depth_mm : ndarray of float64, shape (n,)
        Distance from the bone's surface; the picture's edge is no surface.
    surface : ndarray of bool, shape (n,)
        Voxels next to the outside within their own slice, where grids are fine.
    geometry : VolumeGeometry
        The grid.
    """

    index: NDArray[np.int64]
    points_lps_mm: Array
    depth_mm: Array
    surface: NDArray[np.bool_]
    geometry: VolumeGeometry


def bone_voxels(mask: NDArray[np.bool_], geometry: VolumeGeometry) -> BoneVoxels:
    """Take the voxels of a bone from a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        At least one voxel.
    geometry : VolumeGeometry
        Its grid.

    Returns
    -------
    BoneVoxels
        In array order.
    """
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    # A margin of background on every side but the picture's own edges.
    wide = tuple(slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(box, mask.shape, strict=True))
    part = mask[wide]
    holes_filled = ndimage.binary_fill_holes(part)
    spacing = geometry.spacing_mm
    if holes_filled.all():
        depth = np.full(part.shape, float(np.min(np.asarray(part.shape) * spacing)))
    else:
        depth = np.asarray(ndimage.distance_transform_edt(holes_filled, sampling=spacing))
    across = np.ones((3, 3, 3), bool)
    coarse = int(np.argmax(spacing))
    across[tuple(slice(None) if axis != coarse else slice(0, 3, 2) for axis in range(3))] = False
    inner = ndimage.binary_erosion(holes_filled, across, border_value=1)
    local = np.argwhere(part)
    at = tuple(local.T)
    index = local + [s.start for s in wide]
    return BoneVoxels(
        index=index,
        points_lps_mm=geometry.to_patient(index),
        depth_mm=depth[at],
        surface=~inner[at],
        geometry=geometry,
    )


def unit(vector: Array) -> Array:
    """Vector of length 1."""
    return np.asarray(vector / np.linalg.norm(vector))


def square_to(vector: Array, axis: Array) -> Array:
    """Part of a vector at right angles to a unit axis, of length 1."""
    return unit(vector - float(vector @ axis) * axis)


def fit_sphere(points_mm: Array, *, centre_mm: Array, radius_mm: float) -> tuple[Array, float, float]:
    """Sphere through points, some of which lie on something else.

    Parameters
    ----------
    points_mm : ndarray of float64, shape (n, 3)
        On the surface.
    centre_mm, radius_mm
        Where to start.

    Returns
    -------
    tuple
        Centre, radius, and the median distance of the points from the sphere, mm.
    """

    def residuals(p: Array) -> Array:
        return np.asarray(np.linalg.norm(points_mm - p[:3], axis=1) - p[3])

    start = np.array([*centre_mm, radius_mm])
    found = optimize.least_squares(residuals, start, loss="soft_l1", f_scale=_ROBUST_MM).x
    return found[:3], float(found[3]), float(np.median(np.abs(residuals(found))))


def fit_line(points_mm: Array, across: Array, *, step_mm: float) -> tuple[Array, Array]:
    """Axis of a rod: a line through the centres of parallel sections.

    Parameters
    ----------
    points_mm : ndarray of float64, shape (n, 3)
        Inside the rod.
    across : ndarray of float64, shape (3,)
        Normal of the sections, within 45 degrees or so of the rod. Sections keep this normal: turned after the rod
        they would cut its ends one-sidedly and turn further.
    step_mm : float
        Thickness of a section.

    Returns
    -------
    tuple of ndarray
        A point of the axis and its unit direction, in the sense of `across`.
    """
    normal = unit(across)
    along = points_mm @ normal
    section = ((along - along.min()) / step_mm).astype(np.intp)
    count = np.bincount(section)
    full = np.flatnonzero(count)
    full = full[1:-1] if len(full) > _MIN_SECTIONS else full
    centres = np.stack([np.bincount(section, points_mm[:, k])[full] for k in range(3)], axis=1) / count[full][:, None]
    middle = np.asarray(centres.mean(axis=0))
    _, _, rows = np.linalg.svd(centres - middle)
    return middle, np.asarray(rows[0] * np.sign(rows[0] @ normal))


def fit_plate(
    a_mm: Array, b_mm: Array, c_mm: Array, *, slope_stiffness: float = 0.0, bend_stiffness: float = 0.0
) -> Array:
    """Curved plate c(a, b) of second order through points, some of which lie elsewhere.

    Parameters
    ----------
    a_mm, b_mm, c_mm : ndarray of float64, shape (n,)
        Points.
    slope_stiffness, bend_stiffness : float
        Weight of slope and of curvature (1/mm) against the points' distances in mm: how much the plate stays flat where
        the points do not tell.

    Returns
    -------
    ndarray of float64, shape (6,)
        Factors of 1, a, b, a a, b b, a b, by reweighted least squares with the soft L1 loss of the distances.
    """
    bend = bend_stiffness * np.array([2.0, 2.0, np.sqrt(2.0)])
    held = np.diag([0.0, slope_stiffness, slope_stiffness, *bend])
    terms = _terms(a_mm, b_mm)
    weight = np.ones(len(c_mm))
    plate = np.zeros(6)
    for _ in range(_MAX_ROUNDS):
        system = np.concatenate([terms * weight[:, None], held])
        found, *_ = np.linalg.lstsq(system, np.concatenate([c_mm * weight, np.zeros(6)]), rcond=None)
        off = terms @ found - c_mm
        weight = (1.0 + (off / _ROBUST_MM) ** 2) ** -0.25
        settled = np.allclose(terms @ (found - plate), 0.0, atol=_SETTLED_MM)
        plate = found
        if settled:
            break
    return np.asarray(plate)


def plate_height(plate: Array, a_mm: Array, b_mm: Array) -> Array:
    """Height of a plate of `fit_plate` at points."""
    return np.asarray(_terms(a_mm, b_mm) @ plate)


def _terms(a: Array, b: Array) -> Array:
    return np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], axis=-1)
