"""What lies beside the median of a region: tails, spread, shares beyond cuts (SCIENCE 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.descriptors import NO_MUSCLE, NO_VOXELS, ReferenceLevels, size_status, unmeasured
from marrowsignal.signals.statistics.levels import Levels

__all__ = ["order_measurements", "percentiles", "robust_spread"]

_NORMAL_MAD = 1.4826
_LEFT_OUT = "T1 or STIR of the region or of muscle is not above zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    """Names of one series, the percentiles asked for, and on which side of the cut voxels are counted."""

    id: str
    percentiles: tuple[tuple[str, float], ...]
    spread: str
    share: str
    low: bool


_T1 = _Channel(
    id="D01",
    percentiles=(("t1_p10_to_muscle", 10.0), ("t1_p90_to_muscle", 90.0)),
    spread="t1_spread",
    share="t1_low_share",
    low=True,
)
_STIR = _Channel(
    id="D04",
    percentiles=(("stir_p90_to_muscle", 90.0), ("stir_p95_to_muscle", 95.0)),
    spread="stir_spread",
    share="stir_high_share",
    low=False,
)


def robust_spread(ordered: NDArray[np.float32], median: float) -> float:
    """Robust standard deviation over the median: ``1.4826 MAD / median``.

    Examples
    --------
    >>> round(robust_spread(np.array([8.0, 9.0, 10.0, 11.0, 12.0]), 10.0), 5)
    0.14826
    """
    half = len(ordered) // 2
    apart = ordered - ordered.dtype.type(median)
    np.abs(apart, out=apart)
    apart.partition(half)
    below = apart[half] if len(apart) % 2 else apart[:half].max()
    return _NORMAL_MAD * 0.5 * (float(apart[half]) + float(below)) / median


def percentiles(ordered: NDArray[np.float32], percents: Sequence[float]) -> NDArray[np.float64]:
    """Percentiles of ascending values, interpolated linearly (Hyndman and Fan, Am Stat 1996, type 7).

    Examples
    --------
    >>> percentiles(np.array([1.0, 2.0, 3.0]), (50.0, 75.0)).tolist()
    [2.0, 2.5]
    """
    # For a handful of percents plain numbers cost less than arrays.
    last, found = len(ordered) - 1, []
    for percent in percents:
        at = 0.01 * percent * last
        low = int(at)
        first = ordered.item(low)
        found.append(first + (at - low) * (ordered.item(min(low + 1, last)) - first))
    return np.array(found)


def order_measurements(
    levels: Levels | None, references: ReferenceLevels, *, protocol: Protocol
) -> tuple[Measurement, ...]:
    """Measure percentiles, spread and shares of one set of voxels.

    Parameters
    ----------
    levels : Levels or None
        Of the voxels, with their ordered values; None when there are none.
    references : ReferenceLevels
        Muscle.
    protocol : Protocol
        Sizes; what counts as low on T1 (upper end of ``evidence.t1_muscle_grey``) and as high on STIR
        (``evidence.stir_muscle_edema_min``).

    Returns
    -------
    tuple of Measurement
        Always the same names in the same order: T1 and STIR percentiles over muscle, robust standard deviation over
        the median, percent of voxels at or below the T1 cut and at or above the STIR cut.
    """
    muscle, cuts = references.muscle, protocol.evidence
    reason = NO_VOXELS
    status = MeasurementStatus.NOT_EVALUABLE
    if levels is not None:
        status, reason = size_status(levels.volume_ml, levels.slices, protocol.signals)
    if levels is None or status is MeasurementStatus.NOT_EVALUABLE:
        return (*_unmeasured(_T1, reason), *_unmeasured(_STIR, reason))
    unit = (None, None) if muscle is None else (muscle.t1, muscle.stir)
    size = (status, reason)
    stir = levels.stir_ordered
    return (
        *_measured(_T1, levels.t1_ordered, unit=unit[0], cut=cuts.t1_muscle_grey.high, size=size),
        *(
            _unmeasured(_STIR, levels.no_stir)
            if stir is None
            else _measured(_STIR, stir, unit=unit[1], cut=cuts.stir_muscle_edema_min.value, size=size)
        ),
    )


def _measured(
    channel: _Channel,
    ordered: NDArray[np.float32],
    *,
    unit: float | None,
    cut: float,
    size: tuple[MeasurementStatus, str],
) -> tuple[Measurement, ...]:
    count = len(ordered)
    median = float(percentiles(ordered, (50.0,))[0])
    values: dict[str, float | None] = {channel.spread: robust_spread(ordered, median) if median > 0 else None}
    if unit is not None and unit > 0:
        found = percentiles(ordered, [percent for _, percent in channel.percentiles])
        values |= {name: float(x) / unit for (name, _), x in zip(channel.percentiles, found, strict=True)}
        below = int(np.searchsorted(ordered, cut * unit, side="right" if channel.low else "left"))
        values[channel.share] = 100 * (below if channel.low else count - below) / count
    why = NO_MUSCLE if unit is None else _LEFT_OUT
    made = []
    for name, words in _names(channel):
        value = values.get(name)
        if value is None:
            made.append(unmeasured(channel.id, name, why, words))
        else:
            made.append(Measurement(id=channel.id, name=name, value=value, unit=words, status=size[0], reason=size[1]))
    return tuple(made)


def _unmeasured(channel: _Channel, reason: str) -> tuple[Measurement, ...]:
    return tuple(unmeasured(channel.id, name, reason, words) for name, words in _names(channel))


def _names(channel: _Channel) -> tuple[tuple[str, str], ...]:
    return (*((name, "1") for name, _ in channel.percentiles), (channel.spread, "1"), (channel.share, "percent"))
