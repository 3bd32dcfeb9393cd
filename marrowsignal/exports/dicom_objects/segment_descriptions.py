"""What a segmentation says of each segment: what it is, where it lies, who drew it, in which colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects.codes import (
    ANATOMICAL_STRUCTURE,
    ARTIFICIAL_INTELLIGENCE,
    BONE_MARROW,
    HISTOGRAM_ANALYSIS,
    LESION,
    MANUAL_PROCESSING,
    MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
    MULTISPECTRAL_PROCESSING,
    laterality_code,
)
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SegmentEntry
from marrowsignal.exports.images.label_tables import label_colour
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.results.study_result import StudyResult

if TYPE_CHECKING:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

__all__ = ["segment_description"]

_RULES = "rules"
_DRAWN_BY_PEOPLE = (MarrowSource.SUPPLIED, MarrowSource.EDITED)
_LONGEST_NAME = 64
_WORDS = {
    "region": "Marrow of the region. Research use only.",
    "lesion": "Marrow brighter on STIR than the patient's own normal marrow (edema-like). Research use, no diagnosis.",
    "dark": "Marrow darker on T1 than the patient's own marrow. Research use, no diagnosis.",
}


def segment_description(result: StudyResult, entry: SegmentEntry) -> SegmentDescription:
    """Describe one segment.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    entry : SegmentEntry
        The segment.
    """
    from highdicom.color import CIELabColor  # noqa: PLC0415 - a second of imports that only this needs
    from highdicom.seg import SegmentDescription as Description  # noqa: PLC0415

    normal = entry.kind == "region"
    drawn = normal and result.marrow.source in _DRAWN_BY_PEOPLE
    description = Description(
        segment_number=entry.number,
        segment_label=entry.name,
        segmented_property_category=ANATOMICAL_STRUCTURE if normal else MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        segmented_property_type=BONE_MARROW if normal else LESION,
        # A supplied outline comes from a person or another program, and this program names and divides it.
        algorithm_type="SEMIAUTOMATIC" if drawn else "AUTOMATIC",
        algorithm_identification=_algorithm(result, entry.kind),
        tracking_uid=entry.tracking_uid,
        tracking_id=entry.tracking_id,
        anatomic_regions=None if entry.place is None else [_concept(entry.place)],
        primary_anatomic_structures=None if normal else [_concept(BONE_MARROW)],
        display_color=CIELabColor.from_rgb(*label_colour(entry.value)),
    )
    description.SegmentDescription = _WORDS[entry.kind]
    _add_side(description, entry)
    return description


def _add_side(description: SegmentDescription, entry: SegmentEntry) -> None:
    side = laterality_code(entry.side)
    if side is None:
        return
    if "AnatomicRegionSequence" in description:
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [_concept(side)]
    else:
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [_concept(side)]


def _concept(code: Code) -> CodedConcept:
    from highdicom.sr import CodedConcept as Concept  # noqa: PLC0415

    return Concept.from_code(code)


def _algorithm(result: StudyResult, kind: str) -> AlgorithmIdentificationSequence:
    from highdicom import AlgorithmIdentificationSequence as Identification  # noqa: PLC0415

    made, protocol = result.provenance, result.protocol
    name, family = _name_and_family(result, kind)
    return Identification(
        name=plain_text(name)[:_LONGEST_NAME],
        family=family,
        version=plain_text(made.version)[:_LONGEST_NAME],
        source="marrowsignal",
        parameters={
            "protocol": plain_text(protocol.name),
            "protocol_version": plain_text(str(protocol.version)),
            "protocol_sha256": made.protocol_sha256,
            "marrow_source": str(result.marrow.source),
            "marrow_made_by": plain_text(result.marrow.made_by) or "not told",
        },
    )


def _name_and_family(result: StudyResult, kind: str) -> tuple[str, Code]:
    """Return what made the segment, and the family of CID 7162 that is nearest to it."""
    if kind == "lesion":
        by = result.signals.lesions_made_by
        return f"marrowsignal lesions, {by}", MULTISPECTRAL_PROCESSING if by == _RULES else ARTIFICIAL_INTELLIGENCE
    if kind == "dark":
        return "marrowsignal T1-dark foci", HISTOGRAM_ANALYSIS
    if result.marrow.source in _DRAWN_BY_PEOPLE:
        return f"marrowsignal regions of a mask that was {result.marrow.source}", MANUAL_PROCESSING
    by = result.marrow.made_by or str(result.marrow.source)
    return f"marrowsignal regions, mask by {by}", ARTIFICIAL_INTELLIGENCE
