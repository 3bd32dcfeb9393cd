"""Concepts of SNOMED CT and DICOM by which what was measured is named (PS3.16; SCIENCE 8.1)."""

from __future__ import annotations

from pydicom.sr.coding import Code

from marrowsignal.regions.records import Side

__all__ = [
    "ANATOMICAL_STRUCTURE",
    "ARTIFICIAL_INTELLIGENCE",
    "BONE_MARROW",
    "HISTOGRAM_ANALYSIS",
    "LESION",
    "MANUAL_PROCESSING",
    "MORPHOLOGICALLY_ABNORMAL_STRUCTURE",
    "MULTISPECTRAL_PROCESSING",
    "anatomy_code",
    "laterality_code",
]

ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
MORPHOLOGICALLY_ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
BONE_MARROW = Code("14016003", "SCT", "Bone marrow")
# Of the lesion types of CID 7159 the one that names no cause: "Edema" would say more than was measured.
LESION = Code("52988006", "SCT", "Lesion")

ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
HISTOGRAM_ANALYSIS = Code("123105", "DCM", "Histogram Analysis")
MANUAL_PROCESSING = Code("123109", "DCM", "Manual Processing")
MULTISPECTRAL_PROCESSING = Code("123108", "DCM", "Multispectral Processing")

_LATERALITY = {Side.LEFT: Code("7771000", "SCT", "Left"), Side.RIGHT: Code("24028007", "SCT", "Right")}
# Meanings of the codes that the protocols of the package use.
_MEANINGS = {
    "11994002": "L4 vertebra",
    "12611008": "Tibia",
    "14293000": "L2 vertebra",
    "22356005": "Ilium",
    "2812003": "Head of femur",
    "36470004": "L3 vertebra",
    "39723000": "Sacroiliac joint",
    "49668003": "L5 vertebra",
    "51282000": "Vertebra",
    "54735007": "Sacrum",
    "64234005": "Patella",
    "66794005": "L1 vertebra",
    "71341001": "Femur",
    "87342007": "Fibula",
    "122496007": "Lumbar spine",
}
_LONGEST_MEANING = 64


def anatomy_code(value: str | None, words: str) -> Code | None:
    """Return the concept of a place in the body.

    Parameters
    ----------
    value : str or None
        SNOMED CT code of a region.
    words : str
        What the region is called; the meaning where the package does not know the code.

    Returns
    -------
    Code or None
        None without a code, and for marrow, which is a tissue and tells no place.

    Examples
    --------
    >>> anatomy_code("54735007", "sacrum, left").meaning, anatomy_code("14016003", "sacroiliac marrow")
    ('Sacrum', None)
    """
    if not value or value == BONE_MARROW.value:
        return None
    return Code(value, "SCT", _MEANINGS.get(value) or words.partition(",")[0][:_LONGEST_MEANING])


def laterality_code(side: Side) -> Code | None:
    """Return the concept of the patient's side; None where there is no side."""
    return _LATERALITY.get(side)
