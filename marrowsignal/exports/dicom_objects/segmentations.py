"""Marrow regions and lesions as DICOM segmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects.records import SegmentedObject, SegmentEntry, SourceImages
from marrowsignal.exports.dicom_objects.uids import object_uid, tracking_uid
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.results.study_result import StudyResult

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

__all__ = ["lesion_segmentation", "region_segmentation"]

_MANUFACTURER = "marrowsignal"


def region_segmentation(result: StudyResult, source: SourceImages) -> SegmentedObject | None:
    """Segmentation of the marrow regions; None without a region."""
    entries = tuple(
        _entry(result, number, region.label, ("region", region.key), region.side, region.name, region.code)
        for number, region in enumerate(result.regions.regions, start=1)
    )
    return _segmentation(result, source, result.regions.labels, entries, kind="marrow")


def lesion_segmentation(result: StudyResult, source: SourceImages) -> SegmentedObject | None:
    """Segmentation of the lesions; None where there is none or they were not looked for."""
    if result.signals.lesion_labels is None or not result.signals.lesions:
        return None
    codes = {(region.key, region.side): region.code for region in result.regions.regions}
    entries = tuple(
        _entry(
            result,
            number,
            lesion.label,
            ("lesion", str(lesion.label)),
            lesion.side,
            f"lesion {lesion.label}, {lesion.region_name}",
            codes.get((lesion.region_key, lesion.side)),
        )
        for number, lesion in enumerate(result.signals.lesions, start=1)
    )
    return _segmentation(result, source, result.signals.lesion_labels, entries, kind="lesions")


def _entry(result, number, value, what, side, name, code) -> SegmentEntry:  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    return SegmentEntry(
        number=number,
        value=value,
        kind=what[0],
        key=what[1],
        side=side,
        name=name,
        code=code,
        tracking_id=name,
        tracking_uid=tracking_uid(result, *what, side.value),
    )


def _segmentation(
    result: StudyResult, source: SourceImages, labels: LabelVolume, entries: tuple[SegmentEntry, ...], *, kind: str
) -> SegmentedObject | None:
    if not entries:
        return None
    from highdicom import Volume  # noqa: PLC0415 - a second of imports that only this needs
    from highdicom.seg import Segmentation  # noqa: PLC0415

    lookup = np.zeros(int(labels.array.max()) + 1, np.uint16)
    for entry in entries:
        lookup[entry.value] = entry.number
    volume = Volume(
        array=lookup[labels.array],
        affine=labels.geometry.affine_lps,
        coordinate_system="PATIENT",
        frame_of_reference_uid=source.t1[0].FrameOfReferenceUID,
    )
    dataset = Segmentation(
        source_images=source.t1,
        pixel_array=volume,
        segmentation_type="BINARY",
        segment_descriptions=[_description(entry, result.provenance.version) for entry in entries],
        series_instance_uid=object_uid(result, "series", kind),
        series_number=1,
        sop_instance_uid=object_uid(result, "object", kind),
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MANUFACTURER,
        software_versions=result.provenance.version,
        device_serial_number="0",
    )
    return SegmentedObject(dataset=dataset, labels=labels, segments=entries)


def _description(entry: SegmentEntry, version: str) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence  # noqa: PLC0415
    from highdicom.seg import SegmentDescription as Description  # noqa: PLC0415

    return Description(
        segment_number=entry.number,
        segment_label=entry.name[:64],
        segmented_property_category=Code("123037004", "SCT", "Anatomical Structure"),
        segmented_property_type=Code("14016003", "SCT", "Bone marrow"),
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=_MANUFACTURER, family=Code("123109", "DCM", "Manual Processing"), version=version
        ),
        tracking_uid=entry.tracking_uid,
        tracking_id=entry.tracking_id,
    )
