"""Signs of marrow replaced by something else: red flags D50-D54 (SCIENCE 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.flag_support import support_criteria
from marrowsignal.patterns.groups import ADD_ON
from marrowsignal.patterns.lesion_evidence import line_state, periarticular, subchondral_state
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import (
    Question,
    above,
    all_of,
    any_of,
    below,
    criterion,
    measured,
    not_evaluable,
    opposite,
)
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import EvidenceCuts, Protocol
from marrowsignal.signals.records import Lesion, Measurement, RegionSignals, Signals

__all__ = ["FocalFlag", "dark_t1_state", "flag_criteria", "focal_flag"]

_INFILTRATION = "infiltration"
_POSITIVE = CriterionState.POSITIVE
_NEGATIVE = CriterionState.NEGATIVE
_INDETERMINATE = CriterionState.INDETERMINATE
_NOT_EVALUABLE = CriterionState.NOT_EVALUABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FocalFlag:
    """Foci with T1 at or below muscle.

    Attributes
    ----------
    state : CriterionState
        D51, of foci that sclerosis does not explain.
    away, near : tuple of Lesion
        Foci that are positive: those of which nothing explains it, and those to be reviewed because they lie against a
        joint surface.
    dark_on_both : tuple of Lesion
        Positive foci that are dark on STIR too, as sclerosis, cortex and joint clefts are.
    unclear : tuple of Lesion
        Foci of which that is not clear, sclerosis aside.
    """

    state: CriterionState
    away: tuple[Lesion, ...]
    near: tuple[Lesion, ...]
    dark_on_both: tuple[Lesion, ...] = ()
    unclear: tuple[Lesion, ...] = ()

    @property
    def asked(self) -> tuple[Lesion, ...]:
        """Foci that further questions are put to: those away, or the unclear ones."""
        return self.away or self.unclear

    @property
    def leading(self) -> Lesion | None:
        """The largest of those."""
        return max(self.asked, key=lambda f: f.volume_ml, default=None)


def dark_t1_state(t1_to_muscle: Measurement, cuts: EvidenceCuts) -> CriterionState:
    """D01: at or below muscle with the interval below the grey zone; negative only above the whole grey zone."""
    beyond = above(t1_to_muscle, cuts.t1_muscle_grey.high)
    if beyond in (_POSITIVE, _NOT_EVALUABLE):
        return opposite(beyond)
    dark = below(t1_to_muscle, cuts.t1_muscle_red_flag.value, clear=cuts.t1_muscle_grey.high)
    return dark if dark is _POSITIVE else _INDETERMINATE


def focal_flag(signals: Signals, protocol: Protocol) -> FocalFlag:
    """D51 over all foci: those dark on T1 where they were looked for, and the STIR lesions."""
    foci = (*(signals.dark_foci or ()), *(signals.lesions or ()))
    states = [(focus, _focus_state(focus, protocol)) for focus in foci]
    signal_void = {id(focus) for focus in foci if _dark_on_stir(focus, protocol.evidence) is _POSITIVE}
    at_joint = {id(focus) for focus in foci if subchondral_state(focus, protocol.lesions) is _POSITIVE} - signal_void
    beside = signal_void | at_joint
    away = tuple(f for f, state in states if state is _POSITIVE and id(f) not in beside)
    near = tuple(f for f, state in states if state is _POSITIVE and id(f) in at_joint)
    judged = [state for f, state in states if state is not _NOT_EVALUABLE and id(f) not in beside]
    looked = signals.dark_foci is not None or signals.lesions is not None
    state = any_of(*judged) if judged else _NEGATIVE
    return FocalFlag(
        state=state if looked else _NOT_EVALUABLE,
        away=away,
        near=near,
        dark_on_both=tuple(f for f, state in states if state is _POSITIVE and id(f) in signal_void),
        unclear=tuple(f for f, state in states if state is _INDETERMINATE and id(f) not in beside),
    )


def _dark_on_stir(focus: Lesion, cuts: EvidenceCuts) -> CriterionState:
    # The whole interval decides, of a small focus too: this explains a focus and names nothing.
    return any_of(
        opposite(above(focus.measurement("stir_marrow_to_muscle"), cuts.stir_muscle_low.value)),
        opposite(above(focus.measurement("stir_marrow_to_normal"), cuts.stir_normal_low.value)),
    )


def flag_criteria(
    signals: Signals, protocol: Protocol, *, muscle: str, time: TimeEvidence | None
) -> tuple[Criterion, ...]:
    """Rows of D50-D54.

    Parameters
    ----------
    signals : Signals
        What was measured.
    protocol : Protocol
        Cuts.
    muscle : str
        Why the muscle reference is in doubt; empty when it is not.
    time : TimeEvidence or None
        Of a comparison with an earlier examination.
    """
    flag = focal_flag(signals, protocol)
    return (
        *_diffuse(signals, protocol.evidence, flag, muscle),
        *_focal(signals, flag, protocol),
        *support_criteria(signals, flag.asked, protocol.evidence, time=time),
    )


def _focus_state(focus: Lesion, protocol: Protocol) -> CriterionState:
    cuts, shapes = protocol.evidence, protocol.shapes
    needed = [
        above(focus.measurement("sphere_diameter"), cuts.infiltration_lesion_diameter.value),
        dark_t1_state(focus.measurement("t1_marrow_to_muscle"), cuts),
        above(focus.measurement("t1_dark_share"), cuts.confluent_share.value),
    ]
    # A fatty center or a fracture line explains a dark focus; that neither could be looked for does not.
    benign = (
        above(measured(focus.measurements, "D28", "bull_ratio"), shapes.bull_ratio.value),
        line_state(focus, protocol),
    )
    needed += [opposite(state) for state in benign if state is not _NOT_EVALUABLE]
    return all_of(*needed)


def _diffuse(signals: Signals, cuts: EvidenceCuts, flag: FocalFlag, muscle: str) -> tuple[Criterion, ...]:
    question = Question(
        id="D50.infiltration",
        group="G1",
        direction=_INFILTRATION,
        statement="share of marrow whose T1 is at or below muscle, regions and foci away from joints",
    )
    states = [dark_t1_state(r.measurement("t1_marrow_to_muscle"), cuts) for r in signals.regions]
    volumes = [_volumes(r, s, flag) for r, s in zip(signals.regions, states, strict=True)]
    total = sum(all_ml for _, _, all_ml in volumes)
    fat = _against_fat(signals, states, cuts)
    if all(state is _NOT_EVALUABLE for state in states) or total <= 0:
        return not_evaluable(question, "no region could be compared with muscle"), fat
    dark, grey = (100 * sum(v[k] for v in volumes) / total for k in (0, 1))
    enough = cuts.infiltration_share.value
    several = sum(v[0] >= 0.5 * v[2] > 0 for v in volumes) >= min(2, len(volumes))
    state = _NEGATIVE
    if dark + grey >= enough:
        state = _POSITIVE if several and dark >= enough else _INDETERMINATE
    doubt = "" if fat.state is _POSITIVE else muscle or ("" if fat.state is _NOT_EVALUABLE else _NOT_DARK_TO_FAT)
    if state is _POSITIVE and doubt:
        state = _INDETERMINATE
    made = criterion(
        question,
        Measurement(id="D50", name="t1_dark_share", value=dark, unit="percent"),
        f"at least {enough:g} percent, in at least two regions where there are two; unclear while as much lies in the "
        f"gray zone up to {cuts.t1_muscle_grey.high:g}" + (f", or while muscle is in doubt: {doubt}" if doubt else ""),
        state,
        cuts.infiltration_share,
    )
    return made, fat


_NOT_DARK_TO_FAT = "the same marrow is not dark against subcutaneous fat, as it would be if muscle were lean"


def _volumes(region: RegionSignals, state: CriterionState, flag: FocalFlag) -> tuple[float, float, float]:
    """Volume dark, volume in the grey zone, and both with the rest, mL."""
    core = region.core_volume_ml
    foci = sum(f.volume_ml for f in flag.away if (f.region_key, f.side) == (region.key, region.side))
    if state is _POSITIVE:
        return core, 0.0, core
    # Replaced marrow amid fat falls out of the core as a void: it comes back as a focus.
    return foci, core if state is _INDETERMINATE else 0.0, core + foci


def _against_fat(signals: Signals, states: list[CriterionState], cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D02.infiltration",
        group="gate",
        direction="gate",
        statement="T1 of the least dark of the regions near or below muscle over subcutaneous fat: fatty muscle would "
        "make marrow look dark against muscle alone",
    )
    dark = [
        r.measurement("t1_marrow_to_fat")
        for r, s in zip(signals.regions, states, strict=True)
        if s in (_POSITIVE, _INDETERMINATE)
    ]
    known = [m for m in dark if m.value is not None]
    if not known:
        return not_evaluable(question, "no region near or below muscle" if not dark else "no fat reference")
    least = max(known, key=lambda m: m.value or 0.0)
    cut = cuts.t1_fat_red_max
    return criterion(question, least, f"at most {cut.value:g}", below(least, cut.value), cut)


def _focal(signals: Signals, flag: FocalFlag, protocol: Protocol) -> tuple[Criterion, ...]:
    cuts = protocol.evidence
    question = Question(
        id="D51.infiltration",
        group="G3",
        direction=_INFILTRATION,
        statement=f"foci of {cuts.infiltration_lesion_diameter.value:g} mm or more with T1 confluently at or below "
        "muscle, away from joint surfaces and not dark on STIR, without a fatty center or a line",
    )
    if flag.state is _NOT_EVALUABLE:
        return (not_evaluable(question, f"foci were not looked for: {signals.lesions_reason}"),)
    beside = Question(
        id="D51.sclerosis",
        group=ADD_ON,
        direction=_INFILTRATION,
        statement="the same against a joint surface, where it is mostly sclerosis or inflamed bone",
    )
    void = Question(
        id="D51.void",
        group=ADD_ON,
        direction=_INFILTRATION,
        statement="the same, dark on STIR too, as sclerosis, cortex and joint clefts are",
    )
    return (
        criterion(question, _count(flag.away), "none expected", flag.state, cuts.infiltration_lesion_diameter),
        criterion(beside, _count(flag.near), "to be reviewed", _some(flag.near), "SCIENCE 3.4"),
        criterion(
            void,
            _count(flag.dark_on_both),
            f"STIR below {cuts.stir_muscle_low.value:g} of muscle or {cuts.stir_normal_low.value:g} of own marrow",
            _some(flag.dark_on_both),
            cuts.stir_normal_low,
        ),
        *(
            _focus_rows(flag.leading, protocol, doubt=_edema_as_dark(flag.leading, signals, protocol))
            if flag.leading
            else ()
        ),
    )


def _count(foci: tuple[Lesion, ...]) -> Measurement:
    return Measurement(id="D51", name="low_t1_foci", value=float(len(foci)), unit="lesions")


def _some(foci: tuple[Lesion, ...]) -> CriterionState:
    return _POSITIVE if foci else _NEGATIVE


def _edema_as_dark(focus: Lesion, signals: Signals, protocol: Protocol) -> str:
    """Why edema would be as dark on T1 as this focus; empty where it would not."""
    if periarticular(signals, protocol):
        return "beside edema-like lesions of a joint, where inflamed bone can be as dark"
    dark, around = (
        focus.measurement("t1_marrow_to_muscle").value,
        signals.whole.measurement("t1_marrow_to_muscle").value,
    )
    if dark is None or around is None or dark < protocol.evidence.t1_edema_drop.value * around:
        return ""
    return f"while T1 is {protocol.evidence.t1_edema_drop.value:g} of the marrow's and more, as edema of red marrow has"


def _focus_rows(focus: Lesion, protocol: Protocol, *, doubt: str) -> tuple[Criterion, ...]:
    cuts, shapes = protocol.evidence, protocol.shapes
    who = f"the dark focus ({focus.region_name}, {focus.volume_ml:.1f} mL)"
    level, dark = focus.measurement("stir_marrow_to_muscle"), focus.measurement("t1_marrow_to_muscle")
    halo = measured(focus.measurements, "D29", "halo_ratio")
    edge = measured(focus.measurements, "D32", "edge_width_t1")
    bull = measured(focus.measurements, "D28", "bull_ratio")
    bright = above(level, cuts.stir_muscle_edema_min.value, clear=cuts.stir_muscle_edema_ci_low.value)

    def asked(descriptor: str, group: str, statement: str, direction: str = _INFILTRATION) -> Question:
        return Question(id=f"{descriptor}.{direction}", group=group, direction=direction, statement=statement)

    return (
        criterion(
            asked("D01", "G1", f"T1 of {who} over muscle"),
            dark,
            f"at most {cuts.t1_muscle_red_flag.value:g}, interval up to {cuts.t1_muscle_grey.high:g}",
            dark_t1_state(dark, cuts),
            cuts.t1_muscle_red_flag,
        ),
        criterion(
            asked("D04", "G2", f"STIR of {who} over muscle: sclerosis is dark on both"),
            level,
            f"at least {cuts.stir_muscle_edema_min.value:g}, interval from {cuts.stir_muscle_edema_ci_low.value:g}"
            + (f"; unclear {doubt}" if doubt else ""),
            _INDETERMINATE if doubt and bright is _POSITIVE else bright,
            cuts.stir_muscle_edema_min,
        ),
        criterion(
            asked("D32", "G6", f"width of the margin of {who} on T1"),
            edge,
            f"sharp up to {shapes.edge_sharp.value:g} mm",
            below(edge, shapes.edge_sharp.value),
            shapes.edge_sharp,
        ),
        criterion(
            asked("D29", "G6", f"STIR of the rim around {who}"),
            halo,
            f"at least {shapes.halo_ratio.value:g}",
            above(halo, shapes.halo_ratio.value),
            shapes.halo_ratio,
        ),
        criterion(
            asked("D28", "G6", f"T1 of the center of {who} over its middle shell", "reconversion"),
            bull,
            f"at least {shapes.bull_ratio.value:g}",
            above(bull, shapes.bull_ratio.value),
            shapes.bull_ratio,
        ),
    )
