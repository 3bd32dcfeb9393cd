"""What each region says by itself, before the study is named."""

from __future__ import annotations

from marrowsignal.patterns.background_evidence import fat_signal_states
from marrowsignal.patterns.flags import dark_t1_state
from marrowsignal.patterns.lesion_evidence import edema_state
from marrowsignal.patterns.records import CriterionState, RegionCall
from marrowsignal.patterns.state import above, any_of, below
from marrowsignal.protocol.schema import EvidenceCuts, Protocol
from marrowsignal.signals.records import MeasurementStatus, RegionSignals, Signals

__all__ = ["region_calls"]

_POSITIVE = CriterionState.POSITIVE
_INDETERMINATE = CriterionState.INDETERMINATE
_NOT_EVALUABLE = CriterionState.NOT_EVALUABLE


def region_calls(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[RegionCall, ...]:
    """Judge every region.

    Parameters
    ----------
    signals : Signals
        What was measured.
    protocol : Protocol
        Cuts and expected bands.
    age_y : float or None
        Chooses the band.
    """
    bands = {id(row.region): row for row in fat_signal_states(signals, protocol, age_y)}
    made = []
    for region in signals.regions:
        band = bands.get(id(region))
        states = {
            "low_fat": _NOT_EVALUABLE if band is None else band.below,
            "high_fat": _NOT_EVALUABLE if band is None else band.above,
            "low_t1": dark_t1_state(region.measurement("t1_marrow_to_muscle"), protocol.evidence),
            "excess_water": _excess(region, protocol.evidence),
            "lesion": _lesion(region, signals, protocol.evidence),
        }
        made.append(
            RegionCall(
                region_label=region.region_label,
                key=region.key,
                name=region.name,
                side=region.side,
                words=_words(states),
                **states,
            )
        )
    return tuple(made)


def _excess(region: RegionSignals, cuts: EvidenceCuts) -> CriterionState:
    found = region.measurement("excess_water")
    state = above(found, cuts.excess_water_edema_min.value)
    red = below(found, cuts.excess_water_red_max.value)
    return CriterionState.NEGATIVE if red is _POSITIVE else state


def _lesion(region: RegionSignals, signals: Signals, cuts: EvidenceCuts) -> CriterionState:
    if region.lesion_ml is None or signals.lesions is None:
        return _NOT_EVALUABLE
    inside = [x for x in signals.lesions if (x.region_key, x.side) == (region.key, region.side)]
    if not inside:
        return CriterionState.NEGATIVE
    full = [
        edema_state(x, cuts)
        for x in inside
        if x.measurement("stir_marrow_to_muscle").status is MeasurementStatus.MEASURED
    ]
    return any_of(*full) if full else _INDETERMINATE


def _words(states: dict[str, CriterionState]) -> str:
    phrases = (
        ("low_t1", _POSITIVE, "T1 at or below muscle"),
        ("lesion", _POSITIVE, "edema-like lesion"),
        ("lesion", _INDETERMINATE, "lesion too small or too faint to tell"),
        ("excess_water", _POSITIVE, "brighter on STIR than its fat signal explains"),
        ("low_fat", _POSITIVE, "low fat signal, as red marrow has"),
        ("high_fat", _POSITIVE, "fat signal above what is expected"),
        ("low_t1", _INDETERMINATE, "T1 close to muscle"),
        ("low_fat", _INDETERMINATE, "fat signal at the lower end of what is expected"),
    )
    said = [text for key, state, text in phrases if states[key] is state]
    if said:
        return "; ".join(said)
    if _NOT_EVALUABLE in states.values():
        return "not evaluable in full"
    return "as expected for region and age"
