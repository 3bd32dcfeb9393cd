"""How firmly a class is named (SCIENCE 4.5)."""

from __future__ import annotations

from marrowsignal.patterns.records import Confidence, CriterionState, EvidenceGroup, PatternClass
from marrowsignal.patterns.rules import Facts, Verdict
from marrowsignal.protocol.schema import EvidenceCuts

__all__ = ["confidence_of", "stated_probability"]

_POSITIVE = CriterionState.POSITIVE
_NEGATIVE = CriterionState.NEGATIVE
_INDETERMINATE = CriterionState.INDETERMINATE
_NOT_EVALUABLE = CriterionState.NOT_EVALUABLE


def confidence_of(facts: Facts, verdict: Verdict) -> tuple[Confidence, tuple[str, ...]]:
    """How firmly, and what holds it down.

    Returns
    -------
    Confidence
        High: four groups agree, none contradicts, G1, G2 and symmetry evaluable, no warning. Moderate: three agree.
        Low: two agree, or a gate warns. None where no class is named.
    tuple of str
        Reasons why it is no higher.
    """
    direction = _direction(verdict.pattern_class)
    if direction is None:
        return Confidence.NONE, ()
    agree = [g.id for g in facts.groups if _state(g, direction) is _POSITIVE]
    unclear = [g.id for g in facts.groups if _state(g, direction) is _INDETERMINATE]
    against = _against(facts, direction)
    held = (*_held_by_class(facts, verdict.pattern_class), *_held_by_evidence(facts, agree, against))
    if not held:
        return Confidence.HIGH, ()
    firm = len(agree) >= 3 and len(unclear) <= 1 and not against and not facts.gates.warnings
    return (Confidence.MODERATE if firm and not facts.gates.closed else Confidence.LOW), held


def stated_probability(confidence: Confidence, cuts: EvidenceCuts) -> tuple[float | None, str]:
    """How often classes named with this confidence were right, and where that was measured."""
    table = {
        Confidence.HIGH: cuts.confidence.high,
        Confidence.MODERATE: cuts.confidence.moderate,
        Confidence.LOW: cuts.confidence.low,
    }
    stated = table.get(confidence)
    return (None, "") if stated is None else (stated.value, stated.source)


def _held_by_class(facts: Facts, pattern: PatternClass) -> tuple[str, ...]:
    held = []
    if pattern is PatternClass.MIXED:
        held.append("red marrow can hide a fracture line")
    silent = _POSITIVE not in (facts.group("G5").reconversion, facts.group("G6").reconversion)
    if pattern is PatternClass.SYMMETRIC_RECONVERSION_LIKE and silent:
        held.append("distribution and margin of red marrow could not be judged")
    if pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE and facts.gates.closed:
        held.append("T1 alone speaks, STIR could not be used")
    dark = facts.low_t1_focus is _POSITIVE or facts.focus_to_review
    if dark and pattern is not PatternClass.RED_FLAG_INFILTRATION_LIKE:
        held.append("a focus has T1 at or below muscle")
    return tuple(held)


def _held_by_evidence(facts: Facts, agree: list[str], against: list[str]) -> tuple[str, ...]:
    held = []
    if facts.gates.warnings:
        count = len(facts.gates.warnings)
        held.append(f"{count} quality {'finding' if count == 1 else 'findings'}, told with the gates and findings")
    if against:
        held.append(f"contradicted by {_named(facts, against)}")
    for group_id, words in (("G1", "T1 level"), ("G2", "STIR level"), ("G4", "symmetry")):
        if not _evaluable(facts.group(group_id)):
            held.append(f"{words} not evaluable")
    if facts.lesions and facts.group("G3").edema is _INDETERMINATE:
        held.append(f"{facts.lesions} {'focus' if facts.lesions == 1 else 'foci'} too small to judge")
    if not facts.adult:
        held.append("under age 18: not validated")
    if not facts.age_known:
        held.append("age not known")
    if len(agree) < 4:
        held.append(f"groups of evidence that agree: {_named(facts, agree) or 'none'}; four are needed")
    return tuple(held)


def _named(facts: Facts, ids: list[str]) -> str:
    return ", ".join(facts.group(group_id).name for group_id in ids)


def _direction(pattern: PatternClass) -> str | None:
    return {
        PatternClass.FOCAL_EDEMA_LIKE: "edema",
        PatternClass.MIXED: "edema",
        PatternClass.SYMMETRIC_RECONVERSION_LIKE: "reconversion",
        PatternClass.RED_FLAG_INFILTRATION_LIKE: "infiltration",
        PatternClass.NORMAL_FOR_AGE: "normal",
    }.get(pattern)


def _state(group: EvidenceGroup, direction: str) -> CriterionState:
    if direction == "normal":
        # What speaks for no pattern: nothing positive, something answered.
        states = (group.reconversion, group.edema, group.infiltration)
        if _POSITIVE in states and group.id not in ("G2", "G4", "G7"):
            return _NEGATIVE
        return _POSITIVE if any(s is not _NOT_EVALUABLE for s in states) else _NOT_EVALUABLE
    return {"reconversion": group.reconversion, "edema": group.edema, "infiltration": group.infiltration}[direction]


def _against(facts: Facts, direction: str) -> list[str]:
    if direction == "edema":
        return [g.id for g in facts.groups if g.infiltration is _POSITIVE and g.id == "G1"]
    if direction == "reconversion":
        return [g.id for g in facts.groups if g.edema is _POSITIVE and g.id in ("G2", "G4")]
    return []


def _evaluable(group: EvidenceGroup) -> bool:
    return any(s is not _NOT_EVALUABLE for s in (group.reconversion, group.edema, group.infiltration))
