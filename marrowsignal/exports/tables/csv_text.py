"""Rows as CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = ["Cell", "csv_lines", "csv_text", "one_line", "safe_text"]

Cell = str | int | float | None
# OWASP "CSV Injection". Tab, CR and LF never start a cell, as text is put on one line. The wide and small forms start a
# formula in East Asian versions of Excel, the minus sign one in LibreOffice.
_FORMULA_STARTS = tuple("=+-@＝＋－＠﹦﹢﹣﹫−")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows under their header.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence of Cell
        As many cells each; None becomes an empty cell: not measured.

    Returns
    -------
    str
        RFC 4180, lines ended by CRLF. Numbers in full; text on one line, with an apostrophe where a spreadsheet would
        run it as a formula.
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(header)
    return buffer.getvalue() + csv_lines(rows, width=len(header))


def csv_lines(rows: Iterable[Sequence[Cell]], *, width: int) -> str:
    """Return rows of `width` cells without a header, as of `csv_text`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        if len(row) != width:
            raise AssertionError(f"a row of {len(row)} cells under {width} headers")
        writer.writerow([_told(cell) for cell in row])
    return buffer.getvalue()


@lru_cache(maxsize=4096)
def safe_text(text: str) -> str:
    """Return text on one line, with an apostrophe where a spreadsheet would run it as a formula.

    >>> safe_text("=1+1")
    "'=1+1"
    """
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line


def one_line(text: str) -> str:
    """Return text without control characters, its blanks and line ends as single blanks."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def _told(cell: Cell) -> Cell:
    """Return a cell as `csv.writer` has to get it: that writes exact floats in full, and None as nothing."""
    if isinstance(cell, str):
        return safe_text(cell)
    if cell is None or not math.isfinite(cell):
        return None
    return float(cell) if isinstance(cell, float) else int(cell)
