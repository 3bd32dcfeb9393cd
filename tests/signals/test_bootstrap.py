"""Intervals of medians: right on simulated marrow, honest about correlation, the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from marrowsignal.signals.statistics.bootstrap import (
    BlockedVoxels,
    blocked_voxels,
    interval,
    median_draws,
    share_errors,
)

SPACING = (4.0, 1.0, 1.0)
BLOCK = 5  # voxels of 1 mm: one block of the protocol


def blocks_of(*images: NDArray, spacing: tuple[float, float, float] = SPACING) -> BlockedVoxels:
    return blocked_voxels(
        images,
        np.arange(images[0].size),
        shape=images[0].shape,
        spacing_mm=spacing,
        block_mm=5.0,
        sector_mm=60.0,
    )


def draw(*images: NDArray, draws: int = 200, seed: int = 0) -> NDArray[np.float64]:
    voxels = blocks_of(*images)
    medians = tuple(float(np.median(values)) for values in voxels.values)
    ordered = tuple(np.sort(values) for values in voxels.values)
    return median_draws(ordered, *share_errors(voxels, medians), draws=draws, rng=np.random.default_rng(seed))


def plain_bootstrap(image: NDArray, *, draws: int, seed: int) -> NDArray[np.float64]:
    """Blocks of one slice drawn with replacement, and the median of what they hold: no shortcut."""
    voxels, rng = blocks_of(image), np.random.default_rng(seed)
    blocks = [voxels.values[0][voxels.block == b] for b in np.unique(voxels.block)]
    picks = rng.integers(0, len(blocks), (draws, len(blocks)))
    return np.array([np.median(np.concatenate([blocks[k] for k in pick])) for pick in picks])


def blocky(rng: np.random.Generator, *, slices: int, side: int = 6, slice_sd: float = 0.0) -> NDArray:
    """Signal around 0 that is alike within blocks of 5 x 5 x 1 mm and independent between them."""
    texture = np.kron(rng.normal(size=(slices, side, side)), np.ones((1, BLOCK, BLOCK)))
    return texture + rng.normal(0, 0.5, texture.shape) + slice_sd * rng.normal(size=(slices, 1, 1))


def coverage(*, slices: int, slice_sd: float, regions: int = 150) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for k in range(regions):
        low, high = interval(draw(blocky(rng, slices=slices, slice_sd=slice_sd), seed=k)[0], level=0.9)
        hits += low <= 0.0 <= high
    return hits / regions


def test_blocks_are_5_mm_squares_of_one_slice() -> None:
    # non-square voxels: 4 rows of 1.25 mm and 2 columns of 2.5 mm make a block
    voxels = blocks_of(np.zeros((2, 8, 4)), spacing=(4.0, 1.25, 2.5))
    assert np.bincount(voxels.block).tolist() == [8] * 8
    assert voxels.blocks_per_slice == 4
    grid = voxels.block.reshape(2, 8, 4)
    assert len(np.unique(grid[0, :4, :2])) == 1
    assert len({grid[0, 0, 0], grid[0, 4, 0], grid[0, 0, 2], grid[1, 0, 0]}) == 4


def test_sectors_count_60_mm_cubes() -> None:
    assert blocks_of(np.zeros((3, 50, 50))).sectors == 1
    assert blocks_of(np.zeros((3, 61, 50))).sectors == 2
    assert blocks_of(np.zeros((16, 61, 61))).sectors == 8


def test_coverage_of_independent_blocks_of_one_slice_is_90_percent() -> None:
    # 150 regions: binomial SD 2.4 percent
    assert coverage(slices=1, slice_sd=0.0) == pytest.approx(0.90, abs=0.05)


def test_intervals_over_slices_are_never_too_narrow() -> None:
    # of two ways to see the same variance the larger is taken: a little too wide where slices are alike
    assert 0.86 <= coverage(slices=5, slice_sd=0.0) <= 0.99


@pytest.mark.parametrize("slices", [4, 8])
def test_slices_that_differ_widen_the_interval(slices: int) -> None:
    # few slices tell little of how slices differ, and Student's t makes up for it; 150 regions: binomial SD 2.4 %
    assert coverage(slices=slices, slice_sd=1.0) == pytest.approx(0.90, abs=0.06)


@pytest.mark.parametrize("skewed", [False, True])
def test_intervals_are_those_of_drawing_blocks_one_by_one(skewed: bool) -> None:
    rng = np.random.default_rng(7)
    ratios = []
    for k in range(12):
        image = np.kron(rng.normal(size=(1, 12, 12)), np.ones((1, BLOCK, BLOCK)))
        image = image + rng.normal(0, 0.3, image.shape)
        image = np.exp(image) if skewed else image
        ours, plain = draw(image, draws=1000, seed=k)[0], plain_bootstrap(image, draws=300, seed=k)
        ratios.append([np.log(np.ptp(interval(d, level=0.9))) for d in (ours, plain)])
    ours, plain = np.transpose(ratios)
    assert np.mean(ours - plain) == pytest.approx(0.0, abs=0.1)


def test_correlated_voxels_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    alike = blocky(rng, slices=5)
    shuffled = rng.permutation(alike.ravel()).reshape(alike.shape)
    wide, narrow = (np.ptp(interval(draw(image)[0], level=0.9)) for image in (alike, shuffled))
    # 25 voxels a block: five times as wide, less for the noise of single voxels
    assert wide > 2.5 * narrow


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(-500, 500), st.floats(0.1, 100))
def test_the_middle_of_the_draws_is_the_median(seed: int, level: float, scale: float) -> None:
    image = level + scale * np.random.default_rng(seed).normal(size=(5, 25, 25))
    draws = draw(image)[0]
    low, high = interval(draws, level=0.9)
    # draws that centre on anything else would be off by their own spread
    assert abs(np.median(draws) - np.median(image)) < 0.4 * (high - low)
    assert low <= np.median(image) <= high


@settings(max_examples=25)
@given(hnp.arrays(float, (1, 5, 5), elements=st.floats(-1e3, 1e3), unique=True))
def test_one_block_gives_its_median_in_every_draw(image: NDArray) -> None:
    draws = draw(image)[0]
    assert set(draws) == {np.median(image)}


def test_one_voxel_is_its_own_interval() -> None:
    draws = draw(np.full((1, 1, 1), 7.5))[0]
    assert set(draws) == {7.5}
    assert interval(draws, level=0.9) == (7.5, 7.5)


def test_a_constant_region_has_no_spread() -> None:
    assert set(draw(np.full((4, 12, 12), 3.25))[0]) == {3.25}


def test_a_region_of_two_values_has_the_more_frequent_as_median() -> None:
    image = np.where(np.random.default_rng(0).random((4, 25, 25)) < 0.9, 10.0, 20.0)
    assert np.median(draw(image)[0]) == pytest.approx(10.0, abs=0.5)


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    image = blocky(np.random.default_rng(3), slices=4)
    np.testing.assert_array_equal(draw(image, seed=1), draw(image, seed=1))
    assert not np.array_equal(draw(image, seed=1), draw(image, seed=2))


def test_channels_are_resampled_together() -> None:
    image = blocky(np.random.default_rng(4), slices=4)
    one, against = draw(image, 2 * image, draws=100), draw(image, -image, draws=100)
    np.testing.assert_allclose(one[1], 2 * one[0])
    assert np.corrcoef(against)[0, 1] < -0.99
    two = draw(image, blocky(np.random.default_rng(5), slices=4), draws=2000)
    # 144 blocks of either: chance alone correlates them by 0.08
    assert abs(np.corrcoef(two)[0, 1]) < 0.3


@settings(max_examples=20)
@given(st.integers(0, 1000), st.permutations(range(3)), st.lists(st.booleans(), min_size=2, max_size=2))
def test_order_of_voxels_slices_and_axes_is_nothing(seed: int, slices: list[int], turned: list[bool]) -> None:
    rng = np.random.default_rng(seed)
    image = blocky(rng, slices=3)
    other = image[slices][:, :: -1 if turned[0] else 1, :: -1 if turned[1] else 1].copy()
    np.testing.assert_allclose(interval(draw(image)[0], level=0.9), interval(draw(other)[0], level=0.9), rtol=1e-9)


@given(st.floats(0.05, 0.99))
def test_an_interval_holds_its_level(level: float) -> None:
    draws = np.random.default_rng(0).normal(size=2001)
    low, high = interval(draws, level=level)
    assert np.mean((draws >= low) & (draws <= high)) == pytest.approx(level, abs=2e-3)
