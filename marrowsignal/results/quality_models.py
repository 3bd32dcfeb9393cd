"""Section of ``result.json`` that holds the quality gates."""

from __future__ import annotations

from typing import Literal

from marrowsignal.results.document_base import Section

__all__ = ["GateDocument", "QualityDocument"]


class GateDocument(Section):
    """One declared check, evaluated.

    `series` is ``"T1"``, ``"STIR"`` or empty for both. `value` is null where nothing could be measured (`status`
    ``not_evaluable``) and where the check reads words of the header (``no_number``); `reason` says what was seen, or
    why nothing could be. `consequence` is what this outcome forbids, and `source` that of `limit`.
    """

    key: str
    name: str
    series: str
    state: Literal["pass", "warn", "fail", "not_evaluable"]
    value: float | None
    unit: str
    status: Literal["measured", "no_number", "not_evaluable"]
    reason: str
    limit: str
    consequence: Literal["none", "lowers_confidence", "no_lesions", "no_symmetry", "no_stir", "no_assessment"]
    source: str


class QualityDocument(Section):
    """All gates in their fixed order, how many came out how, and the same in one sentence."""

    summary: str
    passed: int
    warned: int
    failed: int
    not_evaluable: int
    gates: tuple[GateDocument, ...]
