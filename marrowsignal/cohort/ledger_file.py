"""The SQLite file of a ledger: how it is opened, what its rows are, and what its errors mean."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseState, MadeCase
from marrowsignal.errors import OutputError, UsageError

__all__ = [
    "LEDGER_IN_USE",
    "LEDGER_NOT_WRITABLE",
    "LEDGER_PATIENCE_S",
    "drop_failed",
    "ledger_errors",
    "open_ledger_file",
    "read_row",
    "read_rows",
    "write_rows",
]

LEDGER_IN_USE = "ledger_in_use"
LEDGER_NOT_WRITABLE = "ledger_not_writable"

_STAGE = "ledger"
_SCHEMA_VERSION = 1
# "MSLG": tells the file from other people's databases.
_APPLICATION_ID = 0x4D534C47
# Who only reads has the file for moments.
LEDGER_PATIENCE_S = 2.0
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "no permission",
    sqlite3.SQLITE_PROTOCOL: "the file system has no file locks",
}

_TABLE = """
CREATE TABLE studies (
    key TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'refused')),
    cases TEXT NOT NULL,
    name TEXT NOT NULL,
    signature TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    files INTEGER NOT NULL,
    settings_sha256 TEXT NOT NULL,
    version TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    queued_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    input_sha256 TEXT,
    protocol_sha256 TEXT,
    stage TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    wall_s REAL,
    cpu_s REAL,
    peak_bytes INTEGER,
    done_settings_sha256 TEXT,
    done_input_sha256 TEXT,
    done_protocol_sha256 TEXT,
    done_cases TEXT NOT NULL,
    superseded TEXT NOT NULL
) WITHOUT ROWID
"""


_COLUMNS = tuple(field.name for field in fields(LedgerRow))
_OF_CASES = frozenset({"cases", "done_cases"})
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM studies"
_DROP = "DELETE FROM studies WHERE key = ? AND cases = '[]' AND done_cases = '[]'"
_INSERT = f"INSERT OR REPLACE INTO studies ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


def open_ledger_file(file: Path, *, patience_s: float = LEDGER_PATIENCE_S) -> sqlite3.Connection:
    """Open a ledger for this process alone, made when there is none.

    One process has the file as long as the connection is open, so there is no shared memory beside it and it may lie
    on a network share (SQLite, "Write-Ahead Logging", section 8).

    Parameters
    ----------
    file : Path
        The ledger.
    patience_s : float
        How long another process that has it is waited for.

    Raises
    ------
    UsageError
        If another process has it, or a newer marrowsignal wrote it.
    OutputError
        If it cannot be opened or written, or is damaged.
    """
    with ledger_errors():
        # Commits are by BEGIN and COMMIT only.
        connection = sqlite3.connect(file, timeout=patience_s, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            _check_schema(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    elif application != _APPLICATION_ID:
        raise ledger_damaged("is the database of another program")
    elif version > _SCHEMA_VERSION:
        raise UsageError(
            "the ledger in the output folder was written by a newer marrowsignal",
            code="ledger_newer",
            stage=_STAGE,
            hint="use that version, or another output folder",
        )


def read_rows(connection: sqlite3.Connection) -> Iterator[LedgerRow]:
    """Yield all rows, ordered by key."""
    with ledger_errors():
        for values in connection.execute(f"{_SELECT} ORDER BY key"):
            yield _row_of(values)


def read_row(connection: sqlite3.Connection, key: str) -> LedgerRow | None:
    """Return one row, None when there is none."""
    with ledger_errors():
        values = connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    return None if values is None else _row_of(values)


def write_rows(connection: sqlite3.Connection, rows: Iterable[LedgerRow]) -> None:
    """Write rows in one transaction: all of them, or none."""
    _change(connection, _INSERT, (_values_of(row) for row in rows))


def drop_failed(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Drop rows of studies that never had a case folder, in one transaction."""
    _change(connection, _DROP, ((key,) for key in keys))


def _change(connection: sqlite3.Connection, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    with ledger_errors():
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(statement, rows)
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has ended it by itself where the disk is full.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Raises
    ------
    UsageError
        Of code ``ledger_in_use``, if another process has the ledger.
    OutputError
        If the ledger cannot be read or written, or is damaged.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte; the others say in which call.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            raise UsageError(
                "another batch works on this output folder",
                code=LEDGER_IN_USE,
                stage=_STAGE,
                hint="wait until it has ended, give each its own --shard I/N, or another output folder",
            ) from error
        if code in _DAMAGED:
            raise ledger_damaged("is damaged") from error
        raise OutputError(
            f"the ledger cannot be written ({_WORDS.get(code, 'input/output error')})",
            code=LEDGER_NOT_WRITABLE,
            stage=_STAGE,
            hint="check that the output folder is writable and has space left; what is done is kept",
        ) from error


def ledger_damaged(what: str) -> OutputError:
    """Return the error for a file that is no ledger of ours."""
    return OutputError(
        f"the ledger in the output folder {what}",
        code="ledger_damaged",
        stage=_STAGE,
        hint="put back a copy, or move it away: a new one is begun then, and all studies are done again",
    )


def _row_of(values: tuple[object, ...]) -> LedgerRow:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["state"] = CaseState(str(named["state"]))
    for name in _OF_CASES:
        named[name] = tuple(
            MadeCase(case=case, pattern_class=pattern_class, confidence=confidence)
            for case, pattern_class, confidence in json.loads(str(named[name]))
        )
    named["superseded"] = tuple(json.loads(str(named["superseded"])))
    return LedgerRow(**named)  # type: ignore[arg-type]


def _values_of(row: LedgerRow) -> tuple[object, ...]:
    return tuple(_stored(getattr(row, name)) for name in _COLUMNS)


def _stored(value: object) -> object:
    if isinstance(value, CaseState):
        return value.value
    if isinstance(value, tuple):
        return json.dumps(
            [[one.case, one.pattern_class, one.confidence] if isinstance(one, MadeCase) else one for one in value]
        )
    return value
