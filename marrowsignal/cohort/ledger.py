"""The ledger of a run over many studies: where each stands, kept so that a kill at any instant loses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from marrowsignal.cohort.ledger_decisions import decide_all
from marrowsignal.cohort.ledger_file import (
    LEDGER_PATIENCE_S,
    drop_failed,
    ledger_errors,
    open_ledger_file,
    read_row,
    read_rows,
    write_rows,
)
from marrowsignal.cohort.ledger_merge import rows_of_file
from marrowsignal.cohort.ledger_plan import Plan
from marrowsignal.cohort.ledger_row import LedgerRow, finished_row, queued_row
from marrowsignal.cohort.leftovers import remove_leftovers
from marrowsignal.cohort.records import CaseAnswer, CaseState, StudySource
from marrowsignal.cohort.shards import Shard, ledger_file_name
from marrowsignal.errors import OutputError

__all__ = ["Ledger", "LedgerCounts", "preview"]

_STAGE = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """How many studies stand where."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0


class Ledger:
    """Where each study of an output folder stands, or of one shard of it.

    Every change is on disk, whole, before the method returns: a process that is killed loses none. One process at a
    time has the file.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    connection : sqlite3.Connection
        Of its file.
    shard : tuple of int or None
        Which shard it is of.
    """

    def __init__(self, out: Path, connection: sqlite3.Connection, shard: Shard | None) -> None:
        self._out = out
        self._connection = connection
        self._shard = shard

    @classmethod
    def open(cls, out: Path, *, shard: Shard | None = None) -> Self:
        """Open the ledger of an output folder; both are made when missing.

        Studies that were running when an earlier process ended wait again, and what they left half is removed.

        Parameters
        ----------
        out : Path
            Folder of the cases.
        shard : tuple of int, optional
            Number from 1 and how many there are: each shard has a file of its own.

        Raises
        ------
        UsageError
            If another process has this ledger, or a newer marrowsignal wrote it.
        OutputError
            If it cannot be opened or written, or is damaged.
        """
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the output folder cannot be made ({error.strerror})",
                code="output_not_writable",
                stage=_STAGE,
                hint="give another folder with -o",
            ) from error
        ledger = cls(out, open_ledger_file(out / ledger_file_name(shard)), shard)
        try:
            ledger._wait_again()
        except BaseException:
            ledger.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back to others."""
        self._connection.close()

    def enqueue(self, sources: Iterable[StudySource], *, settings_sha256: str, retry_failed: bool = False) -> Plan:
        """Decide what is to be done and queue it, in one transaction.

        Parameters
        ----------
        sources : iterable of StudySource
            All studies found; those of other shards are only counted.
        settings_sha256 : str
            Hash of all settings that the results depend on, the version included.
        retry_failed : bool
            Whether what failed is tried again unchanged.

        Raises
        ------
        UsageError
            If two studies have one key.
        InputError
            If a file that a manifest names cannot be read.
        OutputError
            If the ledger cannot be written.
        """
        rows = tuple(read_rows(self._connection))
        decided = decide_all(
            self._out, rows, sources, shard=self._shard, settings_sha256=settings_sha256, retry_failed=retry_failed
        )
        now = _now()
        waiting = (
            queued_row(one.plan.source, one.row, settings_sha256=one.settings_sha256, now=now)
            for one in decided.studies
            if one.plan.why.to_do
        )
        write_rows(self._connection, waiting)
        return decided.plan()

    def start(self, key: str) -> None:
        """Note that a study is begun.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        with ledger_errors():
            self._connection.execute(
                "UPDATE studies SET state = 'running', attempts = attempts + 1, started_at = ? WHERE key = ?",
                (_now(), key),
            )

    def finish(self, key: str, answer: CaseAnswer) -> None:
        """Note what became of a study.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        row = read_row(self._connection, key)
        if row is None:
            raise KeyError(key)
        write_rows(self._connection, (finished_row(row, answer, _now()),))

    def requeue(self, key: str) -> None:
        """Note that a study waits again, through no fault of its own.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        with ledger_errors():
            self._connection.execute("UPDATE studies SET state = 'queued', started_at = NULL WHERE key = ?", (key,))

    def forget(self, keys: Iterable[str]) -> None:
        """Drop what is known of places that could not be read and now can, or are gone; all of them or none.

        A study that has a case folder is kept.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        drop_failed(self._connection, keys)

    def counts(self) -> LedgerCounts:
        """Return how many studies stand where."""
        with ledger_errors():
            found = self._connection.execute("SELECT state, count(*) FROM studies GROUP BY state").fetchall()
        return LedgerCounts(**dict(found))

    def rows(self) -> Iterator[LedgerRow]:
        """Yield all studies, ordered by key."""
        return read_rows(self._connection)

    def row(self, key: str) -> LedgerRow | None:
        """Return one study, None when the ledger does not know it."""
        return read_row(self._connection, key)

    def _wait_again(self) -> None:
        running = [row for row in read_rows(self._connection) if row.state is CaseState.RUNNING]
        if not running:
            return
        remove_leftovers(self._out, (row.name for row in running))
        with ledger_errors():
            self._connection.execute("UPDATE studies SET state = 'queued', started_at = NULL WHERE state = 'running'")


def preview(
    out: Path,
    sources: Iterable[StudySource],
    *,
    shard: Shard | None,
    settings_sha256: str,
    retry_failed: bool = False,
) -> Plan:
    """Return the plan that `Ledger.enqueue` would make now; nothing is written or made.

    Raises
    ------
    UsageError, InputError, OutputError
        As `Ledger.open` and `Ledger.enqueue`.
    """
    file = out / ledger_file_name(shard)
    rows = tuple(rows_of_file(file, patience_s=LEDGER_PATIENCE_S)) if file.is_file() else ()
    return decide_all(
        out, rows, sources, shard=shard, settings_sha256=settings_sha256, retry_failed=retry_failed
    ).plan()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
