"""DICOM segmentations of all kinds: labels on their own grid, what they name and what they belong to."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.dicom.privacy.person import person_mark
from marrowsignal.errors import GeometryError, MaskError
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom.dataset import Dataset

__all__ = ["Segment", "SegmentationObject", "is_dicom", "read_segmentation"]

_STAGE = "segment_marrow"
_MOST_VOXELS = 1 << 29
_SEGMENTATION_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
_CONTOURS_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
_SIDES = {"7771000": "left", "24028007": "right", "G-A101": "left", "G-A100": "right"}
_INSIDE = 0.5  # of a voxel or of certainty
_ROUNDING = 0.1  # of a slice distance, between headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment.

    Attributes
    ----------
    number : int
        SegmentNumber: its value in the labels.
    label : str
        SegmentLabel.
    codes : tuple of str
        SNOMED CT codes of its type and its anatomic regions, the type's first.
    side : str
        ``"left"``, ``"right"`` or ``""``, by the modifiers of those codes.
    automatic : bool
        Whether a program made it without a person, by SegmentAlgorithmType.
    """

    number: int
    label: str
    codes: tuple[str, ...]
    side: str
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentationObject:
    """A DICOM segmentation.

    Attributes
    ----------
    labels : LabelVolume
        SegmentNumber of each voxel on the segmentation's own grid; where segments overlap, the one with the higher
        share, of equal ones the later.
    segments : tuple of Segment
        What each value is.
    fractional : bool
        Whether it holds shares or probabilities, of which those from a half on are inside.
    overlapping : bool
        Whether segments share voxels.
    frame_of_reference_uid : str
        FrameOfReferenceUID; only compared.
    series_instance_uids : tuple of str
        Series it references; only compared.
    person : str
        Mark of PatientID, see `person_mark`; only compared.
    """

    labels: LabelVolume
    segments: tuple[Segment, ...]
    fractional: bool
    overlapping: bool
    frame_of_reference_uid: str
    series_instance_uids: tuple[str, ...]
    person: str


def is_dicom(path: Path) -> bool:
    """Whether a file has DICOM's prefix."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_segmentation(path: Path) -> SegmentationObject:
    """Read a DICOM segmentation.

    Parameters
    ----------
    path : Path
        Segmentation or Label Map Segmentation Storage: binary, fractional or label map.

    Raises
    ------
    MaskError
        If it is another DICOM object, is damaged, is no regular volume, claims too many voxels, or is empty.
    """
    from highdicom.seg import Segmentation  # noqa: PLC0415 - a second of imports that only this needs
    from pydicom import dcmread  # noqa: PLC0415

    try:
        with quiet_pydicom():
            dataset = dcmread(path)
            _refuse_other_objects(dataset)
            return _object_of(Segmentation.from_dataset(dataset, copy=False))
    except MaskError:
        raise
    except (*UNREADABLE, MemoryError, GeometryError, sqlite3.Error) as error:
        raise MaskError(
            "the DICOM segmentation cannot be read: it is damaged or out of form",
            code="mask_unreadable",
            stage=_STAGE,
            hint="export it anew, or as NIfTI or NRRD",
        ) from error


def _refuse_other_objects(dataset: Dataset) -> None:
    kind = str(dataset.get("SOPClassUID", ""))
    if kind in _SEGMENTATION_CLASSES:
        return
    contours = kind == _CONTOURS_CLASS
    raise MaskError(
        "the marrow map is an RT structure set: contours, no labels" if contours else "the DICOM file is no SEG",
        code="mask_unreadable",
        stage=_STAGE,
        hint="export it as DICOM SEG, NIfTI or NRRD" if contours else "give a DICOM SEG, NIfTI or NRRD",
    )


def _object_of(stored: Segmentation) -> SegmentationObject:
    geometry = stored.get_volume_geometry(allow_missing_positions=True)
    if geometry is None:
        raise MaskError(
            "the DICOM segmentation's slices form no volume",
            code="mask_not_3d",
            stage=_STAGE,
            hint="its slices must be parallel and evenly spaced",
        )
    shape = tuple(int(n) for n in geometry.spatial_shape)
    if np.prod(shape, dtype=float) > _MOST_VOXELS:
        raise MaskError(
            f"the DICOM segmentation claims {'x'.join(str(n) for n in shape[::-1])} voxels",
            code="mask_too_large",
            stage=_STAGE,
            hint="export it on the T1 series' grid",
        )
    kind = stored.segmentation_type.value
    if kind == "LABELMAP":
        array, overlapping = np.asarray(stored.get_volume(combine_segments=True).array, np.uint16), False
    else:
        array, overlapping = _stacked(stored)
    if not array.any():
        raise MaskError("the DICOM segmentation is empty", code="mask_empty", stage=_STAGE, hint="export it anew")
    grid = VolumeGeometry(affine_lps=np.asarray(geometry.affine), shape=array.shape)
    array, grid = _with_slices_left_out(array, grid, _thickness_mm(stored))
    references = stored.get("ReferencedSeriesSequence") or ()
    return SegmentationObject(
        labels=LabelVolume(array=array, geometry=grid),
        segments=tuple(_segment(description) for description in stored.SegmentSequence if description.SegmentNumber),
        fractional=kind == "FRACTIONAL",
        overlapping=overlapping,
        frame_of_reference_uid=str(stored.get("FrameOfReferenceUID", "")),
        series_instance_uids=tuple(str(item.get("SeriesInstanceUID", "")) for item in references),
        person=person_mark(str(stored.get("PatientID", ""))),
    )


def _stacked(stored: Segmentation) -> tuple[NDArray[np.uint16], bool]:
    """Segment of each voxel where segments have frames of their own, and whether any share a voxel."""
    labels: NDArray[np.uint16] | None = None
    best: NDArray[np.float32] | None = None
    overlapping = False
    # One segment at a time: a hundred of them at once would take gigabytes.
    for number in stored.segment_numbers:
        share = np.asarray(stored.get_volume(segment_numbers=[number]).array[..., 0], np.float32)
        if labels is None or best is None:
            labels, best = np.zeros(share.shape, np.uint16), np.zeros(share.shape, np.float32)
        inside = share >= _INSIDE
        overlapping |= bool(np.any(labels[inside]))
        wins = inside & (share >= best)
        labels[wins] = number
        best[wins] = share[wins]
    return (np.zeros((1, 1, 1), np.uint16) if labels is None else labels), overlapping


def _thickness_mm(stored: Segmentation) -> float | None:
    shared = stored.SharedFunctionalGroupsSequence[0]
    measures = (shared.get("PixelMeasuresSequence") or [None])[0]
    told = None if measures is None else measures.get("SpacingBetweenSlices") or measures.get("SliceThickness")
    return float(told) if told else None


def _with_slices_left_out(
    array: NDArray[np.uint16], grid: VolumeGeometry, thickness_mm: float | None
) -> tuple[NDArray[np.uint16], VolumeGeometry]:
    """Put back the empty slices between those stored, so that none of these stands for its neighbours."""
    apart = grid.spacing_mm[0] / thickness_mm if thickness_mm and thickness_mm > 0 else 1.0
    # Where only the thickness is told, the gap between slices makes the distance longer than it, never shorter.
    times = int(apart + _ROUNDING)
    if len(array) < 2 or times < 2:
        return array, grid
    shape = ((len(array) - 1) * times + 1, *array.shape[1:])
    if np.prod(shape, dtype=float) > _MOST_VOXELS:
        return array, grid
    whole = np.zeros(shape, np.uint16)
    whole[::times] = array
    affine = grid.affine_lps @ np.diag([1 / times, 1.0, 1.0, 1.0])
    return whole, VolumeGeometry(affine_lps=affine, shape=whole.shape)


def _segment(description: Dataset) -> Segment:
    kinds = list(description.get("SegmentedPropertyTypeCodeSequence") or ())
    places = list(description.get("AnatomicRegionSequence") or ())
    modifiers = [
        str(modifier.get("CodeValue", ""))
        for coded in (*kinds, *places)
        for name in ("SegmentedPropertyTypeModifierCodeSequence", "AnatomicRegionModifierSequence")
        for modifier in coded.get(name) or ()
    ]
    sides = {_SIDES[code] for code in modifiers if code in _SIDES}
    return Segment(
        number=int(description.SegmentNumber),
        label=str(description.get("SegmentLabel", "")),
        codes=tuple(str(coded.get("CodeValue", "")) for coded in (*kinds, *places)),
        side=sides.pop() if len(sides) == 1 else "",
        automatic=description.get("SegmentAlgorithmType") == "AUTOMATIC",
    )
