"""Mutual information against closed forms, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.alignment.similarity import mutual_information


@pytest.mark.parametrize("levels", [2, 5, 16])
def test_an_image_tells_its_own_entropy_about_itself(levels: int) -> None:
    values = np.tile(np.arange(float(levels)), 300)
    assert mutual_information(values, values) == pytest.approx(np.log(levels))


def test_every_pair_once_is_independence() -> None:
    a, b = np.meshgrid(np.arange(12.0), np.arange(7.0))
    assert mutual_information(a, b) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("flipped", [0.05, 0.2, 0.5])
def test_a_noisy_copy_of_two_levels_loses_the_entropy_of_the_noise(flipped: float) -> None:
    n = 1000
    wrong = round(n * flipped)
    x = np.repeat([0.0, 1.0], n)
    y = np.r_[np.ones(wrong), np.zeros(n - wrong), np.zeros(wrong), np.ones(n - wrong)]
    noise = -flipped * np.log(flipped) - (1 - flipped) * np.log(1 - flipped)
    assert mutual_information(x, y) == pytest.approx(np.log(2) - noise, abs=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_two_gaussians_of_known_correlation(rho: float) -> None:
    rng = np.random.default_rng(1)
    n, bins = 200_000, 48
    x = rng.standard_normal(n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    # chance alone gives (bins - 1)^2 / 2n; binning takes away about as much
    chance = (bins - 1) ** 2 / (2 * n)
    assert mutual_information(x, y, bins=bins) == pytest.approx(-0.5 * np.log(1 - rho**2), abs=2 * chance)


@settings(max_examples=25)
@given(st.integers(0, 999), st.floats(0.01, 1e4), st.floats(-1e3, 1e3))
def test_gain_offset_order_and_exchange_change_nothing(seed: int, gain: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers in wide bins: rounding cannot carry a value over a bin's edge
    a, b = rng.integers(0, 10, (2, 2000)).astype(float)
    b = np.where(rng.random(2000) < 0.5, a, b)
    before = mutual_information(a, b)
    shuffled = rng.permutation(2000)
    assert mutual_information(a, gain * b + offset) == pytest.approx(before, abs=1e-9)
    assert mutual_information(a, -b) == pytest.approx(before, abs=1e-9)
    assert mutual_information(b, a) == pytest.approx(before, abs=1e-12)
    assert mutual_information(a[shuffled], b[shuffled]) == pytest.approx(before, abs=1e-12)


def test_any_monotone_gain_leaves_what_separate_levels_tell() -> None:
    rng = np.random.default_rng(2)
    a = rng.integers(0, 6, 5000).astype(float)
    b = np.where(rng.random(5000) < 0.7, a, rng.integers(0, 6, 5000))
    for curve in (np.sqrt, np.square, np.arctan):
        assert mutual_information(a, curve(b)) == pytest.approx(mutual_information(a, b), abs=1e-12)


def test_constant_signals_tell_nothing() -> None:
    x = np.random.default_rng(3).random(100).astype(np.float32)
    assert mutual_information(x, np.full(100, 7.0, np.float32)) == 0.0
    assert mutual_information(np.zeros(100, np.float32), np.zeros(100, np.float32)) == 0.0


def test_outliers_beyond_the_tails_count_in_the_end_bins() -> None:
    x = np.tile(np.arange(4.0), 500)
    far = np.where(np.arange(2000) == 3, 1e6, x)
    assert mutual_information(far, x) == pytest.approx(np.log(4))


def test_rare_bright_voxels_in_a_constant_signal_still_count() -> None:
    # 0.4 % bright: fewer than `tail`, so the docstring puts them into the end bin
    x = np.zeros(10_000)
    x[:40] = 50.0
    share = 0.004
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert mutual_information(x, x) == pytest.approx(entropy)


def test_unpaired_or_no_samples_are_an_error() -> None:
    with pytest.raises(ValueError, match="paired"):
        mutual_information(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="paired"):
        mutual_information(np.zeros(0), np.zeros(0))
