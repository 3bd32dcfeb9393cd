"""What classification hands on: criteria, groups of evidence, sentences, and the call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from marrowsignal.regions.records import Side

__all__ = [
    "Confidence",
    "Criterion",
    "CriterionState",
    "EvidenceGroup",
    "PatternCall",
    "PatternClass",
    "RegionCall",
    "Sentence",
]


class PatternClass(StrEnum):
    """Classes of SCIENCE 4.4; never a diagnosis."""

    RED_FLAG_INFILTRATION_LIKE = "RED_FLAG_INFILTRATION_LIKE"
    FOCAL_EDEMA_LIKE = "FOCAL_EDEMA_LIKE"
    SYMMETRIC_RECONVERSION_LIKE = "SYMMETRIC_RECONVERSION_LIKE"
    MIXED = "MIXED"
    NORMAL_FOR_AGE = "NORMAL_FOR_AGE"
    INDETERMINATE = "INDETERMINATE"
    CANNOT_ASSESS = "CANNOT_ASSESS"


class Confidence(StrEnum):
    """SCIENCE 4.5; ``none`` goes with CANNOT_ASSESS and INDETERMINATE."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"
    NONE = "none"


class CriterionState(StrEnum):
    """State of one criterion from its whole interval (SCIENCE 3)."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One question put to the measurements.

    Attributes
    ----------
    id : str
        Stable identifier, for example ``"D04.edema"``.
    group : str
        Evidence group ``"G1"`` to ``"G8"``, or ``"gate"``.
    direction : str
        ``"reconversion"``, ``"edema"``, ``"infiltration"`` or ``"gate"``: what POSITIVE speaks for; of a gate, that it
        holds something back.
    statement : str
        Plain words, for example ``"STIR of the largest lesion is at least 1.6 times muscle"``.
    value, ci_low, ci_high : float or None
        What was measured; None when not evaluable.
    unit : str
        Unit of value and cut.
    cut : str
        The cut in words, for example ``">= 1.60, interval from 1.50"``.
    state : CriterionState
        Outcome.
    source : str
        Where the cut comes from.
    """

    id: str
    group: str
    direction: str
    statement: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    unit: str
    cut: str
    state: CriterionState
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceGroup:
    """One row of SCIENCE 4.3: the strongest item of a group for each direction.

    Attributes
    ----------
    id, name : str
        For example ``"G2"``, ``"STIR level"``.
    reconversion, edema, infiltration : CriterionState
        State for each direction.
    score_reconversion, score_edema, score_infiltration : float
        log10 likelihood ratio, capped: above 0 when positive, below when negative, else 0. For transparency only.
    """

    id: str
    name: str
    reconversion: CriterionState
    edema: CriterionState
    infiltration: CriterionState
    score_reconversion: float
    score_edema: float
    score_infiltration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCall:
    """What one region says by itself; the study's class is made from these and from the lesions.

    Attributes
    ----------
    region_label : int
        As in the region map.
    key, name : str
        The region.
    side : Side
        The patient's side.
    low_fat, high_fat : CriterionState
        Fat-signal index below and above what is expected for region and age.
    low_t1 : CriterionState
        T1 at or below muscle.
    excess_water : CriterionState
        STIR of the marrow outside lesions beyond what its fat signal explains.
    lesion : CriterionState
        An edema-like lesion lies mostly in it; indeterminate where one does that is too small or too faint to tell.
    words : str
        What that amounts to, in a phrase.
    """

    region_label: int
    key: str
    name: str
    side: Side
    low_fat: CriterionState
    high_fat: CriterionState
    low_t1: CriterionState
    excess_water: CriterionState
    lesion: CriterionState
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the summary and what it rests on.

    Attributes
    ----------
    text : str
        Radiology prose; every number in it is the value of one of the criteria, as `prose.told` prints it.
    criteria : tuple of str
        Ids of criteria of the same call, at least one.
    """

    text: str
    criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCall:
    """The outcome, with everything that led to it.

    Attributes
    ----------
    pattern_class : PatternClass
        The class.
    confidence : Confidence
        How firmly.
    sentences : tuple of Sentence
        One paragraph for a radiologist: the class, what decides, the background, flags, prevalence, limits.
    reasons : tuple of str
        Why this class and not another; why the confidence is no higher.
    criteria : tuple of Criterion
        Every criterion, in a fixed order.
    groups : tuple of EvidenceGroup
        G1 to G8.
    regions : tuple of RegionCall
        In the region map's order.
    add_ons : tuple of str
        For example ``"DEEP_SIJ_EDEMA"``.
    background_prevalence : str
        How often the like is seen in healthy people (SCIENCE 8.3); empty when it does not apply.
    confidence_probability : float or None
        How often a class named with this confidence was right where that was measured; None where none is named.
    confidence_source : str
        Where that was measured; empty where none is named.
    """

    pattern_class: PatternClass
    confidence: Confidence
    sentences: tuple[Sentence, ...]
    reasons: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    groups: tuple[EvidenceGroup, ...]
    regions: tuple[RegionCall, ...] = ()
    add_ons: tuple[str, ...] = ()
    background_prevalence: str = ""
    confidence_probability: float | None = None
    confidence_source: str = ""

    @property
    def summary(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(sentence.text for sentence in self.sentences)
