"""All ledgers of an output folder as one: what each shard, or each earlier run, says of its studies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marrowsignal.cohort.ledger_file import LEDGER_IN_USE, open_ledger_file, read_rows
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.shards import Shard, shard_of_ledger
from marrowsignal.errors import MarrowSignalError, OutputError, UsageError
from marrowsignal.findings import Finding, Severity

__all__ = ["ledger_rows", "rows_of_others"]

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
        connection = open_ledger_file(file, patience_s=_PATIENCE_S)
        try:
            return list(read_rows(connection)), ()
        finally:
            connection.close()
    except (UsageError, OutputError) as error:
        return [], (_unread(file.stem, error),)


def _unread(name: str, error: MarrowSignalError) -> Finding:
    why = "a batch works with it now" if error.code == LEDGER_IN_USE else error.message
    return Finding(
        code=error.code,
        stage=_STAGE,
        severity=Severity.WARN,
        message=f"What {name}.sqlite says of its studies is not known: {why}.",
    )
