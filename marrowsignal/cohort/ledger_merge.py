"""All ledgers of an output folder as one: what each shard, or each earlier run, says of its studies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from marrowsignal.cohort.ledger_file import LEDGER_IN_USE, LEDGER_NOT_WRITABLE, open_ledger_file, read_rows
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.shards import Shard, shard_of_ledger
from marrowsignal.errors import MarrowSignalError, OutputError, UsageError
from marrowsignal.findings import Finding, Severity

__all__ = ["ledger_rows", "rows_of_file", "rows_of_others"]

_STAGE = "ledger"
# A batch has its ledger for hours, who only reads it for moments.
_PATIENCE_S = 0.2


def ledger_rows(out: Path) -> tuple[tuple[LedgerRow, ...], tuple[Finding, ...]]:
    """Return one row a study of all ledgers of an output folder.

    Parameters
    ----------
    out : Path
        Folder of the cases.

    Returns
    -------
    rows : tuple of LedgerRow
        Ordered by key. Where several ledgers know a study, the run that ended last counts; of one that has not ended
        anywhere, the ledger named first.
    findings : tuple of Finding
        One for each ledger that cannot be read: a run has it, it is damaged, or a newer version wrote it.
    """
    merged: dict[str, LedgerRow] = {}
    findings: list[Finding] = []
    for file, _ in _ledgers(out):
        rows, told = _rows_of(file)
        findings += told
        for row in rows:
            other = merged.get(row.key)
            if other is None or (row.finished_at or "") > (other.finished_at or ""):
                merged[row.key] = row
    return tuple(merged[key] for key in sorted(merged)), tuple(findings)


def rows_of_others(out: Path, shard: Shard | None) -> tuple[tuple[LedgerRow, ...], tuple[Finding, ...]]:
    """Return the rows of all ledgers that may know studies of a shard's but are not its own.

    Shards of one and the same partition share no study, so theirs are not opened.

    Returns
    -------
    rows : tuple of LedgerRow
        In the order of ledgers and keys.
    findings : tuple of Finding
        As `ledger_rows`.
    """
    rows: list[LedgerRow] = []
    findings: list[Finding] = []
    for file, other in _ledgers(out):
        if other == shard or (other and shard and other[1] == shard[1]):
            continue
        found, told = _rows_of(file)
        rows += found
        findings += told
    return tuple(rows), tuple(findings)


def _ledgers(out: Path) -> Iterator[tuple[Path, Shard | None]]:
    for file in sorted(out.glob("ledger*.sqlite")):
        is_ledger, shard = shard_of_ledger(file.name)
        if is_ledger:
            yield file, shard


def _rows_of(file: Path) -> tuple[list[LedgerRow], tuple[Finding, ...]]:
    try:
        return rows_of_file(file, patience_s=_PATIENCE_S), ()
    except (UsageError, OutputError) as error:
        return [], (_unread(file.stem, error),)


def rows_of_file(file: Path, *, patience_s: float) -> list[LedgerRow]:
    """Return all rows of a ledger, also of one that this user may only read.

    Parameters
    ----------
    file : Path
        The ledger.
    patience_s : float
        As of `open_ledger_file`.

    Raises
    ------
    UsageError, OutputError
        As `open_ledger_file`.
    """
    try:
        return _all_rows(file, patience_s)
    except OutputError as error:
        if error.code != LEDGER_NOT_WRITABLE:
            raise
        return _rows_of_copy(file, error)


def _all_rows(file: Path, patience_s: float) -> list[LedgerRow]:
    connection = open_ledger_file(file, patience_s=patience_s)
    try:
        return list(read_rows(connection))
    finally:
        connection.close()


def _rows_of_copy(file: Path, why: OutputError) -> list[LedgerRow]:
    """Read a copy, with the changes that still lie beside the ledger: SQLite takes neither where it may not write."""
    try:
        with TemporaryDirectory(prefix="marrowsignal-") as folder:
            copy = Path(folder, file.name)
            shutil.copyfile(file, copy)
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{file}-wal", f"{copy}-wal")
            return _all_rows(copy, _PATIENCE_S)
    except OSError:
        raise why from None


def _unread(name: str, error: MarrowSignalError) -> Finding:
    why = "a batch works with it now" if error.code == LEDGER_IN_USE else error.message
    return Finding(
        code=error.code,
        stage=_STAGE,
        severity=Severity.WARN,
        message=f"What {name}.sqlite says of its studies is not known: {why}.",
    )
