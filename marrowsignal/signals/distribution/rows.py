"""One row of left against right for the whole marrow and every pair of regions and parts (D20-D23)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.red_like import NO_BAND, RedLike
from marrowsignal.signals.distribution.sides import Halves, SidePair, lay_on_each_other, paired_voxels, side_pairs
from marrowsignal.signals.distribution.symmetry import (
    SideLevels,
    fat_signal_asymmetry,
    lesion_volume_asymmetry,
    signal_asymmetry,
)
from marrowsignal.signals.records import Measurement, Symmetry
from marrowsignal.signals.region_table import WHOLE, draw_seed
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["symmetries"]

Mask = NDArray[np.bool_]
_ALL = "whole marrow"
_ONE_SIDE = "one side has no marrow to measure"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """What every row is measured with; `red_halves` pairs red-like voxels alone."""

    bench: Bench
    red_like: RedLike | None
    halves: Halves
    red_halves: Halves


def symmetries(bench: Bench, red_like: RedLike | None) -> tuple[Symmetry, ...]:
    """Measure D20-D23 of the whole marrow, of the same without lesions, and of every pair of regions and parts.

    Levels of both sides rest on voxels that have a counterpart on the other one: the same share of the region in the
    same slices, whatever the picture cuts off and wherever a lesion was taken out.
    """
    pairs, geometry = side_pairs(bench.regions, bench.protocol), bench.pair.t1.geometry
    laid = lay_on_each_other(pairs, geometry=geometry, midline=bench.regions.midline)
    tolerance_mm = bench.protocol.symmetry.dice_tolerance.value
    core = bench.marrow.core_mask
    red = np.zeros_like(core) if red_like is None else red_like.mask & bench.background
    halves, red_halves = (
        paired_voxels(laid, voxels, geometry=geometry, tolerance_mm=tolerance_mm) for voxels in (core, red)
    )
    scene = _Scene(bench=bench, red_like=red_like, halves=halves, red_halves=red_halves)
    whole = _whole(pairs, core.shape)
    rows = [_row(scene, whole, core)]
    if not bench.no_excess:
        rest = SidePair(key="background", name=WHOLE, left=whole.left, right=whole.right)
        rows.append(_row(scene, rest, bench.background))
    # A single pair is the whole marrow, said once.
    several = sum(not pair.is_part for pair in pairs) > 1
    return (*rows, *(_row(scene, pair, core) for pair in pairs if pair.is_part or several))


def _whole(pairs: tuple[SidePair, ...], shape: tuple[int, ...]) -> SidePair:
    first = [pair for pair in pairs if not pair.is_part]
    left, right = np.zeros(shape, bool), np.zeros(shape, bool)
    for pair in first:
        left |= pair.left
        right |= pair.right
    return SidePair(key="all", name=_ALL, left=left, right=right)


def _row(scene: _Scene, pair: SidePair, voxels: Mask) -> Symmetry:
    bench, settings = scene.bench, scene.bench.protocol.signals
    found = _both_levels(scene, pair, voxels)
    signal = signal_asymmetry(found, settings=settings)
    fat = fat_signal_asymmetry(found, references=bench.references, settings=settings)
    made = (*signal, _red_dice(scene, pair), _lesions(bench, pair, found), fat)
    return Symmetry(key=pair.key, name=pair.name, measurements=made)


def _both_levels(scene: _Scene, pair: SidePair, voxels: Mask) -> SideLevels | str:
    """Levels of both sides, or why there are none."""
    bench = scene.bench
    own = (pair.left & voxels, pair.right & voxels)
    if not all(side.any() for side in own) or not all(bench.covered(side) for side in (pair.left, pair.right)):
        return _ONE_SIDE
    matched = scene.halves.matched(*own)
    share = max(_count(side) for side in matched) / min(_count(side) for side in own)
    if share < bench.protocol.distribution.min_matched.value:
        return f"only {100 * share:.0f} % of the smaller side has a counterpart on the other one"
    left, right = (bench.levels(m, seed=draw_seed(pair.key), turned=k > 0) for k, m in enumerate(matched))
    return _ONE_SIDE if left is None or right is None else SideLevels(left=left, right=right)


def _lesions(bench: Bench, pair: SidePair, found: SideLevels | str) -> Measurement:
    problem = found if isinstance(found, str) else bench.no_excess
    if problem:
        return unmeasured("D23", "lesion_volume_asymmetry", problem, "percent")
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    lesions = bench.lesions > 0
    volumes = [_count(side & lesions) * voxel_ml for side in (pair.left, pair.right)]
    return lesion_volume_asymmetry(*volumes, firm_ml=bench.protocol.signals.full_volume.value)


def _red_dice(scene: _Scene, pair: SidePair) -> Measurement:
    which = ("D22", "red_like_mirror_dice")
    red_like = scene.red_like
    if red_like is None:
        return unmeasured(*which, NO_BAND, "Dice")
    # Only what was judged on both sides can agree or disagree.
    judged = scene.bench.background & red_like.judged
    both = scene.halves.matched(pair.left & judged, pair.right & judged)
    if not all(side.any() for side in both):
        return unmeasured(*which, _ONE_SIDE, "Dice")
    left, right = (side & red_like.mask for side in both)
    shares = [100 * _count(red) / _count(side) for red, side in zip((left, right), both, strict=True)]
    least = scene.bench.protocol.signals.red_like_min_share.value
    if max(shares) < least:
        return unmeasured(*which, f"less than {least:g} % of either side is red-like", "Dice")
    # One to one: a small focus cannot be the mirror image of a large patch that happens to surround it.
    overlap = 2 * min(_count(side) for side in scene.red_halves.matched(left, right))
    return Measurement(id=which[0], name=which[1], value=overlap / (_count(left) + _count(right)), unit="Dice")


def _count(mask: Mask) -> float:
    return float(np.count_nonzero(mask))
