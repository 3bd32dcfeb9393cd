"""Named left and right regions of the marrow mask, and the parts of its bones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.tissue_masks import fat_level
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol, SymmetryCuts
from marrowsignal.regions.apart import SidedBone, bones_by_hint, bones_by_ridge, sides_apart, sides_of, whole_bones
from marrowsignal.regions.bones import Bone, bones_of
from marrowsignal.regions.coverage import coverage_of
from marrowsignal.regions.dividing import BonePart, BoneScene
from marrowsignal.regions.joints import joint_between, joint_from_dark_ridge
from marrowsignal.regions.midline import find_midline, midline_between, signed_distance_mm
from marrowsignal.regions.parts import PartMap, divide_bones
from marrowsignal.regions.records import Midline, Region, RegionMap, Side

__all__ = ["label_regions"]

_STAGE = "label_regions"
_OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
Mask = NDArray[np.bool_]


def label_regions(
    pair: AlignedPair,
    marrow: MarrowMask,
    *,
    protocol: Protocol,
    hint: LabelVolume | None = None,
    laterality: Side = Side.NONE,
) -> RegionMap:
    """Split marrow into the protocol's regions and sides, and bones into their parts.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Labels, whose names say which bone a value is; a value without a name is read by its number, and one that no
        region claims becomes a region of its own.
    protocol : Protocol
        Regions, whether the anatomy is symmetric, how joints are found, how bones are divided.
    hint : LabelVolume, optional
        Bones with names on the same grid, for masks that do not tell bones apart.
    laterality : Side
        Which knee is shown, where a header says so.

    Returns
    -------
    RegionMap
        Left is the patient's left (larger x in LPS). Sides that names declare win over the midline.
    """
    found: list[Finding] = []
    bones = bones_of(marrow, protocol)
    midline = _midline(pair, marrow, bones, protocol, found)
    left = None if midline is None else signed_distance_mm(midline, pair.t1.geometry)
    found += _told(bones)
    array = marrow.labels.array
    sided = tuple(
        (bone.spec, *part) for bone in bones for part in sides_of(bone.spec, bone.side, bone.mask(array), left)
    )
    found += _contradictions(sided, left)
    first = sided or _undivided(marrow, protocol, left)
    joint, source = _joint(pair, marrow.labels.mask, sided, protocol, left)
    if sided:
        apart = whole_bones(sided, new=False)
    elif hint is not None:
        apart = bones_by_hint(marrow.labels.mask, hint, left, protocol)
    elif joint is not None and midline is not None:
        apart, short = bones_by_ridge(marrow.labels.mask, joint, midline, geometry=pair.t1.geometry, protocol=protocol)
        found += short
    else:
        apart = ()
    parts = _parts(apart, pair, midline, joint, laterality, protocol)
    regions = _regions(first, pair, midline)
    labels = np.zeros(array.shape, np.uint16)
    for region, (_, _, mask) in zip(regions, first, strict=True):
        labels[mask] = region.label
    return RegionMap(
        labels=LabelVolume(
            array=labels, geometry=pair.t1.geometry, names=tuple((region.label, region.name) for region in regions)
        ),
        regions=regions,
        midline=midline,
        joint_mask=joint,
        joint_source=source,
        parts=parts.parts,
        part_labels=parts.labels,
        parts_reason=parts.reason,
        findings=tuple(found),
    )


def _midline(
    pair: AlignedPair, marrow: MarrowMask, bones: tuple[Bone, ...], protocol: Protocol, found: list[Finding]
) -> Midline | None:
    if not protocol.symmetric_anatomy:
        return None
    midline = find_midline(pair.t1.array, pair.body_mask, pair.t1.geometry)
    if midline is not None and _holds(midline, protocol.symmetry):
        return midline
    sides = (
        np.isin(marrow.labels.array, [v for bone in bones if bone.side is side for v in bone.values])
        for side in (Side.LEFT, Side.RIGHT)
    )
    declared = midline_between(*sides, geometry=pair.t1.geometry)
    if declared is not None:
        return declared
    paired = sides_apart(bones, marrow.labels, protocol.divisions)
    if paired is not None:
        text = "The T1 series shows no left-right symmetry: left and right are told by the two bones of each pair."
        found.append(Finding(code="sides_by_bones", stage=_STAGE, severity=Severity.INFO, message=text))
        return midline_between(*paired, geometry=pair.t1.geometry, source="paired_bones")
    text = "The T1 series shows no left-right symmetry: sides are not told apart and symmetry is not evaluable."
    found.append(Finding(code="no_midline", stage=_STAGE, severity=Severity.WARN, message=text))
    return None


def _holds(midline: Midline, cuts: SymmetryCuts) -> bool:
    """Whether a plane mirrors detail too, or at least all of the picture without leaning."""
    if midline.detail_symmetry is not None and midline.detail_symmetry >= cuts.min_detail_correlation.value:
        return True
    alike = midline.symmetry is not None and midline.symmetry >= cuts.min_mirror_correlation.value
    return alike and midline.tilt_deg <= cuts.max_plain_tilt.value


def _told(bones: tuple[Bone, ...]) -> tuple[Finding, ...]:
    if sum(len(bone.values) for bone in bones) < 2:
        return ()
    words = "; ".join(f"{', '.join(str(v) for v in bone.values)} {_named(bone.spec.name, bone.side)}" for bone in bones)
    text = f"Labels of the marrow map were read as: {words}."
    return (Finding(code="labels_read_as", stage=_STAGE, severity=Severity.INFO, message=text),)


def _contradictions(sided: tuple[SidedBone, ...], left: NDArray[np.float64] | None) -> list[Finding]:
    """Tell declared sides that lie on the other side of the midline."""
    if left is None:
        return []
    wrong = [
        _named(spec.name, side)
        for spec, side, mask in sided
        if side is not Side.NONE and (float(np.median(left[mask])) > 0) != (side is Side.LEFT)
    ]
    if not wrong:
        return []
    text = f"Labels say {' and '.join(wrong)}, but the image's midline has it on the other side: labels were believed."
    return [Finding(code="side_contradicts_midline", stage=_STAGE, severity=Severity.WARN, message=text)]


def _named(name: str, side: Side) -> str:
    return name if side is Side.NONE else f"{name}, {side}"


def _regions(first: tuple[SidedBone, ...], pair: AlignedPair, midline: Midline | None) -> tuple[Region, ...]:
    geometry = pair.t1.geometry
    by_side = {(spec.key, side): mask for spec, side, mask in first}
    regions = []
    for label, (spec, side, mask) in enumerate(first, start=1):
        partner = by_side.get((spec.key, _OTHER[side])) if side in _OTHER else None
        seen = coverage_of(mask, partner=partner, geometry=geometry, midline=midline)
        voxels = int(mask.sum())
        regions.append(
            Region(
                label=label,
                key=spec.key,
                name=_named(spec.name, side),
                side=side,
                code=spec.code,
                voxels=voxels,
                volume_ml=voxels * geometry.voxel_ml,
                cut_by_field_of_view=seen.cut,
                coverage_fraction=seen.fraction,
                coverage_reason=seen.reason,
            )
        )
    return tuple(regions)


def _undivided(marrow: MarrowMask, protocol: Protocol, left: NDArray[np.float64] | None) -> tuple[SidedBone, ...]:
    whole = protocol.whole.model_copy(update={"paired": protocol.whole.paired and protocol.symmetric_anatomy})
    return tuple((whole, *part) for part in sides_of(whole, Side.NONE, marrow.labels.mask, left))


def _parts(
    bones: tuple[BonePart, ...],
    pair: AlignedPair,
    midline: Midline | None,
    joint: Mask | None,
    laterality: Side,
    protocol: Protocol,
) -> PartMap:
    if not bones:
        return PartMap(parts=(), labels=None, reason="the mask does not tell bones apart")
    return divide_bones(
        BoneScene(
            bones=bones,
            geometry=pair.t1.geometry,
            midline=midline,
            joint_mask=joint,
            laterality=laterality,
            protocol=protocol,
        )
    )


def _joint(
    pair: AlignedPair,
    mask: Mask,
    sided: tuple[SidedBone, ...],
    protocol: Protocol,
    left: NDArray[np.float64] | None,
) -> tuple[Mask | None, str]:
    spacing = pair.t1.geometry.spacing_mm
    by_key: dict[str, Mask] = {}
    for spec, _, part in sided:
        by_key[spec.key] = by_key[spec.key] | part if spec.key in by_key else part
    joint = np.zeros(mask.shape, bool)
    contact = protocol.joints.contact_distance.value
    for spec in {spec.key: spec for spec, _, _ in sided}.values():
        for other in spec.joint_with:
            if other in by_key:
                joint |= joint_between(by_key[spec.key], by_key[other], spacing_mm=spacing, contact_mm=contact)
    if joint.any():
        return joint, "between the labelled bones"
    fat = fat_level(pair.t1.array, pair.body_mask)
    if protocol.joint_from_dark_ridge and left is not None and fat and mask.any():
        joint = joint_from_dark_ridge(
            pair.t1.array / np.float32(fat),
            mask,
            left_of_midline_mm=left,
            spacing_mm=spacing,
            settings=protocol.joints,
        )
        if joint.any():
            return joint, "along the dark line of cortex and joint space inside the marrow mask"
        return None, "not known: no dark joint line was found inside the marrow mask"
    return None, "not known: the mask does not tell bones apart"
