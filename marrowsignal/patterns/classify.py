"""From measurements to a named pattern with its evidence."""

from __future__ import annotations

from marrowsignal.alignment.records import AlignedPair, AlignmentVerdict
from marrowsignal.findings import Finding
from marrowsignal.intensity.records import References
from marrowsignal.patterns.background_evidence import (
    BandState,
    background_criteria,
    fat_signal_states,
    symmetry_criteria,
)
from marrowsignal.patterns.gates import check_gates
from marrowsignal.patterns.groups import evidence_groups
from marrowsignal.patterns.lesion_evidence import deep_state, edema_state, lesion_criteria
from marrowsignal.patterns.records import Criterion, CriterionState, PatternCall, PatternClass
from marrowsignal.patterns.rules import Facts, confidence_of, name_pattern
from marrowsignal.patterns.state import Question, all_of, any_of, not_evaluable
from marrowsignal.patterns.wording import summarize, summarize_t1_alone
from marrowsignal.protocol.schema import Protocol
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
    references: References,
    signals: Signals,
    *,
    protocol: Protocol,
    findings: tuple[Finding, ...] = (),
) -> PatternCall:
    """Name the pattern.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected; for its gates and the patient's age.
    references : References
        For their gates.
    signals : Signals
        What was measured.
    protocol : Protocol
        Cuts.
    findings : tuple of Finding
        Of all earlier steps; those that warn hold the confidence down.

    Returns
    -------
    PatternCall
        Class, confidence, every criterion with value, interval, cut, state and source (SCIENCE 4).
    """
    age = pair.t1.acquisition.patient_age_y
    limit = protocol.bias.warn_residual.value
    left = [references.t1_residual_bias_fraction]
    if pair.stir is not None:
        left.append(references.stir_residual_bias_fraction)
    shaded = any(share is None or share > limit for share in left)
    criteria = _criteria(signals, protocol, age, shaded=shaded)
    groups = evidence_groups(criteria, protocol.evidence)
    states = {c.id: c.state for c in criteria}
    bands = fat_signal_states(signals, protocol, age)
    facts = Facts(
        gates=check_gates(pair, references, signals, findings, protocol=protocol),
        groups=groups,
        diffuse_low_t1=states.get("D50.infiltration", CriterionState.NOT_EVALUABLE),
        low_t1_focus=states.get("D51.infiltration", CriterionState.NOT_EVALUABLE),
        within_expected=_within_expected(bands, signals),
        above_expected=any_of(*(row.above for row in bands)),
        age_known=age is not None,
        adult=age is None or age >= protocol.evidence.adult_age.value,
        lesions=len(signals.lesions or ()),
        all_looked_at=all(region.lesion_ml is not None for region in signals.regions),
        lesions_trusted=pair.quality is not None
        and pair.quality.verdict in (AlignmentVerdict.PASS, AlignmentVerdict.WARN),
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
