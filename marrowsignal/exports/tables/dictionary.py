"""Every column of every table, declared once: the frozen order, units and meanings."""

from __future__ import annotations

from dataclasses import dataclass

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
    "REGION_COLUMNS",
    "SYMMETRY_COLUMNS",
    "Column",
    "dictionary_markdown",
    "value_header",
]


_PURE_NUMBERS = ("ratio", "index", "sum", "difference")  # a name that says so needs no unit
_FAMILY_ENDS = ("_ci_low", "_ci_high", "_status", "_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of one table.

    Attributes
    ----------
    table : str
        File name of the table.
    name : str
        Header; ends in the unit.
    unit : str
        ``"text"``, ``"1"`` for pure numbers, or the unit.
    description : str
        One sentence.
    descriptor : str
        Descriptor of the scientific specification, for example ``"D01"``; empty for a plain fact.
    source : str
        Where the cell comes from: a field of ``result.json``.
    """

    table: str
    name: str
    unit: str
    description: str
    descriptor: str
    source: str


def value_header(descriptor: Descriptor) -> str:
    """Header of a descriptor's value: its name, then its unit.

    >>> value_header(Descriptor(id="D01", name="t1_marrow_to_muscle", unit="1", title="", description=""))
    't1_marrow_to_muscle_ratio'
    >>> value_header(Descriptor(id="D31", name="depth", unit="mm", title="", description=""))
    'depth_mm'
    """
    name, unit = descriptor.name, descriptor.unit.lower()
    if unit == "1":
        return name if any(word in name for word in _PURE_NUMBERS) else f"{name}_ratio"
    return name if name.endswith(f"_{unit}") else f"{name}_{unit}"


def _fact(table: str, row: tuple[str, str, str, str]) -> Column:
    name, unit, source, description = row
    return Column(table=table, name=name, unit=unit, description=description, descriptor="", source=source)


def _family(table: str, section: str, descriptor: Descriptor) -> tuple[Column, ...]:
    header = value_header(descriptor)
    source = f"{section}[].measurements[name={descriptor.name}]"
    return tuple(
        Column(
            table=table,
            name=header + suffix,
            unit=unit,
            description=words,
            descriptor=descriptor.id,
            source=f"{source}.{field}",
        )
        for suffix, field, unit, words in (
            ("", "value", descriptor.unit, descriptor.description),
            ("_ci_low", "ci_low", descriptor.unit, "Lower end of the 90 % interval."),
            ("_ci_high", "ci_high", descriptor.unit, "Upper end of the 90 % interval."),
            ("_status", "status", "text", "measured, exploratory (too small to be firm) or not_evaluable."),
            ("_reason", "reason", "text", "Why it is exploratory or not evaluable; empty when measured."),
        )
    )


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


def _table(
    table: str,
    facts: tuple[tuple[str, str, str, str], ...],
    descriptors: tuple[Descriptor, ...],
    end: tuple[tuple[str, str, str, str], ...] = (),
) -> tuple[Column, ...]:
    section = table.removesuffix(".csv")
    families = (_family(table, section, descriptor) for descriptor in descriptors)
    return (
        *(_fact(table, row) for row in (*_STUDY, *facts)),
        *(column for family in families for column in family),
        *(_fact(table, row) for row in end),
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
_TABLES = (
    ("regions.csv", REGION_COLUMNS),
    ("lesions.csv", LESION_COLUMNS),
    ("symmetry.csv", SYMMETRY_COLUMNS),
    ("dark_foci.csv", DARK_FOCUS_COLUMNS),
    ("bones.csv", BONE_COLUMNS),
)
COLUMNS = tuple(column for _, columns in _TABLES for column in columns)


def dictionary_markdown() -> str:
    """Return the data dictionary as Markdown tables: the generated part of ``docs/outputs.md``."""
    lines: list[str] = []
    for table, columns in _TABLES:
        lines += [f"### {table}", "", "| column | unit | descriptor | meaning |", "|---|---|---|---|"]
        lines += [_markdown_row(column) for column in columns if not column.name.endswith(_FAMILY_ENDS)]
        lines += [
            _markdown_row(column)
            for column in columns
            if column.name.startswith(("median_", "stir_median_")) and column.unit == "text"
        ]
        lines += [""]
    return "\n".join(lines)


def _markdown_row(column: Column) -> str:
    words = column.description.replace("|", "\\|")
    return f"| `{column.name}` | {column.unit} | {column.descriptor} | {words} |"
