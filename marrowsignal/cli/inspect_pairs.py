"""Print which pairs ``marrowsignal inspect`` would have analyzed and why, or why none."""

from __future__ import annotations

import itertools

from rich.console import Console
from rich.text import Text

from marrowsignal.cli.inspect_lines import print_finding, print_line, printable, series_name
from marrowsignal.cli.inspection import InspectDocument, PairEntry, SeriesEntry

__all__ = ["print_pair", "print_refusal"]


def print_refusal(to: Console, document: InspectDocument) -> None:
    """Print why nothing would be analyzed, and what would help."""
    error = document.error
    if error is None:
        return
    to.print(Text(f"Nothing would be analyzed: {printable(error.message)}.", style="bold"))
    for hint in filter(None, error.hint.split("; ")):
        print_line(to, hint, 2, bullet="- ")


def print_pair(to: Console, document: InspectDocument, pair: PairEntry, *, evidence: bool) -> None:
    """Print the two series, why they were chosen and what weakens the choice; with evidence every criterion."""
    name = f", {pair.label}" if pair.label else ""
    to.print(Text(f"Would be analyzed{name} (protocol {pair.protocol}):", style="bold"))
    for role, index in (("T1", pair.t1_index), ("STIR", pair.stir_index)):
        if index is not None:
            print_line(to, f"{role:<4}  {_heading(document.series[index])}", 2, "green")
    for reason in pair.reasons:
        print_line(to, reason, 2, bullet="- ")
    for finding in pair.findings:
        if evidence or finding.severity != "info":
            print_finding(to, finding, indent=2)
    if evidence:
        _print_comparisons(to, pair)


def _print_comparisons(to: Console, pair: PairEntry) -> None:
    for (winner, loser), criteria in itertools.groupby(pair.comparisons, key=lambda c: (c.winner, c.loser)):
        print_line(to, f"{winner} rather than {loser}:", 2, bullet="- ")
        for comparison in criteria:
            mark = "* " if comparison.decided else "  "
            text = f"{comparison.criterion}: {comparison.verdict} ({comparison.told})"
            print_line(to, text, 4, bullet=mark)


def _heading(series: SeriesEntry) -> str:
    return f"series {series.number} '{series_name(series)}'"
