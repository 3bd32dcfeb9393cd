"""Columns of the cohort's tables: those of the cases' own tables, and of ``studies`` what every protocol has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from marrowsignal.exports.tables.columns import Column, facts
from marrowsignal.exports.tables.dictionary import (
    BONE_COLUMNS,
    DARK_FOCUS_COLUMNS,
    LESION_COLUMNS,
    QUALITY_COLUMNS,
    REGION_COLUMNS,
    SYMMETRY_COLUMNS,
)
from marrowsignal.exports.tables.study_columns import study_head, whole_columns

__all__ = ["LONG_TABLES", "STUDIES", "LongTable", "StudyState", "about_columns", "fact_columns", "label_columns"]

STUDIES = "studies"
_TABLE = f"{STUDIES}.csv"
_LABELS = "labels.csv"


class StudyState(StrEnum):
    """Whether a study has values in the tables, and else why not."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    OUTDATED = "outdated_schema"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTable:
    """A table with several rows a case.

    Attributes
    ----------
    name : str
        Of the table, and of its files without their ending.
    columns : tuple of Column
        In their order; the first is ``case``.
    """

    name: str
    columns: tuple[Column, ...]


LONG_TABLES = (
    LongTable(name="regions", columns=REGION_COLUMNS),
    LongTable(name="lesions", columns=LESION_COLUMNS),
    LongTable(name="quality", columns=QUALITY_COLUMNS),
    LongTable(name="symmetry", columns=SYMMETRY_COLUMNS),
    LongTable(name="dark_foci", columns=DARK_FOCUS_COLUMNS),
    LongTable(name="bones", columns=BONE_COLUMNS),
)
_ABOUT = (
    ("case", "text", "case", "Case identifier; never a name. Of a study without a case folder its key in the ledger."),
    ("study", "text", "case, series.label", "The same for the pairs of one study, such as its left and right hip."),
    (
        "state",
        "text",
        "ledger.sqlite: state",
        "done; failed, refused: no case folder, see the reason; missing: done once, and its folder is gone; "
        "unreadable, outdated_schema, duplicate, superseded: a case folder that is not taken. "
        "Only rows that are done have values.",
    ),
    ("state_code", "text", "ledger.sqlite: code", "Why, for scripts; empty where there is nothing to tell."),
    ("state_reason", "text", "ledger.sqlite: reason", "Why, in words. Of a done row: a later attempt that failed."),
    ("folder", "text", "", "Case folder beside this one, which holds report.html; empty where there is no such page."),
)
_SERIES = (
    ("series_description", "text", "description", "SeriesDescription, redacted."),
    ("sequence_name", "text", "acquisition.sequence_name", "SequenceName, redacted."),
    ("scanning_sequence", "text", "acquisition.scanning_sequence", "ScanningSequence, one space between values."),
    ("echo_train_length", "1", "acquisition.echo_train_length", "EchoTrainLength."),
    ("slice_thickness_mm", "mm", "acquisition.slice_thickness_mm", "SliceThickness."),
    ("slice_spacing_mm", "mm", "spacing_mm[0]", "Between the middles of slices."),
    ("row_spacing_mm", "mm", "spacing_mm[1]", "Between rows."),
    ("column_spacing_mm", "mm", "spacing_mm[2]", "Between columns."),
    ("slice_count", "1", "slices", "Slices."),
    ("row_count", "1", "rows", "Rows of a slice."),
    ("column_count", "1", "columns", "Columns of a slice."),
    ("orientation", "text", "orientation", "Of the slices."),
)
_FURTHER = (
    ("pattern_reasons", "text", "pattern.reasons", "Why this class and confidence, '; ' between reasons."),
    ("finding_codes", "text", "findings[].code", "Codes of what weakens the result, one space between them."),
    ("manufacturer", "text", "series.t1.acquisition.manufacturer", "Manufacturer of the scanner, redacted."),
    ("body_part_examined", "text", "series.t1.acquisition.body_part_examined", "BodyPartExamined."),
    ("patient_position", "text", "series.t1.acquisition.patient_position", "PatientPosition."),
    *(
        (f"{prefix}_{name}", unit, f"series.{prefix}.{source}", words)
        for prefix in ("t1", "stir")
        for name, unit, source, words in _SERIES
    ),
    ("noise_t1_au", "au", "references.noise_t1", "Noise of T1, the series' own units."),
    ("noise_t1_status", "text", "references.noise_t1_status", "measured or not_evaluable."),
    ("noise_stir_au", "au", "references.noise_stir", "Noise of STIR, the series' own units."),
    ("noise_stir_status", "text", "references.noise_stir_status", "measured or not_evaluable."),
    ("t1_shading_residual", "1", "bias.t1_residual.value", "Shading of T1 left after correction."),
    ("t1_shading_residual_status", "text", "bias.t1_residual.status", "measured or not_evaluable."),
    ("stir_shading_residual", "1", "bias.stir_residual.value", "Shading of STIR left after correction."),
    ("stir_shading_residual_status", "text", "bias.stir_residual.status", "measured or not_evaluable."),
    ("metal_excluded_ml", "ml", "metal_excluded.value", "Tissue left out because metal is near; 0: none found."),
    ("metal_excluded_status", "text", "metal_excluded.status", "measured or not_evaluable."),
    ("alignment_displacement_mm", "mm", "alignment.displacement_mm", "How far STIR was moved; empty: no STIR."),
    ("alignment_rotation_deg", "deg", "alignment.rotation_deg", "How far STIR was turned; empty: no STIR."),
    ("midline_status", "text", "midline.status", "Whether left and right could be told apart."),
    ("mask_made_by", "text", "marrow.made_by", "Tool or atlas that made the mask; empty where not known."),
    ("mask_dice", "1", "marrow.check.estimated_dice.value", "Estimated Dice against an expert's mask."),
    ("mask_dice_ci_low", "1", "marrow.check.estimated_dice.low", "Lower end of its 90 % interval."),
    ("mask_dice_ci_high", "1", "marrow.check.estimated_dice.high", "Upper end of its 90 % interval."),
    ("mask_dice_status", "text", "marrow.check.estimated_dice.status", "measured or not_evaluable."),
    ("lesions_made_by", "text", "lesions_made_by", "rules, or the learned model that proposed the lesions."),
    ("lesions_reason", "text", "lesions_reason", "Why lesions were not looked for; else empty."),
    ("result_schema_version", "text", "schema_version", "Of result.json."),
    ("python_version", "text", "provenance.python", "Python that analyzed the study."),
    ("libraries", "text", "provenance.libraries", "Libraries that can change a number, with versions."),
    ("input_sha256", "text", "provenance.input_sha256", "Hash of the contents of the files that were read."),
    ("mask_sha256", "text", "provenance.mask_sha256", "Hash of a supplied mask; empty where none was."),
    ("series_rules_sha256", "text", "provenance.series_rules_sha256", "Hash of the rules that recognized the series."),
)
_WHOLE_NUMBERS = frozenset({"t1_echo_train_length", "stir_echo_train_length"})
_LABEL = (
    ("case", "text", "--labels: case", "Case, as in studies."),
    ("label", "text", "--labels: label", "What a reader, biopsy or follow-up says; never what marrowsignal said."),
    ("reader", "text", "--labels: reader", "Who says so, as the table calls them; empty where not told."),
    ("group", "text", "--labels: group", "The same for repeats of one person; empty where not told."),
    ("site", "text", "--labels: site", "Where it was acquired; empty where not told."),
)


def about_columns() -> tuple[Column, ...]:
    """Return the first columns of ``studies``: which study, and whether it has values."""
    return facts(_TABLE, _ABOUT, allowed={"state": tuple(StudyState)})


def fact_columns() -> tuple[Column, ...]:
    """Return the columns of ``studies`` that come from ``result.json``, in the order of `study_facts`."""
    return tuple(_facts())


def label_columns() -> tuple[Column, ...]:
    """Return the columns of ``labels``."""
    return facts(_LABELS, _LABEL)


def _facts() -> Iterator[Column]:
    _case, *head = study_head()
    for column in (*head, *whole_columns()):
        yield replace(column, table=_TABLE)
    for column in facts(_TABLE, _FURTHER):
        yield replace(column, whole_number=column.whole_number or column.name in _WHOLE_NUMBERS)
