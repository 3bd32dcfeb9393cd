"""What building the tables of a cohort leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from marrowsignal.findings import Finding

__all__ = ["Cohort", "StateCount", "TableCount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCount:
    """Rows of one table."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    """Rows of ``studies`` in one state."""

    state: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The tables of a cohort as they were written.

    Attributes
    ----------
    database : Path
        ``cohort.duckdb``.
    folder : Path
        Folder of the same tables as CSV and Parquet, and ``columns.json``.
    tables : tuple of TableCount
        Each table in its order.
    states : tuple of StateCount
        States that occur, in the order of `StudyState`.
    sha256 : str
        Hash of all CSV tables: equal means that nothing but libraries may differ.
    findings : tuple of Finding
        What makes the tables weaker: ledgers that could not be read, folders that gave no values, cases of several
        versions, the same input twice, covariates of cases that are not there.
    """

    database: Path
    folder: Path
    tables: tuple[TableCount, ...]
    states: tuple[StateCount, ...]
    sha256: str
    findings: tuple[Finding, ...]
