"""The rules that name a class from groups of evidence (SCIENCE 4.4) and how firmly (4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.gates import Gates
from marrowsignal.patterns.groups import group_by_id
from marrowsignal.patterns.records import Confidence, CriterionState, EvidenceGroup, PatternClass

__all__ = ["Facts", "Verdict", "confidence_of", "name_pattern"]

_POSITIVE = CriterionState.POSITIVE
_NEGATIVE = CriterionState.NEGATIVE
_INDETERMINATE = CriterionState.INDETERMINATE
_NOT_EVALUABLE = CriterionState.NOT_EVALUABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at.

    Attributes
    ----------
    gates : Gates
        Closed gates end everything.
    groups : tuple of EvidenceGroup
        G1 to G8.
    diffuse_low_t1 : CriterionState
        D50.
    low_t1_focus : CriterionState
        D51, any lesion.
    within_expected, above_expected : CriterionState
        Whether every region lies in its expected fat-signal band; whether any lies above it.
    age_known, adult : bool
        Normality needs an age.
    lesions : int
        Lesions of any size.
    all_looked_at : bool
        Whether every region was looked at for lesions.
    lesions_trusted : bool
        Whether the gates allow statements on lesions; if not, they name no class.
    low_signal : bool
        Whether marrow is dark on both series, which a low T1 says nothing about.
    """

    gates: Gates
    groups: tuple[EvidenceGroup, ...]
    diffuse_low_t1: CriterionState
    low_t1_focus: CriterionState
    within_expected: CriterionState
    above_expected: CriterionState
    age_known: bool
    adult: bool
    lesions: int
    all_looked_at: bool = True
    lesions_trusted: bool = True
    low_signal: bool = False

    def group(self, group_id: str) -> EvidenceGroup:
        """Return one group."""
        return group_by_id(self.groups, group_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A class, and why."""

    pattern_class: PatternClass
    reasons: tuple[str, ...]


def name_pattern(facts: Facts) -> Verdict:
    """Apply the rules in their order: gates, red flag, edema and reconversion, normal, indeterminate."""
    if facts.gates.closed:
        return Verdict(pattern_class=PatternClass.CANNOT_ASSESS, reasons=facts.gates.closed)
    if facts.diffuse_low_t1 is _POSITIVE and facts.low_signal:
        text = "low-signal marrow: dark on T1 and on STIR, as iron, sclerosis and fibrosis are"
        return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=(text,))
    if facts.diffuse_low_t1 is _POSITIVE:
        text = "T1 of the marrow is at or below muscle in at least two regions and most of the volume"
        return Verdict(pattern_class=PatternClass.RED_FLAG_INFILTRATION_LIKE, reasons=(text,))
    edema, red = _edema(facts), _reconversion(facts)
    if facts.diffuse_low_t1 is _INDETERMINATE:
        # Between marrow that holds fat and marrow that holds none nothing can be named firmly.
        return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=_why_indeterminate(facts, edema, red))
    return _name_open(facts, edema=edema, red=red)


def _name_open(facts: Facts, *, edema: bool, red: bool) -> Verdict:
    if edema and red:
        text = "focal edema-like lesions on a background that itself looks like symmetric red marrow"
        return Verdict(pattern_class=PatternClass.MIXED, reasons=(text,))
    if edema and facts.group("G1").reconversion is not _POSITIVE:
        return Verdict(pattern_class=PatternClass.FOCAL_EDEMA_LIKE, reasons=(_edema_words(facts),))
    if red and not _lesion_in_question(facts):
        return Verdict(pattern_class=PatternClass.SYMMETRIC_RECONVERSION_LIKE, reasons=(_red_words(facts),))
    if _normal(facts):
        text = "fat signal of every region lies in its expected band and no lesion stands out"
        return Verdict(pattern_class=PatternClass.NORMAL_FOR_AGE, reasons=(text,))
    return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=_why_indeterminate(facts, edema, red))


def confidence_of(facts: Facts, verdict: Verdict) -> tuple[Confidence, tuple[str, ...]]:
    """How firmly (SCIENCE 4.5), and what holds it down.

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
    moderate = firm and verdict.pattern_class is not PatternClass.MIXED
    return (Confidence.MODERATE if moderate else Confidence.LOW), held


def _held_by_class(facts: Facts, pattern: PatternClass) -> tuple[str, ...]:
    if pattern is PatternClass.MIXED:
        return ("fracture lines (D35), which this class asks for, are not looked for in this version",)
    silent = _POSITIVE not in (facts.group("G5").reconversion, facts.group("G6").reconversion)
    if pattern is PatternClass.SYMMETRIC_RECONVERSION_LIKE and silent:
        return ("distribution and margin of red marrow could not be judged",)
    return ()


def _held_by_evidence(facts: Facts, agree: list[str], against: list[str]) -> tuple[str, ...]:
    held = []
    if facts.gates.warnings:
        count = len(facts.gates.warnings)
        held.append(f"{count} quality {'finding' if count == 1 else 'findings'}, told with the gates and findings")
    if against:
        held.append(f"contradicted by {', '.join(against)}")
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
        held.append(f"{len(agree)} group(s) of evidence agree ({', '.join(agree) or 'none'}), four are needed")
    return tuple(held)


def _edema(facts: Facts) -> bool:
    place = [facts.group(k).edema for k in ("G4", "G5", "G6")]
    bright = facts.group("G2").edema is _POSITIVE and facts.group("G3").edema is _POSITIVE
    return facts.lesions_trusted and bright and _POSITIVE in place


def _reconversion(facts: Facts) -> bool:
    needed = [facts.group(k).reconversion for k in ("G1", "G2", "G4")]
    # Distribution and margin speak only where epiphyses or enough zones are in view; silence is no contradiction.
    silent = all(facts.group(k).reconversion is not _NEGATIVE for k in ("G5", "G6"))
    return all(state is _POSITIVE for state in needed) and silent


def _lesion_in_question(facts: Facts) -> bool:
    # A focus too small for ratios is told, but it does not keep the rest from being named.
    return facts.group("G3").edema is _POSITIVE and facts.group("G2").edema in (_POSITIVE, _INDETERMINATE)


def _normal(facts: Facts) -> bool:
    return (
        facts.lesions_trusted
        and facts.all_looked_at
        and facts.lesions == 0
        and facts.adult
        and facts.within_expected is _POSITIVE
        and facts.age_known
        and facts.diffuse_low_t1 is _NEGATIVE
        and facts.low_t1_focus is _NEGATIVE
        and facts.group("G4").edema is not _POSITIVE
    )


def _edema_words(facts: Facts) -> str:
    places = {
        "G4": "it is one-sided or clearly asymmetric",
        "G5": "it lies against a joint surface",
        "G6": "its margin is ill-defined",
    }
    said = [words for k, words in places.items() if facts.group(k).edema is _POSITIVE]
    return "a lesion is too bright on STIR for red marrow, and " + " and ".join(said)


def _red_words(facts: Facts) -> str:
    text = "low fat signal above muscle, STIR no brighter than red marrow explains, and both sides alike"
    if all(facts.group(k).reconversion is _NOT_EVALUABLE for k in ("G5", "G6")):
        text += "; whether epiphyses are spared cannot be seen in this field of view"
    return text


def _why_indeterminate(facts: Facts, edema: bool, red: bool) -> tuple[str, ...]:
    level, fat_signal = facts.group("G2").edema, facts.group("G1").reconversion
    trusted = facts.lesions_trusted
    table = (
        (not trusted, "T1 and STIR do not lie close enough on each other for lesions to count"),
        (
            trusted and level is _POSITIVE and not edema,
            "a lesion is bright enough for edema, but neither size, side, joint nor margin supports it",
        ),
        (
            trusted and level is _INDETERMINATE,
            "a lesion's STIR signal lies between what red marrow and what edema explains",
        ),
        (
            edema and not red,
            "edema-like lesions on a background that is low in fat but not clearly symmetric red marrow",
        ),
        (fat_signal is _INDETERMINATE, "whether the fat signal is below the expected band is not clear"),
        (
            fat_signal is _POSITIVE and not red,
            "the fat signal is low, but STIR level or symmetry do not complete the red-marrow pattern",
        ),
        (facts.above_expected is _POSITIVE, "the fat signal is above the expected band"),
        (facts.low_t1_focus is _POSITIVE, "a focus has T1 at or below muscle: review"),
        (facts.diffuse_low_t1 is _INDETERMINATE, "T1 of the marrow is close to muscle"),
        (not facts.all_looked_at, "part of the marrow could not be looked at for lesions"),
        (facts.lesions > 0 and facts.group("G3").edema is _INDETERMINATE, "foci too small to judge stand out on STIR"),
        (not facts.adult, "normality is not defined under age 18"),
        (not facts.age_known, "normality cannot be judged without an age"),
    )
    return tuple(text for holds, text in table if holds) or ("the evidence does not complete any pattern",)


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
        if _POSITIVE in states and group.id not in ("G2", "G4"):
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
