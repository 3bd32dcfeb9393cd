"""The quality gates as the page prints them: what fails first, what passed last."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.report.views.wording import GATE_WORDS, with_unit
from marrowsignal.results.quality_section import CONSEQUENCE_WORDS, gates_in_state, quality_sentence

__all__ = ["GateRow", "Mark", "QualityView", "mark", "quality_view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A state as color, shape and word."""

    kind: str
    symbol: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One gate as printed."""

    key: str
    name: str
    series: str
    mark: Mark
    value: str
    limit: str
    consequence: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityView:
    """All gates of a page.

    Attributes
    ----------
    mark : Mark
        The worst state that any gate has.
    sentence : str
        How they came out.
    told : tuple of GateRow
        What fails, then what warns, then what could not be evaluated and for that holds something back.
    unknown, passed : tuple of GateRow
        What could not be evaluated and holds nothing back; what passed.
    """

    mark: Mark
    sentence: str
    told: tuple[GateRow, ...]
    unknown: tuple[GateRow, ...]
    passed: tuple[GateRow, ...]


def quality_view(report: QualityReport) -> QualityView:
    """Sort the gates of a study for reading.

    Parameters
    ----------
    report : QualityReport
        All gates.
    """
    failed, warned, unknown, passed = (
        gates_in_state(report, state)
        for state in (GateState.FAIL, GateState.WARN, GateState.NOT_EVALUABLE, GateState.PASS)
    )
    closing = tuple(gate for gate in unknown if gate.consequence is not Consequence.NONE)
    silent = tuple(gate for gate in unknown if gate.consequence is Consequence.NONE)
    worst = next((gates[0].state for gates in (failed, warned, closing, passed) if gates), GateState.NOT_EVALUABLE)
    return QualityView(
        mark=mark(worst),
        sentence=quality_sentence(report),
        told=tuple(_row(gate) for gate in (*failed, *warned, *closing)),
        unknown=tuple(_row(gate) for gate in silent),
        passed=tuple(_row(gate) for gate in passed),
    )


def mark(state: GateState) -> Mark:
    """Return how a state is shown."""
    symbol, words = GATE_WORDS[state]
    return Mark(kind=state.value, symbol=symbol, words=words)


def _row(gate: QualityGate) -> GateRow:
    by_words = gate.value is None and gate.state is not GateState.NOT_EVALUABLE
    return GateRow(
        key=gate.key,
        name=gate.name,
        series=gate.series,
        mark=mark(gate.state),
        value="no number" if by_words else with_unit(gate.value, gate.unit),
        limit=gate.limit,
        consequence="–" if gate.consequence is Consequence.NONE else CONSEQUENCE_WORDS[gate.consequence],
        reason=gate.reason,
        source=gate.source,
    )
