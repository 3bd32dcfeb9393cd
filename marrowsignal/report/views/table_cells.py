"""Cells and tables as the page prints them, and how measurements become cells."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.views.wording import Notes, fixed, interval, with_unit
from marrowsignal.results.descriptors import descriptor_title
from marrowsignal.signals.records import Measurement

__all__ = [
    "Cell",
    "Table",
    "column_title",
    "measured_cell",
    "measured_names",
    "named",
    "unmeasured_notes",
]

_PRINTED_DECIMALS = {"percent": 1, "ml": 2, "mm": 1, "deg": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text, small : str
        First line, and a second one in small print.
    mark : str
        Mark of a note.
    jump : str
        What the viewer shows on a click: ``lesion-N``, ``dark-N``, ``region-N``, ``part-N``, ``slice-N``.
    number : bool
        Whether it holds a number, which stands at the right.
    span : int
        Columns it covers.
    """

    text: str
    small: str = ""
    mark: str = ""
    jump: str = ""
    number: bool = False
    span: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table; the first cell of a row is its heading."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[tuple[str, str], ...] = ()


def named(measurements: tuple[Measurement, ...], names: frozenset[str]) -> tuple[Measurement, ...]:
    """Return the measurements that a table shows, in their order."""
    return tuple(item for item in measurements if item.name in names)


def measured_names(rows: tuple[tuple[Measurement, ...], ...]) -> frozenset[str]:
    """Return the names of which any row has a value: the columns worth their place."""
    return frozenset(item.name for measurements in rows for item in measurements if item.value is not None)


def column_title(item: Measurement) -> str:
    """Return heading and unit of a column."""
    unit = {"1": "", "percent": " (%)", "ml": " (mL)"}.get(item.unit, f" ({item.unit})")
    return descriptor_title(item.name) + unit


def measured_cell(item: Measurement, notes: Notes, *, jump: str = "", span: int = 1) -> Cell:
    """Return a value with its interval; what was not measured says so, and a note says why.

    Parameters
    ----------
    item : Measurement
        What was asked.
    notes : Notes
        Footnotes of the table; a reason is added when it is new.
    jump, span : str, int
        Of the cell.
    """
    mark = notes.mark_of(item)
    decimals = _PRINTED_DECIMALS.get(item.unit, 2)
    text = with_unit(item.value, item.unit) if item.unit.startswith("1 ") else fixed(item.value, decimals)
    return Cell(
        text=text or "not measured",
        small=interval(item.ci_low, item.ci_high, decimals=decimals) if text else "",
        mark=mark,
        jump=jump,
        number=bool(text),
        span=span,
    )


def unmeasured_notes(
    notes: Notes, measurements: tuple[Measurement, ...], shown: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """Return the notes of a table, and for columns left out because no row has a value each reason once."""
    hidden: dict[str, list[str]] = {}
    for item in measurements:
        if item.name not in shown:
            hidden.setdefault(item.reason or "no reason given", []).append(descriptor_title(item.name))
    lines = (("", f"Not measured: {', '.join(titles)} ({reason})") for reason, titles in hidden.items())
    return (*notes.listed(), *lines)
