"""Codes of the structured report: what is measured, against which tissue, how, and what was found.

Standard codes where there are any; else codes of our own scheme, whose meaning stands beside each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.sr.coding import Code

from marrowsignal.patterns.records import Confidence, PatternClass

__all__ = [
    "ABSTENTION",
    "CONFIDENCE",
    "CONFIDENCES",
    "CONTRAST",
    "CORE_VOLUME",
    "FLAG",
    "FLAGS",
    "INTERVAL",
    "LESION_MEASUREMENTS",
    "LESION_VOLUME",
    "LIMIT",
    "MILLILITER",
    "NORMAL_MARROW",
    "NOT_EVALUATED",
    "NO_LESIONS",
    "PAIR_MEASUREMENTS",
    "PATTERN",
    "PATTERNS",
    "PROVENANCE",
    "QUALITY",
    "REASON",
    "REFERENCE_REGION",
    "REGION_MEASUREMENTS",
    "REGISTRATION",
    "SCHEME",
    "STIR_WEIGHTED",
    "STUDY_QUALITY",
    "T1_WEIGHTED",
    "VOLUME",
    "VOXEL_SUM",
    "ReportedMeasurement",
    "flag_code",
]

SCHEME = "99MARROW"
_LONGEST_CODE, _LONGEST_MEANING = 16, 64  # characters of a SH and a LO


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


REFERENCE_REGION = Code("C94970", "NCIt", "Reference Region")
MUSCLE = Code("91727004", "SCT", "Muscle")
FAT = Code("55603005", "SCT", "Fat")
NORMAL_MARROW = _own("NORMAL_MARROW", "The patient's own normal marrow")
SURROUND = _own("SURROUND", "Marrow around the lesion")
OTHER_SIDE = Code("255209002", "SCT", "Contralateral")

RATIO = Code("{ratio}", "UCUM", "ratio")
NO_UNITS = Code("1", "UCUM", "no units")
PERCENT = Code("%", "UCUM", "Percent")
MILLIMETER = Code("mm", "UCUM", "millimeter")
MILLILITER = Code("mL", "UCUM", "milliliter")

NOT_EVALUATED = Code("373121007", "SCT", "Not Evaluated")
MEDIAN = Code("373099004", "SCT", "Median")

RATIO_OF_MEDIANS = _own("MEDIAN_RATIO", "Ratio of medians of bias-corrected signal")
FAT_SCALE = _own("FAT_SCALE", "Median T1 on a scale from muscle (0) to fat (1)")
SHADING_FREE = _own("SHADING_FREE", "Median of STIR over a power of T1")
FAT_MODEL = _own("FAT_MODEL", "Median STIR over what the same fat signal gives without edema")
UPPER_TAIL = _own("UPPER_TAIL", "95th percentile over the median of the reference")
BAND_SHARE = _own("BAND_SHARE", "Share of voxels in the protocol's band below the surface")
VOXEL_SHARE = _own("VOXEL_SHARE", "Share of voxels on one side of the protocol's cut")
SIDE_DIFFERENCE = _own("SIDE_DIFFERENCE", "200 (left - right) / (left + right)")
ASYMMETRY_DIFFERENCE = _own("ASYM_DIFFERENCE", "STIR asymmetry less T1 asymmetry, each 200 (L - R) / (L + R)")
SIDE_SHARE = _own("SIDE_SHARE", "100 (left - right) / (left + right)")
LEFT_LESS_RIGHT = _own("LEFT_LESS_RIGHT", "Left less right")
MIRROR_DICE = _own("MIRROR_DICE", "Dice of left against mirrored right")
NEAREST_VOXEL = _own("NEAREST_VOXEL", "Smallest distance between voxels")
EQUAL_SPHERE = _own("EQUAL_SPHERE", "Sphere of the same volume")
VOXEL_SUM = Code("126030", "DCM", "Sum of segmented voxel method for volume")

VOLUME = Code("118565006", "SCT", "Volume")
CORE_VOLUME = _own("CORE_VOLUME", "Volume that is measured: without rim and voids")
LESION_VOLUME = _own("LESION_VOLUME", "Volume of lesions within")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMeasurement:
    """How one descriptor stands in the report.

    Attributes
    ----------
    name : str
        `Measurement.name`.
    code : Code
        Concept name.
    unit : Code
        UCUM.
    method : Code
        Measurement method.
    references : tuple of Code
        Tissues or regions it is measured against.
    derivation : Code or None
        Statistic over the voxels, where it is a standard one.
    optional : bool
        Whether it is left out without a word where it was not measured, since few studies have what it needs.
    """

    name: str
    code: Code
    unit: Code
    method: Code
    references: tuple[Code, ...] = ()
    derivation: Code | None = None
    optional: bool = False


def _median(name: str, code: Code, unit: Code, method: Code, *references: Code) -> ReportedMeasurement:
    return ReportedMeasurement(name=name, code=code, unit=unit, method=method, references=references, derivation=MEDIAN)


def _other(name: str, code: Code, unit: Code, method: Code, *references: Code) -> ReportedMeasurement:
    return ReportedMeasurement(name=name, code=code, unit=unit, method=method, references=references)


_T1_MUSCLE = _own("T1_MUSCLE", "T1 signal of marrow over muscle")
_T1_FAT = _own("T1_FAT", "T1 signal of marrow over subcutaneous fat")
_FSI = _own("FAT_SIGNAL_INDEX", "T1 fat-signal index (not a fat fraction)")
_STIR_MUSCLE = _own("STIR_MUSCLE", "STIR signal of marrow over muscle")
_STIR_NORMAL = _own("STIR_NORMAL", "STIR signal of marrow over own normal marrow")
_EXCESS_INDEX = _own("EXCESS_INDEX", "Excess index d, STIR against T1")
_EXCESS_WATER = _own("EXCESS_WATER", "Excess water E, STIR against marrow without edema")
_TISSUE = (
    _median("t1_marrow_to_muscle", _T1_MUSCLE, RATIO, RATIO_OF_MEDIANS, MUSCLE),
    _median("t1_marrow_to_fat", _T1_FAT, RATIO, RATIO_OF_MEDIANS, FAT),
    _median("fat_signal_index", _FSI, NO_UNITS, FAT_SCALE, MUSCLE, FAT),
    _median("stir_marrow_to_muscle", _STIR_MUSCLE, RATIO, RATIO_OF_MEDIANS, MUSCLE),
    _median("stir_marrow_to_normal", _STIR_NORMAL, RATIO, RATIO_OF_MEDIANS, NORMAL_MARROW),
    _median("excess_index", _EXCESS_INDEX, RATIO, SHADING_FREE, NORMAL_MARROW),
)
_CHEMICAL_SHIFT = (
    ReportedMeasurement(
        name="sir_raw",
        code=_own("OPPOSED_IN_PHASE", "Opposed-phase over in-phase signal"),
        unit=RATIO,
        method=RATIO_OF_MEDIANS,
        derivation=MEDIAN,
        optional=True,
    ),
    ReportedMeasurement(
        name="pdff",
        code=Code("129100", "DCM", "Fat fraction"),
        unit=PERCENT,
        method=_own("PDFF_MAP", "Median of the proton-density fat-fraction map"),
        derivation=MEDIAN,
        optional=True,
    ),
)

REGION_MEASUREMENTS = (
    *_TISSUE,
    _median("excess_water", _EXCESS_WATER, RATIO, FAT_MODEL, MUSCLE),
    _other(
        "stir_p95_to_muscle",
        _own("STIR_P95_MUSCLE", "STIR signal over muscle, 95th percentile"),
        RATIO,
        UPPER_TAIL,
        MUSCLE,
    ),
    _other("red_like_extent", _own("RED_LIKE_EXTENT", "Red-marrow-like share of the region"), PERCENT, VOXEL_SHARE),
    _other("lesion_extent", _own("LESION_EXTENT", "Share of the region that lesions take"), PERCENT, VOXEL_SUM),
    *_CHEMICAL_SHIFT,
)

# The reference of excess water is muscle for regions and own normal marrow for lesions (SCIENCE 3, D07).
LESION_MEASUREMENTS = (
    *_TISSUE,
    _median("excess_water", _EXCESS_WATER, RATIO, FAT_MODEL, NORMAL_MARROW),
    _median(
        "t1_to_surround", _own("T1_SURROUND", "T1 signal over the marrow around"), RATIO, RATIO_OF_MEDIANS, SURROUND
    ),
    _other(
        "sphere_diameter",
        _own("SPHERE_DIAMETER", "Diameter of the sphere of the same volume"),
        MILLIMETER,
        EQUAL_SPHERE,
    ),
    _other("joint_distance", _own("JOINT_DISTANCE", "Distance from the joint surface"), MILLIMETER, NEAREST_VOXEL),
    _other("subchondral_share", _own("SUBCHONDRAL", "Share close below the joint surface"), PERCENT, BAND_SHARE),
    *_CHEMICAL_SHIFT,
)

PAIR_MEASUREMENTS = (
    _median(
        "t1_asymmetry", _own("T1_ASYMMETRY", "T1 signal, left against right"), PERCENT, SIDE_DIFFERENCE, OTHER_SIDE
    ),
    _median(
        "stir_asymmetry",
        _own("STIR_ASYMMETRY", "STIR signal, left against right"),
        PERCENT,
        SIDE_DIFFERENCE,
        OTHER_SIDE,
    ),
    _median(
        "bias_cancelling_asymmetry",
        _own("STIR_T1_ASYM", "STIR less T1 asymmetry, free of shared shading"),
        PERCENT,
        ASYMMETRY_DIFFERENCE,
        OTHER_SIDE,
    ),
    _median(
        "fat_signal_difference",
        _own("FSI_DIFFERENCE", "T1 fat-signal index, left less right"),
        NO_UNITS,
        LEFT_LESS_RIGHT,
        OTHER_SIDE,
    ),
    _other(
        "red_like_mirror_dice",
        _own("RED_LIKE_MIRROR", "Mirror overlap of red-marrow-like voxels"),
        NO_UNITS,
        MIRROR_DICE,
        OTHER_SIDE,
    ),
    _other(
        "lesion_volume_asymmetry",
        _own("LESION_ASYMMETRY", "Lesion volume, left against right"),
        PERCENT,
        SIDE_SHARE,
        OTHER_SIDE,
    ),
)

PATTERN = _own("PATTERN", "Pattern of marrow signal")
PATTERNS = {
    PatternClass.RED_FLAG_INFILTRATION_LIKE: _own("INFILTRATION", "Infiltration-like pattern (red flag)"),
    PatternClass.FOCAL_EDEMA_LIKE: _own("FOCAL_EDEMA", "Focal edema-like pattern"),
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: _own("RECONVERSION", "Symmetric reconversion-like pattern"),
    PatternClass.MIXED: _own("MIXED", "Mixed: focal edema-like on reconversion-like marrow"),
    PatternClass.NORMAL_FOR_AGE: _own("NORMAL_FOR_AGE", "Normal-for-age-like marrow signal"),
    PatternClass.INDETERMINATE: _own("INDETERMINATE", "Indeterminate"),
    PatternClass.CANNOT_ASSESS: _own("CANNOT_ASSESS", "Cannot be assessed"),
}
CONFIDENCE = _own("CONFIDENCE", "Confidence in the pattern")
CONFIDENCES = {
    Confidence.HIGH: Code("75540009", "SCT", "High"),
    Confidence.MODERATE: Code("6736007", "SCT", "Moderate"),
    Confidence.LOW: Code("62482003", "SCT", "Low"),
    Confidence.NONE: Code("260413007", "SCT", "None"),
}
STUDY_QUALITY = Code("130549", "DCM", "Imaging Study Quality")
DIAGNOSTIC = Code("RID12", "RADLEX", "Diagnostic quality")
LIMITED = Code("RID13", "RADLEX", "Limited quality")
NON_DIAGNOSTIC = Code("RID14", "RADLEX", "Non-diagnostic quality")

CONTRAST = _own("CONTRAST", "Contrast of the series")
T1_WEIGHTED = _own("T1", "T1-weighted")
STIR_WEIGHTED = _own("STIR", "Short tau inversion recovery (STIR)")

ABSTENTION = _own("ABSTENTION", "Why no pattern is named")
FLAG = _own("FLAG", "Flag, to be reviewed")
FLAGS = {
    "FRACTURE_LINE_CANDIDATE": _own("FRACTURE_LINE", "dark line, to be checked for a fracture"),
    "OSTEONECROSIS_LIKE": _own("OSTEONECROSIS", "osteonecrosis-like rim"),
    "DEEP_SIJ_EDEMA": _own("DEEP_SIJ_EDEMA", "deep edema-like signal at the sacroiliac joint"),
    "INFECTION_CONTEXT": _own("INFECTION_CONT", "soft tissue beside it bright on STIR"),
    "CHARCOT_LIKE": _own("CHARCOT_LIKE", "Charcot-like"),
    "TRANSIENT_EDEMA_LIKE": _own("TRANSIENT_EDEMA", "transient-edema-like"),
    "HIGH_FAT": _own("HIGH_FAT", "fat signal above what is expected"),
    "PRIOR_CHANGE": _own("PRIOR_CHANGE", "changed since the earlier examination"),
    "LOW_T1_FOCUS_REVIEW": _own("LOW_T1_FOCUS", "focus dark on T1, to be reviewed"),
    "DIFFUSE_LOW_T1_REVIEW": _own("DIFFUSE_LOW_T1", "T1 low throughout, to be reviewed"),
}
INTERVAL = _own("INTERVAL", "How to read measurement uncertainty")
LIMIT = _own("LIMIT", "Limit of the method")
NO_LESIONS = _own("NO_LESIONS", "Why lesions were not looked for")
PROVENANCE = _own("PROVENANCE", "What it was made from")
QUALITY = _own("QUALITY", "Quality of the study")
REASON = _own("REASON", "Why this pattern")
REGISTRATION = _own("REGISTRATION", "How well T1 and STIR lie on each other")


def flag_code(flag: str) -> Code:
    """Return the concept of a flag of a pattern.

    Parameters
    ----------
    flag : str
        One of `PatternCall.add_ons`; one without a concept of its own is spelled out.

    Examples
    --------
    >>> flag_code("HIGH_FAT").meaning, flag_code("SOME_NEW_SIGN_TO_REVIEW").meaning
    ('fat signal above what is expected', 'some new sign to review')
    """
    known = FLAGS.get(flag)
    return known or _own(flag[:_LONGEST_CODE], flag.replace("_", " ").lower()[:_LONGEST_MEANING])
