"""What supports a red flag or speaks against it: chemical shift, epiphyses, growth (D52-D54, SCIENCE 3.4)."""

from __future__ import annotations

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, measured, not_evaluable
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.signals.records import Lesion, Measurement, Signals

__all__ = ["OF_FOCUS", "support_criteria"]

OF_FOCUS = ".focus"
_INFILTRATION = "infiltration"
_POSITIVE = CriterionState.POSITIVE
_NEGATIVE = CriterionState.NEGATIVE
_INDETERMINATE = CriterionState.INDETERMINATE
_NOT_EVALUABLE = CriterionState.NOT_EVALUABLE


def support_criteria(
    signals: Signals, dark: tuple[Lesion, ...], cuts: EvidenceCuts, *, time: TimeEvidence | None
) -> tuple[Criterion, ...]:
    """Rows of D52-D54.

    Parameters
    ----------
    signals : Signals
        What was measured.
    dark : tuple of Lesion
        Foci whose T1 is, or may be, at or below muscle.
    cuts : EvidenceCuts
        Cuts.
    time : TimeEvidence or None
        Of a comparison with an earlier examination.
    """
    return (
        *_chemical_shift(signals.whole.measurements, "marrow", "", cuts),
        *_shift_of_foci(dark, cuts),
        _epiphyses(signals, cuts),
        _growth(time),
    )


def _chemical_shift(
    measurements: tuple[Measurement, ...], what: str, suffix: str, cuts: EvidenceCuts
) -> tuple[Criterion, ...]:
    ratio, percent = measured(measurements, "D11", "sir_raw"), measured(measurements, "D12", "pdff")
    words = (
        ("D11", f"opposed-phase over in-phase signal of {what}", ratio, cuts.opposed_to_in_phase),
        ("D12", f"proton-density fat fraction of {what}", percent, cuts.fat_fraction),
    )
    made = []
    for descriptor, statement, found, zone in words:
        fat_high = descriptor == "D12"
        replaced = below(found, zone.low) if fat_high else above(found, zone.high)
        fatty = above(found, zone.high) if fat_high else below(found, zone.low)
        for direction, state in ((_INFILTRATION, replaced), ("reconversion", fatty)):
            question = Question(
                id=f"{descriptor}.{direction}{suffix}", group="G7", direction=direction, statement=statement
            )
            cut = f"replaced {'up to' if fat_high else 'from'} {zone.low if fat_high else zone.high:g}, holds fat " + (
                f"from {zone.high:g}" if fat_high else f"up to {zone.low:g}"
            )
            made.append(criterion(question, found, cut, state, zone.source))
    return tuple(made)


def _shift_of_foci(dark: tuple[Lesion, ...], cuts: EvidenceCuts) -> tuple[Criterion, ...]:
    """D52 of the dark focus that is least fatty: one clear focus is enough, whatever the marrow around it holds."""
    asked = []
    for focus in dark:
        rows = _chemical_shift(
            focus.measurements, f"a dark focus ({focus.region_name}, {focus.volume_ml:.1f} mL)", OF_FOCUS, cuts
        )
        known = tuple(row for row in rows if row.direction == _INFILTRATION and row.value is not None)
        if known:
            asked.append(known)
    order = (_POSITIVE, _INDETERMINATE, _NEGATIVE)
    return min(asked, key=lambda rows: order.index(any_of(*(row.state for row in rows))), default=())


def _epiphyses(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D53.infiltration",
        group="G5",
        direction=_INFILTRATION,
        statement="lowest fat-signal index of an epiphysis, while the order of conversion is violated",
    )
    fats = [measured(b.measurements, "D26", "epiphysis_fat_signal") for b in signals.bones]
    known = [m for m in fats if m.value is not None]
    order = measured(signals.distribution, "D25", "conversion_order")
    if not known:
        return not_evaluable(question, "no epiphysis in the field of view")
    lowest = min(known, key=lambda m: m.value or 0.0)
    state = all_of(below(lowest, cuts.epiphysis_involved_max.value), below(order, cuts.conversion_order.low))
    return criterion(
        question,
        lowest,
        f"at most {cuts.epiphysis_involved_max.value:g}, order at most {cuts.conversion_order.low:g}",
        _INDETERMINATE if state is _NOT_EVALUABLE else state,
        cuts.epiphysis_involved_max,
    )


def _growth(time: TimeEvidence | None) -> Criterion:
    question = Question(
        id="D54.infiltration",
        group="G8",
        direction=_INFILTRATION,
        statement="foci with T1 at or below muscle are new or grow",
    )
    if time is None or time.new_or_growing_dark_focus is _NOT_EVALUABLE:
        return not_evaluable(question, "a single examination" if time is None else time.reason)
    grown = time.new_or_growing_dark_focus
    count = Measurement(id="D54", name="growth", value=float(grown is _POSITIVE), unit="1 grown, 0 not")
    return criterion(question, count, time.reason, grown, "SCIENCE D54, 7.4")
