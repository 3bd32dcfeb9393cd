"""Bias and noise do what their numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.artifacts import add_rician_noise, bias_field

GRID = VolumeGeometry(affine_lps=np.diag([10.0, 6.7, 6.7, 1.0])[[2, 1, 0, 3]], shape=(8, 40, 40))


def test_bias_has_its_percentiles_and_is_smooth() -> None:
    field = bias_field(GRID, rng=np.random.default_rng(4), p5=0.7, p95=1.3)
    assert field.shape == GRID.shape
    assert np.percentile(field, [5, 95]) == pytest.approx([0.7, 1.3])
    assert max(float(np.abs(np.diff(field, axis=i)).max()) for i in range(3)) < 0.2


def test_bias_is_a_function_of_the_patient_point_but_for_its_spread() -> None:
    def log_field(grid: VolumeGeometry) -> np.ndarray:
        field = np.log(bias_field(grid, rng=np.random.default_rng(4)))
        return np.asarray(field[::2, ::2, ::2])

    turned = VolumeGeometry(affine_lps=GRID.affine_lps[:, [0, 2, 1, 3]], shape=GRID.shape)
    one, other = log_field(GRID), log_field(turned)
    np.testing.assert_allclose(one, other.transpose(0, 2, 1), atol=1e-9)


def test_another_draw_is_another_bias() -> None:
    one, two = (bias_field(GRID, rng=np.random.default_rng(s)) for s in (1, 2))
    assert np.abs(one - two).mean() > 0.05


def test_no_spread_is_no_bias() -> None:
    np.testing.assert_allclose(bias_field(GRID, rng=np.random.default_rng(1), p5=1.0, p95=1.0), 1.0)


def test_rician_noise_has_its_moments() -> None:
    rng = np.random.default_rng(0)
    air = add_rician_noise(np.zeros(200_000), sigma=2.0, rng=rng)
    assert air.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2.0), rel=0.01)
    bright = add_rician_noise(np.full(200_000, 100.0), sigma=2.0, rng=rng)
    assert bright.std() == pytest.approx(2.0, rel=0.02)
    assert bright.mean() == pytest.approx(100.0 + 2.0**2 / 200.0, abs=0.02)
