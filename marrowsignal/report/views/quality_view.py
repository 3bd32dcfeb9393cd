"""The quality gates as the page prints them: what fails first, what passed last."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.report.views.wording import GATE_WORDS, with_unit
from marrowsignal.results.quality_section import CONSEQUENCE_WORDS, gates_in_state

__all__ = ["GateRow", "Mark", "QualityView", "gate_name", "mark", "quality_view", "worst_state"]


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
    told : tuple of GateRow
        What fails, then what warns, then what could not be evaluated and for that holds something back.
    unknown, passed : tuple of GateRow
        What could not be evaluated and holds nothing back; what passed.
    """

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
    return QualityView(
        told=tuple(_row(gate) for gate in (*failed, *warned, *closing)),
        unknown=tuple(_row(gate) for gate in silent),
        passed=tuple(_row(gate) for gate in passed),
    )


def worst_state(report: QualityReport) -> GateState:
    """Return the worst outcome of all gates; one that could not be evaluated counts if it holds something back."""
    states = {
        gate.state
        for gate in report.gates
        if gate.state is not GateState.NOT_EVALUABLE or gate.consequence is not Consequence.NONE
    }
    order = (GateState.FAIL, GateState.WARN, GateState.NOT_EVALUABLE, GateState.PASS)
    return next((state for state in order if state in states), GateState.NOT_EVALUABLE)


def gate_name(gate: QualityGate) -> str:
    """Return what a gate looks at, with the series."""
    return f"{gate.name} ({gate.series})" if gate.series and gate.series not in gate.name else gate.name


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
