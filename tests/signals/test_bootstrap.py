"""Intervals of medians: right on simulated marrow, honest about correlation, the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from marrowsignal.protocol import load_protocol
from marrowsignal.signals.statistics.bootstrap import BlockedVoxels, block_bootstrap_medians, blocked_voxels, interval
from marrowsignal.signals.statistics.levels import measure_levels

SETTINGS = load_protocol("generic").signals
SPACING = (4.0, 1.0, 1.0)
BLOCK = 5  # voxels of 1 mm: one block of the protocol


def blocks_of(image: NDArray, spacing: tuple[float, float, float] = SPACING) -> BlockedVoxels:
    return blocked_voxels((image,), np.ones(image.shape, bool), spacing_mm=spacing, block_mm=5.0, sector_mm=60.0)


def draw(image: NDArray, *, draws: int = 200, seed: int = 0) -> NDArray[np.float64]:
    return block_bootstrap_medians(blocks_of(image), draws=draws, rng=np.random.default_rng(seed))[0]


def blocky(rng: np.random.Generator, *, slices: int, side: int = 6, slice_sd: float = 0.0) -> NDArray:
    """Signal around 0 that is alike within blocks of 5 x 5 x 1 mm and independent between them."""
    texture = np.kron(rng.normal(size=(slices, side, side)), np.ones((1, BLOCK, BLOCK)))
    return texture + rng.normal(0, 0.5, texture.shape) + slice_sd * rng.normal(size=(slices, 1, 1))


def coverage(*, slices: int, slice_sd: float, regions: int = 150) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for k in range(regions):
        low, high = interval(draw(blocky(rng, slices=slices, slice_sd=slice_sd), seed=k), level=0.9)
        hits += low <= 0.0 <= high
    return hits / regions


def test_blocks_are_5_mm_squares_of_one_slice() -> None:
    # non-square voxels: 4 rows of 1.25 mm and 2 columns of 2.5 mm make a block
    voxels = blocks_of(np.zeros((2, 8, 4)), spacing=(4.0, 1.25, 2.5))
    assert np.bincount(voxels.block).tolist() == [8] * 8
    assert voxels.block_slice.tolist() == [0] * 4 + [1] * 4
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
    # drawing slices and then blocks counts the spread between blocks twice where slices are alike: too wide, not wrong
    assert 0.88 <= coverage(slices=5, slice_sd=0.0) <= 0.99


def test_slices_that_differ_widen_the_interval() -> None:
    # five slices are few clusters: 90 percent nominal is some 80 percent here
    assert coverage(slices=5, slice_sd=1.0, regions=100) >= 0.72


def test_correlated_voxels_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    alike = blocky(rng, slices=5)
    shuffled = rng.permutation(alike.ravel()).reshape(alike.shape)
    wide, narrow = (np.ptp(interval(draw(image), level=0.9)) for image in (alike, shuffled))
    # 25 voxels a block: five times as wide, less for the noise of single voxels
    assert wide > 2.5 * narrow


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(-500, 500), st.floats(0.1, 100))
def test_the_middle_of_the_draws_is_the_median(seed: int, level: float, scale: float) -> None:
    image = level + scale * np.random.default_rng(seed).normal(size=(5, 25, 25))
    draws = draw(image)
    low, high = interval(draws, level=0.9)
    # draws that centre on anything else would be off by their own spread
    assert abs(np.median(draws) - np.median(image)) < 0.4 * (high - low)
    assert low <= np.median(image) <= high


@settings(max_examples=25)
@given(hnp.arrays(float, (1, 5, 5), elements=st.floats(-1e3, 1e3), unique=True))
def test_one_block_gives_its_median_in_every_draw(image: NDArray) -> None:
    draws = draw(image)
    # 256 quantile bins on 25 voxels: exact to the gap between the middle voxels
    middle = np.sort(image.ravel())[11:14]
    assert np.ptp(draws) == pytest.approx(0.0, abs=1e-9)
    assert middle[0] <= draws[0] <= middle[2]


def test_one_voxel_is_its_own_interval() -> None:
    draws = draw(np.full((1, 1, 1), 7.5))
    assert set(draws) == {7.5}
    assert interval(draws, level=0.9) == (7.5, 7.5)


def test_a_constant_region_has_no_spread() -> None:
    assert set(draw(np.full((4, 12, 12), 3.25))) == {3.25}


def test_a_region_of_two_values_has_the_more_frequent_as_median() -> None:
    image = np.where(np.random.default_rng(0).random((4, 25, 25)) < 0.9, 10.0, 20.0)
    assert np.median(draw(image)) == pytest.approx(10.0, abs=0.5)


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    image = blocky(np.random.default_rng(3), slices=4)
    np.testing.assert_array_equal(draw(image, seed=1), draw(image, seed=1))
    assert not np.array_equal(draw(image, seed=1), draw(image, seed=2))


def test_channels_are_resampled_together() -> None:
    image = blocky(np.random.default_rng(4), slices=4)
    mask = np.ones(image.shape, bool)
    voxels = blocked_voxels((image, 2 * image), mask, spacing_mm=SPACING, block_mm=5.0, sector_mm=60.0)
    one, two = block_bootstrap_medians(voxels, draws=100, rng=np.random.default_rng(0))
    np.testing.assert_allclose(two, 2 * one)


@given(st.floats(0.05, 0.99))
def test_an_interval_holds_its_level(level: float) -> None:
    draws = np.random.default_rng(0).normal(size=2001)
    low, high = interval(draws, level=level)
    assert np.mean((draws >= low) & (draws <= high)) == pytest.approx(level, abs=2e-3)


class TestLevels:
    def measure(self, shading: tuple[float, float], shape: tuple[int, int, int] = (4, 20, 20), **choice: int) -> object:
        rng = np.random.default_rng(1)
        t1 = (100 + rng.normal(0, 1, shape)).astype(np.float32)
        stir = (50 + rng.normal(0, 1, shape)).astype(np.float32)
        return measure_levels(
            t1,
            stir,
            np.ones(shape, bool),
            spacing_mm=SPACING,
            settings=SETTINGS,
            sector_mm=60.0,
            shading=shading,
            seed=choice.get("s", 1),
        )

    def test_medians_size_and_draws(self) -> None:
        levels = self.measure((0.0, 0.0))
        # SD of the median of 1600 voxels is 0.03
        assert (levels.t1, levels.stir) == pytest.approx((100.0, 50.0), abs=0.15)
        assert (levels.voxels, levels.slices, levels.volume_ml) == (1600, 4, pytest.approx(6.4))
        assert len(levels.t1_draws) == len(levels.stir_draws) == SETTINGS.bootstrap_draws.value

    @pytest.mark.parametrize(("shape", "sectors"), [((4, 20, 20), 1), ((4, 120, 60), 2)])
    def test_shading_widens_the_draws_by_its_share_of_the_sectors(
        self, shape: tuple[int, int, int], sectors: int
    ) -> None:
        levels = self.measure((0.08, 0.04), shape)
        # 2000 draws: the SD is known to 1.6 percent
        assert np.std(np.log(levels.t1_draws)) == pytest.approx(0.08 / np.sqrt(sectors), rel=0.1)
        assert np.std(np.log(levels.stir_draws)) == pytest.approx(0.04 / np.sqrt(sectors), rel=0.1)
        assert np.corrcoef(levels.t1_draws, levels.stir_draws)[0, 1] == pytest.approx(0.0, abs=0.1)

    def test_the_seed_decides_the_draws(self) -> None:
        np.testing.assert_array_equal(self.measure((0.1, 0.1)).t1_draws, self.measure((0.1, 0.1)).t1_draws)
        assert not np.array_equal(self.measure((0.1, 0.1), s=2).t1_draws, self.measure((0.1, 0.1)).t1_draws)

    def test_no_voxels_no_levels(self) -> None:
        image = np.ones((3, 4, 5), np.float32)
        nothing = np.zeros(image.shape, bool)
        levels = measure_levels(
            image, image, nothing, spacing_mm=SPACING, settings=SETTINGS, sector_mm=60.0, shading=(0, 0), seed=1
        )
        assert levels is None
