"""Fat-signal index of several regions and parts together, with draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.regions.records import Region, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.records import MeasurementStatus
from marrowsignal.signals.region_table import draw_seed
from marrowsignal.signals.statistics.descriptors import size_status
from marrowsignal.signals.statistics.ratios import fat_signal_index

__all__ = ["FatSignal", "fat_signal_of", "regions_called"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FatSignal:
    """Fat-signal index of marrow without lesions.

    Attributes
    ----------
    value : float
        Of the median.
    draws : ndarray of float64, shape (draw,)
        Of its draws; the references' draws are the same for every region.
    status : MeasurementStatus
        Measured or exploratory.
    reason : str
        Why only exploratory.
    """

    value: float
    draws: NDArray[np.float64]
    status: MeasurementStatus
    reason: str


def regions_called(bench: Bench, keys: tuple[str, ...], *, side: Side | None = None, parent: str = "") -> list[Region]:
    """Regions and parts of these keys; of one side and one bone where asked for."""
    return [
        region
        for region in (*bench.regions.regions, *bench.regions.parts)
        if region.key in keys and side in (None, region.side) and parent in ("", region.parent)
    ]


def fat_signal_of(bench: Bench, regions: list[Region], *, seed: str) -> FatSignal | str:
    """Fat-signal index of the background of `regions` together, at least one, or why there is none."""
    muscle, fat = bench.references.muscle, bench.references.fat
    if muscle is None or fat is None:
        return "no muscle and fat reference"
    # Parts may share voxels with their bone: each counts once.
    held = np.zeros(bench.lesions.size, bool)
    for region in regions:
        held[bench.gathered.inside(region)] = True
    inside = np.flatnonzero(held)
    taken = float(np.mean(bench.lesions.reshape(-1)[inside] > 0)) if inside.size else 0.0
    if taken > bench.protocol.distribution.max_lesion_share.value:
        return f"lesions take {100 * taken:.0f} % of it"
    levels = bench.core_levels(inside, seed=draw_seed(seed))
    if levels is None:
        return "no voxels left after rim, voids and lesions were taken out"
    status, reason = size_status(levels.volume_ml, levels.slices, bench.protocol.signals)
    if status is MeasurementStatus.NOT_EVALUABLE:
        return reason
    value = float(fat_signal_index(levels.t1, muscle=muscle.t1, fat=fat.t1))
    draws = fat_signal_index(levels.t1_draws, muscle=muscle.t1_draws, fat=fat.t1_draws)
    if not np.isfinite(value) or not np.isfinite(draws).all():
        return "the levels of muscle and fat coincide"
    return FatSignal(value=value, draws=draws, status=status, reason=reason)
