"""Which usable series carry a warning that no pair tells, so that the table does not call them plainly usable."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console

from marrowsignal.cli.inspect_lines import print_line
from marrowsignal.cli.inspection import InspectDocument, SeriesEntry

__all__ = ["print_warnings", "warned"]


def warned(document: InspectDocument, chosen: Collection[int]) -> frozenset[int]:
    """Return the places of usable series with warnings; not of chosen ones, whose pair tells them."""
    return frozenset(
        index
        for index, series in enumerate(document.series)
        if series.usable and index not in chosen and _warnings(series)
    )


def print_warnings(to: Console, document: InspectDocument, places: Collection[int]) -> None:
    """Print each warning once, after the numbers of the series that carry it."""
    carriers: dict[str, list[str]] = {}
    for index in sorted(places):
        for message in _warnings(document.series[index]):
            carriers.setdefault(message, []).append(document.series[index].number)
    for message, numbers in carriers.items():
        print_line(to, f"series {', '.join(numbers)}: {message}", 0, "yellow", bullet="* ")


def _warnings(series: SeriesEntry) -> list[str]:
    return list(dict.fromkeys(f.message for f in series.findings if f.severity != "info"))
