"""What the structured report says of the whole study in words (TID 1500, Qualitative Evaluations)."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import ContainerContentItem, ContentSequence, RelationshipTypeValues, TextContentItem
from highdicom.sr.value_types import ContentItem
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.patterns.records import PatternClass
from marrowsignal.results.quality_section import quality_sentence
from marrowsignal.results.study_result import StudyResult

__all__ = ["qualitative_evaluations"]

_CONTAINER = Code("C0034375", "UMLS", "Qualitative Evaluations")
_COMMENT = Code("121106", "DCM", "Comment")
_SUMMARY = Code("121111", "DCM", "Summary")
_UNNAMED = (PatternClass.CANNOT_ASSESS, PatternClass.INDETERMINATE)
_RESEARCH_ONLY = "Research use only. Not a diagnosis."
_READING = "Ranges of measurement uncertainty reach from the value to the ends of its 90 % interval."


def qualitative_evaluations(result: StudyResult, source: SourceImages) -> ContainerContentItem:
    """Tell the summary, reasons or why nothing is named, quality, how to read the numbers, limits."""
    container = ContainerContentItem(
        name=_CONTAINER, is_content_continuous=False, relationship_type=RelationshipTypeValues.CONTAINS
    )
    container.ContentSequence = ContentSequence(list(_texts(result, source)))
    return container


def _texts(result: StudyResult, source: SourceImages) -> Iterator[ContentItem]:
    for name, text in _told(result, source):
        if words := plain_text(text):
            yield TextContentItem(name=name, value=words, relationship_type=RelationshipTypeValues.CONTAINS)


def _told(result: StudyResult, source: SourceImages) -> Iterator[tuple[Code, str]]:
    call = result.call
    yield _COMMENT, _RESEARCH_ONLY
    yield _SUMMARY, call.summary
    why = coded.ABSTENTION if call.pattern_class in _UNNAMED else coded.REASON
    yield from ((why, reason) for reason in call.reasons)
    if result.signals.lesions is None:
        yield coded.NO_LESIONS, result.signals.lesions_reason
    yield coded.QUALITY, quality_sentence(result.quality)
    yield coded.REGISTRATION, _registration(result)
    yield coded.INTERVAL, _READING
    yield from ((coded.LIMIT, limit) for limit in result.protocol.limits)
    yield coded.PROVENANCE, _provenance(result, source)


def _registration(result: StudyResult) -> str:
    quality = result.pair.quality
    if quality is None:
        return result.pair.no_stir
    words = quality.verdict.value.replace("_", " ")
    if quality.estimated_error_mm is None:
        return f"{words}: {quality.reason}"
    return f"{words}: estimated error {quality.estimated_error_mm:.1f} mm; {quality.reason}"


def _provenance(result: StudyResult, source: SourceImages) -> str:
    made, protocol = result.provenance, result.protocol
    return (
        f"marrowsignal {made.version}; protocol {protocol.name} {protocol.version}, SHA-256 {made.protocol_sha256}; "
        f"images, SHA-256 of their UIDs {source.identity_sha256}"
    )
