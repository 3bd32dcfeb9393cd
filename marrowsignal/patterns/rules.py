"""The rules that name a class from groups of evidence (SCIENCE 4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.gates import Gates
from marrowsignal.patterns.groups import group_by_id
from marrowsignal.patterns.records import CriterionState, EvidenceGroup, PatternClass

__all__ = ["Facts", "Verdict", "name_pattern"]

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
        D51, of foci away from joint surfaces.
    focus_support : CriterionState
        What else speaks for replacement at such a focus: D29, D52, D54, or STIR too bright for sclerosis.
    chemical_shift, focus_chemical_shift : CriterionState
        D52 of the marrow, and of the focus.
    within_expected, above_expected : CriterionState
        Whether every region lies in its expected fat-signal band; whether any lies above it.
    age_known, adult : bool
        Normality needs an age.
    lesions : int
        Lesions of any size.
    focus_to_review : bool
        Whether a focus as dark as muscle lies where sclerosis explains it.
    lesions_count : bool
        Whether one of them, or all together, are large enough to be measured at all.
    all_looked_at : bool
        Whether every region was looked at for lesions.
    bright_at_an_end : bool
        Whether something as large as a lesion of full size was set aside because marrow ends in the next slice.
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
    focus_support: CriterionState = _NOT_EVALUABLE
    chemical_shift: CriterionState = _NOT_EVALUABLE
    focus_chemical_shift: CriterionState = _NOT_EVALUABLE
    focus_to_review: bool = False
    lesions_count: bool = True
    all_looked_at: bool = True
    bright_at_an_end: bool = False
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
    flagged = _red_flag(facts)
    if facts.gates.closed:
        if facts.gates.only_alignment_failed and facts.diffuse_low_t1 is _POSITIVE:
            # T1 and muscle alone ask D50: a STIR that lies elsewhere must not hide it.
            return Verdict(
                pattern_class=PatternClass.RED_FLAG_INFILTRATION_LIKE, reasons=(*flagged, *facts.gates.closed)
            )
        return Verdict(pattern_class=PatternClass.CANNOT_ASSESS, reasons=facts.gates.closed)
    if flagged and facts.low_signal:
        text = "low-signal marrow: dark on T1 and on STIR, as iron, sclerosis and fibrosis are"
        return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=(text,))
    if flagged:
        return Verdict(pattern_class=PatternClass.RED_FLAG_INFILTRATION_LIKE, reasons=flagged)
    edema, red = _edema(facts), _reconversion(facts)
    if facts.diffuse_low_t1 is _INDETERMINATE:
        # Between marrow that holds fat and marrow that holds none nothing can be named firmly.
        return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=_why_indeterminate(facts, edema, red))
    return _name_open(facts, edema=edema, red=red)


def _red_flag(facts: Facts) -> tuple[str, ...]:
    unclear = (
        (facts.diffuse_low_t1, facts.chemical_shift),
        (facts.low_t1_focus, facts.focus_chemical_shift),
    )
    table = (
        (
            facts.diffuse_low_t1 is _POSITIVE,
            "T1 of the marrow is at or below muscle in at least two regions and most of the volume",
        ),
        (
            facts.low_t1_focus is _POSITIVE and facts.focus_support is _POSITIVE,
            "a focus away from joint surfaces has T1 at or below muscle throughout, and more than that speaks for "
            "replaced marrow",
        ),
        (
            (_INDETERMINATE, _POSITIVE) in unclear,
            "T1 is close to muscle, and chemical shift shows marrow without fat",
        ),
    )
    return tuple(text for holds, text in table if holds)


def _name_open(facts: Facts, *, edema: bool, red: bool) -> Verdict:
    if edema and red:
        text = "focal edema-like lesions on a background that itself looks like symmetric red marrow"
        return Verdict(pattern_class=PatternClass.MIXED, reasons=(text,))
    if edema and facts.group("G1").reconversion is not _POSITIVE:
        return Verdict(pattern_class=PatternClass.FOCAL_EDEMA_LIKE, reasons=(_edema_words(facts),))
    if red and not _lesion_in_question(facts):
        return Verdict(pattern_class=PatternClass.SYMMETRIC_RECONVERSION_LIKE, reasons=(_red_words(facts),))
    if _normal(facts):
        few = "only foci too small to be measured stand out" if facts.lesions else "no lesion stands out"
        text = f"fat signal of every region lies in its expected band and {few}"
        return Verdict(pattern_class=PatternClass.NORMAL_FOR_AGE, reasons=(text,))
    return Verdict(pattern_class=PatternClass.INDETERMINATE, reasons=_why_indeterminate(facts, edema, red))


def _edema(facts: Facts) -> bool:
    place = [facts.group(k).edema for k in ("G4", "G5", "G6")]
    bright = facts.group("G2").edema is _POSITIVE and facts.group("G3").edema is _POSITIVE
    return facts.lesions_trusted and bright and _POSITIVE in place


def _reconversion(facts: Facts) -> bool:
    needed = [facts.group(k).reconversion for k in ("G1", "G2", "G4")]
    # Distribution speaks only where epiphyses or enough zones are in view; silence is no contradiction, and margins
    # without flame or bull's eye are none either.
    consistent = facts.group("G5").reconversion is not _NEGATIVE or facts.group("G6").reconversion is _POSITIVE
    return all(state is _POSITIVE for state in needed) and consistent


def _lesion_in_question(facts: Facts) -> bool:
    # A focus too small for ratios is told, but it does not keep the rest from being named.
    if facts.bright_at_an_end:
        return True
    return facts.group("G3").edema is _POSITIVE and facts.group("G2").edema in (_POSITIVE, _INDETERMINATE)


def _normal(facts: Facts) -> bool:
    return (
        facts.lesions_trusted
        and facts.all_looked_at
        and not facts.bright_at_an_end
        and not (facts.lesions and facts.lesions_count)
        and facts.adult
        and facts.within_expected is _POSITIVE
        and facts.group("G3").reconversion is not _POSITIVE
        and facts.age_known
        and facts.diffuse_low_t1 is _NEGATIVE
        and facts.low_t1_focus is _NEGATIVE
        and facts.group("G4").edema is not _POSITIVE
    )


def _edema_words(facts: Facts) -> str:
    places = {
        "G4": "edema is one-sided or clearly asymmetric",
        "G5": "a lesion lies against a joint surface",
        "G6": "a margin is ill-defined or a dark line is seen in a lesion",
    }
    said = [words for k, words in places.items() if facts.group(k).edema is _POSITIVE]
    return "a lesion is too bright on STIR for red marrow, and " + ", ".join(said)


def _red_words(facts: Facts) -> str:
    text = "low fat signal above muscle, STIR no brighter than red marrow explains, and both sides alike"
    if all(facts.group(k).reconversion is _NOT_EVALUABLE for k in ("G5", "G6")):
        text += "; whether epiphyses are spared cannot be seen in this field of view"
    return text


def _why_indeterminate(facts: Facts, edema: bool, red: bool) -> tuple[str, ...]:
    level, fat_signal = facts.group("G2").edema, facts.group("G1").reconversion
    trusted = facts.lesions_trusted
    dark = facts.low_t1_focus is _POSITIVE
    table = (
        (not trusted, "T1 and STIR do not lie close enough on each other for lesions to count"),
        (
            trusted and level is _POSITIVE and not edema,
            "a lesion is bright enough for edema, but neither size, side, joint nor margin supports it",
        ),
        (
            trusted and level is _INDETERMINATE,
            "a lesion's STIR signal or its interval lies between what red marrow and what edema explains",
        ),
        (
            edema and not red,
            "edema-like lesions on a background that is low in fat but not clearly symmetric red marrow",
        ),
        (fat_signal is _INDETERMINATE, "whether the fat signal is below what is expected is not clear"),
        (
            fat_signal is _POSITIVE and not red,
            "the fat signal is low, but STIR level or symmetry do not complete the red-marrow pattern",
        ),
        (facts.above_expected is _POSITIVE, "the fat signal is above the expected band"),
        (
            fat_signal is _NEGATIVE and facts.group("G3").reconversion is _POSITIVE,
            "part of the marrow is as low in fat as red marrow, the rest is not",
        ),
        (dark, "a focus has T1 at or below muscle and nothing else speaks for replaced marrow: review"),
        (facts.diffuse_low_t1 is _INDETERMINATE, "T1 of the marrow is close to muscle, or muscle itself is in doubt"),
        (facts.low_t1_focus is _INDETERMINATE, "a focus has T1 close to muscle"),
        (facts.bright_at_an_end, "something bright on STIR lies where marrow ends in the next slice: lesion or edge"),
        (not facts.all_looked_at, "part of the marrow could not be looked at for lesions"),
        (facts.lesions > 0 and facts.group("G3").edema is _INDETERMINATE, "foci too small to judge stand out on STIR"),
        (not facts.adult, "normality is not defined under age 18"),
        (not facts.age_known, "normality cannot be judged without an age"),
        (
            facts.group("G4").edema is _POSITIVE and not facts.lesions,
            "left and right differ although no lesion stands out",
        ),
    )
    return tuple(text for holds, text in table if holds) or ("the evidence does not complete any pattern",)
