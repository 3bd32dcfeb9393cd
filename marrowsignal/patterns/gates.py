"""What the quality gates leave open to be named (SCIENCE 4.2, 6)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.findings import Finding, Severity
from marrowsignal.patterns.groups import GATE
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.quality.records import Consequence, GateState, QualityGate, QualityReport

__all__ = ["Gates", "gate_criteria", "muscle_doubt", "read_gates"]

_NO_STIR_KEY = "stir_series"
_ALIGNMENT_KEY = "alignment"
_OF_MUSCLE = ("muscle_reference", "fat_to_muscle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Outcome of all gates.

    Attributes
    ----------
    closed : tuple of str
        Why nothing can be assessed; empty when all gates are open.
    warnings : tuple of str
        What lowers confidence.
    only_stir_missing : bool
        Whether nothing is closed but for want of a STIR series that can be used: what T1 says by itself then holds.
    only_alignment_failed : bool
        Whether nothing is closed but that STIR does not lie on T1.
    closing : tuple of str
        Ids of the criteria of the gates that close.
    """

    closed: tuple[str, ...]
    warnings: tuple[str, ...]
    only_stir_missing: bool = False
    only_alignment_failed: bool = False
    closing: tuple[str, ...] = ()


def read_gates(quality: QualityReport, findings: tuple[Finding, ...] = ()) -> Gates:
    """Sum up what the gates forbid.

    Parameters
    ----------
    quality : QualityReport
        Of `check_quality`.
    findings : tuple of Finding
        Of all earlier steps; each of severity ``fail`` or ``warn`` that no gate tells lowers confidence too.
    """
    shut = quality.with_consequence(Consequence.NO_ASSESSMENT)
    without_stir = quality.with_consequence(Consequence.NO_STIR)
    lowering = (Consequence.LOWERS_CONFIDENCE, Consequence.NO_LESIONS, Consequence.NO_SYMMETRY)
    told = [gate.reason for gate in quality.gates if gate.consequence in lowering]
    told += [f.message for f in quality.untold(findings) if f.severity is not Severity.INFO]
    closed = tuple(dict.fromkeys(gate.reason for gate in (*shut, *without_stir)))
    return Gates(
        closing=tuple(_id(gate) for gate in (*shut, *without_stir)),
        closed=closed,
        warnings=tuple(dict.fromkeys(told)),
        only_stir_missing=bool(closed) and all(gate.key == _NO_STIR_KEY for gate in shut),
        only_alignment_failed=bool(closed) and all(gate.key == _ALIGNMENT_KEY for gate in (*shut, *without_stir)),
    )


def gate_criteria(quality: QualityReport) -> tuple[Criterion, ...]:
    """Rows of the gates that hold something back, so that sentences can name them."""
    return tuple(_row(gate) for gate in quality.gates if gate.consequence is not Consequence.NONE)


def muscle_doubt(quality: QualityReport) -> str:
    """Why lean muscle is in doubt (SCIENCE 1.6, 6); empty where its gates pass."""
    unsure = (GateState.WARN, GateState.FAIL)
    told = [gate.reason for gate in quality.gates if gate.key in _OF_MUSCLE and gate.state in unsure]
    return "; ".join(told)


def _row(gate: QualityGate) -> Criterion:
    return Criterion(
        id=_id(gate),
        group=GATE,
        direction=GATE,
        statement=f"{gate.name}: {gate.reason}",
        value=gate.value,
        ci_low=None,
        ci_high=None,
        unit=gate.unit or "1",
        cut=gate.limit,
        state=CriterionState.POSITIVE,
        source=gate.source,
    )


def _id(gate: QualityGate) -> str:
    return f"gate.{gate.key}" + (f".{gate.series}" if gate.series else "")
