"""The quality gates as a section of ``result.json`` and as one sentence."""

from __future__ import annotations

from typing import Literal

from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport
from marrowsignal.results import quality_models as form
from marrowsignal.results.measured_sections import finite

__all__ = ["CONSEQUENCE_WORDS", "gates_in_state", "quality_section", "quality_sentence"]

CONSEQUENCE_WORDS = {
    Consequence.NONE: "nothing is held back",
    Consequence.LOWERS_CONFIDENCE: "confidence is lowered",
    Consequence.NO_LESIONS: "lesions are not judged",
    Consequence.NO_SYMMETRY: "left and right are not compared",
    Consequence.NO_STIR: "STIR is not measured",
    Consequence.NO_ASSESSMENT: "no pattern is named",
}
# The heaviest first: what a reader must know before all else.
_HEAVIEST_FIRST = tuple(reversed(tuple(Consequence)))
_NAMED = 3  # gates of one state that are named in the sentence


def quality_section(report: QualityReport) -> form.QualityDocument:
    """Return all gates with their counts."""
    return form.QualityDocument(
        summary=quality_sentence(report),
        passed=len(gates_in_state(report, GateState.PASS)),
        warned=len(gates_in_state(report, GateState.WARN)),
        failed=len(gates_in_state(report, GateState.FAIL)),
        not_evaluable=len(gates_in_state(report, GateState.NOT_EVALUABLE)),
        gates=tuple(_gate(gate) for gate in report.gates),
    )


def gates_in_state(report: QualityReport, state: GateState) -> tuple[QualityGate, ...]:
    """Return the gates with one outcome, in the order of the report."""
    return tuple(gate for gate in report.gates if gate.state is state)


def quality_sentence(report: QualityReport) -> str:
    """Say how the gates came out, which of them fail or warn, and what that forbids.

    Parameters
    ----------
    report : QualityReport
        All gates of a study.
    """
    counts = []
    for state, one, many in (
        (GateState.FAIL, "fails", "fail"),
        (GateState.WARN, "warns", "warn"),
        (GateState.NOT_EVALUABLE, "could not be evaluated", "could not be evaluated"),
        (GateState.PASS, "passed", "passed"),
    ):
        if gates := gates_in_state(report, state):
            names = f" ({_names(gates)})" if state in (GateState.FAIL, GateState.WARN) else ""
            counts.append(f"{len(gates)} {one if len(gates) == 1 else many}{names}")
    if not counts:
        return "No quality gate was evaluated."
    if len(gates_in_state(report, GateState.PASS)) == len(report.gates):
        counts = [f"all {len(report.gates)} passed"]
    forbidden = "; ".join(
        CONSEQUENCE_WORDS[kind]
        for kind in _HEAVIEST_FIRST
        if kind is not Consequence.NONE and report.with_consequence(kind)
    )
    counted = f"Quality gates: {', '.join(counts)}."
    return f"{counted} {forbidden[0].upper()}{forbidden[1:]}." if forbidden else counted


def _names(gates: tuple[QualityGate, ...]) -> str:
    series: dict[str, list[str]] = {}
    for gate in gates:
        series.setdefault(gate.name, []).append(gate.series)
    told = [f"{name}{_of(name, names)}" for name, names in series.items()]
    more = len(told) - _NAMED
    return "; ".join((*told[:_NAMED], *((f"and {more} more",) if more > 0 else ())))


def _of(name: str, series: list[str]) -> str:
    untold = [key for key in series if key and key not in name]
    return f", {' and '.join(untold)}" if untold else ""


def _gate(gate: QualityGate) -> form.GateDocument:
    value = finite(gate.value)
    return form.GateDocument(
        key=gate.key,
        name=gate.name,
        series=gate.series,
        state=gate.state.value,
        value=value,
        unit=gate.unit,
        status=_status(gate, value),
        reason=gate.reason,
        limit=gate.limit,
        consequence=gate.consequence.value,
        source=gate.source,
    )


def _status(gate: QualityGate, value: float | None) -> Literal["measured", "no_number", "not_evaluable"]:
    if gate.state is GateState.NOT_EVALUABLE or (value is None and gate.value is not None):
        return "not_evaluable"
    return "no_number" if value is None else "measured"
