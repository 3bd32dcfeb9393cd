"""The bones to divide: as the mask names them, as a hint names them, or parted along the joints' dark lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.protocol.schema import DivisionSettings, Protocol, RegionSpec
from marrowsignal.regions.bones import Bone, hinted_bones
from marrowsignal.regions.dividing import BonePart
from marrowsignal.regions.midline import signed_distance_mm
from marrowsignal.regions.records import Midline, Side
from marrowsignal.regions.separation import iliac_sides_of_ridge

__all__ = ["SidedBone", "bones_by_hint", "bones_by_ridge", "sides_apart", "sides_of", "whole_bones"]

Mask = NDArray[np.bool_]
_STAGE = "label_regions"
_SECOND_BONE = 0.2
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


def sides_apart(bones: tuple[Bone, ...], labels: LabelVolume, settings: DivisionSettings) -> tuple[Mask, Mask] | None:
    """Left and right bones of the pairs that lie apart in the picture, for images without a midline.

    Parameters
    ----------
    bones : tuple of Bone
        Those whose side is declared are left out.
    labels : LabelVolume
        Where they are.
    settings : DivisionSettings
        How far apart left and right lie at least: pieces of one bone lie closer.

    Returns
    -------
    tuple of ndarray of bool or None
        All left and all right ones; None when no pair shows both.
    """
    left, right = np.zeros(labels.array.shape, bool), np.zeros(labels.array.shape, bool)
    for bone in bones:
        if not bone.spec.paired or bone.side is not Side.NONE:
            continue
        pieces, count = ndimage.label(bone.mask(labels.array), np.ones((3, 3, 3)))
        if count < 2:
            continue
        sizes = np.bincount(pieces.ravel())[1:]
        two = np.argsort(sizes, kind="stable")[-2:]
        spots = [pieces == value + 1 for value in two]
        x = [float(labels.geometry.to_patient(np.argwhere(spot))[:, 0].mean()) for spot in spots]
        if sizes[two[0]] < _SECOND_BONE * sizes[two[1]] or abs(x[0] - x[1]) < settings.min_side_distance.value:
            continue
        left |= spots[int(np.argmax(x))]
        right |= spots[int(np.argmin(x))]
    return (left, right) if left.any() else None


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
) -> tuple[tuple[BonePart, ...], tuple[Finding, ...]]:
    """Tell sacrum and ilia in a mask over the sacroiliac joints; none where the protocol knows neither."""
    sacrum, ilium = protocol.spec("sacrum"), protocol.spec("ilium")
    if sacrum is None or ilium is None:
        return (), ()
    found = iliac_sides_of_ridge(mask, ridge, geometry=geometry, midline=midline, settings=protocol.divisions)
    ilia = [side.ilium for side in found]
    left_mm = signed_distance_mm(midline, geometry)
    # A side whose joint is not seen is neither sacrum nor ilium.
    seen = ((left_mm > 0) & ilia[0].any()) | ((left_mm <= 0) & ilia[1].any())
    masks: tuple[SidedBone, ...] = ((sacrum, Side.NONE, mask & seen & ~ilia[0] & ~ilia[1]),)
    masks += tuple((ilium, side, part) for side, part in zip((Side.LEFT, Side.RIGHT), ilia, strict=True))
    bones = tuple(BonePart(spec=spec, side=side, mask=part, new=True) for spec, side, part in masks if part.any())
    short = tuple(
        _short_line(side, share.seen)
        for side, share in zip((Side.LEFT, Side.RIGHT), found, strict=True)
        if share.seen is not None and share.seen < protocol.divisions.min_seen_border.value
    )
    return bones, short


def _short_line(side: Side, seen: float) -> Finding:
    text = (
        f"The {side} sacroiliac joint's dark line shows {seen:.0%} of the border between sacrum and ilium: "
        "the mask does not tell these bones apart on this side."
    )
    return Finding(code="joint_line_short", stage=_STAGE, severity=Severity.WARN, message=text)
