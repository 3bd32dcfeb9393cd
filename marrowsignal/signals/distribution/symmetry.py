"""Left against right: levels (D20, D21), lesion volume (D23)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import SignalSettings
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import ReferenceLevels, size_status, unmeasured
from marrowsignal.signals.statistics.levels import Levels
from marrowsignal.signals.statistics.ratios import asymmetry_percent, fat_signal_index

__all__ = ["SideLevels", "fat_signal_asymmetry", "lesion_volume_asymmetry", "signal_asymmetry"]

_NAMES = (("D20", "t1_asymmetry"), ("D20", "stir_asymmetry"), ("D21", "bias_cancelling_asymmetry"))
_FAT = ("D20", "fat_signal_difference")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SideLevels:
    """Levels of both sides, drawn apart: of one seed, and one of them turned."""

    left: Levels
    right: Levels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Estimate:
    """One number left against right, and its draws."""

    value: float
    draws: NDArray[np.float64]


def signal_asymmetry(sides: SideLevels | str, *, settings: SignalSettings) -> tuple[Measurement, ...]:
    """AI of T1, AI of STIR (D20) and their difference (D21), percent, positive when the left is larger.

    D21 = ``AI_STIR - AI_T1``: shading common to both series cancels. Without a STIR series only T1 is measured.

    Parameters
    ----------
    sides : SideLevels or str
        Levels of both sides, or why there are none.
    settings : SignalSettings
        Sizes and the level of intervals.
    """
    if isinstance(sides, str):
        return tuple(unmeasured(*which, sides, "percent") for which in _NAMES)
    left, right = sides.left, sides.right
    t1, stir = (
        _Estimate(value=float(asymmetry_percent(a, b)), draws=asymmetry_percent(a_draws, b_draws))
        for a, b, a_draws, b_draws in zip(left.point, right.point, left.draws, right.draws, strict=True)
    )
    both = _Estimate(value=stir.value - t1.value, draws=stir.draws - t1.draws)
    return tuple(
        _measured(which, estimate, sides, settings, "percent")
        for which, estimate in zip(_NAMES, (t1, stir, both), strict=True)
    )


def fat_signal_asymmetry(
    sides: SideLevels | str, *, references: ReferenceLevels, settings: SignalSettings
) -> Measurement:
    """Fat-signal index of the left side less that of the right (D20), in units of the index.

    A difference and no percentage: the index of marrow without fat is about 0.

    Parameters
    ----------
    sides : SideLevels or str
        Levels of both sides, or why there are none.
    references : ReferenceLevels
        Muscle and fat.
    settings : SignalSettings
        Sizes and the level of intervals.
    """
    muscle, fat = references.muscle, references.fat
    if isinstance(sides, str) or muscle is None or fat is None:
        return unmeasured(*_FAT, sides if isinstance(sides, str) else "no muscle and fat reference")
    left, right = sides.left, sides.right
    value, draws = (
        fat_signal_index(a, muscle=u, fat=f) - fat_signal_index(b, muscle=u, fat=f)
        for a, b, u, f in (
            (left.t1, right.t1, muscle.t1, fat.t1),
            (left.t1_draws, right.t1_draws, muscle.t1_draws, fat.t1_draws),
        )
    )
    return _measured(_FAT, _Estimate(value=float(value), draws=draws), sides, settings, "1")


def _measured(
    which: tuple[str, str], estimate: _Estimate, sides: SideLevels, settings: SignalSettings, unit: str
) -> Measurement:
    smaller = min((sides.left, sides.right), key=lambda side: side.volume_ml)
    status, reason = size_status(smaller.volume_ml, smaller.slices, settings)
    if status is MeasurementStatus.NOT_EVALUABLE:
        return unmeasured(*which, reason, unit)
    if not np.isfinite(estimate.value) or not np.isfinite(estimate.draws).all():
        return unmeasured(*which, smaller.no_stir if smaller.stir is None else "no signal", unit)
    low, high = interval(estimate.draws, level=settings.interval_level.value)
    return Measurement(
        id=which[0],
        name=which[1],
        value=estimate.value,
        ci_low=min(low, estimate.value),
        ci_high=max(high, estimate.value),
        unit=unit,
        status=status,
        reason=reason,
    )


def lesion_volume_asymmetry(left_ml: float, right_ml: float, *, firm_ml: float) -> Measurement:
    """LVAI (D23): ``100 (V_L - V_R) / (V_L + V_R)``, percent; exploratory below `firm_ml` in all.

    Examples
    --------
    >>> lesion_volume_asymmetry(3.0, 1.0, firm_ml=1.0).value
    50.0
    """
    if left_ml + right_ml <= 0:
        return unmeasured("D23", "lesion_volume_asymmetry", "no lesion on either side", "percent")
    value = 100 * (left_ml - right_ml) / (left_ml + right_ml)
    small = left_ml + right_ml < firm_ml
    return Measurement(
        id="D23",
        name="lesion_volume_asymmetry",
        value=value,
        unit="percent",
        status=MeasurementStatus.EXPLORATORY if small else MeasurementStatus.MEASURED,
        reason=f"small: {left_ml + right_ml:.2f} mL in all" if small else "",
    )
