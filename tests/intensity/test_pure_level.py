"""Level of the pure tissue, noise and variation over sectors against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.intensity.noise import noise_sd
from marrowsignal.intensity.pure_level import pure_level
from marrowsignal.intensity.sectors import Cut, pure_tissue, residual_bias, sectors_of
from marrowsignal.protocol import load_protocol

SPACING = (6.0, 3.0, 3.0)
SHAPE = (10, 20, 60)
BIAS = load_protocol("generic").bias


def mixed(rng: np.random.Generator, *, lean: float, most: float, noise: float, voxels: int = 20000) -> np.ndarray:
    """Level 1 with noise, of which all but `lean` holds up to `most` of a tissue 2.6 times as bright."""
    share = np.where(rng.random(voxels) < lean, 0.0, rng.uniform(0.0, most, voxels))
    return 1 + 1.6 * share + rng.normal(0, noise, voxels)


@settings(max_examples=40)
@given(st.integers(0, 999), st.floats(0.2, 1.0), st.floats(0.1, 0.5), st.floats(0.01, 0.03))
def test_the_clean_end_is_found_whatever_is_mixed_in(seed: int, lean: float, most: float, noise: float) -> None:
    values = mixed(np.random.default_rng(seed), lean=lean, most=most, noise=noise)
    found = pure_level(values, max_spread_fraction=0.04)
    assert found is not None
    assert found.level == pytest.approx(1, abs=0.03)
    assert found.spread < 0.045


@settings(max_examples=20)
@given(st.integers(0, 999), st.floats(1e-3, 1e5))
def test_gain_scales_the_level_and_the_bright_end_mirrors_the_dark_one(seed: int, gain: float) -> None:
    values = mixed(np.random.default_rng(seed), lean=0.3, most=0.4, noise=0.02)
    dark, scaled = (pure_level(v, max_spread_fraction=0.04) for v in (values, gain * values))
    bright = pure_level(3 - values, max_spread_fraction=0.02, mixed_is_brighter=False)
    assert dark is not None and scaled is not None and bright is not None
    assert scaled.level == pytest.approx(gain * dark.level, rel=1e-3)
    assert scaled.spread == pytest.approx(gain * dark.spread, rel=0.02)
    assert bright.level == pytest.approx(2, abs=0.03)


def test_too_little_to_tell_has_no_level() -> None:
    assert pure_level(np.zeros(0), max_spread_fraction=0.04) is None
    assert pure_level(np.full(99, 7.0), max_spread_fraction=0.04) is None


def halves(rng: np.random.Generator, level: float) -> np.ndarray:
    """Left half at 100, right half at `level`, 3 % noise."""
    image = np.full(SHAPE, 100.0)
    image[:, :, 30:] = level
    return (image * (1 + rng.normal(0, 0.03, SHAPE))).astype(np.float32)


@pytest.mark.parametrize(("level", "kept"), [(106.0, True), (130.0, False)])
def test_sectors_that_do_not_agree_are_left_out_but_known(level: float, kept: bool) -> None:
    cut = Cut(
        sector_mm=45.0,
        sector_min_ml=5.0,
        max_spread_fraction=0.04,
        tolerance_fraction=0.12,
        share=0.3,
        widths=2.0,
    )
    everything = np.ones(SHAPE, bool)
    found = pure_tissue(halves(np.random.default_rng(0), level), everything, spacing_mm=SPACING, cut=cut)
    assert found is not None
    assert found.mask[:, :, :30].mean() > 0.8
    assert found.local_mask[:, :, 30:].mean() > 0.8
    assert (found.mask[:, :, 30:].mean() > 0.8) == kept


def test_no_tissue_has_no_pure_part() -> None:
    cut = Cut(
        sector_mm=45.0, sector_min_ml=5.0, max_spread_fraction=0.04, tolerance_fraction=0.1, share=0.3, widths=2.0
    )
    image = halves(np.random.default_rng(0), 100.0)
    assert pure_tissue(image, np.zeros(SHAPE, bool), spacing_mm=SPACING, cut=cut) is None
    speck = np.zeros(SHAPE, bool)
    speck[0, :3, :3] = True
    assert pure_tissue(image, speck, spacing_mm=SPACING, cut=cut) is None


def test_every_cube_has_a_number_of_its_own() -> None:
    numbers = np.full(SHAPE, -1)
    mask = np.random.default_rng(1).random(SHAPE) < 0.3
    numbers[mask] = sectors_of(mask, spacing_mm=SPACING, size_mm=30.0)
    cells = np.stack(np.nonzero(mask), axis=1) * SPACING // 30
    assert len(np.unique(cells, axis=0)) == numbers.max() + 1
    assert len(np.unique(np.column_stack([cells, numbers[mask]]), axis=0)) == numbers.max() + 1


def test_residual_bias_is_the_variation_of_the_sectors() -> None:
    # cubes of 60 mm: levels 90, 100 and 110 side by side
    signal = np.broadcast_to(np.repeat([90.0, 100.0, 110.0], 20), SHAPE).astype(np.float32)
    tissue = np.ones(SHAPE, bool)
    assert residual_bias(signal, tissue, spacing_mm=SPACING, settings=BIAS) == pytest.approx(
        np.std([90, 100, 110]) / 100
    )
    assert residual_bias(np.full(SHAPE, 7.0, np.float32), tissue, spacing_mm=SPACING, settings=BIAS) == 0.0


@pytest.mark.parametrize("grain_px", [0.0, 1.0])
def test_noise_and_grain_are_no_shading(grain_px: float) -> None:
    shape = (10, 80, 80)
    tissue = np.random.default_rng(0).random(shape) < 0.15
    seen, naive = [], []
    for seed in range(6):
        grain = np.random.default_rng(seed).standard_normal(shape)
        grain = ndimage.gaussian_filter(grain, grain_px) if grain_px else grain
        signal = (100 * (1 + 0.2 * grain / grain.std())).astype(np.float32)
        seen.append(residual_bias(signal, tissue, spacing_mm=SPACING, settings=BIAS))
        sectors = sectors_of(tissue, spacing_mm=SPACING, size_mm=60.0)
        naive.append(np.std([np.median(signal[tissue][sectors == s]) for s in range(sectors.max() + 1)]) / 100)
    assert np.mean(seen) < 0.6 * np.mean(naive)


def test_residual_bias_needs_three_sectors_with_a_millilitre() -> None:
    signal = np.ones(SHAPE, np.float32)
    two = np.zeros(SHAPE, bool)
    two[:, :, :40] = True
    assert residual_bias(signal, two, spacing_mm=SPACING, settings=BIAS) is None
    two[0, 0, 59] = True  # 0.05 mL in the third
    assert residual_bias(signal, two, spacing_mm=SPACING, settings=BIAS) is None
    two[:2, :, 40:] = True
    assert residual_bias(signal, two, spacing_mm=SPACING, settings=BIAS) == 0.0
    assert residual_bias(signal, np.zeros(SHAPE, bool), spacing_mm=SPACING, settings=BIAS) is None


@pytest.mark.parametrize("sd", [1.0, 25.0])
@pytest.mark.parametrize("shape", [(6, 64, 64), (5, 61, 75)])
def test_noise_of_a_smooth_image_is_its_sd(sd: float, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(6)
    ramp = np.add.outer(np.add.outer(np.arange(shape[0]) * 50.0, np.arange(shape[1])), 2.0 * np.arange(shape[2]))
    mask = np.zeros(shape, bool)
    mask[:, 5:-5, 5:-5] = True
    # tissue ends in air of no noise: only the mask may count
    signal = np.where(mask, 1000 + ramp + rng.normal(0, sd, shape), 0.0)
    # the lower quartile of blocks lies below their middle by two thirds of their scatter
    assert noise_sd(signal.astype(np.float32), mask) == pytest.approx(sd, rel=0.08)


def test_interpolated_noise_is_not_missed() -> None:
    rng, shape = np.random.default_rng(2), (6, 96, 96)
    lines = np.fft.fft2(rng.normal(0, 10, shape), axes=(1, 2))
    kept = np.abs(np.fft.fftfreq(96))
    lines[:, kept > 0.35] = 0
    lines[:, :, kept > 0.275] = 0
    noise = np.fft.ifft2(lines, axes=(1, 2)).real
    found = noise_sd((500 + noise).astype(np.float32), np.ones(shape, bool))
    assert found == pytest.approx(noise.std(), rel=0.15)


def test_no_tissue_has_no_noise() -> None:
    assert noise_sd(np.ones((2, 8, 8), np.float32), np.zeros((2, 8, 8), bool)) is None
