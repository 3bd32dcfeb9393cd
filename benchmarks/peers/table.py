"""The rows as a table to read; the first way of a comparison is what the others are set against."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .measured import Measured, Spread

__all__ = ["HEAD", "lines_of", "markdown_of"]

_WIDTHS = (38, 24, 8, 24, 8, 9, 7)


def _columns(*cells: str) -> str:
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS[1:], strict=True))


HEAD = " " * _WIDTHS[0] + _columns("wall s (range)", "x wall", "CPU s (range)", "x CPU", "peak MB", "x MB")


def lines_of(rows: Sequence[Measured]) -> list[str]:
    """Return the table's lines, a heading for each comparison, study and number of threads.

    Parameters
    ----------
    rows : sequence of Measured
        In the order of the comparisons.

    Returns
    -------
    list of str
        Without the table's head.
    """
    lines = []
    for (name, study, threads), group in groupby(rows, key=lambda row: (row.comparison, row.study, row.threads)):
        lines.append(f"{name}: {study}, {threads} thread{'s' if threads > 1 else ''}")
        lines += [_line(row) for row in group]
    return lines


def markdown_of(rows: Sequence[Measured]) -> str:
    """Return the same as a table for a document.

    Parameters
    ----------
    rows : sequence of Measured
        In the order of the comparisons.

    Returns
    -------
    str
        One line a row, the head included.
    """
    lines = [
        "| what, on what, threads | way | wall s | x | CPU s | x | peak MB | x | quality |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        what = f"{row.comparison}, {row.study}, {row.threads}"
        spreads = (row.wall_s, row.cpu_s, row.peak_mb)
        ratios = (row.times_first_wall, row.times_first_cpu, row.times_first_peak)
        medians = ("" if one is None else f"{one.median:.3g}" for one in spreads)
        cells = [cell for pair in zip(medians, map(_times, ratios), strict=True) for cell in pair]
        told = f"not measured: {row.reason}" if row.reason else _quality(row)
        lines.append(f"| {' | '.join((what, row.way, *cells, told))} |")
    return "\n".join(lines) + "\n"


def _line(row: Measured) -> str:
    way = f"  {row.way:{_WIDTHS[0] - 2}}"
    if row.reason:
        return f"{way}  not measured: {row.reason}"
    peak = "" if row.peak_mb is None else f"{row.peak_mb.median:.0f}"
    wall, cpu, memory = (_times(x) for x in (row.times_first_wall, row.times_first_cpu, row.times_first_peak))
    cells = _columns(_told(row.wall_s), wall, _told(row.cpu_s), cpu, peak, memory)
    return f"{way}{cells}   {_quality(row)}".rstrip()


def _quality(row: Measured) -> str:
    return "; ".join(f"{one.name} {one.value:.3g} {one.unit}".rstrip() for one in row.quality)


def _told(spread: Spread | None) -> str:
    if spread is None:
        return ""
    digits = 4 if spread.median < 0.1 else 3 if spread.median < 1 else 2
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
