"""Build the tables of a cohort from its case folders alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from marrowsignal.cohort.case_folders import PRODUCTS, case_folders
from marrowsignal.cohort.covariates import read_covariates
from marrowsignal.cohort.labels import read_labels
from marrowsignal.cohort.ledger_merge import ledger_rows
from marrowsignal.cohort.tables.cohort_findings import cohort_findings
from marrowsignal.cohort.tables.columns import StudyState
from marrowsignal.cohort.tables.csv_files import CsvTable, write_csv_tables
from marrowsignal.cohort.tables.database import write_database
from marrowsignal.cohort.tables.placing import DATABASE, check_products_place, put_in_place, staging_folder
from marrowsignal.cohort.tables.records import Cohort, StateCount
from marrowsignal.cohort.tables.studies import StudyRow, study_rows
from marrowsignal.cohort.tables.tabulate import tabulate
from marrowsignal.errors import InputError, OutputError
from marrowsignal.exports.tables.data_dictionary import DICTIONARY_FILE, columns_json

__all__ = ["build_cohort"]

_STAGE = "cohort"


def build_cohort(
    out: Path,
    *,
    labels: Path | None = None,
    covariates: Path | None = None,
    workers: int = 1,
    on_cases: Callable[[int, int], None] | None = None,
) -> Cohort:
    """Build ``cohort.duckdb`` and the folder ``cohort`` beside the cases, from nothing but the cases and ledgers.

    The same cases, ledgers and tables give the same bytes of CSV and Parquet, whatever the order and number of runs
    and workers. Old tables are replaced when all new ones are whole, and stay otherwise.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    labels : Path, optional
        CSV, see `read_labels`: the table ``labels``.
    covariates : Path, optional
        CSV, see `read_covariates`: columns ``cov_...`` of ``studies``.
    workers : int
        Processes that read cases. With more than one, a script needs ``if __name__ == "__main__"``, as with
        `multiprocessing`.
    on_cases : callable, optional
        Called with how many case folders are read, and how many there are.

    Returns
    -------
    Cohort
        Where they lie, what they hold, and what makes them weaker.

    Raises
    ------
    InputError
        If there is no case and no ledger, or a table cannot be read.
    UsageError
        If a table is malformed or names a person.
    OutputError
        If the tables cannot be written; the old ones are still there.
    """
    told_labels = None if labels is None else read_labels(labels)
    told_covariates = None if covariates is None else read_covariates(covariates)
    folders = case_folders(out)
    check_products_place(out)
    ledger, ledger_findings = ledger_rows(out)
    if not folders and not ledger:
        raise InputError(
            "there is no case in the folder of cases",
            code="cohort_empty",
            stage=_STAGE,
            hint="give the folder that `marrowsignal batch -o` or `analyze -o` wrote its cases to",
        )
    try:
        with staging_folder(out) as made:
            cases = tabulate(
                out,
                folders,
                parts=made.parts,
                workers=workers,
                on_cases=lambda ready: on_cases(ready, len(folders)) if on_cases else None,
            )
            rows = study_rows(cases, ledger)
            findings = (
                *ledger_findings,
                *cohort_findings(rows, ledger, covariates=told_covariates, labels=told_labels),
            )
            csv_tables, sha256 = write_csv_tables(made.tables, rows, covariates=told_covariates, labels=told_labels)
            counts = write_database(made.database, csv_tables, parquet=made.tables, sha256=sha256, findings=findings)
            _write_dictionary(made.tables, csv_tables)
            put_in_place(made, out)
    except (OSError, duckdb.Error) as error:
        raise _not_written(error) from error
    return Cohort(
        database=out / DATABASE,
        folder=out / PRODUCTS,
        tables=counts,
        states=_states(rows),
        sha256=sha256,
        findings=findings,
    )


def _write_dictionary(folder: Path, tables: Sequence[CsvTable]) -> None:
    columns = [column for table in tables for column in table.columns]
    (folder / DICTIONARY_FILE).write_bytes(columns_json(columns).encode("utf-8"))


def _states(rows: Sequence[StudyRow]) -> tuple[StateCount, ...]:
    counts = Counter(row.state for row in rows)
    return tuple(StateCount(state=state.value, rows=counts[state]) for state in StudyState if counts[state])


def _not_written(error: OSError | duckdb.Error) -> OutputError:
    # The message of DuckDB holds paths.
    cause = error.strerror if isinstance(error, OSError) else type(error).__name__
    return OutputError(
        f"the tables of the cohort cannot be written ({cause or 'unknown cause'}); older ones are as they were",
        code="output_not_writable",
        stage=_STAGE,
        hint="check that the folder of cases is writable and has space left",
    )
