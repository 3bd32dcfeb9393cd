"""Tables for statistics: one row a region, a lesion, a left-right pair, a focus dark on T1, a bone, a quality gate.

An empty cell means not measured; the status and reason columns beside it say why. No cell holds 0 or -1 for a
value that was not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from marrowsignal.exports.tables.columns import Column
from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.data_dictionary import DICTIONARY_FILE, columns_json
from marrowsignal.exports.tables.dictionary import (
    BONE_COLUMNS,
    COLUMNS,
    DARK_FOCUS_COLUMNS,
    LESION_COLUMNS,
    QUALITY_COLUMNS,
    REGION_COLUMNS,
    SYMMETRY_COLUMNS,
)
from marrowsignal.exports.tables.document_rows import bone_rows, lesion_rows, quality_rows, region_rows, symmetry_rows
from marrowsignal.exports.tables.measurement_table import measurements_csv
from marrowsignal.exports.tables.study_columns import STUDY_TABLE, study_parts
from marrowsignal.exports.tables.study_row import study_csv
from marrowsignal.results.document import ResultDocument, to_document
from marrowsignal.results.document_models import LesionDocument
from marrowsignal.results.study_result import StudyResult

__all__ = [
    "bones_csv",
    "dark_foci_csv",
    "lesions_csv",
    "quality_csv",
    "regions_csv",
    "symmetry_csv",
    "write_tables",
]


def write_tables(result: StudyResult, folder: Path, *, document: ResultDocument | None = None) -> None:
    """Write every table of a study as CSV, and ``columns.json``, the dictionary of their columns.

    The tables are ``study.csv`` (one wide row), ``measurements.csv`` (strictly long), ``regions.csv``, ``lesions.csv``,
    ``symmetry.csv``, ``dark_foci.csv``, ``bones.csv`` and ``quality.csv``. Where lesions or dark foci were not looked
    for they have no table: one without rows would read as none found.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    folder : Path
        An existing folder.
    document : ResultDocument, optional
        What `to_document` makes of it, where that is at hand.
    """
    told = document or to_document(result)
    for name, text in (
        ("regions.csv", _csv(REGION_COLUMNS, region_rows(told))),
        ("lesions.csv", _found_csv(LESION_COLUMNS, told, told.lesions)),
        ("symmetry.csv", _csv(SYMMETRY_COLUMNS, symmetry_rows(told))),
        ("dark_foci.csv", _found_csv(DARK_FOCUS_COLUMNS, told, told.dark_foci)),
        ("bones.csv", _csv(BONE_COLUMNS, bone_rows(told))),
        ("quality.csv", _csv(QUALITY_COLUMNS, quality_rows(told))),
        ("measurements.csv", measurements_csv(told)),
        (STUDY_TABLE, study_csv(told, protocol=result.protocol)),
        (DICTIONARY_FILE, columns_json((*COLUMNS, *study_parts(result.protocol)))),
    ):
        if text is not None:
            (folder / name).write_bytes(text.encode("utf-8"))


def regions_csv(result: StudyResult) -> str:
    """Return the regions table: the whole marrow without lesions, then regions, then parts of bones."""
    return _csv(REGION_COLUMNS, region_rows(to_document(result)))


def lesions_csv(result: StudyResult) -> str | None:
    """Return the lesions table; only a header when none was found, None when lesions were not looked for."""
    return _found_csv(LESION_COLUMNS, (document := to_document(result)), document.lesions)


def dark_foci_csv(result: StudyResult) -> str | None:
    """Return the table of foci dark on T1; only a header when none was found, None when they were not looked for."""
    return _found_csv(DARK_FOCUS_COLUMNS, (document := to_document(result)), document.dark_foci)


def bones_csv(result: StudyResult) -> str:
    """Return the table of bones with an epiphysis or a head; only a header where there is none in view."""
    return _csv(BONE_COLUMNS, bone_rows(to_document(result)))


def symmetry_csv(result: StudyResult) -> str:
    """Return the table of left-right pairs; its first row is the whole marrow."""
    return _csv(SYMMETRY_COLUMNS, symmetry_rows(to_document(result)))


def quality_csv(result: StudyResult) -> str:
    """Return the table of quality gates, in their order."""
    return _csv(QUALITY_COLUMNS, quality_rows(to_document(result)))


def _found_csv(
    columns: Sequence[Column], document: ResultDocument, found: Sequence[LesionDocument] | None
) -> str | None:
    return None if found is None else _csv(columns, lesion_rows(document, found))


def _csv(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    return csv_text([column.name for column in columns], rows)
