"""Where red marrow lies: order of conversion and epiphyses (G5), and flame-shaped margins (G6)."""

from __future__ import annotations

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, measured, not_evaluable
from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.signals.records import BoneSignals, Measurement, Signals

__all__ = ["distribution_criteria"]

_RED = "reconversion"


def distribution_criteria(signals: Signals, cuts: EvidenceCuts) -> tuple[Criterion, ...]:
    """Rows of D25, D26 and D27 for reconversion."""
    return _order(signals, cuts), _sparing(signals, cuts), _flame(signals, cuts)


def _order(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    order = measured(signals.distribution, "D25", "conversion_order")
    zone = cuts.conversion_order
    question = Question(
        id="D25.reconversion",
        group="G5",
        direction=_RED,
        statement="red marrow follows the order of conversion, spine to epiphysis",
    )
    refuted = below(order, zone.low) is CriterionState.POSITIVE
    return criterion(
        question,
        order,
        f"follows from {zone.high:g}, violates up to {zone.low:g}",
        CriterionState.NEGATIVE if refuted else _unclear_below(above(order, zone.high)),
        zone.source,
    )


def _unclear_below(state: CriterionState) -> CriterionState:
    # Between following and violating lies neither.
    return CriterionState.INDETERMINATE if state is CriterionState.NEGATIVE else state


def _sparing(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D26.reconversion",
        group="G5",
        direction=_RED,
        statement="fat-signal index of the epiphysis least fatty, beyond that of its metaphysis",
    )
    fats = [(b, measured(b.measurements, "D26", "epiphysis_fat_signal")) for b in signals.bones]
    known = [(bone, fat) for bone, fat in fats if fat.value is not None]
    if not known:
        return not_evaluable(question, "no epiphysis in the field of view")
    lowest = min((fat for _, fat in known), key=lambda m: m.value or 0.0)
    involved = any_of(*(below(fat, cuts.epiphysis_involved_max.value) for _, fat in known))
    spared = all_of(*(_spared(bone, fat, cuts) for bone, fat in known))
    return criterion(
        question,
        lowest,
        f"spared from {cuts.epiphysis_fat_min.value:g} and {cuts.epiphysis_difference_min.value:g} beyond the "
        f"metaphysis, involved below {cuts.epiphysis_involved_max.value:g}",
        CriterionState.NEGATIVE if involved is CriterionState.POSITIVE else _unclear_below(spared),
        cuts.epiphysis_fat_min,
    )


def _spared(bone: BoneSignals, fat: Measurement, cuts: EvidenceCuts) -> CriterionState:
    difference = measured(bone.measurements, "D26", "epiphysis_metaphysis_difference")
    return all_of(above(fat, cuts.epiphysis_fat_min.value), above(difference, cuts.epiphysis_difference_min.value))


def _flame(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D27.reconversion",
        group="G6",
        direction=_RED,
        statement="signs of a flame-shaped margin of what stands out next to a growth plate",
    )
    scores = [measured(x.measurements, "D27", "flame_score") for x in signals.lesions or ()]
    known = [m for m in scores if m.value is not None]
    if not known:
        return not_evaluable(question, "nothing stands out next to a growth plate")
    best = max(known, key=lambda m: m.value or 0.0)
    cut = cuts.flame_signs
    return criterion(question, best, f"at least {cut.value:g} of three", above(best, cut.value), cut)
