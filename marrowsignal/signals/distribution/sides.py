"""Which regions and parts have a left and a right, and how the two sides lie on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Midline, Region, RegionMap, Side
from marrowsignal.signals.distribution.mirror import Counterparts, counterparts, mirror_matrix, rigid_between, surface

__all__ = ["Halves", "Laid", "SidePair", "lay_on_each_other", "paired_voxels", "side_pairs"]

Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SidePair:
    """A region or part of both sides.

    Attributes
    ----------
    key, name : str
        Without side.
    left, right : ndarray of bool, shape (slice, row, column)
        The patient's sides.
    is_part : bool
        Whether it lies inside pairs before it.
    """

    key: str
    name: str
    left: Mask
    right: Mask
    is_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Voxels of each side with their counterparts on the other one.

    Attributes
    ----------
    left, right : tuple of Counterparts
        One a pair of bones.
    """

    left: tuple[Counterparts, ...]
    right: tuple[Counterparts, ...]

    def matched(self, left: Mask, right: Mask) -> tuple[Mask, Mask]:
        """Voxels of either mask whose counterpart lies in the other one."""
        here, there = np.zeros_like(left), np.zeros_like(right)
        for half in self.left:
            here |= half.matched(left, right)
        for half in self.right:
            there |= half.matched(right, left)
        return here, there


def side_pairs(regions: RegionMap, protocol: Protocol) -> tuple[SidePair, ...]:
    """Find what comes in a left and a right.

    Parameters
    ----------
    regions : RegionMap
        Regions of the first level come first, parts follow; halves of unpaired bones, such as vertebral bodies, count
        as a pair of their own where no region has sides.
    protocol : Protocol
        Words.
    """
    by_side: dict[tuple[str, str], dict[Side, Region]] = {}
    for region in (*regions.regions, *regions.parts):
        if region.side is not Side.NONE:
            by_side.setdefault((region.parent, region.key), {})[region.side] = region
    pairs: list[SidePair] = []
    seen = np.zeros(regions.labels.array.shape, bool)
    for (_, key), both in by_side.items():
        if len(both) < 2:
            continue
        left, right = regions.inside(both[Side.LEFT]), regions.inside(both[Side.RIGHT])
        is_part = bool(seen[left].any() and seen[right].any())
        pairs.append(SidePair(key=key, name=_name(key, protocol), left=left, right=right, is_part=is_part))
        if not is_part:
            seen |= left | right
    return tuple(pairs)


def _name(key: str, protocol: Protocol) -> str:
    spec = protocol.spec(key) or protocol.part(key)
    return spec.name if spec else key.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """Both sides of one bone and what lays either on the other, LPS mm."""

    pair: SidePair
    to_left: Matrix
    to_right: Matrix


def lay_on_each_other(
    pairs: tuple[SidePair, ...], *, geometry: VolumeGeometry, midline: Midline | None
) -> tuple[Laid, ...]:
    """Mirror each side of every whole bone and lay it on the other side.

    Parameters
    ----------
    pairs : tuple of SidePair
        Bones are laid each for itself: legs turn apart, and a pelvis lies askew. Parts go with their bone.
    geometry : VolumeGeometry
        Grid of all.
    midline : Midline or None
        Without one, the plane between the middles of both sides is the mirror.
    """
    return tuple(
        Laid(
            pair=pair,
            to_left=_matrix(pair.right, pair.left, geometry, midline),
            to_right=_matrix(pair.left, pair.right, geometry, midline),
        )
        for pair in pairs
        if not pair.is_part
    )


def paired_voxels(laid: tuple[Laid, ...], voxels: Mask, *, geometry: VolumeGeometry, tolerance_mm: float) -> Halves:
    """Give every voxel its counterpart on the other side.

    Parameters
    ----------
    laid : tuple of Laid
        Bones.
    voxels : ndarray of bool, shape (slice, row, column)
        What may be paired.
    geometry : VolumeGeometry
        Grid of all.
    tolerance_mm : float
        Farther voxels are no counterparts.
    """
    left, right = (
        tuple(
            counterparts(own & voxels, other & voxels, matrix=matrix, geometry=geometry, tolerance_mm=tolerance_mm)
            for own, other, matrix in side
        )
        for side in (
            [(bone.pair.left, bone.pair.right, bone.to_right) for bone in laid],
            [(bone.pair.right, bone.pair.left, bone.to_left) for bone in laid],
        )
    )
    return Halves(left=left, right=right)


def _matrix(own: Mask, other: Mask, geometry: VolumeGeometry, midline: Midline | None) -> Matrix:
    moving, fixed = surface(own, geometry), surface(other, geometry)
    mirror = mirror_matrix(midline or _plane_between(moving, fixed))
    return np.asarray(rigid_between(moving @ mirror[:3, :3].T + mirror[:3, 3], fixed) @ mirror)


def _plane_between(a: Matrix, b: Matrix) -> Midline:
    way = a.mean(axis=0) - b.mean(axis=0)
    normal = way / np.linalg.norm(way)
    offset = float(normal @ (a.mean(axis=0) + b.mean(axis=0)) / 2)
    return Midline(normal_lps=tuple(normal.tolist()), offset_mm=offset, symmetry=None, source="paired_bones")
