"""The cohort's tables as CSV: lines of part files put into the order of cases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from marrowsignal.cohort.covariates import Covariates
from marrowsignal.cohort.labels import CaseLabel
from marrowsignal.cohort.tables.columns import LONG_TABLES, STUDIES, about_columns, fact_columns, label_columns
from marrowsignal.cohort.tables.studies import StudyRow
from marrowsignal.exports.tables.columns import Column
from marrowsignal.exports.tables.csv_text import Cell, csv_lines, csv_text

__all__ = ["LABELS", "CsvTable", "write_csv_tables"]

LABELS = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """One table that lies there as CSV.

    Attributes
    ----------
    name : str
        Of the table, and of its file without the ending.
    columns : tuple of Column
        In their order.
    file : Path
        Where it lies.
    """

    name: str
    columns: tuple[Column, ...]
    file: Path


def write_csv_tables(
    folder: Path, rows: Sequence[StudyRow], *, covariates: Covariates | None, labels: Sequence[CaseLabel] | None
) -> tuple[tuple[CsvTable, ...], str]:
    """Write all tables.

    Parameters
    ----------
    folder : Path
        An existing folder.
    rows : sequence of StudyRow
        Ordered by case.
    covariates : Covariates or None
        Joined to ``studies``.
    labels : sequence of CaseLabel or None
        A table of their own, with the cases that are there; None for no such table.

    Returns
    -------
    tables : tuple of CsvTable
        ``studies`` first.
    sha256 : str
        Hash of the contents of all of them.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    columns = (*about_columns(), *fact_columns(), *(covariates.columns if covariates else ()))
    contents: list[tuple[str, tuple[Column, ...], Iterator[bytes]]] = [
        (STUDIES, columns, _study_lines(rows, covariates)),
        *((table.name, table.columns, _part_lines(rows, number)) for number, table in enumerate(LONG_TABLES)),
    ]
    if labels is not None:
        contents.append((LABELS, label_columns(), _label_lines(labels, {row.case for row in rows})))
    written, digest = [], hashlib.sha256()
    for name, of_table, lines in contents:
        written.append(CsvTable(name=name, columns=of_table, file=folder / f"{name}.csv"))
        with written[-1].file.open("wb") as stream:
            for line in chain((_header(of_table),), lines):
                digest.update(line)
                stream.write(line)
    return tuple(written), digest.hexdigest()


def _header(columns: Sequence[Column]) -> bytes:
    return csv_text([column.name for column in columns], ()).encode("utf-8")


def _study_lines(rows: Sequence[StudyRow], covariates: Covariates | None) -> Iterator[bytes]:
    none = "," * (len(fact_columns()) - 1)
    about = len(about_columns())
    told = {} if covariates is None else dict(covariates.rows)
    width = 0 if covariates is None else len(covariates.columns)
    for row in rows:
        tabulated = row.tabulated
        cells: list[Cell] = [row.case, row.study, row.state.value, row.code, row.reason]
        cells.append(None if tabulated is None else tabulated.folder)
        parts = [_cells(cells, about), none if tabulated is None else tabulated.facts]
        if width:
            parts.append(_cells(told.get(row.case) or told.get(row.study) or (None,) * width, width))
        yield (",".join(parts) + "\r\n").encode("utf-8")


def _cells(cells: Sequence[Cell], width: int) -> str:
    # A lone empty cell would be quoted, to tell it from an empty line; among others it is not.
    return csv_lines([[*cells, 0]], width=width + 1).removesuffix(",0\r\n")


def _part_lines(rows: Sequence[StudyRow], number: int) -> Iterator[bytes]:
    """Yield the lines of one of `LONG_TABLES`, case by case; a part file stays open while its cases come in a row."""
    last, stream = None, None
    try:
        for row in rows:
            case = row.tabulated
            if case is None:
                continue
            if stream is None or case.part != last:
                if stream is not None:
                    stream.close()
                last, stream = case.part, case.part.open("rb")
            stream.seek(case.start + sum(case.lengths[:number]))
            yield stream.read(case.lengths[number])
    finally:
        if stream is not None:
            stream.close()


def _label_lines(labels: Sequence[CaseLabel], known: set[str]) -> Iterator[bytes]:
    # What stands for a case that is not there may be anything, a name too.
    for label in (label for label in labels if label.case in known):
        cells: list[Cell] = [label.case, label.label, label.reader, label.group, label.site]
        yield csv_lines([cells], width=len(cells)).encode("utf-8")
