"""Every column of every table, declared once: the frozen order, units and meanings."""

from __future__ import annotations

from marrowsignal.exports.tables.columns import Column, facts, family
from marrowsignal.quality.records import Consequence, GateState
from marrowsignal.results.descriptors import (
    BONE_DESCRIPTORS,
    LESION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)

__all__ = [
    "BONE_COLUMNS",
    "COLUMNS",
    "DARK_FOCUS_COLUMNS",
    "LESION_COLUMNS",
    "MEASUREMENT_COLUMNS",
    "MEASUREMENT_KINDS",
    "QUALITY_COLUMNS",
    "REGION_COLUMNS",
    "SYMMETRY_COLUMNS",
    "TABLES",
]


_STUDY = (
    ("case", "text", "case", "Case identifier; never a name."),
    ("pattern_class", "text", "pattern.class", "Class of the whole study; repeated in every row."),
    ("pattern_confidence", "text", "pattern.confidence", "Confidence of that class."),
    ("protocol", "text", "protocol.name", "Protocol whose cuts and regions were used."),
    ("protocol_version", "text", "protocol.version", "Its version."),
)
_REGION = (
    (
        "label",
        "1",
        "regions[].label",
        "Value in images/regions.nii.gz; 0 in the row of the whole marrow; of a part (see parent) its number.",
    ),
    ("region", "text", "regions[].key", "Region without side; 'all' is all marrow without lesions."),
    ("region_name", "text", "regions[].name", "Region in words, with side."),
    ("side", "text", "regions[].side", "The patient's side: left, right or none."),
    ("sct_code", "text", "regions[].code", "SNOMED CT code of the anatomy."),
    ("volume_ml", "ml", "regions[].volume_ml", "Marrow mask in the region."),
    ("core_volume_ml", "ml", "regions[].core_volume_ml", "The part that is measured: without rim and voids."),
    ("core_voxels", "1", "regions[].core_voxels", "Voxels of the core."),
    ("slices", "1", "regions[].slices", "Slices that hold the core."),
    ("t1_median_au", "au", "regions[].t1_median", "Bias-corrected T1 signal, the series' own units."),
    ("stir_median_au", "au", "regions[].stir_median", "Bias-corrected STIR signal, the series' own units."),
    ("median_status", "text", "regions[].median_status", "measured or not_evaluable, of the T1 median."),
    ("median_reason", "text", "regions[].median_reason", "Why the T1 median is missing."),
    (
        "lesion_ml",
        "ml",
        "regions[].lesion_ml",
        "Lesion volume in the region; 0 means looked for, none found; empty means not looked for.",
    ),
)
_LESION = (
    ("label", "1", "lesions[].label", "Value in images/lesions.nii.gz; 1 is the largest."),
    ("region", "text", "lesions[].region_key", "Region that holds most of the lesion, without side."),
    ("region_name", "text", "lesions[].region_name", "That region in words, with side."),
    ("side", "text", "lesions[].side", "The patient's side: left, right or none."),
    ("volume_ml", "ml", "lesions[].volume_ml", "Volume."),
    ("voxels", "1", "lesions[].voxels", "Voxels."),
    ("slices", "1", "lesions[].slices", "Slices that hold the lesion."),
    ("first_slice_index", "1", "lesions[].first_slice", "First slice of the T1 grid, counted from 0."),
    ("last_slice_index", "1", "lesions[].last_slice", "Last slice of the T1 grid, counted from 0."),
    ("centroid_x_lps_mm", "mm", "lesions[].centroid_lps_mm[0]", "Centroid, towards the patient's left."),
    ("centroid_y_lps_mm", "mm", "lesions[].centroid_lps_mm[1]", "Centroid, towards the patient's back."),
    ("centroid_z_lps_mm", "mm", "lesions[].centroid_lps_mm[2]", "Centroid, towards the patient's head."),
)
_BONE = (
    ("bone", "text", "bones[].key", "Bone, or its part, without side."),
    ("bone_name", "text", "bones[].name", "The same in words, with side."),
    ("side", "text", "bones[].side", "The patient's side: left, right or none."),
)
_SYMMETRY = (
    (
        "region",
        "text",
        "symmetry[].key",
        "Pair of regions; 'all' is the whole marrow, 'background' the same without lesions.",
    ),
    ("region_name", "text", "symmetry[].name", "The pair in words."),
)


# Later columns go to the end: the order is frozen.
_REGION_END = (
    ("stir_median_status", "text", "regions[].stir_median_status", "measured or not_evaluable."),
    ("stir_median_reason", "text", "regions[].stir_median_reason", "Why the STIR median is missing."),
    ("parent", "text", "regions[].parent", "Bone that a part belongs to; empty for a region that is no part."),
    (
        "cut_by_field_of_view",
        "text",
        "regions[].cut_by_field_of_view",
        "yes where the region goes on outside the picture, no where it does not; empty for all marrow.",
    ),
    (
        "coverage_fraction",
        "fraction",
        "regions[].coverage_fraction",
        "Share of the region that lies in the picture; empty where its whole size is not known, never 0 for that.",
    ),
    ("coverage_status", "text", "regions[].coverage_status", "measured or not_evaluable."),
    ("coverage_reason", "text", "regions[].coverage_reason", "How the share was found, or why it is not known."),
    (
        "joint_distance_mm",
        "mm",
        "regions[].joint_distance_mm.value",
        "Median distance of the region's voxels from the joint surface; empty where no joint belongs to it.",
    ),
)


_QUALITY = (
    ("key", "text", "quality.gates[].key", "The gate; see the page on quality."),
    ("name", "text", "quality.gates[].name", "What is checked."),
    ("series", "text", "quality.gates[].series", "Of which series; empty where it is about both."),
    ("state", "text", "quality.gates[].state", "How it came out."),
    (
        "value",
        "varies",
        "quality.gates[].value",
        "What was measured, in the unit beside it; status says why it is empty.",
    ),
    ("unit", "text", "quality.gates[].unit", "Unit of value; 1 for ratios, empty where the check reads words."),
    ("limit", "text", "quality.gates[].limit", "From where on it warns and fails, as the protocol has it."),
    ("consequence", "text", "quality.gates[].consequence", "What this outcome forbids."),
    ("reason", "text", "quality.gates[].reason", "What was seen, or why nothing could be."),
    ("source", "text", "quality.gates[].source", "Where the limit comes from."),
    ("status", "text", "quality.gates[].status", "measured, no_number (the check reads words) or not_evaluable."),
)
_QUALITY_ALLOWED = {
    "series": ("T1", "STIR"),
    "state": tuple(one.value for one in GateState),
    "consequence": tuple(one.value for one in Consequence),
    "status": ("measured", "no_number", "not_evaluable"),
}
MEASUREMENT_KINDS = (
    "whole", "region", "part", "lesion", "dark_focus", "symmetry", "bone", "distribution", "reference",
)  # fmt: skip
_MEASUREMENT = (
    ("case", "text", "case", "Case identifier; never a name."),
    ("kind", "text", "see the section of each kind", "What was measured."),
    ("label", "1", "*[].label", "Label of the region, part, lesion or focus; empty for what is in no label map."),
    ("key", "text", "*[].key", "Region, part, pair, bone or reference tissue, without side; a lesion's region."),
    ("name", "text", "*[].name", "The same in words, with side."),
    ("side", "text", "*[].side", "The patient's side: left, right or none."),
    ("descriptor", "text", "*[].measurements[].id", "Descriptor of the method; empty for a plain fact such as volume."),
    ("measurement", "text", "*[].measurements[].name", "What was measured, without its unit."),
    ("value", "varies", "*[].measurements[].value", "In the unit beside it; empty where status says why."),
    ("ci_low", "varies", "*[].measurements[].ci_low", "Lower end of the 90 % interval; empty where there is none."),
    ("ci_high", "varies", "*[].measurements[].ci_high", "Upper end of the 90 % interval; empty where there is none."),
    ("unit", "text", "*[].measurements[].unit", "Unit of value and interval; 1 for ratios."),
    ("status", "text", "*[].measurements[].status", "measured, exploratory (too small to be firm) or not_evaluable."),
    ("reason", "text", "*[].measurements[].reason", "Why it is exploratory or not evaluable; empty when measured."),
)


def _table(
    table: str,
    own: tuple[tuple[str, str, str, str], ...],
    descriptors: tuple[Descriptor, ...] = (),
    end: tuple[tuple[str, str, str, str], ...] = (),
) -> tuple[Column, ...]:
    section = table.removesuffix(".csv")
    families = (family(table, section, descriptor) for descriptor in descriptors)
    return (
        *facts(table, (*_STUDY, *own)),
        *(column for one in families for column in one),
        *facts(table, end),
    )


def _of_dark_foci(rows: tuple[tuple[str, str, str, str], ...]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        (name, unit, source.replace("lesions[]", "dark_foci[]"), words.replace("lesions.nii", "dark_foci.nii"))
        for name, unit, source, words in rows
    )


REGION_COLUMNS = _table("regions.csv", _REGION, REGION_DESCRIPTORS, _REGION_END)
LESION_COLUMNS = _table("lesions.csv", _LESION, LESION_DESCRIPTORS)
SYMMETRY_COLUMNS = _table("symmetry.csv", _SYMMETRY, SYMMETRY_DESCRIPTORS)
DARK_FOCUS_COLUMNS = _table("dark_foci.csv", _of_dark_foci(_LESION), LESION_DESCRIPTORS)
BONE_COLUMNS = _table("bones.csv", _BONE, BONE_DESCRIPTORS)
QUALITY_COLUMNS = facts("quality.csv", (*_STUDY, *_QUALITY), allowed=_QUALITY_ALLOWED)
MEASUREMENT_COLUMNS = facts("measurements.csv", _MEASUREMENT, allowed={"kind": MEASUREMENT_KINDS})
TABLES = (
    ("regions.csv", REGION_COLUMNS),
    ("lesions.csv", LESION_COLUMNS),
    ("symmetry.csv", SYMMETRY_COLUMNS),
    ("dark_foci.csv", DARK_FOCUS_COLUMNS),
    ("bones.csv", BONE_COLUMNS),
    ("quality.csv", QUALITY_COLUMNS),
    ("measurements.csv", MEASUREMENT_COLUMNS),
)
COLUMNS = tuple(column for _, columns in TABLES for column in columns)
