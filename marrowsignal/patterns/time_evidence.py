"""What a comparison with an earlier study says of the pattern (SCIENCE D54 and group G8)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.records import CriterionState

__all__ = ["TimeEvidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEvidence:
    """Change against an earlier study, as criteria.

    Attributes
    ----------
    interval_days : int or None
        From the earlier study to the later one; None when a date is missing.
    new_or_growing_dark_focus : CriterionState
        D54: a focus of low T1 is new, or larger beyond repeatability.
    lesion_growth : CriterionState
        A STIR lesion is new, or larger beyond repeatability.
    lesion_changed : CriterionState
        A STIR lesion or a focus of low T1 came, went, grew or shrank beyond repeatability.
    marrow_changed : CriterionState
        G8: signal of one region of marrow or more rose or fell beyond repeatability.
    marrow_parallel : CriterionState
        G8: marrow is stable, or every region that changed did so in the same direction.
    reason : str
        One sentence: what decided, or why nothing could be compared.
    """

    interval_days: int | None
    new_or_growing_dark_focus: CriterionState
    lesion_growth: CriterionState
    lesion_changed: CriterionState
    marrow_changed: CriterionState
    marrow_parallel: CriterionState
    reason: str
