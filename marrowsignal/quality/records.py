"""What the quality gates hand on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.findings import Finding

__all__ = ["Consequence", "GateState", "QualityGate", "QualityReport"]


class GateState(StrEnum):
    """Outcome of one gate."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NOT_EVALUABLE = "not_evaluable"


class Consequence(StrEnum):
    """What the outcome of a gate forbids."""

    NONE = "none"
    LOWERS_CONFIDENCE = "lowers_confidence"
    NO_LESIONS = "no_lesions"
    NO_SYMMETRY = "no_symmetry"
    NO_STIR = "no_stir"
    NO_ASSESSMENT = "no_assessment"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityGate:
    """One declared check.

    Attributes
    ----------
    key : str
        Stable snake_case identifier.
    name : str
        What is checked, in a radiologist's words.
    series : str
        ``"T1"``, ``"STIR"``, or ``""`` where it is about both.
    state : GateState
        Outcome.
    value : float or None
        What was measured, infinite where that has no bound; None with state ``not_evaluable``, or where the check is
        about words of the header.
    unit : str
        Of `value`.
    limit : str
        From where on it warns and fails, as the protocol has it.
    consequence : Consequence
        What that outcome forbids.
    reason : str
        One sentence: what was seen, or why nothing could be.
    source : str
        Of the limit.
    tells : tuple of str
        Codes of findings of earlier steps that say the same.
    """

    key: str
    name: str
    series: str
    state: GateState
    value: float | None
    unit: str
    limit: str
    consequence: Consequence
    reason: str
    source: str
    tells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """All gates of one study, in a fixed order."""

    gates: tuple[QualityGate, ...]

    def gate(self, key: str, series: str = "") -> QualityGate:
        """Return one gate.

        Raises
        ------
        KeyError
            If there is none of that key and series.
        """
        for gate in self.gates:
            if (gate.key, gate.series) == (key, series):
                return gate
        raise KeyError(f"no gate {key} of series {series or 'both'}")

    def with_consequence(self, consequence: Consequence) -> tuple[QualityGate, ...]:
        """Return the gates that forbid this."""
        return tuple(gate for gate in self.gates if gate.consequence is consequence)

    def reason_of(self, consequence: Consequence) -> str:
        """Say why this is forbidden; empty where it is not."""
        return "; ".join(gate.reason for gate in self.with_consequence(consequence))

    def untold(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings that no gate tells: those of other codes, and those whose gate passed."""
        told = {code for gate in self.gates if gate.state is not GateState.PASS for code in gate.tells}
        return tuple(finding for finding in findings if finding.code not in told)
