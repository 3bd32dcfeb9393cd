"""Facts put together by hand: what the rules see, without images."""

from __future__ import annotations

from marrowsignal.patterns.gates import Gates
from marrowsignal.patterns.groups import GROUP_NAMES
from marrowsignal.patterns.records import CriterionState, EvidenceGroup
from marrowsignal.patterns.rules import Facts

P, N, U, X = (
    CriterionState.POSITIVE,
    CriterionState.NEGATIVE,
    CriterionState.INDETERMINATE,
    CriterionState.NOT_EVALUABLE,
)
States = tuple[CriterionState, CriterionState, CriterionState]
NOTHING: States = (X, X, X)


def group(group_id: str, states: States) -> EvidenceGroup:
    """States for reconversion, edema, infiltration."""
    return EvidenceGroup(
        id=group_id,
        name=dict(GROUP_NAMES)[group_id],
        reconversion=states[0],
        edema=states[1],
        infiltration=states[2],
        score_reconversion=0.0,
        score_edema=0.0,
        score_infiltration=0.0,
    )


def facts(groups: dict[str, States], **changes: object) -> Facts:
    """An adult of known age with open gates; groups not named say nothing."""
    known: dict[str, object] = {
        "gates": Gates(closed=(), warnings=()),
        "diffuse_low_t1": N,
        "low_t1_focus": N,
        "within_expected": N,
        "above_expected": N,
        "age_known": True,
        "adult": True,
        "lesions": 0,
    }
    every = tuple(group(f"G{k}", groups.get(f"G{k}", NOTHING)) for k in range(1, 9))
    return Facts(groups=every, **{**known, **changes})


# one clear patient of each kind: reconversion, edema, infiltration
NORMAL: dict[str, States] = {"G1": (N, X, N), "G2": (P, X, X), "G3": (N, N, N), "G4": (P, N, X)}
EDEMA: dict[str, States] = {"G1": (N, P, N), "G2": (P, P, X), "G3": (N, P, N), "G4": (P, P, X), "G5": (X, P, X)}
RED: dict[str, States] = {"G1": (P, X, N), "G2": (P, X, X), "G3": (P, N, N), "G4": (P, N, X)}
BOTH: dict[str, States] = {"G1": (P, P, N), "G2": (P, P, X), "G3": (P, P, N), "G4": (P, P, X), "G5": (X, P, X)}
