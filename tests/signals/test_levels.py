"""Levels of voxel sets: medians, and every source of error in the draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowsignal.protocol import load_protocol
from marrowsignal.signals.gathered import CORE_EDGE, LabelIndex, rim_of
from marrowsignal.signals.statistics.displaced import border_change, shift_spread
from marrowsignal.signals.statistics.levels import Images, LevelErrors, Levels, measure_levels

SETTINGS = load_protocol("generic").signals
SPACING = (4.0, 1.0, 1.0)
SHAPE = (4, 20, 20)


def images(shape: tuple[int, int, int] = SHAPE, *, noise: float = 1.0) -> Images:
    rng = np.random.default_rng(1)
    t1, stir = (level + rng.normal(0, noise, shape) for level in (100, 50))
    return Images(t1=t1.astype(np.float32), stir=stir.astype(np.float32), spacing_mm=SPACING, sector_mm=60.0)


def measure(scene: Images, errors: LevelErrors | None = None, **choice: object) -> Levels:
    index = choice.pop("index", np.arange(scene.t1.size))
    errors = errors or LevelErrors()
    found = measure_levels(scene, index, settings=SETTINGS, errors=errors, **{"seed": 1, **choice})
    assert found is not None
    return found


def spread(draws: NDArray[np.float64]) -> float:
    return float(np.std(np.log(draws)))


def test_medians_size_and_draws() -> None:
    levels = measure(images())
    # SD of the median of 1600 voxels is 0.03
    assert (levels.t1, levels.stir) == pytest.approx((100.0, 50.0), abs=0.15)
    assert (levels.voxels, levels.slices, levels.volume_ml) == (1600, 4, pytest.approx(6.4))
    assert len(levels.t1_draws) == len(levels.stir_draws) == SETTINGS.bootstrap_draws.value
    np.testing.assert_array_equal(levels.t1_ordered, np.sort(images().t1.ravel()))


@pytest.mark.parametrize(("shape", "sectors"), [((4, 20, 20), 1), ((4, 120, 60), 2)])
def test_shading_widens_the_draws_by_its_share_of_the_sectors(shape: tuple[int, int, int], sectors: int) -> None:
    levels = measure(images(shape, noise=0.1), LevelErrors(shading=(0.08, 0.04)))
    # 2000 draws: the SD is known to 1.6 percent
    assert spread(levels.t1_draws) == pytest.approx(0.08 / np.sqrt(sectors), rel=0.1)
    assert spread(levels.stir_draws) == pytest.approx(0.04 / np.sqrt(sectors), rel=0.1)
    assert np.corrcoef(levels.t1_draws, levels.stir_draws)[0, 1] == pytest.approx(0.0, abs=0.1)


def test_the_error_of_the_whole_level_cancels_between_those_that_share_it() -> None:
    scene, errors = images(noise=0.0), LevelErrors(whole=(0.05, 0.1), whole_seed=3)
    one, two = measure(scene, errors, seed=1), measure(scene, errors, seed=2)
    apart = measure(scene, replace(errors, whole_seed=4), seed=1)
    assert (spread(one.t1_draws), spread(one.stir_draws)) == pytest.approx((0.05, 0.1), rel=0.1)
    assert spread(one.t1_draws / two.t1_draws) == pytest.approx(0.0, abs=1e-9)
    assert spread(one.t1_draws / apart.t1_draws) == pytest.approx(0.05 * np.sqrt(2), rel=0.1)


def test_registration_widens_stir_only_and_by_the_slope() -> None:
    # 1 % a millimetre along columns; a shift of 2 mm along one of three axes, root mean square
    ramp = np.exp(0.01 * np.arange(20.0))
    scene = replace(images(noise=0.0), stir=np.broadcast_to(ramp.astype(np.float32), SHAPE).copy())
    inner = np.arange(scene.t1.size).reshape(SHAPE)[:, :, 5:15].ravel()
    plain, moved = (measure(scene, LevelErrors(shift_mm=mm), index=inner) for mm in (0.0, 2.0))
    np.testing.assert_array_equal(plain.t1_draws, moved.t1_draws)
    added = np.sqrt(spread(moved.stir_draws) ** 2 - spread(plain.stir_draws) ** 2)
    assert added == pytest.approx(0.02 / np.sqrt(3), rel=0.1)


@given(st.floats(0.1, 3.0), st.sampled_from([0, 1, 2]))
def test_a_shift_along_a_ramp_is_its_slope(mm: float, axis: int) -> None:
    shape, spacing = (30, 30, 30), (3.0, 0.8, 1.3)
    place = spacing[axis] * np.arange(30.0).reshape([-1 if k == axis else 1 for k in range(3)])
    stir = np.broadcast_to(100 + place, shape).astype(np.float32)
    middle = np.ravel_multi_index(np.mgrid[10:21, 10:21, 10:21].reshape(3, -1), shape)
    level = float(np.median(stir.reshape(-1)[middle]))
    expected = np.sqrt((np.log1p(mm / level) ** 2 + np.log1p(-mm / level) ** 2) / 6)
    assert shift_spread(stir, middle, spacing_mm=spacing, mm=mm) == pytest.approx(expected, rel=1e-3)


def test_a_border_between_bone_and_dark_cortex_moves_the_median() -> None:
    core = np.zeros((1, 9, 9), bool)
    core[:, 3:6, 3:6] = True
    rim = rim_of(core, np.ones_like(core))
    image = np.choose(rim, [0.0, 50.0, 100.0, 120.0]).astype(np.float32)
    assert [int((rim == k).sum()) for k in (1, CORE_EDGE, 3)] == [12, 8, 1]
    inner, outer = np.flatnonzero(rim > CORE_EDGE), np.flatnonzero(rim > 0)
    # inside 120; with the ring 12 voxels of 50 against 9 brighter ones: 50
    change = border_change((image, 2 * image), inner, outer)
    assert change == pytest.approx(np.full(2, 0.5 * np.log(50 / 120)))
    scene = Images(t1=image, stir=image, spacing_mm=SPACING, sector_mm=60.0)
    core_index = np.flatnonzero(rim >= CORE_EDGE)
    fixed, open_ = (measure(scene, index=core_index, borders=b) for b in (None, (inner, outer)))
    assert spread(open_.t1_draws) > spread(fixed.t1_draws)
    # T1 and STIR go together
    assert np.corrcoef(np.log(open_.t1_draws), np.log(open_.stir_draws))[0, 1] > 0.99


def test_the_edge_of_the_picture_is_no_border() -> None:
    assert set(rim_of(np.ones((2, 3, 3), bool), np.ones((2, 3, 3), bool)).ravel()) == {3}


def test_sides_of_one_seed_are_independent_and_mirror_each_other() -> None:
    scene = images()
    index = np.arange(scene.t1.size).reshape(SHAPE)
    halves = index[:, :, :10].ravel(), index[:, :, 10:].ravel()
    here = [measure(scene, index=half, turned=k > 0) for k, half in enumerate(halves)]
    there = [measure(scene, index=half, turned=k > 0) for k, half in enumerate(halves[::-1])]
    assert abs(np.corrcoef(here[0].t1_draws, here[1].t1_draws)[0, 1]) < 0.1
    one, two = (np.sort(np.log(a.t1_draws / b.t1_draws)) for a, b in (here, there))
    np.testing.assert_allclose(one, -two[::-1], atol=1e-12)


def test_the_seed_decides_the_draws() -> None:
    scene = images()
    np.testing.assert_array_equal(measure(scene).t1_draws, measure(scene).t1_draws)
    assert not np.array_equal(measure(scene, seed=2).t1_draws, measure(scene).t1_draws)


def test_no_voxels_no_levels() -> None:
    nothing = np.empty(0, np.int64)
    assert measure_levels(images(), nothing, settings=SETTINGS, errors=LevelErrors(), seed=1) is None


@given(st.integers(0, 500))
def test_gathered_voxels_are_those_of_each_label(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 6, (3, 4, 5)).astype(np.uint16)
    found = LabelIndex.of(labels)
    for label in range(1, 9):
        np.testing.assert_array_equal(found.voxels(label), np.flatnonzero(labels == label))
    within = np.random.default_rng(seed + 1).random(labels.shape) < 0.5
    found = LabelIndex.of(labels, within)
    for label in range(1, 9):
        np.testing.assert_array_equal(found.voxels(label), np.flatnonzero((labels == label) & within))


@settings(max_examples=25)
@given(
    st.integers(0, 500),
    st.tuples(*[st.integers(0, 2)] * 6),
    st.tuples(*[st.booleans()] * 3),
)
def test_background_around_and_the_way_axes_run_are_nothing(
    seed: int, around: tuple[int, ...], turned: tuple[bool, ...]
) -> None:
    rng = np.random.default_rng(seed)
    arrays = [(level + rng.normal(0, 5, (3, 20, 20))).astype(np.float32) for level in (100, 50)]
    # whole blocks of 5 mm, so that blocks are the same ones
    pad = [(around[0], around[1]), (5 * around[2], 5 * around[3]), (5 * around[4], 5 * around[5])]
    ways = tuple(slice(None, None, -1 if turn else 1) for turn in turned)

    def scene(padded: bool) -> tuple[Images, NDArray[np.int64]]:
        made = [np.pad(a, pad, constant_values=777)[ways] if padded else a for a in arrays]
        inside = np.ones(arrays[0].shape, bool)
        index = np.flatnonzero(np.pad(inside, pad)[ways] if padded else inside)
        t1, stir = (np.ascontiguousarray(a) for a in made)
        return Images(t1=t1, stir=stir, spacing_mm=SPACING, sector_mm=60.0), index

    found = []
    for padded in (False, True):
        images_, index = scene(padded)
        levels = measure(images_, LevelErrors(whole=(0.02, 0.03)), index=index)
        ends = [np.percentile(draws, [5, 95]) for draws in (levels.t1_draws, levels.stir_draws)]
        found.append([levels.t1, levels.stir, levels.slices, *ends[0], *ends[1]])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
