"""Findings: what makes a result weaker without stopping it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding weakens the result."""

    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact that travels with the result.

    Attributes
    ----------
    code : str
        Stable snake_case identifier.
    stage : str
        Step that found it, for example ``"align_pair"``.
    severity : Severity
        ``fail`` closes a gate, ``warn`` lowers confidence, ``info`` is only told.
    message : str
        One sentence for a radiologist; never a name, date of birth or path.
    """

    code: str
    stage: str
    severity: Severity
    message: str
