"""Lines of text on the terminal, indented and wrapped, in which header strings are text and nothing more."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from marrowsignal.cli.inspection import FindingEntry, SeriesEntry

__all__ = ["print_finding", "print_line", "printable", "series_name"]

_LONGEST_NAME = 64


def series_name(series: SeriesEntry) -> str:
    """Return the description, cut where it is too long to be one."""
    name = printable(series.description) or "(no description)"
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


def print_finding(to: Console, finding: FindingEntry, *, indent: int) -> None:
    """Print a finding after its severity."""
    style = "" if finding.severity == "info" else "yellow"
    print_line(to, finding.message, indent, style, bullet=f"{finding.severity}: ")


def print_line(to: Console, text: str, indent: int, style: str = "", *, bullet: str = "") -> None:
    """Print a text that goes on below itself, not below its bullet."""
    line = Table.grid(padding=0)
    line.add_column(width=indent + len(bullet))
    line.add_column(overflow="fold")
    line.add_row(Text(" " * indent + bullet, style=style), Text(printable(text), style=style))
    to.print(line)


def printable(text: str) -> str:
    """Return the text with a space for each control character and each that turns the reading direction."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
