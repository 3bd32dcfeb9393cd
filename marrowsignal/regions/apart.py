"""The bones to divide: as the mask names them, as a hint names them, or parted along the joints' dark lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.bones import hinted_bones
from marrowsignal.regions.dividing import BonePart
from marrowsignal.regions.midline import signed_distance_mm
from marrowsignal.regions.records import Midline, Side
from marrowsignal.regions.sacroiliac import iliac_side_of_ridge

__all__ = ["SidedBone", "bones_by_hint", "bones_by_ridge", "sides_of", "whole_bones"]

Mask = NDArray[np.bool_]
SidedBone = tuple[RegionSpec, Side, Mask]


def sides_of(
    spec: RegionSpec, declared: Side, mask: Mask, left_mm: NDArray[np.float64] | None
) -> tuple[tuple[Side, Mask], ...]:
    """Give the sides of a bone and their voxels: the declared one, or those of the midline, without empty ones."""
    if declared is not Side.NONE or not spec.paired or left_mm is None:
        sides: tuple[tuple[Side, Mask], ...] = ((declared, mask),)
    else:
        sides = ((Side.LEFT, mask & (left_mm > 0)), (Side.RIGHT, mask & (left_mm <= 0)))
    return tuple(side for side in sides if side[1].any())


def whole_bones(sided: tuple[SidedBone, ...], *, new: bool) -> tuple[BonePart, ...]:
    """Bones as they are divided: the sacrum lies on both sides of the midline and is one."""
    merged: dict[tuple[str, Side], BonePart] = {}
    for spec, side, mask in sided:
        key = (spec.key, Side.NONE if spec.division == "sacrum" else side)
        other = merged.get(key)
        both = mask if other is None else other.mask | mask
        merged[key] = BonePart(spec=spec, side=key[1], mask=both, new=new)
    return tuple(merged.values())


def bones_by_hint(
    mask: Mask, hint: LabelVolume, left_mm: NDArray[np.float64] | None, protocol: Protocol
) -> tuple[BonePart, ...]:
    """Bones of a mask that tells none apart, by the nearest bone of a hint."""
    labels, bones = hinted_bones(mask, hint, protocol)
    sided = tuple(
        (bone.spec, *part)
        for bone in bones
        for part in sides_of(bone.spec, bone.side, bone.mask(labels.array), left_mm)
    )
    return whole_bones(sided, new=True)


def bones_by_ridge(
    mask: Mask, ridge: Mask, midline: Midline, *, geometry: VolumeGeometry, protocol: Protocol
) -> tuple[BonePart, ...]:
    """Tell sacrum and ilia in a mask over the sacroiliac joints; none where the protocol knows neither."""
    sacrum, ilium = protocol.spec("sacrum"), protocol.spec("ilium")
    if sacrum is None or ilium is None:
        return ()
    ilia = iliac_side_of_ridge(mask, ridge, geometry=geometry, midline=midline, settings=protocol.divisions)
    left_mm = signed_distance_mm(midline, geometry)
    # A side whose joint is not seen is neither sacrum nor ilium.
    seen = ((left_mm > 0) & ilia[0].any()) | ((left_mm <= 0) & ilia[1].any())
    masks: tuple[SidedBone, ...] = ((sacrum, Side.NONE, mask & seen & ~ilia[0] & ~ilia[1]),)
    masks += tuple((ilium, side, part) for side, part in zip((Side.LEFT, Side.RIGHT), ilia, strict=True))
    return tuple(BonePart(spec=spec, side=side, mask=part, new=True) for spec, side, part in masks if part.any())
