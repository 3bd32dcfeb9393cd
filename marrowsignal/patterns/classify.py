"""From measurements to a named pattern with its evidence."""

from __future__ import annotations

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding
from marrowsignal.patterns.background_evidence import (
    BandState,
    background_criteria,
    fat_signal_states,
    symmetry_criteria,
)
from marrowsignal.patterns.gates import read_gates
from marrowsignal.patterns.groups import evidence_groups
from marrowsignal.patterns.lesion_evidence import deep_state, edema_state, lesion_criteria
from marrowsignal.patterns.records import Criterion, CriterionState, PatternCall, PatternClass
from marrowsignal.patterns.rules import Facts, confidence_of, name_pattern
from marrowsignal.patterns.state import Question, all_of, any_of, not_evaluable
from marrowsignal.patterns.wording import summarize, summarize_t1_alone
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.signals.records import Signals

__all__ = ["classify"]

_LATER = (
    ("D26.reconversion", "G5", "reconversion", "epiphyses spared", "no epiphysis is told apart in this version"),
    ("D27.reconversion", "G6", "reconversion", "flame-shaped margin", "not measured in this version"),
    ("D32.edema", "G6", "edema", "ill-defined margin", "not measured in this version"),
    ("D11.infiltration", "G7", "infiltration", "chemical shift", "no in-phase and opposed-phase series is read"),
    ("D54.infiltration", "G8", "infiltration", "change over time", "a single examination"),
)
_WITH_PREVALENCE = (PatternClass.FOCAL_EDEMA_LIKE, PatternClass.MIXED, PatternClass.INDETERMINATE)


def classify(
    pair: AlignedPair,
    signals: Signals,
    *,
    quality: QualityReport,
    protocol: Protocol,
    findings: tuple[Finding, ...] = (),
) -> PatternCall:
    """Name the pattern.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected; for the patient's age and the registration's error.
    signals : Signals
        What was measured and not withheld.
    quality : QualityReport
        What may be named at all, and what lowers confidence.
    protocol : Protocol
        Cuts.
    findings : tuple of Finding
        Of all earlier steps; those that warn and that no gate tells hold the confidence down too.

    Returns
    -------
    PatternCall
        Class, confidence, every criterion with value, interval, cut, state and source (SCIENCE 4).
    """
    age = pair.t1.acquisition.patient_age_y
    criteria = _criteria(signals, protocol, age, shaded=_shaded(pair, quality))
    groups = evidence_groups(criteria, protocol.evidence)
    states = {c.id: c.state for c in criteria}
    bands = fat_signal_states(signals, protocol, age)
    facts = Facts(
        gates=read_gates(quality, findings),
        groups=groups,
        diffuse_low_t1=states.get("D50.infiltration", CriterionState.NOT_EVALUABLE),
        low_t1_focus=states.get("D51.infiltration", CriterionState.NOT_EVALUABLE),
        within_expected=_within_expected(bands, signals),
        above_expected=any_of(*(row.above for row in bands)),
        age_known=age is not None,
        adult=age is None or age >= protocol.evidence.adult_age.value,
        lesions=len(signals.lesions or ()),
        all_looked_at=all(region.lesion_ml is not None for region in signals.regions),
        lesions_trusted=not quality.with_consequence(Consequence.NO_LESIONS),
        low_signal=any(g.key == "low_signal_marrow" and g.state is GateState.WARN for g in quality.gates),
    )
    verdict = name_pattern(facts)
    confidence, held = confidence_of(facts, verdict)
    alone = facts.gates.only_stir_missing
    return PatternCall(
        pattern_class=verdict.pattern_class,
        confidence=confidence,
        summary=summarize_t1_alone(signals, low_t1=facts.diffuse_low_t1)
        if alone
        else summarize(verdict.pattern_class, signals, protocol.evidence),
        reasons=(*verdict.reasons, *(f"confidence held down: {reason}" for reason in held)),
        criteria=criteria,
        groups=groups,
        add_ons=_add_ons(facts, signals, pair, protocol),
        background_prevalence=protocol.background_prevalence if verdict.pattern_class in _WITH_PREVALENCE else "",
    )


def _shaded(pair: AlignedPair, quality: QualityReport) -> bool:
    present = ("T1",) if pair.comparable_stir is None else ("T1", "STIR")
    unsure = (GateState.FAIL, GateState.NOT_EVALUABLE)
    return any(quality.gate("residual_shading", series).state in unsure for series in present)


def _criteria(signals: Signals, protocol: Protocol, age: float | None, *, shaded: bool) -> tuple[Criterion, ...]:
    later = tuple(
        not_evaluable(Question(id=i, group=group, direction=direction, statement=statement), reason)
        for i, group, direction, statement, reason in _LATER
    )
    made = (
        *background_criteria(signals, protocol, age),
        *lesion_criteria(signals, protocol),
        *symmetry_criteria(signals, protocol.symmetry, shaded=shaded),
        *later,
    )
    return tuple(sorted(made, key=lambda c: c.group))


def _within_expected(bands: tuple[BandState, ...], signals: Signals) -> CriterionState:
    if not bands or len(bands) < len(signals.regions):
        return CriterionState.NOT_EVALUABLE
    outside = any_of(*(state for row in bands for state in (row.below, row.above)))
    opposite = {
        CriterionState.POSITIVE: CriterionState.NEGATIVE,
        CriterionState.NEGATIVE: CriterionState.POSITIVE,
    }
    return opposite.get(outside, outside)


def _add_ons(facts: Facts, signals: Signals, pair: AlignedPair, protocol: Protocol) -> tuple[str, ...]:
    if facts.gates.closed:
        # The class stays open without STIR, but T1 at or below muscle must not go untold.
        low = facts.gates.only_stir_missing and facts.diffuse_low_t1 is CriterionState.POSITIVE
        return ("DIFFUSE_LOW_T1_REVIEW",) if low else ()
    made = []
    error = None if pair.quality is None else pair.quality.estimated_error_mm
    if protocol.deep_lesion_rule and facts.lesions_trusted and error is not None:
        voxel = max(pair.t1.geometry.spacing_mm[1:])
        # Error of a depth: position within the voxel at both ends, and registration (SCIENCE D31).
        sd_mm = (2 * voxel**2 / 12 + error**2) ** 0.5
        deep = (
            all_of(edema_state(lesion, protocol.evidence), deep_state(lesion, protocol.lesions, sd_mm))
            for lesion in signals.lesions or ()
        )
        if CriterionState.POSITIVE in deep:
            made.append("DEEP_SIJ_EDEMA")
    if facts.above_expected is CriterionState.POSITIVE:
        made.append("HIGH_FAT")
    if facts.low_t1_focus is CriterionState.POSITIVE:
        made.append("LOW_T1_FOCUS_REVIEW")
    return tuple(made)
