"""Where red marrow lies: order of conversion and epiphyses (G5), and flame-shaped margins, which no group counts."""

from __future__ import annotations

from marrowsignal.patterns.background_evidence import low_fat_cut
from marrowsignal.patterns.groups import ADD_ON
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, below, criterion, measured, not_evaluable
from marrowsignal.protocol.schema import EvidenceCuts, Protocol
from marrowsignal.signals.records import BoneSignals, Measurement, Signals

__all__ = ["distribution_criteria"]

_RED = "reconversion"
_POSITIVE = CriterionState.POSITIVE


def distribution_criteria(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    """Rows of D25, D26 and D27 for reconversion."""
    cuts = protocol.evidence
    return _order(signals, cuts), _sparing(signals, protocol, age_y), _flame(signals, cuts)


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


def _sparing(signals: Signals, protocol: Protocol, age_y: float | None) -> Criterion:
    cuts = protocol.evidence
    question = Question(
        id="D26.reconversion",
        group="G5",
        direction=_RED,
        statement="fat-signal index of the least fatty epiphysis judged, and how far beyond its metaphysis it lies",
    )
    fats = [(b, measured(b.measurements, "D26", "epiphysis_fat_signal")) for b in signals.bones]
    known = [(bone, fat) for bone, fat in fats if fat.value is not None]
    if not known:
        return not_evaluable(question, "no epiphysis in the field of view")
    involved = [(b, fat) for b, fat in known if below(fat, cuts.epiphysis_involved_max.value) is _POSITIVE]
    beside_red = [(b, fat) for b, fat in known if _red_metaphysis(b, protocol, age_y)]
    judged = involved or beside_red
    if not judged:
        # Nothing is spared where nothing next to it is red: reconversion reaches the femur before the tibia.
        return not_evaluable(question, "no metaphysis in view is red, so its epiphysis has nothing to be spared from")
    lowest = min((fat for _, fat in judged), key=lambda m: m.value or 0.0)
    spared = all_of(*(_spared(bone, fat, cuts) for bone, fat in judged))
    return criterion(
        question,
        lowest,
        f"next to red metaphyses: spared from {cuts.epiphysis_fat_min.value:g} and "
        f"{cuts.epiphysis_difference_min.value:g} beyond the metaphysis, involved below "
        f"{cuts.epiphysis_involved_max.value:g}",
        CriterionState.NEGATIVE if involved else _unclear_below(spared),
        cuts.epiphysis_fat_min,
    )


def _red_metaphysis(bone: BoneSignals, protocol: Protocol, age_y: float | None) -> bool:
    """Whether the fat signal of the metaphysis is below what is expected of it."""
    end = next((end for end in protocol.distribution.bone_ends if end.key == bone.key), None)
    bands = [protocol.expected_band(key, age_y) for key in (end.metaphysis if end else ())]
    levels = [low_fat_cut(band, protocol) for band in bands if band is not None]
    if not levels:
        return False
    index = measured(bone.measurements, "D26", "metaphysis_fat_signal")
    return below(index, min(levels), clear=min(levels) + protocol.evidence.fat_signal_grey.value) is _POSITIVE


def _spared(bone: BoneSignals, fat: Measurement, cuts: EvidenceCuts) -> CriterionState:
    difference = measured(bone.measurements, "D26", "epiphysis_metaphysis_difference")
    return all_of(above(fat, cuts.epiphysis_fat_min.value), above(difference, cuts.epiphysis_difference_min.value))


def _flame(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    # Normal knees of the phantom show one or two of the signs: shown, and no group counts it.
    question = Question(
        id="D27.reconversion",
        group=ADD_ON,
        direction=_RED,
        statement="signs of a flame-shaped margin of what stands out next to a growth plate; counted by no group",
    )
    measurements = [*(x.measurements for x in signals.lesions or ()), *(b.measurements for b in signals.bones)]
    scores = [measured(rows, "D27", "flame_score") for rows in measurements]
    known = [m for m in scores if m.value is not None]
    if not known:
        return not_evaluable(question, "nothing stands out next to a growth plate")
    best = max(known, key=lambda m: m.value or 0.0)
    cut = cuts.flame_signs
    return criterion(question, best, f"at least {cut.value:g} of three", above(best, cut.value), cut)
