"""Content items of the structured report: groups of measurements (TID 1411, 1501) with their numbers (TID 300)."""

from __future__ import annotations

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    FindingSite,
    MeasurementProperties,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr import Measurement as NumericMeasurement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects.measured_groups import MeasuredGroup, ReportedValue, SegmentLink
from marrowsignal.exports.dicom_objects.measurement_codes import NOT_EVALUATED, REFERENCE_REGION
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.results.study_result import StudyResult

__all__ = ["Group", "algorithm", "group_item", "number_item"]

Group = VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations

_COMMENT = Code("121106", "DCM", "Comment")
_UPPER = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
_LOWER = Code("371885007", "SCT", "-, range of lower measurement uncertainty")
_DIGITS = 4  # significant ones shown; the exact value stands beside them
_SHOWN_HASH = 16


def algorithm(result: StudyResult) -> AlgorithmIdentification:
    """Name what measured, its version and its protocol (TID 4019)."""
    made, protocol = result.provenance, result.protocol
    by = f" ({result.marrow.made_by})" if result.marrow.made_by else ""
    return AlgorithmIdentification(
        name="marrowsignal",
        version=plain_text(made.version),
        parameters=[
            plain_text(f"protocol {protocol.name} {protocol.version}, SHA-256 {made.protocol_sha256[:_SHOWN_HASH]}..."),
            plain_text(f"marrow from {result.marrow.source}{by}, lesions by {result.signals.lesions_made_by}"),
        ],
    )


def group_item(group: MeasuredGroup, made_by: AlgorithmIdentification) -> Group:
    """Make one measurement group: of a segment by TID 1411, of anything else by TID 1501."""
    tracking = TrackingIdentifier(uid=group.tracking_uid, identifier=plain_text(group.tracking_id))
    item: Group
    if group.segment is None:
        item = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, finding_category=group.finding_category, finding_type=group.finding
        )
    else:
        item = VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking,
            finding_category=group.finding_category,
            finding_type=group.finding,
            referenced_segment=_segment(group.segment),
        )
    item[0].ContinuityOfContent = "SEPARATE"
    # The library would put the segment behind the measurements; the templates put it before them.
    content = item[0].ContentSequence
    if group.site is not None:
        content.append(FindingSite(group.site, laterality=group.laterality))
    content.extend(made_by)
    for value in group.values:
        content.extend(_missing(value) if value.value is None else _measured(value, value.value))
    for name, word in group.evaluations:
        content.extend(QualitativeEvaluation(name=name, value=word))
    return item


def number_item(name: Code, value: float, unit: Code, relationship: RelationshipTypeValues) -> NumContentItem:
    """Return a number that people can read, with its exact value beside it.

    Parameters
    ----------
    name : Code
        What it is.
    value : float
        The number; finite.
    unit : Code
        UCUM.
    relationship : RelationshipTypeValues
        To the item it is put under.
    """
    item = NumContentItem(name=name, value=float(value), unit=unit, relationship_type=relationship)
    _show(item, value)
    return item


def _show(item: Dataset, value: float) -> None:
    measured = item.MeasuredValueSequence[0]
    measured.NumericValue = f"{float(f'{value:.{_DIGITS}g}'):.15g}"


def _segment(link: SegmentLink) -> ReferencedSegment:
    seg = link.segmentation.dataset
    return ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=link.entry.number,
        source_series=SourceSeriesForSegmentation(seg.ReferencedSeriesSequence[0].SeriesInstanceUID),
    )


def _measured(item: ReportedValue, value: float) -> NumericMeasurement:
    concept = item.concept
    measurement = NumericMeasurement(
        name=concept.code,
        value=float(value),
        unit=concept.unit,
        method=concept.method,
        derivation=concept.derivation,
        properties=_uncertainty(item, value),
    )
    number = measurement[0]
    _show(number, value)
    for place, tissue in enumerate(concept.references):
        modifier = CodeContentItem(
            name=REFERENCE_REGION, value=tissue, relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD
        )
        number.ContentSequence.insert(place, modifier)
    if item.reason:
        number.ContentSequence.append(_comment(item.reason))
    return measurement


def _uncertainty(item: ReportedValue, value: float) -> MeasurementProperties | None:
    if item.low is None or item.high is None:
        return None
    properties = MeasurementProperties()
    # The library gives both ranges no unit, which is wrong beside a percentage or a length.
    for code, reach in ((_UPPER, item.high - value), (_LOWER, value - item.low)):
        properties.append(number_item(code, reach, item.concept.unit, RelationshipTypeValues.HAS_PROPERTIES))
    return properties


def _missing(item: ReportedValue) -> QualitativeEvaluation:
    evaluation = QualitativeEvaluation(name=item.concept.code, value=NOT_EVALUATED)
    evaluation[0].ContentSequence = [_comment(item.reason or "not measured")]
    return evaluation


def _comment(text: str) -> TextContentItem:
    return TextContentItem(
        name=_COMMENT, value=plain_text(text), relationship_type=RelationshipTypeValues.HAS_PROPERTIES
    )
