"""Evidence groups: within a group the strongest single item counts (SCIENCE 4.3)."""

from __future__ import annotations

import math

from marrowsignal.patterns.records import Criterion, CriterionState, EvidenceGroup
from marrowsignal.patterns.state import all_of, any_of
from marrowsignal.protocol.schema import EvidenceCuts, Range

__all__ = ["ADD_ON", "GATE", "GROUP_NAMES", "evidence_groups", "group_by_id"]

ADD_ON = "add-on"
GATE = "gate"
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
_TOGETHER = frozenset(
    {("G1", "reconversion"), ("G2", "reconversion"), ("G2", "edema"), ("G3", "edema"), ("G4", "reconversion")}
)
# Items asked only where they can be: overlap where there is red-like marrow, one series' asymmetry without shading
# (what cancels shading, D21, always has to hold), contrast to own marrow where there is some.
_IF_EVALUABLE = {"G3": ("D05",), "G4": ("D20", "D22")}
_DIRECTIONS = ("reconversion", "edema", "infiltration")


def evidence_groups(criteria: tuple[Criterion, ...], cuts: EvidenceCuts) -> tuple[EvidenceGroup, ...]:
    """Sum up criteria by group and direction.

    Returns
    -------
    tuple of EvidenceGroup
        G1 to G8. A group scores the log10 likelihood ratio of its strongest item, capped, where one is published and
        `group_score` elsewhere; below 0 where the answer is no. The score is shown, the rules decide.
    """
    made = []
    for group_id, name in GROUP_NAMES:
        states = [_state(criteria, group_id, direction) for direction in _DIRECTIONS]
        scores = [
            _score([c for c in criteria if (c.group, c.direction) == (group_id, d)], s, cuts)
            for d, s in zip(_DIRECTIONS, states, strict=True)
        ]
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
    optional = _IF_EVALUABLE.get(group, ())
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


def _score(items: list[Criterion], state: CriterionState, cuts: EvidenceCuts) -> float:
    if state not in (CriterionState.POSITIVE, CriterionState.NEGATIVE):
        return 0.0
    strengths = [_strength(item, state, cuts) for item in items if item.state is state]
    strongest = min(max(strengths, default=cuts.group_score.value), cuts.group_score_cap.value)
    return strongest if state is CriterionState.POSITIVE else -strongest


def _strength(item: Criterion, state: CriterionState, cuts: EvidenceCuts) -> float:
    published = _published(item.id, cuts)
    if published is None:
        return cuts.group_score.value
    return abs(math.log10(published.high if state is CriterionState.POSITIVE else published.low))


def _published(criterion_id: str, cuts: EvidenceCuts) -> Range | None:
    table = {
        "D01.infiltration": cuts.t1_muscle_likelihood,
        "D50.infiltration": cuts.t1_muscle_likelihood,
        "D28.reconversion": cuts.bulls_eye_likelihood,
        "D11.infiltration": cuts.chemical_shift_likelihood,
    }
    return table.get(criterion_id.removesuffix(".focus"))
