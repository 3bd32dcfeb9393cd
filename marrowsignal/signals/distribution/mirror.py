"""The mirror image of one side laid on the other, and which voxels find their counterpart there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowsignal.geometry.depth import box_of, deeper_than
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.regions.records import Midline

__all__ = ["Counterparts", "counterparts", "mirror_matrix", "rigid_between", "surface"]

Points = NDArray[np.float64]
_ROUNDS = 20
_MAX_POINTS = 1500
# Farther pairs show anatomy that one side lacks or that the picture cuts.
_TRUSTED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counterparts:
    """Where each voxel of one side lies on the other one.

    Attributes
    ----------
    voxels : ndarray of int64, shape (n,)
        Flat indices of one side.
    partner : ndarray of int64, shape (n,)
        Flat index of the voxel of the other side next to its mirror image; -1 where none is near.
    """

    voxels: NDArray[np.int64]
    partner: NDArray[np.int64]

    def matched(self, own: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Voxels of `own` whose partner is in `other`; all arrays are volumes."""
        found = np.zeros(own.size, bool)
        held = (self.partner >= 0) & own.ravel()[self.voxels]
        held[held] = other.ravel()[self.partner[held]]
        found[self.voxels[held]] = True
        return found.reshape(own.shape)


def mirror_matrix(midline: Midline) -> Points:
    """Reflection across the midline as a 4x4 matrix on LPS mm.

    Examples
    --------
    >>> plane = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=2.0, symmetry=None, source="declared_sides")
    >>> mirror_matrix(plane) @ [5.0, 1.0, 1.0, 1.0]
    array([-1.,  1.,  1.,  1.])
    """
    normal = np.asarray(midline.normal_lps)
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(normal, normal)
    matrix[:3, 3] = 2 * midline.offset_mm * normal
    return matrix


def surface(mask: NDArray[np.bool_], geometry: VolumeGeometry) -> Points:
    """Points of the border of a mask, LPS mm, without the faces where the picture cuts it; at most 1500."""
    wide = box_of(mask, margin=(1, 1, 1)) or (slice(0), slice(0), slice(0))
    border = np.argwhere(_outermost(mask[wide])) + [span.start for span in wide]
    return geometry.to_patient(border[:: 1 + len(border) // _MAX_POINTS])


def rigid_between(moving: Points, fixed: Points) -> Points:
    """Turn and shift that lay one surface on another (iterative closest points, Besl and McKay 1992).

    Parameters
    ----------
    moving, fixed : ndarray of float64, shape (n, 3)
        Points of two surfaces, mm, roughly in place.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        Rigid matrix on mm. The nearest nine tenths of the pairs decide, so that what the picture cuts off one surface
        does not pull.
    """
    tree = cKDTree(fixed)
    matrix = np.eye(4)
    for _ in range(_ROUNDS):
        moved = moving @ matrix[:3, :3].T + matrix[:3, 3]
        distance, nearest = tree.query(moved)
        near = distance <= np.quantile(distance, _TRUSTED)
        step = _rigid_fit(moved[near], fixed[nearest[near]])
        matrix = step @ matrix
    return matrix


def _rigid_fit(a: Points, b: Points) -> Points:
    """Least-squares turn and shift of paired points (Kabsch 1976)."""
    middle_a, middle_b = a.mean(axis=0), b.mean(axis=0)
    u, _, vt = np.linalg.svd((a - middle_a).T @ (b - middle_b))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    matrix = np.eye(4)
    matrix[:3, :3] = vt.T @ flip @ u.T
    matrix[:3, 3] = middle_b - matrix[:3, :3] @ middle_a
    return matrix


def counterparts(
    own: NDArray[np.bool_],
    other: NDArray[np.bool_],
    *,
    matrix: Points,
    geometry: VolumeGeometry,
    tolerance_mm: float,
) -> Counterparts:
    """Find the counterpart of every voxel of one side.

    Parameters
    ----------
    own, other : ndarray of bool, shape (slice, row, column)
        Both sides, on a grid of right angles.
    matrix : ndarray of float64, shape (4, 4)
        Takes points of `own` to the other side, LPS mm: a reflection, and what lays the bones on each other.
    geometry : VolumeGeometry
        Grid of both.
    tolerance_mm : float
        Farther voxels are no counterparts.
    """
    voxels = np.flatnonzero(own)
    partner = np.full(len(voxels), -1, np.int64)
    edge = _edge(other)
    if len(voxels) and len(edge):
        image = geometry.to_patient(np.argwhere(own)) @ matrix[:3, :3].T + matrix[:3, 3]
        # Most images lie within a voxel of the other side; to those that do not, one at its edge is nearest.
        at = np.rint(geometry.to_index(image)).astype(np.intp)
        held = np.all((at >= 0) & (at < own.shape), axis=1)
        held[held] = other[tuple(at[held].T)]
        apart = np.linalg.norm(geometry.to_patient(at[held]) - image[held], axis=1)
        partner[held] = np.where(apart < tolerance_mm, np.ravel_multi_index(tuple(at[held].T), own.shape), -1)
        rest = np.flatnonzero(~held)
        distance, nearest = cKDTree(geometry.to_patient(edge)).query(image[rest], distance_upper_bound=tolerance_mm)
        found = np.isfinite(distance)
        partner[rest[found]] = np.ravel_multi_index(tuple(edge[nearest[found]].T), own.shape)
    return Counterparts(voxels=voxels, partner=partner)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Index of the voxels of a mask next to one outside of it or of the picture, shape (n, 3)."""
    box = box_of(mask)
    if box is None:
        return np.empty((0, 3), np.intp)
    framed = np.pad(mask[box], 1)
    return np.asarray(np.argwhere(_outermost(framed)) - 1 + [span.start for span in box])


def _outermost(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of a mask with a face to one outside; the end of the array is no outside."""
    return mask & ~deeper_than(mask, spacing_mm=(1.0, 1.0, 1.0), depth_mm=1.0)
