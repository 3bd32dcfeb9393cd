"""Left against right: criteria of group G4."""

from __future__ import annotations

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, not_evaluable
from marrowsignal.protocol.schema import SymmetryCuts
from marrowsignal.signals.records import Measurement, Signals, Symmetry

__all__ = ["symmetry_criteria"]

_RED = "reconversion"
_EDEMA = "edema"


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
