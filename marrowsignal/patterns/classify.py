"""From measurements to a named pattern with its evidence."""

from __future__ import annotations

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding
from marrowsignal.patterns.add_ons import add_on_criteria, add_ons
from marrowsignal.patterns.background_evidence import BandState, background_criteria, fat_signal_states
from marrowsignal.patterns.confidence import confidence_of, stated_probability
from marrowsignal.patterns.distribution_evidence import distribution_criteria
from marrowsignal.patterns.flag_support import OF_FOCUS
from marrowsignal.patterns.flags import flag_criteria
from marrowsignal.patterns.gates import gate_criteria, muscle_doubt, read_gates
from marrowsignal.patterns.groups import evidence_groups
from marrowsignal.patterns.lesion_evidence import lesion_criteria
from marrowsignal.patterns.prose import Paragraph, write_paragraph
from marrowsignal.patterns.records import Criterion, CriterionState, PatternCall, PatternClass
from marrowsignal.patterns.region_calls import region_calls
from marrowsignal.patterns.rules import Facts, name_pattern
from marrowsignal.patterns.state import any_of, opposite
from marrowsignal.patterns.symmetry_evidence import symmetry_criteria
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import Signals

__all__ = ["classify"]

_WITH_PREVALENCE = (PatternClass.FOCAL_EDEMA_LIKE, PatternClass.MIXED, PatternClass.INDETERMINATE)
# A sharp margin supports, but cortex and joint space within a drawn mask have one too: it names nothing.
_SUPPORT = ("D04.infiltration", "D29.infiltration", "D54.infiltration")
_SHIFT = ("D11.infiltration", "D12.infiltration")


def classify(
    pair: AlignedPair,
    signals: Signals,
    *,
    quality: QualityReport,
    protocol: Protocol,
    findings: tuple[Finding, ...] = (),
    time: TimeEvidence | None = None,
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
    time : TimeEvidence, optional
        Of a comparison with an earlier examination.

    Returns
    -------
    PatternCall
        Class, confidence, every criterion with value, interval, cut, state and source (SCIENCE 4).
    """
    age = pair.t1.acquisition.patient_age_y
    criteria = _criteria(pair, signals, quality, protocol, time)
    facts = _facts(criteria, pair, signals, quality, protocol, findings)
    verdict = name_pattern(facts)
    confidence, held = confidence_of(facts, verdict)
    probability, probability_source = stated_probability(confidence, protocol.evidence)
    named = _add_ons(facts, criteria)
    prevalence = protocol.background_prevalence if verdict.pattern_class in _WITH_PREVALENCE else ""
    return PatternCall(
        pattern_class=verdict.pattern_class,
        confidence=confidence,
        sentences=write_paragraph(
            Paragraph(
                pattern=verdict.pattern_class,
                criteria=criteria,
                sides=_sides(signals),
                not_looked_for=signals.lesions_reason if signals.lesions is None else "",
                prevalence=prevalence,
                add_ons=named,
                closing=facts.gates.closing,
            )
        ),
        reasons=(*verdict.reasons, *(f"confidence held down: {reason}" for reason in held)),
        criteria=criteria,
        groups=facts.groups,
        regions=region_calls(signals, protocol, age),
        add_ons=named,
        background_prevalence=prevalence,
        confidence_probability=probability,
        confidence_source=probability_source,
    )


def _criteria(
    pair: AlignedPair, signals: Signals, quality: QualityReport, protocol: Protocol, time: TimeEvidence | None
) -> tuple[Criterion, ...]:
    made = (
        *background_criteria(signals, protocol, pair.t1.acquisition.patient_age_y),
        *lesion_criteria(signals, protocol),
        *symmetry_criteria(signals, protocol.symmetry, shaded=_shaded(pair, quality)),
        *distribution_criteria(signals, protocol, pair.t1.acquisition.patient_age_y),
        *flag_criteria(signals, protocol, muscle=muscle_doubt(quality), time=time),
        *add_on_criteria(signals, pair, protocol, time),
        *gate_criteria(quality),
    )
    return tuple(sorted(made, key=lambda c: (not c.group.startswith("G"), c.group)))


def _facts(
    criteria: tuple[Criterion, ...],
    pair: AlignedPair,
    signals: Signals,
    quality: QualityReport,
    protocol: Protocol,
    findings: tuple[Finding, ...],
) -> Facts:
    age = pair.t1.acquisition.patient_age_y
    states = {c.id: c.state for c in criteria}
    bands = fat_signal_states(signals, protocol, age)
    shift = any_of(*(states[i] for i in _SHIFT))
    # What was measured in the focus itself decides about it, the marrow around it only where that was not.
    of_focus = [states[i + OF_FOCUS] for i in _SHIFT if i + OF_FOCUS in states]
    focus_shift = any_of(*of_focus) if of_focus else shift
    support = any_of(focus_shift, *(states[i] for i in _SUPPORT if i in states))
    lesions = signals.lesions or ()
    least = protocol.signals
    return Facts(
        gates=read_gates(quality, findings),
        groups=evidence_groups(criteria, protocol.evidence),
        diffuse_low_t1=states.get("D50.infiltration", CriterionState.NOT_EVALUABLE),
        low_t1_focus=states.get("D51.infiltration", CriterionState.NOT_EVALUABLE),
        focus_support=support,
        chemical_shift=shift,
        focus_chemical_shift=focus_shift,
        focus_to_review=states.get("D51.sclerosis") is CriterionState.POSITIVE,
        within_expected=_within_expected(bands, signals),
        above_expected=any_of(*(row.above for row in bands)),
        age_known=age is not None,
        adult=age is None or age >= protocol.evidence.adult_age.value,
        lesions=len(lesions),
        lesions_count=any(x.volume_ml >= least.exploratory_volume.value for x in lesions)
        or sum(x.volume_ml for x in lesions) >= least.full_volume.value,
        all_looked_at=all(region.lesion_ml is not None for region in signals.regions),
        bright_at_an_end=any(x.kind == "slice_end" and x.volume_ml >= least.full_volume.value for x in signals.dropped),
        lesions_trusted=not quality.with_consequence(Consequence.NO_LESIONS),
        low_signal=any(g.key == "low_signal_marrow" and g.state is GateState.WARN for g in quality.gates),
    )


def _shaded(pair: AlignedPair, quality: QualityReport) -> bool:
    present = ("T1",) if pair.comparable_stir is None else ("T1", "STIR")
    unsure = (GateState.FAIL, GateState.NOT_EVALUABLE)
    return any(quality.gate("residual_shading", series).state in unsure for series in present)


def _within_expected(bands: tuple[BandState, ...], signals: Signals) -> CriterionState:
    if not bands or len(bands) < len(signals.regions):
        return CriterionState.NOT_EVALUABLE
    return opposite(any_of(*(state for row in bands for state in (row.below, row.beyond))))


def _add_ons(facts: Facts, criteria: tuple[Criterion, ...]) -> tuple[str, ...]:
    if facts.gates.closed:
        # The class stays open without STIR, but T1 at or below muscle must not go untold.
        low = facts.gates.only_stir_missing and facts.diffuse_low_t1 is CriterionState.POSITIVE
        return ("DIFFUSE_LOW_T1_REVIEW",) if low else ()
    usable = criteria if facts.lesions_trusted else tuple(c for c in criteria if c.direction != "edema")
    return add_ons(usable)


def _sides(signals: Signals) -> str:
    sides = {lesion.side for lesion in signals.lesions or () if lesion.side is not Side.NONE}
    if len(sides) > 1:
        return "both sides"
    return str(next(iter(sides), ""))
