"""The measurements as a structured report (TID 1500, Comprehensive 3D SR), linked to the segmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects.dates import set_dates
from marrowsignal.exports.dicom_objects.measured_groups import measured_groups
from marrowsignal.exports.dicom_objects.measurement_codes import SCHEME
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SourceImages
from marrowsignal.exports.dicom_objects.series_names import SeriesPlace, series_description, series_number
from marrowsignal.exports.dicom_objects.uids import device_uid, object_uid
from marrowsignal.patterns.records import PatternClass
from marrowsignal.results.study_result import StudyResult

if TYPE_CHECKING:
    from highdicom.sr import MeasurementReport, ObservationContext

    from marrowsignal.exports.dicom_objects.report_content import Group

__all__ = ["measurement_report"]

_MAKER = "marrowsignal"
_PROCEDURE = Code("25056-3", "LN", "MRI unspecified body region")
_ENGLISH = Code("en", "RFC5646", "English")
_DEVICE = Code("121007", "DCM", "Device")
_UTF_8 = "ISO_IR 192"
# At most 64 characters (LO); viewers show it above everything else.
_COMPLETE = "Research use only, not a diagnosis. All that was asked is there."
_PARTIAL = "Research use only, not a diagnosis. Parts were not measurable."


def measurement_report(result: StudyResult, source: SourceImages, *segmentations: SegmentedObject | None) -> Dataset:
    """Write what was measured as a structured report.

    Values that were not measured are told as such, with the reason, and carry no number.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    source : SourceImages
        Headers of its images: patient and study are theirs.
    *segmentations : SegmentedObject or None
        Those of the same export: groups of measurements link to their segments.

    Returns
    -------
    Dataset
        A Comprehensive 3D SR; the same for the same result and source.
    """
    from highdicom.coding_schemes import CodingSchemeIdentificationItem  # noqa: PLC0415 - a second of imports
    from highdicom.sr import Comprehensive3DSR  # noqa: PLC0415

    from marrowsignal.exports.dicom_objects.report_content import algorithm, group_item  # noqa: PLC0415
    from marrowsignal.exports.dicom_objects.report_evaluations import qualitative_evaluations  # noqa: PLC0415
    from marrowsignal.exports.dicom_objects.report_images import image_library  # noqa: PLC0415

    made = tuple(segmented for segmented in segmentations if segmented is not None)
    first, *others = measured_groups(result, source, made)
    made_by = algorithm(result)
    version = result.provenance.version
    complete = _is_complete(result)
    report = Comprehensive3DSR(
        evidence=[*source.all, *(segmented.dataset for segmented in made)],
        content=_content(result, group_item(first, made_by))[0],
        series_instance_uid=object_uid(result, source, "series", "measurements"),
        series_number=series_number(result, SeriesPlace.STRUCTURED_REPORT),
        sop_instance_uid=object_uid(result, source, "object", "measurements"),
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name=_MAKER,
        software_versions=version,
        device_serial_number=version,
        series_description=series_description(result, "measurements"),
        is_complete=complete,
        content_qualification="RESEARCH",
        coding_schemes=[
            CodingSchemeIdentificationItem(designator=SCHEME, name=_MAKER, responsible_organization=_MAKER)
        ],
    )
    report.CompletionFlagDescription = _COMPLETE if complete else _PARTIAL
    # Added last: the library copies and searches, several times over, whatever tree it is given.
    root = report.ContentSequence
    for group in others:
        root[-1].ContentSequence.extend(group_item(group, made_by))
    root.insert(len(root) - 1, image_library(result, source))
    root.append(qualitative_evaluations(result, source))
    if not _is_ascii(report):
        report.SpecificCharacterSet = _UTF_8
    set_dates(report, source)
    return report


def _content(result: StudyResult, first: Group) -> MeasurementReport:
    from highdicom.sr import CodedConcept, LanguageOfContentItemAndDescendants, MeasurementReport  # noqa: PLC0415

    report = MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=_PROCEDURE,
        imaging_measurements=[first],
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(CodedConcept.from_code(_ENGLISH)),
    )
    root = report[0]
    measurements = root.ContentSequence[-1]
    root.ContinuityOfContent = measurements.ContinuityOfContent = "SEPARATE"
    return report


def _observer(result: StudyResult) -> ObservationContext:
    from highdicom.sr import (  # noqa: PLC0415
        CodedConcept,
        DeviceObserverIdentifyingAttributes,
        ObservationContext,
        ObserverContext,
    )

    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(result.provenance.version),
        name=_MAKER,
        manufacturer_name=_MAKER,
        model_name=_MAKER,
        serial_number=result.provenance.version,
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=CodedConcept.from_code(_DEVICE), observer_identifying_attributes=device
        )
    )


def _is_complete(result: StudyResult) -> bool:
    assessed = result.call.pattern_class is not PatternClass.CANNOT_ASSESS
    return assessed and result.signals.lesions is not None


def _is_ascii(report: Dataset) -> bool:
    return all(
        str(element.value).isascii()
        for element in report.iterall()
        if element.VR in ("LO", "PN", "SH", "UT") and element.value
    )
