"""Print what ``marrowsignal inspect`` found as one table, and below it what would be analyzed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from marrowsignal.cli.inspect_lines import print_finding, print_line, series_name
from marrowsignal.cli.inspect_pairs import print_pair, print_refusal
from marrowsignal.cli.inspect_warnings import print_warnings, warned
from marrowsignal.cli.inspection import InspectDocument, SeriesEntry

__all__ = ["print_document"]

_ENOUGH_FOR_NAME = 24
_INDENT = 5
_WORDS = {
    "t1": "T1",
    "stir": "STIR",
    "flair": "FLAIR",
    "t1_ir": "T1 IR",
    "t1_fat_suppressed": "T1 fs",
    "t2": "T2",
    "pd": "PD",
    "t2_fat_suppressed": "T2 fs",
    "pd_fat_suppressed": "PD fs",
    "dixon": "Dixon",
    "gradient_echo": "GRE",
    "echo_planar": "EPI",
    "diffusion": "DWI",
    "not_mr": "not MR",
}
_PLANES = {"axial": "ax", "coronal": "cor", "sagittal": "sag", "unknown": "-"}


def print_document(document: InspectDocument, *, evidence: bool, console: Console | None = None) -> None:
    """Print the table of series, what would be analyzed and why.

    Strings of headers are shown letter by letter: no markup, no control characters, no turned reading direction.

    Parameters
    ----------
    document : InspectDocument
        What was found.
    evidence : bool
        Whether every finding, criterion and UID is shown.
    console : Console, optional
        Where to print; by default stdout, in colour only on a terminal.
    """
    to = console or Console(highlight=False, markup=False, emoji=False)
    _print_counts(to, document)
    if document.series:
        _print_series(to, document, evidence=evidence)
    if not document.pairs:
        to.print()
        print_refusal(to, document)
    for pair in document.pairs:
        to.print()
        print_pair(to, document, pair, evidence=evidence)


def _print_counts(to: Console, document: InspectDocument) -> None:
    parts = [f"{len(document.series)} series in {document.files_seen} files"]
    if document.studies > 1:
        parts.append(f"{document.studies} studies")
    if document.files_unreadable:
        parts.append(f"{document.files_unreadable} DICOM files could not be read")
    to.print(Text("; ".join(parts)))
    for finding in document.findings:
        print_finding(to, finding, indent=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """The cells of one series."""

    number: str
    name: str
    plane: str
    matrix: str
    spacing: str
    timing: str
    field: str
    identity: str
    score: str
    use: str


_HEAD = _Row(
    number="No.",
    name="Series",
    plane="Plane",
    matrix="Slices/matrix",
    spacing="Spacing mm",
    timing="TR/TE/TI ms",
    field="T",
    identity="Identity",
    score="Score +lead",
    use="Use",
)


def _print_series(to: Console, document: InspectDocument, *, evidence: bool) -> None:
    uses = _uses(document)
    marked = warned(document, uses)
    uses |= dict.fromkeys(marked, "usable*")
    rows = [_row(series, uses.get(index, "")) for index, series in enumerate(document.series)]
    layout = _Layout(rows, to.width)
    to.print()
    for line in layout.lines(_HEAD, style="bold"):
        to.print(line)
    to.print(Text("-" * layout.width))
    before = document.series[0]
    following = (*document.series[1:], None)
    for row, series, after in zip(rows, document.series, following, strict=True):
        if series.study_instance_uid != before.study_instance_uid:
            to.print(Text("- another study ".ljust(layout.width, "-")))
        before = series
        for line in layout.lines(row, style="" if series.usable else "dim"):
            to.print(line)
        if series.why_not_used and not (after and _same_refusal(series, after)):
            print_line(to, _short(series), _INDENT, "" if series.usable else "dim")
        if evidence:
            _print_evidence(to, series)
    print_warnings(to, document, marked)


def _same_refusal(series: SeriesEntry, after: SeriesEntry) -> bool:
    """Whether the next stack of the same series is refused in the same words, which are then said once."""
    return series.series_instance_uid == after.series_instance_uid and _short(series) == _short(after)


class _Layout:
    """Widths of columns: one line a series where there is room, else two."""

    def __init__(self, rows: Sequence[_Row], width: int) -> None:
        facts, verdict = ("plane", "matrix", "spacing", "timing", "field"), ("identity", "score", "use")
        self._widths = {column: _widest(rows, column) for column in ("number", "name", *facts, *verdict)}
        self._widths[""] = self._widths["number"]
        self._lines: tuple[tuple[str, ...], ...] = (("number", "name", *facts, *verdict),)
        if self._room(width) < min(_ENOUGH_FOR_NAME, self._widths["name"]):
            self._lines = (("number", "name", *verdict), ("", *facts))
        self._widths["name"] = max(8, min(self._room(width), self._widths["name"]))
        self.width = max(sum(self._widths[column] + 2 for column in line) - 2 for line in self._lines)

    def _room(self, width: int) -> int:
        return width - sum(self._widths[column] + 2 for column in self._lines[0] if column != "name")

    def lines(self, row: _Row, style: str) -> Iterator[Table]:
        """Make the lines of one series; a name too long for its column goes on below."""
        for columns in self._lines:
            grid = Table.grid(padding=(0, 2, 0, 0))
            for column in columns:
                grid.add_column(width=self._widths[column], overflow="fold")
            grid.add_row(*(Text(getattr(row, column, ""), style=_style(column, row) or style) for column in columns))
            yield grid


def _widest(rows: Sequence[_Row], column: str) -> int:
    return max(cell_len(getattr(row, column)) for row in (_HEAD, *rows))


def _style(column: str, row: _Row) -> str:
    return "bold green" if column == "use" and row.use.startswith("->") else ""


def _uses(document: InspectDocument) -> dict[int, str]:
    """Tell which series serve, and in which pair when there are several."""
    uses: dict[int, list[str]] = {}
    for pair in document.pairs:
        for role, index in (("T1", pair.t1_index), ("STIR", pair.stir_index)):
            if index is not None:
                uses.setdefault(index, []).append(f"{role} {pair.label}".strip())
    return {index: "-> " + ", ".join(words) for index, words in uses.items()}


def _row(series: SeriesEntry, use: str) -> _Row:
    plane, _, oblique = series.orientation.partition("-")
    times = (series.repetition_time_ms, series.echo_time_ms, series.inversion_time_ms)
    spacing = series.spacing_mm
    return _Row(
        number=series.number,
        name=series_name(series),
        plane=_PLANES.get(plane, plane) + (" obl" if oblique else ""),
        matrix=f"{series.slices}x{series.rows}x{series.columns}" if series.rows and series.columns else "-",
        spacing="-" if spacing is None else "x".join(f"{round(mm, 2 if mm < 10 else 1):g}" for mm in spacing),
        timing="/".join("-" if value is None else f"{round(value, 1):g}" for value in times),
        field="-" if series.magnetic_field_strength_t is None else f"{series.magnetic_field_strength_t:g}",
        identity=_identity(series.identity),
        score=_score(series),
        use=use or ("usable" if series.usable else "no"),
    )


def _identity(identity: str) -> str:
    return _WORDS.get(identity, identity.replace("_", " "))


def _score(series: SeriesEntry) -> str:
    margin = "" if series.runner_up is None else f" +{series.identity_margin:.2f}"
    return f"{series.identity_score:.2f}{margin}"


def _print_evidence(to: Console, series: SeriesEntry) -> None:
    for reason in series.reasons:
        print_line(to, reason, _INDENT, bullet="- ")
    for identity, items in itertools.groupby(series.evidence, key=lambda item: item.identity):
        known = tuple(items)
        print_line(to, f"{_identity(identity)} {sum(item.points for item in known):.2f}:", _INDENT)
        for item in known:
            print_line(to, f"{item.kind}: {item.told}", _INDENT + 2, bullet=f"{item.points:+.2f} ")
    for finding in series.findings:
        print_finding(to, finding, indent=_INDENT)
    print_line(to, f"UID {series.series_instance_uid or 'missing'}", _INDENT, "dim")
    print_line(to, series.transfer_syntax, _INDENT, "dim")


def _short(series: SeriesEntry) -> str:
    """Leave out what the table's columns say."""
    why = series.why_not_used
    if series.usable:
        return why
    first, *others = series.reasons
    if series.identity in ("t1", "stir") and others:
        return " ".join(reason for reason in others if not reason.startswith("One of "))
    short = first.partition(": ")[2] if first.startswith(("TR ", "no TR")) and ": " in first else first
    return short[:1].upper() + short[1:]
