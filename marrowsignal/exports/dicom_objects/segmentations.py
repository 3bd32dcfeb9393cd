"""Marrow regions, lesions and dark foci as DICOM segmentations: binary, a segment each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage
from pydicom.valuerep import DSfloat

from marrowsignal.exports.dicom_objects.dates import set_dates
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SliceReference, SourceImages
from marrowsignal.exports.dicom_objects.segment_descriptions import segment_description
from marrowsignal.exports.dicom_objects.segment_entries import (
    Entries,
    dark_focus_entries,
    lesion_entries,
    region_entries,
)
from marrowsignal.exports.dicom_objects.series_names import SeriesPlace, series_description, series_number
from marrowsignal.exports.dicom_objects.uids import object_uid
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.results.study_result import StudyResult

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

__all__ = ["dark_focus_segmentation", "lesion_segmentation", "region_segmentation"]

_MANUFACTURER = "marrowsignal"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One of the segmentations: key of its UIDs, its place among the series, its words."""

    key: str
    place: SeriesPlace
    label: str
    words: str


_MARROW = _Kind(key="marrow", place=SeriesPlace.MARROW, label="MARROW", words="marrow regions")
_LESIONS = _Kind(key="lesions", place=SeriesPlace.LESIONS, label="LESIONS", words="STIR-bright lesions")
_DARK_FOCI = _Kind(key="dark_foci", place=SeriesPlace.DARK_FOCI, label="DARK_FOCI", words="T1-dark foci")


def region_segmentation(result: StudyResult, source: SourceImages) -> SegmentedObject | None:
    """Segment the marrow by region; regions of the first level do not overlap.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    source : SourceImages
        Headers of its images.

    Returns
    -------
    SegmentedObject or None
        None without a region that holds a voxel.
    """
    return _segmentation(result, source, result.regions.labels, region_entries(result), _MARROW)


def lesion_segmentation(result: StudyResult, source: SourceImages) -> SegmentedObject | None:
    """Segment the lesions; None where there is none or they were not looked for. As `region_segmentation`."""
    return _segmentation(result, source, result.signals.lesion_labels, lesion_entries(result, source), _LESIONS)


def dark_focus_segmentation(result: StudyResult, source: SourceImages) -> SegmentedObject | None:
    """Segment the foci dark on T1; None where there is none or they were not looked for. As `region_segmentation`."""
    return _segmentation(result, source, result.signals.dark_labels, dark_focus_entries(result, source), _DARK_FOCI)


def _segmentation(
    result: StudyResult, source: SourceImages, labels: LabelVolume | None, entries: Entries, kind: _Kind
) -> SegmentedObject | None:
    if labels is None or not entries.segments:
        return None
    from highdicom.seg import Segmentation  # noqa: PLC0415 - a second of imports that only this needs

    made = SegmentedObject(dataset=Dataset(), labels=labels, segments=entries.segments, findings=entries.findings)
    filled = _filled_slices(labels)
    dataset = Segmentation(
        source_images=_planes(source, labels.geometry)[filled],
        pixel_array=_pixels(made, filled),
        segmentation_type="BINARY",
        segment_descriptions=[segment_description(result, entry) for entry in entries.segments],
        series_instance_uid=object_uid(result, source, "series", kind.key),
        series_number=series_number(result, kind.place),
        sop_instance_uid=object_uid(result, source, "object", kind.key),
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MANUFACTURER,
        software_versions=result.provenance.version,
        device_serial_number="1",
        content_label=kind.label,
        content_description=f"{kind.words} by marrowsignal, research use only",
        content_qualification="RESEARCH",
        series_description=series_description(result, kind.words),
    )
    _refer_to_stored_frames(dataset, source.t1_slices)
    _fix_dimensions(dataset, object_uid(result, source, "dimensions", kind.key))
    set_dates(dataset, source)
    return replace(made, dataset=dataset)


def _planes(source: SourceImages, geometry: VolumeGeometry) -> list[Dataset]:
    """One classic image a slice of the grid, as the library wants its sources: of whatever kind the files are.

    Frames of Enhanced files may hold their orientation each, or lie in several stacks or files, which it refuses.
    """
    # Elements are shared, and setting one changes it for all: what differs by plane is left out.
    shared = [element for element in source.t1[0] if element.keyword not in ("SOPClassUID", "SOPInstanceUID")]
    between, rows_mm, columns_mm = geometry.spacing_mm
    axes = geometry.directions_lps
    planes = []
    for index in range(geometry.shape[0]):
        plane = Dataset()
        plane.update({element.tag: element for element in shared})
        plane.SOPClassUID, plane.SOPInstanceUID = MRImageStorage, _plane_uid(index)
        plane.Rows, plane.Columns = geometry.shape[1:]
        plane.ImagePositionPatient = [_decimal(v) for v in geometry.to_patient([index, 0, 0])]
        # The first cosines run along a row, where the column index grows.
        plane.ImageOrientationPatient = [_decimal(v) for v in (*axes[:, 2], *axes[:, 1])]
        plane.PixelSpacing = [_decimal(rows_mm), _decimal(columns_mm)]
        plane.SliceThickness = plane.SpacingBetweenSlices = _decimal(between)
        planes.append(plane)
    return planes


def _decimal(value: float) -> DSfloat:
    return DSfloat(value, auto_format=True)


def _plane_uid(index: int) -> str:
    return f"2.25.{index + 1}"


def _filled_slices(labels: LabelVolume) -> slice:
    """Slices from the first to the last that hold a label; empty frames are left out anyway."""
    filled = np.flatnonzero(labels.array.any(axis=(1, 2)))
    return slice(int(filled[0]), int(filled[-1]) + 1) if filled.size else slice(None)


def _pixels(made: SegmentedObject, filled: slice) -> NDArray[np.uint16]:
    """Segment numbers, shape (slice, row, column)."""
    lookup = np.zeros(int(made.labels.array.max()) + 1, np.uint16)
    for entry in made.segments:
        lookup[entry.value] = entry.number
    return np.take(lookup, made.labels.array[filled])


def _refer_to_stored_frames(dataset: Segmentation, slices: tuple[SliceReference, ...]) -> None:
    """Put the files and frames of the slices in place of the planes the library was given, in place."""
    stored = {_plane_uid(index): reference for index, reference in enumerate(slices)}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence") or ():
            for item in derivation.SourceImageSequence:
                # Frames of several segments share their item.
                if item.ReferencedSOPInstanceUID in stored:
                    _point_to(item, stored[item.ReferencedSOPInstanceUID])
    files = {reference.sop_instance_uid: reference for reference in slices}
    dataset.SourceImageSequence = [_point_to(Dataset(), replace(file, frame_number=None)) for file in files.values()]
    dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence = [
        _point_to(Dataset(), replace(file, frame_number=None)) for file in files.values()
    ]


def _point_to(item: Dataset, reference: SliceReference) -> Dataset:
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if reference.frame_number is not None:
        item.ReferencedFrameNumber = reference.frame_number
    return item


def _fix_dimensions(dataset: Segmentation, uid: str) -> None:
    """Name the organization of the dimensions by a UID that follows from the study: the library draws one."""
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
