"""Named left and right regions of the marrow mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.tissue_masks import fat_level
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.joints import joint_between, joint_from_dark_ridge
from marrowsignal.regions.midline import find_midline, signed_distance_mm
from marrowsignal.regions.records import Midline, Region, RegionMap, Side

__all__ = ["label_regions"]

_STAGE = "label_regions"


def label_regions(pair: AlignedPair, marrow: MarrowMask, *, protocol: Protocol) -> RegionMap:
    """Split marrow into the protocol's regions and sides.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Labels; a value that no region claims becomes a region of its own, called by its number.
    protocol : Protocol
        Regions, whether the anatomy is symmetric, how joints are found.

    Returns
    -------
    RegionMap
        Left is the patient's left (larger x in LPS).
    """
    geometry = pair.t1.geometry
    found: list[Finding] = []
    midline = _midline(pair, marrow, protocol, found)
    left = None if midline is None else signed_distance_mm(midline, geometry)
    labels = np.zeros(geometry.shape, np.uint16)
    regions: list[Region] = []
    specs = _specs(marrow, protocol)
    found += _told(specs, marrow)
    for spec in specs:
        mask = np.isin(marrow.labels.array, spec.labels)
        for side, part in _sides(spec, mask, left):
            if part.any():
                regions.append(_region(len(regions) + 1, spec, side, part, geometry.voxel_ml))
                labels[part] = len(regions)
    joint, source = _joint(pair, marrow, specs, protocol, left)
    names = tuple((region.label, region.name) for region in regions)
    return RegionMap(
        labels=LabelVolume(array=labels, geometry=geometry, names=names),
        regions=tuple(regions),
        midline=midline,
        joint_mask=joint,
        joint_source=source,
        findings=tuple(found),
    )


def _midline(pair: AlignedPair, marrow: MarrowMask, protocol: Protocol, found: list[Finding]) -> Midline | None:
    if not protocol.symmetric_anatomy:
        return None
    midline = find_midline(pair.t1.array, pair.body_mask, pair.t1.geometry)
    cut = protocol.symmetry.min_mirror_correlation.value
    if midline is None or midline.symmetry is None or midline.symmetry < cut:
        text = "The T1 series shows no left-right symmetry: sides are not told apart and symmetry is not evaluable."
        found.append(Finding(code="no_midline", stage=_STAGE, severity=Severity.WARN, message=text))
        return None
    return midline


def _specs(marrow: MarrowMask, protocol: Protocol) -> tuple[RegionSpec, ...]:
    present = [int(v) for v in np.unique(marrow.labels.array) if v]
    claimed = {label for spec in protocol.regions for label in spec.labels}
    # One value tells no bones apart, unless it is one of the protocol's bones that have no whole of their own.
    apart = len(present) > 1 or (protocol.whole.key == "marrow" and claimed & set(present))
    if marrow.source == "automatic" or not apart:
        paired = protocol.whole.paired and protocol.symmetric_anatomy
        return (protocol.whole.model_copy(update={"labels": tuple(present), "paired": paired}),)
    extra = tuple(
        RegionSpec(key=f"label_{v}", name=f"label {v}", labels=(v,), paired=protocol.symmetric_anatomy)
        for v in present
        if v not in claimed
    )
    return (*protocol.regions, *extra)


def _told(specs: tuple[RegionSpec, ...], marrow: MarrowMask) -> tuple[Finding, ...]:
    present = {int(v) for v in np.unique(marrow.labels.array) if v}
    if len(present) < 2:
        return ()
    words = "; ".join(
        f"{', '.join(str(v) for v in spec.labels if v in present)} {spec.name}"
        for spec in specs
        if present & set(spec.labels)
    )
    text = f"Labels of the marrow map were read as: {words}."
    return (Finding(code="labels_read_as", stage=_STAGE, severity=Severity.INFO, message=text),)


def _sides(
    spec: RegionSpec, mask: NDArray[np.bool_], left: NDArray[np.float64] | None
) -> tuple[tuple[Side, NDArray[np.bool_]], ...]:
    if spec.side != "none":
        return ((Side(spec.side), mask),)
    if not spec.paired or left is None:
        return ((Side.NONE, mask),)
    return ((Side.LEFT, mask & (left > 0)), (Side.RIGHT, mask & (left <= 0)))


def _region(label: int, spec: RegionSpec, side: Side, mask: NDArray[np.bool_], voxel_ml: float) -> Region:
    voxels = int(mask.sum())
    return Region(
        label=label,
        key=spec.key,
        name=spec.name if side is Side.NONE else f"{spec.name}, {side}",
        side=side,
        code=spec.code,
        voxels=voxels,
        volume_ml=voxels * voxel_ml,
    )


def _joint(
    pair: AlignedPair,
    marrow: MarrowMask,
    specs: tuple[RegionSpec, ...],
    protocol: Protocol,
    left: NDArray[np.float64] | None,
) -> tuple[NDArray[np.bool_] | None, str]:
    spacing = pair.t1.geometry.spacing_mm
    by_key = {spec.key: np.isin(marrow.labels.array, spec.labels) for spec in specs}
    joint = np.zeros(marrow.labels.array.shape, bool)
    for spec in specs:
        for other in spec.joint_with:
            if other in by_key:
                contact = protocol.joints.contact_distance.value
                joint |= joint_between(by_key[spec.key], by_key[other], spacing_mm=spacing, contact_mm=contact)
    if joint.any():
        return joint, "between the labelled bones"
    fat = fat_level(pair.t1.array, pair.body_mask)
    if protocol.joint_from_dark_ridge and left is not None and fat and marrow.labels.array.any():
        joint = joint_from_dark_ridge(
            pair.t1.array / np.float32(fat),
            marrow.labels.mask,
            left_of_midline_mm=left,
            spacing_mm=spacing,
            settings=protocol.joints,
        )
        if joint.any():
            return joint, "along the dark line of cortex and joint space inside the marrow mask"
        return None, "not known: no dark joint line was found inside the marrow mask"
    return None, "not known: the mask does not tell bones apart"
