"""What lesions say: criteria of groups G1-G3, G5 and G6 for edema."""

from __future__ import annotations

import math
from dataclasses import replace

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, measured, not_evaluable
from marrowsignal.protocol.schema import EvidenceCuts, LesionSettings, Protocol
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, Signals

__all__ = [
    "deep_state",
    "edema_state",
    "leading_lesion",
    "lesion_criteria",
    "line_lesion",
    "line_state",
    "periarticular",
    "subchondral_state",
]

_EDEMA = "edema"
_COUNT = Question(
    id="D24.edema.count", group="G3", direction=_EDEMA, statement="lesions that stand out from the patient's own marrow"
)
_LEVEL = Question(id="D04.edema", group="G2", direction=_EDEMA, statement="STIR of a lesion over lean muscle")
_LINE = Question(
    id="D35.edema",
    group="G6",
    direction=_EDEMA,
    statement="length of a dark line in a lesion that could be a fracture; that none is found excludes nothing",
)
_ORDER = (
    CriterionState.POSITIVE,
    CriterionState.INDETERMINATE,
    CriterionState.NEGATIVE,
    CriterionState.NOT_EVALUABLE,
)


def edema_state(lesion: Lesion, cuts: EvidenceCuts) -> CriterionState:
    """G2 for edema of one lesion: D04 and D07 (SCIENCE 4.3)."""
    return all_of(_bright(lesion, cuts), _excess(lesion, cuts))


def leading_lesion(signals: Signals, cuts: EvidenceCuts) -> Lesion | None:
    """Return the lesion that speaks most clearly for edema; lesions of full size before small ones."""

    def rank(lesion: Lesion) -> tuple[bool, int, int]:
        small = lesion.measurement("stir_marrow_to_muscle").status is not MeasurementStatus.MEASURED
        return small, _ORDER.index(edema_state(lesion, cuts)), lesion.label

    return min(signals.lesions or (), key=rank, default=None)


def subchondral_state(lesion: Lesion, settings: LesionSettings) -> CriterionState:
    """D30: near the joint surface and mostly within the subchondral band."""
    near = below(lesion.measurement("joint_distance"), settings.subchondral_distance.value)
    band = above(lesion.measurement("subchondral_share"), 100 * settings.subchondral_share.value)
    return all_of(near, band)


def deep_state(lesion: Lesion, settings: LesionSettings, error_mm: float) -> CriterionState:
    """D31: reaches deep from the joint surface, by more than the error of depth, and is homogeneous."""
    depth = lesion.measurement("depth_from_joint")
    if depth.value is None or subchondral_state(lesion, settings) is not CriterionState.POSITIVE:
        return CriterionState.NOT_EVALUABLE if depth.value is None else CriterionState.NEGATIVE
    margin = settings.deep_certainty.value * error_mm
    deep = above(
        Measurement(
            id=depth.id,
            name=depth.name,
            value=depth.value,
            ci_low=depth.value - margin,
            ci_high=depth.value + margin,
            unit=depth.unit,
        ),
        settings.deep_distance.value,
    )
    return all_of(deep, above(lesion.measurement("homogeneity"), settings.deep_homogeneity.value))


def line_state(lesion: Lesion, protocol: Protocol) -> CriterionState:
    """D35: a dark sheet long, thin and narrow enough; not evaluable where none was found."""
    cuts = protocol.shapes
    length, width, aspect = (
        measured(lesion.measurements, "D35", f"line_{name}") for name in ("length", "width", "aspect")
    )
    return all_of(
        above(length, cuts.line_min_length.value),
        below(width, cuts.line_max_width.value),
        above(aspect, cuts.line_min_aspect.value),
    )


def line_lesion(signals: Signals, protocol: Protocol) -> Lesion | None:
    """Return the edema-like lesion with the clearest, then longest line candidate; None where none has one.

    A fracture line lies in edema: a dark sheet in what red marrow explains is cortex, a vessel or a cleft.
    """
    found = [
        x
        for x in signals.lesions or ()
        if edema_state(x, protocol.evidence) is CriterionState.POSITIVE
        and measured(x.measurements, "D35", "line_length").value is not None
    ]

    def rank(lesion: Lesion) -> tuple[bool, float]:
        met = line_state(lesion, protocol) is CriterionState.POSITIVE
        return met, measured(lesion.measurements, "D35", "line_length").value or 0.0

    return max(found, key=rank, default=None)


def lesion_criteria(signals: Signals, protocol: Protocol) -> tuple[Criterion, ...]:
    """Rows of the leading lesion; without any lesion, or where none was looked for, the rows say so."""
    cuts = protocol.evidence
    if signals.lesions is None:
        why = f"lesions were not looked for: {signals.lesions_reason}"
        return tuple(not_evaluable(question, why) for question in (_COUNT, _LEVEL, _LINE))
    lesion = leading_lesion(signals, cuts)
    counted = _counted(signals, protocol.lesions)
    if lesion is None:
        return (counted, *(not_evaluable(question, "there is no lesion") for question in (_LEVEL, _LINE)))
    who = f"lesion {lesion.label} ({lesion.region_name}, {lesion.volume_ml:.1f} mL)"
    return (
        *_levels(lesion, who, cuts),
        counted,
        *_size(lesion, who, signals, cuts),
        _place(lesion, who, protocol.lesions),
        *_beside(signals, protocol),
        *_facing(signals, cuts),
        _margin(lesion, who, protocol),
        _line(signals, protocol),
    )


def _levels(lesion: Lesion, who: str, cuts: EvidenceCuts) -> tuple[Criterion, ...]:
    drop, bright = lesion.measurement("t1_to_surround"), lesion.measurement("stir_marrow_to_muscle")
    return (
        criterion(
            Question(id="D10.edema", group="G1", direction=_EDEMA, statement=f"T1 of {who} over its surround"),
            drop,
            f"at most {cuts.t1_drop_support.value:g}; supportive only",
            below(drop, cuts.t1_drop_support.value),
            cuts.t1_drop_support,
        ),
        criterion(
            Question(id="D04.edema", group="G2", direction=_EDEMA, statement=f"STIR of {who} over lean muscle"),
            bright,
            f"at least {cuts.stir_muscle_edema_min.value:g}, interval from {cuts.stir_muscle_edema_ci_low.value:g}",
            _bright(lesion, cuts),
            cuts.stir_muscle_edema_min,
        ),
        criterion(
            Question(
                id="D07.edema",
                group="G2",
                direction=_EDEMA,
                statement=f"STIR of {who} over what red marrow in place of yellow would explain",
            ),
            lesion.measurement("excess_water"),
            f"at least {cuts.excess_water_edema_min.value:g}",
            _excess(lesion, cuts),
            cuts.excess_water_edema_min,
        ),
    )


def _bright(lesion: Lesion, cuts: EvidenceCuts) -> CriterionState:
    return above(
        lesion.measurement("stir_marrow_to_muscle"),
        cuts.stir_muscle_edema_min.value,
        clear=cuts.stir_muscle_edema_ci_low.value,
    )


def _excess(lesion: Lesion, cuts: EvidenceCuts) -> CriterionState:
    measurement = lesion.measurement("excess_water")
    state = above(measurement, cuts.excess_water_edema_min.value)
    red = below(measurement, cuts.excess_water_red_max.value)
    return CriterionState.NEGATIVE if red is CriterionState.POSITIVE else state


def _counted(signals: Signals, settings: LesionSettings) -> Criterion:
    count = len(signals.lesions or ())
    return criterion(
        _COUNT,
        Measurement(id="D24", name="lesions", value=float(count), unit="lesions"),
        f"at least one of {settings.min_volume.value:g} mL on {settings.min_slices.value:g} slices",
        CriterionState.POSITIVE if count else CriterionState.NEGATIVE,
        settings.min_volume,
    )


def _size(lesion: Lesion, who: str, signals: Signals, cuts: EvidenceCuts) -> tuple[Criterion, ...]:
    level = lesion.measurement("stir_marrow_to_muscle")
    volume = Measurement(
        id="D24", name="volume", value=lesion.volume_ml, unit="ml", status=level.status, reason=level.reason
    )
    full = level.status is MeasurementStatus.MEASURED
    extent, contrast = signals.whole.measurement("lesion_extent"), lesion.measurement("stir_marrow_to_normal")
    return (
        criterion(
            Question(id="D24.edema.volume", group="G3", direction=_EDEMA, statement=f"volume of {who}"),
            volume,
            "large enough for ratios of full warrant" if full else level.reason,
            CriterionState.POSITIVE if full else CriterionState.INDETERMINATE,
            "SCIENCE 7.3",
        ),
        criterion(
            Question(
                id="D24.edema", group="G3", direction=_EDEMA, statement="lesions as a share of the marrow assessed"
            ),
            extent,
            f"below {cuts.diffuse_extent.value:g} percent (focal below {cuts.focal_extent.value:g})",
            below(extent, cuts.diffuse_extent.value),
            cuts.focal_extent,
        ),
        criterion(
            Question(
                id="D05.edema",
                group="G3",
                direction=_EDEMA,
                statement=f"STIR of {who} over the patient's own normal marrow",
            ),
            contrast,
            f"at least {cuts.stir_normal_lesion_min.value:g}",
            above(contrast, cuts.stir_normal_lesion_min.value),
            cuts.stir_normal_lesion_min,
        ),
    )


def _place(lesion: Lesion, who: str, settings: LesionSettings) -> Criterion:
    return criterion(
        Question(
            id="D30.edema",
            group="G5",
            direction=_EDEMA,
            statement=f"share of {who} within {settings.subchondral_band.value:g} mm of the joint surface, "
            f"touching within {settings.subchondral_distance.value:g} mm",
        ),
        lesion.measurement("subchondral_share"),
        f"at least {100 * settings.subchondral_share.value:g} percent",
        subchondral_state(lesion, settings),
        settings.subchondral_share,
    )


def _beside(signals: Signals, protocol: Protocol) -> tuple[Criterion, ...]:
    """Other lesions as bright as edema against a joint surface: the leading one need not touch it itself."""
    volumes = [x.volume_ml for x in periarticular(signals, protocol)]
    if not volumes:
        return ()
    question = Question(
        id="D30.all.edema",
        group="G5",
        direction=_EDEMA,
        statement="volume of lesions that are bright on STIR and lie against a joint surface",
    )
    cut = protocol.signals.full_volume
    found = Measurement(id="D30", name="periarticular_volume", value=sum(volumes), unit="ml")
    return (criterion(question, found, f"at least {cut.value:g} mL", above(found, cut.value), cut),)


def periarticular(signals: Signals, protocol: Protocol) -> list[Lesion]:
    """Return the lesions bright enough on STIR for edema, not explained by red marrow, against a joint surface."""
    cuts = protocol.evidence
    return [
        x
        for x in signals.lesions or ()
        if _bright(x, cuts) is CriterionState.POSITIVE
        and _excess(x, cuts) is not CriterionState.NEGATIVE
        and subchondral_state(x, protocol.lesions) is CriterionState.POSITIVE
    ]


def _facing(signals: Signals, cuts: EvidenceCuts) -> tuple[Criterion, ...]:
    """Edema-like lesions of two bones that face each other: what lies between them is a joint, seen or not."""
    states = [(x, edema_state(x, cuts)) for x in signals.lesions or ()]
    bright = [x for x, state in states if state is CriterionState.POSITIVE]
    faint = [x for x, state in states if state is CriterionState.INDETERMINATE]
    gaps = [
        (_gap_mm(one, other), one, other)
        for k, one in enumerate(bright)
        for other in (*bright[k + 1 :], *faint)
        if one.region_key != other.region_key and one.side is other.side
    ]
    if not gaps:
        return ()
    gap, one, other = min(gaps, key=lambda item: item[0])
    question = Question(
        id="D30.facing.edema",
        group="G5",
        direction=_EDEMA,
        statement=f"gap between lesions {one.label} and {other.label} as spheres, {one.region_name} and "
        f"{other.region_name}",
    )
    found = Measurement(id="D30", name="facing_gap", value=gap, unit="mm")
    cut = cuts.facing_gap
    return (criterion(question, found, f"at most {cut.value:g} mm", below(found, cut.value), cut),)


def _gap_mm(one: Lesion, other: Lesion) -> float:
    radii = [(x.measurement("sphere_diameter").value or 0.0) / 2 for x in (one, other)]
    return math.dist(one.centroid_lps_mm, other.centroid_lps_mm) - sum(radii)


def _margin(lesion: Lesion, who: str, protocol: Protocol) -> Criterion:
    cut = protocol.shapes.edge_ill_defined
    width = measured(lesion.measurements, "D32", "edge_width_stir")
    return criterion(
        Question(id="D32.edema", group="G6", direction=_EDEMA, statement=f"width of the margin of {who} on STIR"),
        width,
        f"ill-defined from {cut.value:g} mm",
        above(width, cut.value),
        cut,
    )


def _line(signals: Signals, protocol: Protocol) -> Criterion:
    lesion = line_lesion(signals, protocol)
    if lesion is None:
        told = [measured(x.measurements, "D35", "line_length").reason for x in (signals.lesions or ())[:1]]
        return not_evaluable(_LINE, _first_reason(told))
    cuts = protocol.shapes
    who = f"lesion {lesion.label} ({lesion.region_name}, {lesion.volume_ml:.1f} mL)"
    return criterion(
        replace(_LINE, statement=_LINE.statement.replace("a lesion", who)),
        measured(lesion.measurements, "D35", "line_length"),
        f"at least {cuts.line_min_length.value:g} mm long, at most {cuts.line_max_width.value:g} mm wide, "
        f"{cuts.line_min_aspect.value:g} times as long as wide",
        any_of(line_state(lesion, protocol)),
        cuts.line_min_length,
    )


def _first_reason(told: list[str]) -> str:
    return next((reason for reason in told if reason), "no line was found in an edema-like lesion")
