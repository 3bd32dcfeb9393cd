"""The cohort's tables as a DuckDB database and as Parquet, read from their CSV with the types of their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from marrowsignal import __version__
from marrowsignal.cohort.tables.csv_files import CsvTable
from marrowsignal.cohort.tables.records import TableCount
from marrowsignal.exports.tables.columns import TABLE_SCHEMA_VERSION, ColumnType
from marrowsignal.findings import Finding

__all__ = ["write_database"]

_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.CHOICE: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MEMORY = "200MB"
_ROW_GROUP = 20480  # rows held at once while Parquet is written, of tables of 150 columns
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": _MEMORY,
    "preserve_insertion_order": "true",
    # One thread: where row groups end must not depend on which of several was first.
    "threads": "1",
}


def write_database(
    database: Path, tables: Sequence[CsvTable], *, parquet: Path, sha256: str, findings: Sequence[Finding]
) -> tuple[TableCount, ...]:
    """Write a database of all tables, and each as Parquet.

    Parameters
    ----------
    database : Path
        A file that is not there yet.
    tables : sequence of CsvTable
        As they lie there; empty cells become NULL, and no type is guessed.
    parquet : Path
        An existing folder.
    sha256 : str
        Hash of the tables, for the table ``about``.
    findings : sequence of Finding
        For the table ``findings``.

    Returns
    -------
    tuple of TableCount
        Rows of each table.

    Raises
    ------
    duckdb.Error
        If it cannot be written.
    """
    spill = database.with_suffix(".spill")
    counts = []
    with duckdb.connect(str(database), config={**_SETTINGS, "temp_directory": str(spill)}) as connection:
        for table in tables:
            _load(connection, table)
            connection.execute(
                f"COPY {_quoted(table.name)} TO '{_escaped(parquet / table.name)}.parquet' "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
            (rows,) = connection.execute(f"SELECT count(*) FROM {_quoted(table.name)}").fetchone() or (0,)
            counts.append(TableCount(table=table.name, rows=int(rows)))
        _tell(connection, sha256, findings)
        connection.execute("CHECKPOINT")
    return tuple(counts)


def _load(connection: duckdb.DuckDBPyConnection, table: CsvTable) -> None:
    declared = ", ".join(f"{_quoted(column.name)} {_TYPES[column.type]}" for column in table.columns)
    types = ", ".join(f"'{column.name}': '{_TYPES[column.type]}'" for column in table.columns)
    connection.execute(f"CREATE TABLE {_quoted(table.name)} ({declared})")
    connection.execute(
        f"INSERT INTO {_quoted(table.name)} SELECT * FROM read_csv('{_escaped(table.file)}', "
        f"header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\r\\n', "
        f"nullstr = '', columns = {{{types}}})"
    )


def _tell(connection: duckdb.DuckDBPyConnection, sha256: str, findings: Sequence[Finding]) -> None:
    connection.execute("CREATE TABLE about (name VARCHAR, value VARCHAR)")
    about = (
        ("marrowsignal_version", __version__),
        ("table_schema_version", TABLE_SCHEMA_VERSION),
        ("tables_sha256", sha256),
    )
    connection.executemany("INSERT INTO about VALUES (?, ?)", about)
    connection.execute("CREATE TABLE findings (code VARCHAR, severity VARCHAR, message VARCHAR)")
    for one in findings:
        connection.execute("INSERT INTO findings VALUES (?, ?, ?)", (one.code, one.severity.value, one.message))


def _quoted(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AssertionError("the name of a table or column needs letters, digits and underscores")
    return f'"{name}"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
