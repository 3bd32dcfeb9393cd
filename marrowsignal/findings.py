"""Findings: what makes a result weaker without stopping it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity", "listed"]

_MOST_TOLD = 8


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


def listed(things: Sequence[object]) -> str:
    """Return the first eight of some things for a message, and how many more there are.

    Examples
    --------
    >>> listed(["colon", "liver"]), listed(range(10))
    ('colon, liver', '0, 1, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    more = f" and {len(things) - _MOST_TOLD} more" if len(things) > _MOST_TOLD else ""
    return ", ".join(str(thing) for thing in things[:_MOST_TOLD]) + more
