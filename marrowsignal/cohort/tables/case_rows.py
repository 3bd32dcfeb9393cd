"""Rows of one case in the cohort's tables, from its ``result.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator

from marrowsignal.cohort.tables.columns import LONG_TABLES, fact_columns
from marrowsignal.exports.tables.csv_text import Cell, csv_lines
from marrowsignal.exports.tables.document_rows import (
    bone_rows,
    lesion_rows,
    quality_rows,
    region_rows,
    symmetry_rows,
)
from marrowsignal.exports.tables.study_row import study_head_cells, whole_cells
from marrowsignal.results.acquired_models import SeriesDocument
from marrowsignal.results.tabled_document import TabledDocument

__all__ = ["long_texts", "study_facts"]

_FACTS = len(fact_columns())
_OF_SERIES = 12  # cells of one series


def long_texts(document: TabledDocument) -> tuple[str, ...]:
    """Return the lines of each of `LONG_TABLES`, as the case's own tables have them."""
    rows = (
        region_rows(document),
        lesion_rows(document, document.lesions or ()),
        quality_rows(document),
        symmetry_rows(document),
        lesion_rows(document, document.dark_foci or ()),
        bone_rows(document),
    )
    return tuple(
        csv_lines(of_table, width=len(table.columns)) for table, of_table in zip(LONG_TABLES, rows, strict=True)
    )


def study_facts(document: TabledDocument) -> str:
    """Return the cells under `fact_columns`, joined as CSV without an end of line."""
    _case, *head = study_head_cells(document)
    cells = [*head, *whole_cells(document), *_further(document)]
    return csv_lines([cells], width=_FACTS).removesuffix("\r\n")


def _further(document: TabledDocument) -> Iterator[Cell]:
    acquisition = document.series.t1.acquisition
    yield "; ".join(document.pattern.reasons)
    yield " ".join(dict.fromkeys(finding.code for finding in document.findings))
    yield from (acquisition.manufacturer, acquisition.body_part_examined, acquisition.patient_position)
    yield from _series(document.series.t1)
    yield from _series(document.series.stir)
    yield from _quality_of_signal(document)
    dice = document.marrow.check.estimated_dice
    yield from (document.midline.status, document.marrow.made_by, dice.value, dice.low, dice.high, dice.status)
    yield from (document.lesions_made_by, document.lesions_reason)
    made = document.provenance
    yield from (document.schema_version, made.python)
    yield "; ".join(f"{library.name} {library.version}" for library in made.libraries)
    yield from (made.input_sha256, made.mask_sha256, made.series_rules_sha256)


def _series(series: SeriesDocument | None) -> list[Cell]:
    if series is None:
        return [None] * _OF_SERIES
    acquisition = series.acquisition
    return [
        series.description,
        acquisition.sequence_name,
        " ".join(acquisition.scanning_sequence),
        acquisition.echo_train_length,
        acquisition.slice_thickness_mm,
        *(series.spacing_mm or (None, None, None)),
        series.slices,
        series.rows,
        series.columns,
        series.orientation,
    ]


def _quality_of_signal(document: TabledDocument) -> Iterator[Cell]:
    references, bias, metal, alignment = (
        document.references,
        document.bias,
        document.metal_excluded,
        document.alignment,
    )
    yield from (references.noise_t1, references.noise_t1_status, references.noise_stir, references.noise_stir_status)
    yield from (bias.t1_residual.value, bias.t1_residual.status, bias.stir_residual.value, bias.stir_residual.status)
    yield from (metal.value, metal.status, alignment.displacement_mm, alignment.rotation_deg)
