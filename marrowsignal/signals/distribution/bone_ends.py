"""Whether ends of bones keep their fat: epiphysis against the metaphysis next to it (D26)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import BoneEnd
from marrowsignal.regions.records import Region, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.zones import FatSignal, fat_signal_of, regions_called
from marrowsignal.signals.records import BoneSignals, Measurement, MeasurementStatus
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["bone_signals"]

_EPIPHYSIS = ("D26", "epiphysis_fat_signal")
_METAPHYSIS = ("D26", "metaphysis_fat_signal")
_DIFFERENCE = ("D26", "epiphysis_metaphysis_difference")


def bone_signals(bench: Bench) -> tuple[BoneSignals, ...]:
    """Measure every end of a bone of which epiphysis or metaphysis is in view.

    Sparing is a fat-signal index of the epiphysis well above that of the metaphysis and high itself; lesions are left
    out. The greater trochanter is no part of its own and counts with the metaphysis.
    """
    rows = []
    for end in bench.protocol.distribution.bone_ends:
        for side in Side:
            both = tuple(
                regions_called(bench, keys, side=side, parent=end.bone) for keys in (end.epiphysis, end.metaphysis)
            )
            if any(both):
                rows.append(_end(bench, end, side, both))
    return tuple(rows)


def _end(bench: Bench, end: BoneEnd, side: Side, both: tuple[list[Region], ...]) -> BoneSignals:
    epiphysis, metaphysis = (
        fat_signal_of(bench, regions, seed=f"{end.key} {which}") if regions else "not in view"
        for which, regions in zip(("epiphysis", "metaphysis"), both, strict=True)
    )
    level = bench.protocol.signals.interval_level.value
    name = end.name if side is Side.NONE else f"{end.name}, {side}"
    return BoneSignals(
        key=end.key,
        name=name,
        side=side,
        measurements=(
            _of(_EPIPHYSIS, epiphysis, level),
            _of(_METAPHYSIS, metaphysis, level),
            _difference(epiphysis, metaphysis, level),
        ),
    )


def _of(which: tuple[str, str], fat: FatSignal | str, level: float) -> Measurement:
    if isinstance(fat, str):
        return unmeasured(*which, fat)
    return _measured(which, fat.value, fat.draws, level, (fat,))


def _difference(epiphysis: FatSignal | str, metaphysis: FatSignal | str, level: float) -> Measurement:
    if isinstance(epiphysis, str):
        return unmeasured(*_DIFFERENCE, f"epiphysis: {epiphysis}")
    if isinstance(metaphysis, str):
        return unmeasured(*_DIFFERENCE, f"metaphysis: {metaphysis}")
    draws = epiphysis.draws - metaphysis.draws
    return _measured(_DIFFERENCE, epiphysis.value - metaphysis.value, draws, level, (epiphysis, metaphysis))


def _measured(
    which: tuple[str, str], value: float, draws: NDArray[np.float64], level: float, rests_on: tuple[FatSignal, ...]
) -> Measurement:
    weak = next((fat for fat in rests_on if fat.status is MeasurementStatus.EXPLORATORY), rests_on[0])
    low, high = interval(draws, level=level)
    return Measurement(
        id=which[0],
        name=which[1],
        value=value,
        ci_low=min(low, value),
        ci_high=max(high, value),
        status=weak.status,
        reason=weak.reason,
    )
