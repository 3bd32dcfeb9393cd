"""The descriptors of one set of voxels, each with interval, status and reason (SCIENCE D01-D14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.alignment.records import NO_STIR
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import SignalSettings
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics import ratios
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.excess_water import (
    constants_for_field,
    fat_fraction_of,
    predicted_stir_to_muscle,
)
from marrowsignal.signals.statistics.levels import Channels, Levels

__all__ = [
    "NO_MUSCLE",
    "NO_VOXELS",
    "ReferenceLevels",
    "excess_water",
    "size_status",
    "tissue_measurements",
    "unmeasured",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceLevels:
    """Levels of the reference tissues; None where the tissue was not found."""

    muscle: Levels | None
    fat: Levels | None
    normal: Levels | None


def size_status(volume_ml: float, slices: int, settings: SignalSettings) -> tuple[MeasurementStatus, str]:
    """Whether a region is large enough for ratios (SCIENCE 7.3)."""
    if volume_ml >= settings.full_volume.value and slices >= settings.full_slices.value:
        return MeasurementStatus.MEASURED, ""
    if volume_ml >= settings.exploratory_volume.value and slices >= settings.exploratory_slices.value:
        return MeasurementStatus.EXPLORATORY, f"small: {volume_ml:.2f} mL on {slices} slices"
    return MeasurementStatus.NOT_EVALUABLE, f"too small: {volume_ml:.2f} mL on {slices} slices"


def unmeasured(descriptor: str, name: str, reason: str, unit: str = "1") -> Measurement:
    """Return a measurement that was not made, and why."""
    return Measurement(
        id=descriptor, name=name, value=None, unit=unit, status=MeasurementStatus.NOT_EVALUABLE, reason=reason
    )


Formula = Callable[[NDArray[np.float64], NDArray[np.float64], "_Side"], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One level, or one array of draws, of every tissue a formula may name."""

    t_u: NDArray[np.float64]
    s_u: NDArray[np.float64]
    t_f: NDArray[np.float64]
    s_f: NDArray[np.float64]
    t_n: NDArray[np.float64]
    s_n: NDArray[np.float64]


# What a formula needs: U muscle, F fat, N normal marrow, S a STIR series.
_TABLE: tuple[tuple[str, str, str, Formula], ...] = (
    ("D01", "t1_marrow_to_muscle", "U", lambda t, _s, r: ratios.ratio(t, r.t_u)),
    ("D02", "t1_marrow_to_fat", "F", lambda t, _s, r: ratios.ratio(t, r.t_f)),
    ("D03", "fat_signal_index", "UF", lambda t, _s, r: ratios.fat_signal_index(t, muscle=r.t_u, fat=r.t_f)),
    ("D04", "stir_marrow_to_muscle", "US", lambda _t, s, r: ratios.ratio(s, r.s_u)),
    ("D05", "stir_marrow_to_normal", "NS", lambda _t, s, r: ratios.ratio(s, r.s_n)),
    ("D08", "stir_fat_to_muscle", "UFS", lambda _t, _s, r: ratios.ratio(r.s_f, r.s_u)),
    (
        "D09",
        "abundance_sum",
        "UFS",
        lambda t, s, r: ratios.abundance_sum(
            ratios.ratio(t, r.t_u),
            ratios.ratio(s, r.s_u),
            t1_fat_to_muscle=ratios.ratio(r.t_f, r.t_u),
            stir_fat_to_muscle=ratios.ratio(r.s_f, r.s_u),
        ),
    ),
    ("D13", "fat_water_ratio", "UFS", lambda t, s, r: ratios.fat_water_ratio(t, s, t1_fat=r.t_f, stir_muscle=r.s_u)),
    (
        "D14",
        "fat_water_ratio_to_normal",
        "NS",
        lambda t, s, r: ratios.fat_water_ratio_to_normal(t, s, t1_normal=r.t_n, stir_normal=r.s_n),
    ),
)
# Unlike those of levels, which excess water goes together with.
_TI_SEED = 1_000_003
NO_MUSCLE = "no lean-muscle reference"
NO_VOXELS = "no voxels left after rim, voids and lesions were taken out"
_WORDS = (
    ("U", "muscle", NO_MUSCLE),
    ("F", "fat", "no subcutaneous-fat reference"),
    ("N", "normal", "no normal-marrow reference"),
)


def tissue_measurements(
    levels: Levels | None,
    references: ReferenceLevels,
    *,
    stir: AcquisitionFacts | None,
    settings: SignalSettings,
    calibrate_above: float | None = None,
) -> tuple[Measurement, ...]:
    """Measure D01-D05, D07-D09, D13 and D14 of one set of voxels.

    Parameters
    ----------
    levels : Levels or None
        Of the voxels; None when there are none.
    references : ReferenceLevels
        The patient's own tissues.
    stir : AcquisitionFacts or None
        Times and field for D07; None without a STIR series.
    settings : SignalSettings
        Sizes and interval.
    calibrate_above : float, optional
        For a lesion: D07 against the patient's own normal marrow (see `excess_water`), with the lesion's own fat
        signal where its T1 is above this many times muscle.

    Returns
    -------
    tuple of Measurement
        Always the same names in the same order.
    """
    made = [_measure(row, levels, references, settings) for row in _TABLE]
    made.append(excess_water(levels, references, stir=stir, settings=settings, calibrate_above=calibrate_above))
    return tuple(sorted(made, key=lambda m: m.id))


def _measure(
    row: tuple[str, str, str, Formula],
    levels: Levels | None,
    references: ReferenceLevels,
    settings: SignalSettings,
) -> Measurement:
    descriptor, name, needs, formula = row
    problem = _problem(levels, references, needs)
    if levels is None or problem:
        return unmeasured(descriptor, name, problem)
    # What comes out is looked at: a level of 0 gives no ratio, and says so.
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(formula(*levels.point, _point(references)))
        draws = formula(*levels.draws, _draws(references, len(levels.t1_draws)))
    return _with_interval(descriptor, name, value, draws, levels, settings)


def _with_interval(
    descriptor: str,
    name: str,
    value: float,
    draws: NDArray[np.float64],
    levels: Levels,
    settings: SignalSettings,
) -> Measurement:
    status, reason = size_status(levels.volume_ml, levels.slices, settings)
    if status is MeasurementStatus.NOT_EVALUABLE:
        return unmeasured(descriptor, name, reason)
    if not np.isfinite(value) or not np.all(np.isfinite(draws)):
        return unmeasured(descriptor, name, "the reference levels coincide")
    low, high = interval(draws, level=settings.interval_level.value)
    return Measurement(
        id=descriptor,
        name=name,
        value=value,
        ci_low=min(low, value),
        ci_high=max(high, value),
        status=status,
        reason=reason,
    )


def excess_water(
    levels: Levels | None,
    references: ReferenceLevels,
    *,
    stir: AcquisitionFacts | None,
    settings: SignalSettings,
    calibrate_above: float | None = None,
) -> Measurement:
    """Excess water E (D07): STIR over what marrow of the same fat signal would show without edema.

    Parameters
    ----------
    levels : Levels or None
        Of the voxels.
    references : ReferenceLevels
        Muscle and fat; normal marrow too when calibrated.
    stir : AcquisitionFacts or None
        TR, TE, TI and field for the prediction; None without a STIR series.
    settings : SignalSettings
        Tissue constants, sizes, interval.
    calibrate_above : float, optional
        None: ``E = (s_r / s_U) / p(FF_r)`` with p the predicted STIR marrow/muscle and FF the clipped fat-signal
        index. A number: ``E = (s_r / s_N) p(FF_N) / p(FF_r)``, which cancels what T2, TE and muscle get wrong in p
        for this patient, so it asks whether red for yellow marrow explains the lesion. Red marrow stays above muscle
        on T1 (D01): where ``t_r / t_U`` is not above the number, red marrow is no explanation and FF_N stands for FF_r.
    """
    descriptor, name = "D07", "excess_water"
    calibrated = calibrate_above is not None
    problem = _problem(levels, references, "UFNS" if calibrated else "UFS")
    if problem or levels is None or stir is None:
        return unmeasured(descriptor, name, problem or NO_STIR)
    constants = constants_for_field(stir.magnetic_field_strength_t, settings.tissue_constants)
    if constants is None:
        return unmeasured(descriptor, name, "no tissue constants for this field strength")
    if stir.inversion_time_ms is None or None in (stir.repetition_time_ms, stir.echo_time_ms):
        return unmeasured(descriptor, name, "TR, TE or TI of the STIR series is not known")

    def predicted(t1: ArrayLike, side: _Side, facts: AcquisitionFacts) -> NDArray[np.float64]:
        fat_signal = ratios.fat_signal_index(t1, muscle=side.t_u, fat=side.t_f)
        fat = fat_fraction_of(fat_signal, settings.fat_fraction_fit)
        return predicted_stir_to_muscle(fat, acquisition=facts, constants=constants)

    def excess(t1: ArrayLike, s: ArrayLike, side: _Side, facts: AcquisitionFacts = stir) -> NDArray[np.float64]:
        if calibrate_above is None:
            return ratios.ratio(ratios.ratio(s, side.s_u), predicted(t1, side, facts))
        red_possible = levels.t1 > calibrate_above * _point(references).t_u
        expected = predicted(t1 if red_possible else side.t_n, side, facts) / predicted(side.t_n, side, facts)
        return ratios.ratio(ratios.ratio(s, side.s_n), expected)

    chance = np.random.default_rng(_TI_SEED).standard_normal(len(levels.t1_draws))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(excess(*levels.point, _point(references)))
        # The inversion that tissue feels is not quite the header's.
        low, high = (
            excess(*levels.point, _point(references), replace(stir, inversion_time_ms=time))
            for time in stir.inversion_time_ms * (1 + settings.inversion_time_error.value * np.array([-1.0, 1.0]))
        )
        draws = excess(*levels.draws, _draws(references, len(levels.t1_draws)))
        draws = draws * np.exp(0.5 * np.log(high / low) * chance)
    return _with_interval(descriptor, name, value, draws, levels, settings)


def _problem(levels: Levels | None, references: ReferenceLevels, needs: str) -> str:
    if levels is None:
        return NO_VOXELS
    for letter, attribute, words in _WORDS:
        if letter in needs and getattr(references, attribute) is None:
            return words
    return levels.no_stir if "S" in needs and levels.stir is None else ""


def _point(references: ReferenceLevels) -> _Side:
    nan = np.asarray(np.nan)
    return _side([level.point if level else (nan, nan) for level in _three(references)])


def _draws(references: ReferenceLevels, count: int) -> _Side:
    nan = np.full(count, np.nan)
    return _side([level.draws if level else (nan, nan) for level in _three(references)])


def _three(references: ReferenceLevels) -> tuple[Levels | None, Levels | None, Levels | None]:
    return references.muscle, references.fat, references.normal


def _side(pairs: list[Channels]) -> _Side:
    (t_u, s_u), (t_f, s_f), (t_n, s_n) = pairs
    return _Side(t_u=t_u, s_u=s_u, t_f=t_f, s_f=s_f, t_n=t_n, s_n=s_n)
