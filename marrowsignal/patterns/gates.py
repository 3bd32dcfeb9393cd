"""What the quality gates leave open to be named (SCIENCE 4.2, 6)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.findings import Finding, Severity
from marrowsignal.quality.records import Consequence, QualityReport

__all__ = ["Gates", "read_gates"]

_NO_STIR_KEY = "stir_series"


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
    """

    closed: tuple[str, ...]
    warnings: tuple[str, ...]
    only_stir_missing: bool = False


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
        closed=closed,
        warnings=tuple(dict.fromkeys(told)),
        only_stir_missing=bool(closed) and all(gate.key == _NO_STIR_KEY for gate in shut),
    )
