"""Drawn labels onto the T1 grid, under the names of the protocol's regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.geometry.label_grid import labels_on_grid
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.marrow.supplied.bone_names import BoneNames, bare_name, tells_bone
from marrowsignal.marrow.supplied.records import DrawnLabels, SeriesReference, StudySpace
from marrowsignal.marrow.supplied.soft_tissue import bones_only
from marrowsignal.protocol.schema import RegionSpec

__all__ = ["drawn_on_stir", "place_labels"]

_STAGE = "segment_marrow"
_SAME_GRID_MM = 0.5  # at the farthest corner: spacings of one series differ by rounding between formats


def place_labels(
    drawn: DrawnLabels, space: StudySpace, *, kind: MaskKind, specs: tuple[RegionSpec, ...] = ()
) -> Segmentation:
    """Bring drawn labels to the T1 grid and name them.

    Parameters
    ----------
    drawn : DrawnLabels
        On their own grid.
    space : StudySpace
        Where T1 and STIR lie, and what they are. Labels that were drawn on STIR follow `t1_to_stir_lps`.
    kind : MaskKind
        Whether labels enclose marrow or whole bones.
    specs : tuple of RegionSpec
        Regions and other bones of the protocol.

    Returns
    -------
    Segmentation
        On the T1 grid. A value whose name or code tells a region has its key as name, any other the source's words;
        soft tissue, and what a segmenter's own list names beside bones, is left out.

    Raises
    ------
    MaskError
        If the labels belong to another person or frame of reference, name no bone, or nothing of them lies inside the
        T1 series.
    """
    _refuse_others(drawn.reference, space)
    bones = BoneNames.of(specs)
    drawn = bones_only(drawn, bones)
    on_stir = drawn_on_stir(drawn, space)
    way = space.t1_to_stir_lps if on_stir else None
    placed = labels_on_grid(drawn.labels, space.t1, to_labels_lps=way)
    if not placed.array.any():
        raise _outside("no voxel of the marrow map lies inside the T1 series", "is in patient space")
    names, told = _named(drawn, bones, {int(value) for value in np.unique(placed.array) if value})
    findings = (
        *drawn.findings,
        *_of_reference(drawn.reference, space),
        *_of_place(drawn.labels, placed, on_stir=on_stir, to_labels_lps=way),
        *told,
    )
    return Segmentation(labels=replace(placed, names=names), kind=kind, source=MarrowSource.SUPPLIED, findings=findings)


def drawn_on_stir(drawn: DrawnLabels, space: StudySpace) -> bool:
    """Whether labels follow STIR's grid or reference its series, and not T1's."""
    if space.stir is None:
        return False
    told, t1, stir = drawn.reference, space.t1_reference, space.stir_reference
    if told is not None and t1 is not None and stir is not None:
        series = set(told.series_instance_uids)
        if series & {*t1.series_instance_uids, *stir.series_instance_uids}:
            return not series & set(t1.series_instance_uids)
        if t1.frame_of_reference_uid != stir.frame_of_reference_uid:
            return told.frame_of_reference_uid == stir.frame_of_reference_uid
    grid = drawn.labels.geometry
    return _same_voxels(grid, space.stir) and not _same_voxels(grid, space.t1)


def _same_voxels(one: VolumeGeometry, other: VolumeGeometry) -> bool:
    """Whether two grids hold the same voxels, in whatever order of axes."""
    return sorted(one.shape) == sorted(other.shape) and one.boxes_apart_mm(other) <= _SAME_GRID_MM


def _refuse_others(told: SeriesReference | None, space: StudySpace) -> None:
    known = [reference for reference in (space.t1_reference, space.stir_reference) if reference is not None]
    if told is None or not known:
        return
    if told.person and all(reference.person and reference.person != told.person for reference in known):
        raise _outside("the DICOM segmentation belongs to another PatientID", "belongs to this study")
    if any({*told.series_instance_uids} & {*reference.series_instance_uids} for reference in known):
        return
    frames = {reference.frame_of_reference_uid for reference in known} - {""}
    if told.frame_of_reference_uid and frames and told.frame_of_reference_uid not in frames:
        raise _outside(
            "the DICOM segmentation lies in another frame of reference than the T1 and the STIR series",
            "was drawn on this study; if it lies right all the same, give it as NIfTI",
        )


def _outside(problem: str, check: str) -> MaskError:
    return MaskError(problem, code="mask_outside", stage=_STAGE, hint=f"check that the mask {check}")


def _of_reference(told: SeriesReference | None, space: StudySpace) -> tuple[Finding, ...]:
    known = {
        uid
        for reference in (space.t1_reference, space.stir_reference)
        if reference is not None
        for uid in reference.series_instance_uids
    }
    if told is None or not known or not told.series_instance_uids or known & set(told.series_instance_uids):
        return ()
    text = "The DICOM segmentation was drawn on another series than the T1 and STIR measured: look at the outline."
    return (Finding(code="mask_other_series", stage=_STAGE, severity=Severity.WARN, message=text),)


def _of_place(
    drawn: LabelVolume, placed: LabelVolume, *, on_stir: bool, to_labels_lps: NDArray[np.float64] | None
) -> tuple[Finding, ...]:
    found = []
    if on_stir:
        registered = to_labels_lps is not None
        by = "by the registration of both series" if registered else "without a registration"
        text = f"The marrow map was drawn on the STIR series and was brought to T1 {by}."
        severity = Severity.INFO if registered else Severity.WARN
        found.append(Finding(code="mask_drawn_on_stir", stage=_STAGE, severity=severity, message=text))
    drawn_ml = np.count_nonzero(drawn.array) * drawn.geometry.voxel_ml
    lost_ml = (1 - _share_inside(drawn, placed.geometry, to_labels_lps)) * drawn_ml
    if lost_ml >= placed.geometry.voxel_ml:
        text = f"{lost_ml:.1f} of {drawn_ml:.1f} mL of the marrow map lie outside the T1 series."
        found.append(Finding(code="mask_partly_outside", stage=_STAGE, severity=Severity.WARN, message=text))
    return tuple(found)


def _share_inside(drawn: LabelVolume, grid: VolumeGeometry, to_labels_lps: NDArray[np.float64] | None) -> float:
    """Share of labelled voxels whose centre is not beyond the outermost voxels of `grid`."""
    back = np.eye(4) if to_labels_lps is None else np.linalg.inv(to_labels_lps)
    inside = total = 0
    # Slice by slice: the points of a whole body would take gigabytes.
    for number in np.flatnonzero(drawn.array.any(axis=(1, 2))):
        there = np.argwhere(drawn.array[number])
        points = drawn.geometry.to_patient(np.column_stack([np.full(len(there), number), there]))
        index = grid.to_index(points @ back[:3, :3].T + back[:3, 3])
        inside += int(np.count_nonzero(np.all((index > -1) & (index < grid.shape), axis=1)))
        total += len(there)
    return inside / total


def _named(
    drawn: DrawnLabels, bones: BoneNames, present: set[int]
) -> tuple[tuple[tuple[int, str], ...], tuple[Finding, ...]]:
    """Name of each value that is there, and what could not be told."""
    known = {label.value: region for label in drawn.named if (region := bones.region_of(label))}
    own = {label.value: bare_name(label.name) for label in drawn.named if tells_bone(label.name)}
    names = tuple(
        (value, known.get(value) or own[value]) for value in sorted(present) if value in known or value in own
    )
    found = []
    strange = [name for value, name in names if value not in known]
    if strange:
        text = f"Labels that are no region of the protocol became regions of their own: {listed(strange)}."
        found.append(Finding(code="labels_unknown", stage=_STAGE, severity=Severity.INFO, message=text))
    nameless = sorted(present - {label.value for label in drawn.named})
    if drawn.named and nameless:
        text = f"The label table has no name for: {listed(nameless)}."
        found.append(Finding(code="labels_without_name", stage=_STAGE, severity=Severity.WARN, message=text))
    return names, tuple(found)
