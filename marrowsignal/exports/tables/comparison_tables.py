"""Tables of changes: one row a region and descriptor, one row a lesion.

An empty cell means not measured or not comparable; the state and reason columns beside it say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marrowsignal.comparison.records import (
    Change,
    ChangeState,
    Comparison,
    LesionChange,
    LesionChangeState,
    RegionChange,
)
from marrowsignal.exports.tables.columns import facts
from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.data_dictionary import DICTIONARY_FILE, columns_json

__all__ = [
    "CHANGE_LESION_COLUMNS",
    "CHANGE_REGION_COLUMNS",
    "change_lesions_csv",
    "change_regions_csv",
    "write_change_tables",
]

_COMMON = (
    ("case", "text", "case", "Case identifier of the comparison; never a name."),
    ("interval_days", "days", "interval_days", "Days from baseline to follow-up; empty when a date is missing."),
)
_REGION = (
    ("level", "text", "regions[].level", "whole, region, part (of a bone) or symmetry (left against right)."),
    ("region", "text", "regions[].key", "Region without side."),
    ("region_name", "text", "regions[].name", "Region in words, with side."),
    ("side", "text", "regions[].side", "The patient's side: left, right or none."),
    ("baseline_core_ml", "ml", "regions[].baseline_core_ml", "Tissue measured at baseline: measurable on both dates."),
    ("followup_core_ml", "ml", "regions[].followup_core_ml", "The same tissue at follow-up."),
    ("baseline_lesion_ml", "ml", "regions[].baseline_lesion_ml", "Lesion volume at baseline; empty: not looked for."),
    ("followup_lesion_ml", "ml", "regions[].followup_lesion_ml", "Lesion volume at follow-up; empty: not looked for."),
    ("descriptor", "text", "regions[].changes[].id", "Descriptor of the scientific specification."),
    ("measurement", "text", "regions[].changes[].name", "Its name, as in regions.csv."),
    ("unit", "text", "regions[].changes[].unit", "Unit of both values; 1 for ratios."),
    ("baseline", "varies", "regions[].changes[].baseline", "Value at baseline, in the tissue common to both dates."),
    ("followup", "varies", "regions[].changes[].followup", "Value at follow-up, in the same tissue."),
    (
        "change",
        "varies",
        "regions[].changes[].change",
        "Follow-up over baseline in percent of ratios, else a difference.",
    ),
    ("change_unit", "text", "regions[].changes[].change_unit", "percent, or the unit of both values."),
    ("change_ci_low", "varies", "regions[].changes[].ci_low", "Lower end of the 90 % interval of the change."),
    ("change_ci_high", "varies", "regions[].changes[].ci_high", "Upper end of the 90 % interval of the change."),
    ("repeatability_low", "varies", "regions[].changes[].repeatability_low", "Largest fall that is no change."),
    ("repeatability_high", "varies", "regions[].changes[].repeatability_high", "Largest rise that is no change."),
    ("p_value", "1", "regions[].changes[].p_value", "Of no change, by the repeatability coefficient."),
    ("q_value", "1", "regions[].changes[].q_value", "The same over all rows of the descriptor (Benjamini-Hochberg)."),
    (
        "state",
        "text",
        "regions[].changes[].state",
        "rose_ or fell_beyond_repeatability, no_change_beyond_repeatability or not_comparable.",
    ),
    ("status", "text", "regions[].changes[].status", "measured, exploratory or not_evaluable: the weaker date."),
    ("reason", "text", "regions[].changes[].reason", "Why it is not comparable, exploratory, or no change after all."),
)
_LESION = (
    ("kind", "text", "lesions | dark_foci", "stir_bright or t1_dark."),
    ("number", "1", "lesions[].number", "Value in images/baseline_changes.nii.gz and followup_changes.nii.gz."),
    ("state", "text", "lesions[].state", "new, gone, larger, smaller, stable, merged, split or not_comparable."),
    ("beyond_repeatability", "text", "lesions[].beyond_repeatability", "yes where it is a change, no where it is not."),
    ("region", "text", "lesions[].region_key", "Region that holds most of it, without side."),
    ("region_name", "text", "lesions[].region_name", "That region in words, with side."),
    ("side", "text", "lesions[].side", "The patient's side: left, right or none."),
    ("baseline_lesions", "1", "lesions[].baseline_labels", "How many lesions it was at baseline."),
    ("followup_lesions", "1", "lesions[].followup_labels", "How many lesions it is at follow-up."),
    ("baseline_ml", "ml", "lesions[].baseline_ml", "Volume; 0 looked for and not found, empty not comparable."),
    ("followup_ml", "ml", "lesions[].followup_ml", "Volume; 0 looked for and not found, empty not comparable."),
    ("change_percent", "percent", "lesions[].change_percent", "Of the volume; empty for what is new."),
    (
        "baseline_contrast_ratio",
        "1",
        "lesions[].baseline_contrast",
        "Signal of the place of both dates over that date's normal marrow: STIR, or T1 of foci dark on T1.",
    ),
    ("followup_contrast_ratio", "1", "lesions[].followup_contrast", "The same at follow-up."),
    ("centroid_x_lps_mm", "mm", "lesions[].centroid_lps_mm[0]", "Centroid at baseline, towards the patient's left."),
    ("centroid_y_lps_mm", "mm", "lesions[].centroid_lps_mm[1]", "Centroid at baseline, towards the patient's back."),
    ("centroid_z_lps_mm", "mm", "lesions[].centroid_lps_mm[2]", "Centroid at baseline, towards the patient's head."),
    ("reason", "text", "lesions[].reason", "What decided."),
)


CHANGE_REGION_COLUMNS = facts(
    "change_regions.csv",
    (*_COMMON, *_REGION),
    allowed={"level": ("whole", "region", "part", "symmetry"), "state": tuple(one.value for one in ChangeState)},
)
CHANGE_LESION_COLUMNS = facts(
    "change_lesions.csv",
    (*_COMMON, *_LESION),
    allowed={"kind": ("stir_bright", "t1_dark"), "state": tuple(one.value for one in LesionChangeState)},
)


def write_change_tables(comparison: Comparison, folder: Path) -> None:
    """Write ``change_regions.csv``, ``change_lesions.csv`` and their dictionary ``columns.json``.

    Where neither lesions nor dark foci were compared there is no ``change_lesions.csv``: one without rows would read
    as none found.

    Parameters
    ----------
    comparison : Comparison
        Two dates.
    folder : Path
        An existing folder.
    """
    for name, text in (
        ("change_regions.csv", change_regions_csv(comparison)),
        ("change_lesions.csv", change_lesions_csv(comparison)),
        (DICTIONARY_FILE, columns_json((*CHANGE_REGION_COLUMNS, *CHANGE_LESION_COLUMNS))),
    ):
        if text is not None:
            (folder / name).write_bytes(text.encode("utf-8"))


def change_regions_csv(comparison: Comparison) -> str:
    """Return the table of regions; only a header where the comparison is closed."""
    rows = (_region_cells(comparison, row, change) for row in comparison.regions for change in row.changes)
    return csv_text([column.name for column in CHANGE_REGION_COLUMNS], rows)


def change_lesions_csv(comparison: Comparison) -> str | None:
    """Return the table of lesions and dark foci; None where neither was compared."""
    if comparison.lesions is None and comparison.dark_foci is None:
        return None
    return csv_text([column.name for column in CHANGE_LESION_COLUMNS], _lesion_rows(comparison))


def _lesion_rows(comparison: Comparison) -> Iterator[list[Cell]]:
    for kind, changes in (("stir_bright", comparison.lesions), ("t1_dark", comparison.dark_foci)):
        for one in changes or ():
            yield _lesion_cells(comparison, kind, one)


def _region_cells(comparison: Comparison, row: RegionChange, change: Change) -> list[Cell]:
    return [
        comparison.case,
        comparison.interval_days,
        row.level,
        row.key,
        row.name,
        row.side.value,
        *row.core_ml,
        *row.lesion_ml,
        change.id,
        change.name,
        change.unit,
        change.baseline,
        change.followup,
        change.change,
        change.change_unit,
        change.ci_low,
        change.ci_high,
        change.repeatability_low,
        change.repeatability_high,
        change.p_value,
        change.q_value,
        change.state.value,
        change.status.value,
        change.reason,
    ]


def _lesion_cells(comparison: Comparison, kind: str, one: LesionChange) -> list[Cell]:
    return [
        comparison.case,
        comparison.interval_days,
        kind,
        one.number,
        one.state.value,
        "yes" if one.counts else "no",
        one.region_key,
        one.region_name,
        one.side.value,
        len(one.baseline_labels),
        len(one.followup_labels),
        one.baseline_ml,
        one.followup_ml,
        one.change_percent,
        one.baseline_contrast,
        one.followup_contrast,
        *one.centroid_lps_mm,
        one.reason,
    ]
