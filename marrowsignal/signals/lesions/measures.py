"""Descriptors of each lesion (SCIENCE 3.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.regions.records import Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.lesions.place import JointDistance, place_measurements, region_of, shell_mask
from marrowsignal.signals.records import Lesion, Measurement
from marrowsignal.signals.shapes.lesion_shapes import lesion_shapes
from marrowsignal.signals.shapes.scene import ShapeScene
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import size_status, tissue_measurements, unmeasured
from marrowsignal.signals.statistics.levels import Levels
from marrowsignal.signals.statistics.ratios import ratio

__all__ = ["measure_lesions"]

_SEED = 10_000
Box = tuple[slice, slice, slice]


def measure_lesions(scene: ShapeScene) -> tuple[Lesion, ...]:
    """Measure every component of the bench's lesion labels, largest first."""
    boxes = ndimage.find_objects(scene.bench.lesions)
    # One lesion at a time: each has its own box, shell and bootstrap.
    return tuple(_lesion(scene, k, box) for k, box in enumerate(boxes, start=1) if box is not None)


def _lesion(scene: ShapeScene, label: int, tight: Box) -> Lesion:
    bench = scene.bench
    geometry = bench.pair.t1.geometry
    box = _padded(tight, bench.protocol.lesions.shell.high, geometry.spacing_mm, geometry.shape)
    mask = bench.lesions[box] == label
    whole = np.zeros(geometry.shape, bool)
    whole[box] = mask
    levels = bench.levels(whole, seed=_SEED + label)
    index = np.argwhere(mask) + [s.start for s in box]
    x, y, z = geometry.to_patient(index).mean(axis=0)
    region = region_of(bench.regions, bench.regions.labels.array[whole])
    planes = np.unique(index[:, 0])
    midline = bench.regions.midline
    side = midline.side_of((x, y, z)) if midline else Side.NONE
    if region and region.side is not Side.NONE:
        side = region.side
    measured = _measurements(bench, box, mask, levels, scene.joint_mm)
    drop = next(m for m in measured if m.id == "D10")
    shapes = lesion_shapes(scene, bench.lesions, label, tight, region=region, t1_drop=drop)
    return Lesion(
        label=label,
        region_key=region.key if region else "",
        region_name=region.name if region else "outside the named regions",
        side=side,
        volume_ml=len(index) * geometry.voxel_ml,
        voxels=len(index),
        slices=len(planes),
        first_slice=int(planes[0]),
        last_slice=int(planes[-1]),
        centroid_lps_mm=(float(x), float(y), float(z)),
        measurements=tuple(sorted((*measured, *shapes), key=lambda m: (m.id, m.name))),
    )


def _measurements(
    bench: Bench,
    box: Box,
    mask: NDArray[np.bool_],
    levels: Levels | None,
    distance: JointDistance | None,
) -> tuple[Measurement, ...]:
    measured = tissue_measurements(
        levels,
        bench.references,
        stir=bench.stir_acquisition,
        settings=bench.protocol.signals,
        calibrate_above=bench.protocol.evidence.t1_muscle_grey.high,
    )
    renamed = [m for m in measured if m.name != "stir_fat_to_muscle"]
    excess = Measurement(id="D06", name="excess_index", value=bench.median_excess(mask, box))
    place = place_measurements(
        mask,
        bench.marrow.labels.mask[box],
        None if distance is None else distance[box],
        spacing_mm=bench.pair.t1.geometry.spacing_mm,
        settings=bench.protocol.lesions,
        unknown_reason=f"joint surface {bench.regions.joint_source}",
    )
    extra = (excess, _t1_drop(bench, box, mask, levels), _dark_share(bench, box, mask), _diameter(bench, mask))
    return (*renamed, *extra, *place)


def _t1_drop(bench: Bench, box: Box, mask: NDArray[np.bool_], levels: Levels | None) -> Measurement:
    shell = bench.protocol.lesions.shell
    around = shell_mask(
        mask,
        (bench.background & bench.pair.covered_mask)[box],
        spacing_mm=bench.pair.t1.geometry.spacing_mm,
        inner_mm=shell.low,
        outer_mm=shell.high,
    )
    volume_ml = float(around.sum()) * bench.pair.t1.geometry.voxel_ml
    status, reason = size_status(volume_ml, int(around.any(axis=(1, 2)).sum()), bench.protocol.signals)
    if levels is None or status == "not_evaluable":
        return unmeasured("D10", "t1_to_surround", f"only {volume_ml:.2f} mL of normal marrow around it")
    whole = np.zeros(bench.lesions.shape, bool)
    whole[box] = around
    ring = bench.levels(whole, seed=_SEED)
    if ring is None:
        return unmeasured("D10", "t1_to_surround", "no normal marrow around it")
    value = float(ratio(levels.t1, ring.t1))
    low, high = interval(ratio(levels.t1_draws, ring.t1_draws), level=bench.protocol.signals.interval_level.value)
    return Measurement(
        id="D10",
        name="t1_to_surround",
        value=value,
        ci_low=min(low, value),
        ci_high=max(high, value),
        status=status,
        reason=reason,
    )


def _dark_share(bench: Bench, box: Box, mask: NDArray[np.bool_]) -> Measurement:
    descriptor, name = "D33", "t1_dark_share"
    muscle = bench.references.muscle
    if muscle is None:
        return unmeasured(descriptor, name, "no lean-muscle reference", "fraction")
    cut = bench.protocol.evidence.t1_muscle_grey.high * muscle.t1
    share = float(np.mean(bench.pair.t1.array[box][mask] <= cut))
    return Measurement(id=descriptor, name=name, value=share, unit="fraction")


def _diameter(bench: Bench, mask: NDArray[np.bool_]) -> Measurement:
    mm3 = float(mask.sum()) * bench.pair.t1.geometry.voxel_ml * 1000
    value = float((6 * mm3 / np.pi) ** (1 / 3))
    return Measurement(id="D51", name="sphere_diameter", value=value, unit="mm")


def _padded(box: Box, margin_mm: float, spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Box:
    spans = []
    for span, step, length in zip(box, spacing, shape, strict=True):
        extra = int(np.ceil(margin_mm / step)) + 1
        spans.append(slice(max(0, span.start - extra), min(length, span.stop + extra)))
    return spans[0], spans[1], spans[2]
