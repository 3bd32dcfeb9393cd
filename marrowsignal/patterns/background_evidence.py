"""What the marrow as a whole says: criteria of reconversion, infiltration and symmetry."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.patterns.lesion_evidence import dark_t1_state, low_t1_state
from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, not_evaluable
from marrowsignal.protocol.schema import EvidenceCuts, Protocol, Range, SymmetryCuts
from marrowsignal.signals.records import Measurement, RegionSignals, Signals, Symmetry

__all__ = ["BandState", "background_criteria", "fat_signal_states", "symmetry_criteria"]

_RED = "reconversion"
_EDEMA = "edema"
_INFILTRATION = "infiltration"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandState:
    """Where a region's fat-signal index lies against its expected band.

    Attributes
    ----------
    region : RegionSignals
        The region.
    band : Range
        Expected for region and age.
    below, above : CriterionState
        Of "the index is below the band" and "above the band".
    """

    region: RegionSignals
    band: Range
    below: CriterionState
    above: CriterionState


def fat_signal_states(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[BandState, ...]:
    """Compare every region that has a band and an index with it."""
    rows = []
    for region in signals.regions:
        band = protocol.expected_band(region.key, age_y)
        index = region.measurement("fat_signal_index")
        if band is not None and index.value is not None:
            rows.append(
                BandState(region=region, band=band, below=below(index, band.low), above=above(index, band.high))
            )
    return tuple(rows)


def background_criteria(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    """Rows of G1-G3 for reconversion and of G1 and G3 for infiltration."""
    cuts = protocol.evidence
    whole = signals.whole
    t1, stir = whole.measurement("t1_marrow_to_muscle"), whole.measurement("stir_marrow_to_muscle")
    excess, red = whole.measurement("excess_water"), whole.measurement("red_like_extent")
    who = "marrow outside lesions" if signals.lesions is not None else "marrow"
    return (
        *_fat_signal(signals, protocol, age_y),
        criterion(
            Question(id="D01.reconversion", group="G1", direction=_RED, statement=f"T1 of {who} stays above muscle"),
            t1,
            f"above {cuts.t1_muscle_grey.high:g}",
            above(t1, cuts.t1_muscle_grey.high),
            cuts.t1_muscle_grey.source,
        ),
        criterion(
            Question(id="D04.reconversion", group="G2", direction=_RED, statement=f"STIR of {who} over lean muscle"),
            stir,
            f"at most {cuts.stir_muscle_red_max.value:g}",
            below(stir, cuts.stir_muscle_red_max.value),
            cuts.stir_muscle_red_max,
        ),
        criterion(
            Question(
                id="D07.reconversion",
                group="G2",
                direction=_RED,
                statement=f"STIR of {who} over what its fat signal predicts without edema",
            ),
            excess,
            f"at most {cuts.excess_water_red_max.value:g}",
            below(excess, cuts.excess_water_red_max.value),
            cuts.excess_water_red_max,
        ),
        criterion(
            Question(id="D24.reconversion", group="G3", direction=_RED, statement=f"red-like share of {who}"),
            red,
            f"regional from {cuts.focal_extent.value:g}, diffuse from {cuts.diffuse_extent.value:g} percent",
            above(red, cuts.focal_extent.value),
            cuts.diffuse_extent,
        ),
        *_infiltration(signals, protocol),
    )


def symmetry_criteria(signals: Signals, cuts: SymmetryCuts, *, shaded: bool) -> tuple[Criterion, ...]:
    """Rows of G4: the background for reconversion, everything for edema.

    Parameters
    ----------
    signals : Signals
        What was measured.
    cuts : SymmetryCuts
        Cuts.
    shaded : bool
        Whether shading left after correction is beyond its limit: then the asymmetry of a single series says
        nothing about symmetry, and takes the wider cut to speak for asymmetry (SCIENCE D20).
    """
    rows = {row.key: row for row in signals.symmetry}
    whole = rows.get("all")
    if whole is None:
        return ()
    # Where lesions were not looked for there is no row without them.
    background = rows.get("background", whole)
    return (*_background_symmetry(background, cuts, shaded), *_asymmetry(whole, cuts, shaded))


def _fat_signal(signals: Signals, protocol: Protocol, age_y: float | None) -> tuple[Criterion, ...]:
    rows = fat_signal_states(signals, protocol, age_y)
    question = Question(
        id="D03.reconversion", group="G1", direction=_RED, statement="T1 fat-signal index below the expected band"
    )
    if not rows:
        return (
            not_evaluable(
                question, "no expected band for these regions or below adult age, or no muscle and fat reference"
            ),
        )
    return tuple(
        criterion(
            Question(
                id=f"D03.reconversion.{row.region.key}.{row.region.side}",
                group="G1",
                direction=_RED,
                statement=f"T1 fat-signal index of {row.region.name} is below the expected band",
            ),
            row.region.measurement("fat_signal_index"),
            f"below {row.band.low:g} (expected {row.band.low:g}-{row.band.high:g})",
            row.below,
            row.band.source,
        )
        for row in rows
    )


def _infiltration(signals: Signals, protocol: Protocol) -> tuple[Criterion, ...]:
    cuts = protocol.evidence
    states = [dark_t1_state(r.measurement("t1_marrow_to_muscle"), cuts) for r in signals.regions]
    return _diffuse_dark(signals, states, cuts), _dark_foci(signals, cuts)


def _diffuse_dark(signals: Signals, states: list[CriterionState], cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D50.infiltration",
        group="G1",
        direction=_INFILTRATION,
        statement="share of marrow in regions whose T1 is at or below muscle",
    )
    judged = len(states) - states.count(CriterionState.NOT_EVALUABLE)
    total_ml = sum(r.core_volume_ml for r in signals.regions)
    if judged == 0 or total_ml <= 0:
        return not_evaluable(question, "no region could be compared with muscle")
    dark, grey = (
        100 * sum(r.core_volume_ml for r, s in zip(signals.regions, states, strict=True) if s in wanted) / total_ml
        for wanted in (
            (CriterionState.POSITIVE,),
            (CriterionState.POSITIVE, CriterionState.INDETERMINATE),
        )
    )
    enough = cuts.infiltration_share.value
    state = CriterionState.NEGATIVE
    if grey >= enough:
        several = states.count(CriterionState.POSITIVE) >= min(2, judged)
        state = CriterionState.POSITIVE if several and dark >= enough else CriterionState.INDETERMINATE
    return criterion(
        question,
        Measurement(id="D50", name="t1_dark_share", value=dark, unit="percent"),
        f"at least {enough:g} percent, in at least two regions where there are two; unclear while as much lies in the "
        f"grey zone up to {cuts.t1_muscle_grey.high:g}",
        state,
        cuts.infiltration_share,
    )


def _dark_foci(signals: Signals, cuts: EvidenceCuts) -> Criterion:
    question = Question(
        id="D51.infiltration",
        group="G3",
        direction=_INFILTRATION,
        statement=f"foci of {cuts.infiltration_lesion_diameter.value:g} mm or more with T1 at or below muscle (review; "
        "near a joint it is often sclerosis)",
    )
    if signals.lesions is None:
        return not_evaluable(question, f"lesions were not looked for: {signals.lesions_reason}")
    states = [low_t1_state(lesion, cuts) for lesion in signals.lesions]
    judged = [state for state in states if state is not CriterionState.NOT_EVALUABLE]
    if states and not judged:
        return not_evaluable(question, "no focus could be compared with muscle")
    count = Measurement(
        id="D51", name="low_t1_foci", value=float(states.count(CriterionState.POSITIVE)), unit="lesions"
    )
    state = any_of(*judged) if judged else CriterionState.NEGATIVE
    return criterion(question, count, "none expected", state, cuts.infiltration_lesion_diameter)


def _background_symmetry(row: Symmetry, cuts: SymmetryCuts, shaded: bool) -> tuple[Criterion, ...]:
    made = []
    for name, words, cut in (
        ("t1_asymmetry", "T1", cuts.symmetric),
        ("stir_asymmetry", "STIR", cuts.symmetric),
        ("bias_cancelling_asymmetry", "STIR minus T1", cuts.bias_cancelling),
    ):
        measurement = row.measurement(name)
        question = Question(
            id=f"{measurement.id}.reconversion.{name}",
            group="G4",
            direction=_RED,
            statement=f"left-right asymmetry of {words}, {row.name}",
        )
        if shaded and measurement.id == "D20":
            made.append(not_evaluable(question, "shading left after bias correction is beyond its limit"))
            continue
        made.append(
            criterion(
                question,
                measurement,
                f"within +-{cut.value:g} percent",
                _within(measurement, cut.value, grey=cuts.asymmetric.value),
                cut,
            )
        )
    dice = row.measurement("red_like_mirror_dice")
    made.append(
        criterion(
            Question(
                id="D22.reconversion",
                group="G4",
                direction=_RED,
                statement="overlap of red-like marrow with its mirror image",
            ),
            dice,
            f"at least {cuts.dice_symmetric.value:g}",
            above(dice, cuts.dice_symmetric.value),
            cuts.dice_symmetric,
        )
    )
    return tuple(made)


def _asymmetry(row: Symmetry, cuts: SymmetryCuts, shaded: bool) -> tuple[Criterion, ...]:
    wide = cuts.no_bias_correction if shaded else cuts.asymmetric
    stir, lesions = row.measurement("stir_asymmetry"), row.measurement("lesion_volume_asymmetry")
    return (
        criterion(
            Question(
                id="D20.edema", group="G4", direction=_EDEMA, statement="left-right asymmetry of STIR, lesions included"
            ),
            stir,
            f"beyond +-{wide.value:g} percent",
            _beyond(stir, wide.value),
            wide,
        ),
        criterion(
            Question(id="D23.edema", group="G4", direction=_EDEMA, statement="left-right asymmetry of lesion volume"),
            lesions,
            f"beyond +-{cuts.unilateral_lesions.value:g} percent",
            _beyond(lesions, cuts.unilateral_lesions.value),
            cuts.unilateral_lesions,
        ),
    )


def _within(measurement: Measurement, cut: float, *, grey: float) -> CriterionState:
    # The value decides within the cut; the interval only has to stay out of what is called asymmetric.
    return all_of(below(measurement, cut, clear=grey), above(measurement, -cut, clear=-grey))


def _beyond(measurement: Measurement, cut: float) -> CriterionState:
    return any_of(above(measurement, cut), below(measurement, -cut))
