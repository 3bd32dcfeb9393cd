"""What single lesions say: criteria of groups G1, G2, G3, G5 for edema and infiltration."""

from __future__ import annotations

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, not_evaluable
from marrowsignal.protocol.schema import EvidenceCuts, LesionSettings, Protocol
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, Signals

__all__ = [
    "dark_t1_state",
    "deep_state",
    "edema_state",
    "leading_lesion",
    "lesion_criteria",
    "low_t1_state",
    "subchondral_state",
]

_EDEMA = "edema"
_LESIONS = Question(
    id="D24.edema", group="G3", direction=_EDEMA, statement="lesions that stand out from the patient's own marrow"
)
_LESION_LEVEL = Question(id="D04.edema", group="G2", direction=_EDEMA, statement="STIR of a lesion over lean muscle")
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


def dark_t1_state(t1_to_muscle: Measurement, cuts: EvidenceCuts) -> CriterionState:
    """D01: at or below muscle with the interval below the grey zone; negative only above the whole grey zone."""
    grey = below(t1_to_muscle, cuts.t1_muscle_grey.high)
    if grey in (CriterionState.NEGATIVE, CriterionState.NOT_EVALUABLE):
        return grey
    dark = below(t1_to_muscle, cuts.t1_muscle_red_flag.value, clear=cuts.t1_muscle_grey.high)
    return dark if dark is CriterionState.POSITIVE else CriterionState.INDETERMINATE


def low_t1_state(lesion: Lesion, cuts: EvidenceCuts) -> CriterionState:
    """D51 of one lesion: large enough, T1 at or below muscle."""
    return all_of(
        above(lesion.measurement("sphere_diameter"), cuts.infiltration_lesion_diameter.value),
        dark_t1_state(lesion.measurement("t1_marrow_to_muscle"), cuts),
    )


def lesion_criteria(signals: Signals, protocol: Protocol) -> tuple[Criterion, ...]:
    """Rows of the leading lesion; without any lesion, or where none was looked for, the rows say so."""
    cuts, settings = protocol.evidence, protocol.lesions
    if signals.lesions is None:
        return tuple(
            not_evaluable(question, f"lesions were not looked for: {signals.lesions_reason}")
            for question in (_LESIONS, _LESION_LEVEL)
        )
    lesion = leading_lesion(signals, cuts)
    if lesion is None:
        return _without_lesion(settings)
    who = f"lesion {lesion.label} ({lesion.region_name}, {lesion.volume_ml:.1f} mL)"
    bright, excess = lesion.measurement("stir_marrow_to_muscle"), lesion.measurement("excess_water")
    drop, near = lesion.measurement("t1_to_surround"), lesion.measurement("subchondral_share")
    share = settings.subchondral_share.value * 100
    return (
        criterion(
            Question(id="D10.edema", group="G1", direction=_EDEMA, statement=f"T1 of {who} is below its surround"),
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
            excess,
            f"at least {cuts.excess_water_edema_min.value:g}",
            _excess(lesion, cuts),
            cuts.excess_water_edema_min,
        ),
        _focal(lesion, signals, cuts),
        criterion(
            Question(
                id="D30.edema",
                group="G5",
                direction=_EDEMA,
                statement=f"share of {who} within {settings.subchondral_band.value:g} mm of the joint surface, "
                f"touching within {settings.subchondral_distance.value:g} mm",
            ),
            near,
            f"at least {share:g} percent",
            subchondral_state(lesion, settings),
            settings.subchondral_share,
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


def _focal(lesion: Lesion, signals: Signals, cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D24.edema", group="G3", direction=_EDEMA, statement="lesions as a share of the marrow assessed"
    )
    extent = signals.whole.measurement("lesion_extent")
    small = lesion.measurement("stir_marrow_to_muscle").status is not MeasurementStatus.MEASURED
    state = below(extent, cuts.diffuse_extent.value)
    if small and state is CriterionState.POSITIVE:
        state = CriterionState.INDETERMINATE
    return criterion(
        question,
        extent,
        f"a lesion of full size, all lesions below {cuts.diffuse_extent.value:g} percent (focal below "
        f"{cuts.focal_extent.value:g})",
        any_of(state),
        cuts.focal_extent,
    )


def _without_lesion(settings: LesionSettings) -> tuple[Criterion, ...]:
    none = Measurement(id="D05", name="lesions", value=0.0, unit="lesions")
    found = criterion(
        _LESIONS,
        none,
        f"at least one of {settings.min_volume.value:g} mL on {settings.min_slices.value:g} slices",
        CriterionState.NEGATIVE,
        settings.min_volume,
    )
    return found, not_evaluable(_LESION_LEVEL, "there is no lesion")
