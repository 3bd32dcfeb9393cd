"""From changes to criteria for the pattern: D54 and group G8."""

from __future__ import annotations

from marrowsignal.comparison.records import ChangeState, LesionChange, LesionChangeState, RegionChange
from marrowsignal.patterns.records import CriterionState
from marrowsignal.patterns.time_evidence import TimeEvidence

__all__ = ["time_evidence"]

_GROWN = frozenset({LesionChangeState.NEW, LesionChangeState.LARGER, LesionChangeState.MERGED, LesionChangeState.SPLIT})
_PARALLEL = ("fat_signal_index", "t1_marrow_to_muscle")


def time_evidence(
    days: int | None,
    *,
    regions: tuple[RegionChange, ...],
    lesions: tuple[LesionChange, ...] | None,
    dark_foci: tuple[LesionChange, ...] | None,
    closed: str,
) -> TimeEvidence:
    """Turn a comparison into criteria.

    Parameters
    ----------
    days : int or None
        Interval.
    regions : tuple of RegionChange
        Changes of marrow.
    lesions, dark_foci : tuple of LesionChange or None
        Changes of lesions; None where they were not compared.
    closed : str
        Why nothing was compared; empty otherwise.
    """
    states = [change.state for row in regions if row.level in {"whole", "region", "part"} for change in row.changes]
    changed = _any(states, {ChangeState.ROSE, ChangeState.FELL}, ChangeState.NOT_COMPARABLE)
    dark, water = _growth(dark_foci), _growth(lesions)
    return TimeEvidence(
        interval_days=days,
        new_or_growing_dark_focus=dark,
        lesion_growth=water,
        lesion_changed=_lesion_changed(lesions, dark_foci),
        marrow_changed=changed,
        marrow_parallel=_parallel(regions),
        reason=closed or _reason(lesions, dark_foci, changed),
    )


def _growth(changes: tuple[LesionChange, ...] | None) -> CriterionState:
    if changes is None:
        return CriterionState.NOT_EVALUABLE
    if any(one.counts and one.state in _GROWN and _larger(one) for one in changes):
        return CriterionState.POSITIVE
    lost = any(one.state is LesionChangeState.NOT_COMPARABLE for one in changes)
    return CriterionState.INDETERMINATE if lost else CriterionState.NEGATIVE


def _lesion_changed(*kinds: tuple[LesionChange, ...] | None) -> CriterionState:
    """Whether any lesion of any kind changed, in whichever direction."""
    compared = [changes for changes in kinds if changes is not None]
    if not compared:
        return CriterionState.NOT_EVALUABLE
    if any(one.counts for changes in compared for one in changes):
        return CriterionState.POSITIVE
    lost = any(one.state is LesionChangeState.NOT_COMPARABLE for changes in compared for one in changes)
    return CriterionState.INDETERMINATE if lost or len(compared) < len(kinds) else CriterionState.NEGATIVE


def _larger(one: LesionChange) -> bool:
    return (one.followup_ml or 0.0) > (one.baseline_ml or 0.0)


def _any(states: list[ChangeState], wanted: set[ChangeState], missing: ChangeState) -> CriterionState:
    if any(state in wanted for state in states):
        return CriterionState.POSITIVE
    if all(state is missing for state in states):
        return CriterionState.NOT_EVALUABLE
    return CriterionState.NEGATIVE


def _parallel(regions: tuple[RegionChange, ...]) -> CriterionState:
    """Stable, or all that changed went one way on T1."""
    found = [
        change.state
        for row in regions
        if row.level == "region"
        for change in row.changes
        if change.name in _PARALLEL and change.state is not ChangeState.NOT_COMPARABLE
    ]
    if not found:
        return CriterionState.NOT_EVALUABLE
    both = ChangeState.ROSE in found and ChangeState.FELL in found
    return CriterionState.NEGATIVE if both else CriterionState.POSITIVE


def _reason(
    lesions: tuple[LesionChange, ...] | None, dark_foci: tuple[LesionChange, ...] | None, changed: CriterionState
) -> str:
    parts = []
    for words, changes in (("lesions", lesions), ("foci dark on T1", dark_foci)):
        if changes is None:
            parts.append(f"{words} not compared")
        else:
            count = sum(one.counts for one in changes)
            parts.append(f"{count} of {len(changes)} {words} changed beyond repeatability")
    marrow = {
        CriterionState.POSITIVE: "marrow changed beyond repeatability",
        CriterionState.NEGATIVE: "no change of marrow beyond repeatability",
    }
    return "; ".join([marrow.get(changed, "marrow not comparable"), *parts])
