"""Evidence groups: within a group the strongest single item counts (SCIENCE 4.3)."""

from __future__ import annotations

from marrowsignal.patterns.records import Criterion, CriterionState, EvidenceGroup
from marrowsignal.patterns.state import all_of, any_of
from marrowsignal.protocol.schema import EvidenceCuts

__all__ = ["GROUP_NAMES", "evidence_groups", "group_by_id"]

GROUP_NAMES = (
    ("G1", "T1 level"),
    ("G2", "STIR level"),
    ("G3", "focality"),
    ("G4", "symmetry"),
    ("G5", "distribution"),
    ("G6", "margin and shape"),
    ("G7", "chemical shift"),
    ("G8", "time"),
)
# Groups whose items must hold together; in the others one item suffices.
_TOGETHER = frozenset({("G1", "reconversion"), ("G2", "reconversion"), ("G2", "edema"), ("G4", "reconversion")})
_DIRECTIONS = ("reconversion", "edema", "infiltration")
_PUBLISHED = frozenset({("G1", "infiltration")})


def evidence_groups(criteria: tuple[Criterion, ...], cuts: EvidenceCuts) -> tuple[EvidenceGroup, ...]:
    """Sum up criteria by group and direction.

    Returns
    -------
    tuple of EvidenceGroup
        G1 to G8. A positive group scores the log10 likelihood ratio, capped, where one is published (G1 for
        infiltration: Carroll 1997, LR+ 17) and `group_score` elsewhere; the score is shown, the rules decide.
    """
    made = []
    for group_id, name in GROUP_NAMES:
        states = [_state(criteria, group_id, direction) for direction in _DIRECTIONS]
        scores = [_score(group_id, d, s, cuts) for d, s in zip(_DIRECTIONS, states, strict=True)]
        made.append(
            EvidenceGroup(
                id=group_id,
                name=name,
                reconversion=states[0],
                edema=states[1],
                infiltration=states[2],
                score_reconversion=scores[0],
                score_edema=scores[1],
                score_infiltration=scores[2],
            )
        )
    return tuple(made)


def group_by_id(groups: tuple[EvidenceGroup, ...], group_id: str) -> EvidenceGroup:
    """Return the group called `group_id`; KeyError if there is none."""
    for group in groups:
        if group.id == group_id:
            return group
    raise KeyError(group_id)


def _state(criteria: tuple[Criterion, ...], group: str, direction: str) -> CriterionState:
    items = [c for c in criteria if c.group == group and c.direction == direction]
    if (group, direction) not in _TOGETHER:
        return any_of(*(c.state for c in items))
    # Overlap is asked only where there is red-like marrow, and one series' asymmetry only without shading (D20, D22);
    # what cancels shading (D21) always has to hold.
    optional = ("D20", "D22") if group == "G4" else ()
    needed = [c for c in items if not (c.id.startswith(optional) and c.state is CriterionState.NOT_EVALUABLE)]
    fat_signal = [c for c in needed if c.id.startswith("D03")]
    others = [c.state for c in needed if c not in fat_signal]
    return all_of(*([_low_in_a_bone(fat_signal)] if fat_signal else []), *others)


def _low_in_a_bone(fat_signal: list[Criterion]) -> CriterionState:
    """Whether the fat signal is low on every side of at least one bone: conversion reaches one bone after another."""
    bones: dict[str, list[CriterionState]] = {}
    for item in fat_signal:
        bones.setdefault(item.id.rpartition(".")[0], []).append(item.state)
    return any_of(*(all_of(*sides) for sides in bones.values()))


def _score(group: str, direction: str, state: CriterionState, cuts: EvidenceCuts) -> float:
    if state is not CriterionState.POSITIVE:
        return 0.0
    cap = cuts.group_score_cap.value
    return cap if (group, direction) in _PUBLISHED else min(cap, cuts.group_score.value)
