"""One row of measurements for the whole marrow, every region and every part."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from marrowsignal.regions.records import Region, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.red_like import NO_BAND, RedLike
from marrowsignal.signals.records import Measurement, MeasurementStatus, RegionSignals
from marrowsignal.signals.statistics.descriptors import size_status, tissue_measurements, unmeasured
from marrowsignal.signals.statistics.order import order_measurements
from marrowsignal.signals.statistics.quantiles import percentile

__all__ = ["WHOLE", "draw_seed", "region_signals", "whole_signals"]

WHOLE = "whole marrow without lesions"
_UNDIVIDED = "whole marrow, lesions not told apart"


def region_signals(bench: Bench, region: Region, red_like: RedLike | None) -> RegionSignals:
    """Measure one region or part."""
    return _signals_of(bench, bench.gathered.inside(region), red_like, region=region, seed=draw_seed(region.key))


def draw_seed(key: str) -> int:
    """Seed of the draws of a region."""
    # By region, not by side: the mirrored patient gets the mirrored draws.
    return 100 + zlib.crc32(key.encode()) % 10_000


def whole_signals(bench: Bench, red_like: RedLike | None) -> RegionSignals:
    """Measure all marrow, lesions taken out."""
    inside = np.flatnonzero(bench.marrow.labels.mask)
    whole = Region(
        label=0,
        key="all",
        name=_UNDIVIDED if bench.no_excess else WHOLE,
        side=Side.NONE,
        code=None,
        voxels=inside.size,
        volume_ml=inside.size * bench.pair.t1.geometry.voxel_ml,
    )
    return _signals_of(bench, inside, red_like, region=whole, seed=99)


def _signals_of(
    bench: Bench, inside: NDArray[np.int64], red_like: RedLike | None, *, region: Region, seed: int
) -> RegionSignals:
    core = inside[bench.background.reshape(-1)[inside]]
    levels = bench.core_levels(inside, seed=seed)
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    not_looked_at = bench.not_looked_at(inside)
    lesion_ml = float(np.count_nonzero(bench.lesions.reshape(-1)[inside])) * voxel_ml
    size = size_status(core.size * voxel_ml, levels.slices if levels else 0, bench.protocol.signals)
    measured = (
        *tissue_measurements(levels, bench.references, stir=bench.stir_acquisition, settings=bench.protocol.signals),
        *order_measurements(levels, bench.references, protocol=bench.protocol),
        *_excess(bench, core, size),
        unmeasured("D24", "lesion_extent", not_looked_at, "percent")
        if not_looked_at
        else _share("D24", "lesion_extent", lesion_ml, inside.size * voxel_ml),
        _red_share(red_like, core, size),
    )
    return RegionSignals(
        region_label=region.label,
        key=region.key,
        name=region.name,
        side=region.side,
        core_voxels=core.size,
        slices=levels.slices if levels else 0,
        core_volume_ml=core.size * voxel_ml,
        t1_median=levels.t1 if levels else None,
        stir_median=levels.stir if levels else None,
        lesion_ml=None if not_looked_at else lesion_ml,
        measurements=tuple(sorted(measured, key=lambda m: (m.id, m.name))),
    )


Size = tuple[MeasurementStatus, str]


def _excess(bench: Bench, core: NDArray[np.int64], size: Size) -> tuple[Measurement, ...]:
    status, reason = size
    names = ("excess_index", "excess_p95")
    if bench.excess is None or status is MeasurementStatus.NOT_EVALUABLE:
        return tuple(unmeasured("D06", name, bench.no_excess or reason) for name in names)
    values = bench.excess.d.reshape(-1).take(core)
    return tuple(
        Measurement(id="D06", name=name, value=percentile(values, percent), status=status, reason=reason)
        for name, percent in zip(names, (50.0, 95.0), strict=True)
    )


def _share(descriptor: str, name: str, part: float, whole: float) -> Measurement:
    if whole <= 0:
        return unmeasured(descriptor, name, "the region is empty", "percent")
    return Measurement(id=descriptor, name=name, value=100 * part / whole, unit="percent")


def _red_share(red_like: RedLike | None, core: NDArray[np.int64], size: Size) -> Measurement:
    if size[0] is MeasurementStatus.NOT_EVALUABLE:
        return unmeasured("D24", "red_like_extent", size[1], "percent")
    judged = core[:0] if red_like is None else core[red_like.judged.reshape(-1)[core]]
    if red_like is None or not judged.size:
        return unmeasured("D24", "red_like_extent", NO_BAND, "percent")
    return _share("D24", "red_like_extent", float(red_like.mask.reshape(-1)[judged].sum()), float(judged.size))
