"""Coil shading of a phantom, known because it was put there."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk

from marrowsignal.alignment import AlignedPair
from marrowsignal.intensity import correct_bias
from marrowsignal.intensity.bias import n4_field
from marrowsignal.phantom import coronal_oblique_grid
from marrowsignal.phantom.artifacts import bias_field
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import BiasSettings
from tests.alignment.pelvis import aligned, image, lean_muscle, maps

# N4 takes its time by voxels, and shading is smooth
COARSE = coronal_oblique_grid(shape=(4, 72, 72), spacing_mm=(16.0, 3.9, 3.9))


@cache
def settings() -> BiasSettings:
    return load_protocol("pelvis_sij").bias


def estimated(signal: np.ndarray, mask: np.ndarray) -> np.ndarray:
    knots_mm, outlier_ratio = settings().control_point_spacing.value, settings().outlier_ratio.value
    return n4_field(signal, mask, COARSE, knots_mm=knots_mm, outlier_ratio=outlier_ratio)


@cache
def shading(seed: int = 5) -> np.ndarray:
    return bias_field(COARSE, rng=np.random.default_rng(seed), p5=0.7, p95=1.4)


@cache
def shaded() -> np.ndarray:
    return (image(maps(grid=COARSE), "t1") * shading()).astype(np.float32)


@cache
def pair() -> AlignedPair:
    """T1 and STIR with a shading each; STIR does not cover the patient's right edge."""
    covered = np.ones(COARSE.shape, bool)
    covered[:, :, :20] = False
    stir = np.where(covered, image(maps(grid=COARSE), "stir") * shading(6), 0.0)
    return aligned(shaded(), stir, COARSE, covered=covered)


@cache
def corrected() -> AlignedPair:
    return correct_bias(pair(), settings=settings())


def body() -> np.ndarray:
    return pair().body_mask


def field() -> np.ndarray:
    return corrected().bias.t1_field


def muscle_variation(t1: np.ndarray) -> float:
    values = t1[lean_muscle(maps(grid=COARSE))]
    return float(values.std() / values.mean())


def test_muscle_is_as_even_as_it_was_without_shading() -> None:
    even = muscle_variation(image(maps(grid=COARSE), "t1"))
    # streaks, grain and noise alone are a tenth; shading doubles it
    assert muscle_variation(shaded()) > 2 * even
    assert muscle_variation(shaded() / field()) < 1.1 * even


def test_the_field_is_the_shading_that_was_put_there() -> None:
    truth = np.log(shading()[body()])
    left = np.log(field()[body()]) - truth
    # what is left is anatomy, fat at the skin against dark bones: an even T1 gets a field of SD 0.06
    assert left.std() < 0.3 * truth.std()
    assert np.corrcoef(np.log(field()[body()]), truth)[0, 1] > 0.95


def test_the_field_has_geometric_mean_one_in_the_body() -> None:
    assert np.exp(np.log(field()[body()].astype(np.float64)).mean()) == pytest.approx(1.0, abs=1e-5)
    assert field().min() > 0
    assert field().shape == COARSE.shape


def test_gain_does_not_change_the_field() -> None:
    other = estimated(shaded() * np.float32(7.0), body())
    # N4 stops a little earlier or later; a tenth of the shading that still passes as corrected
    np.testing.assert_allclose(other, field(), rtol=0.1 * settings().pass_residual.value)


def test_both_series_get_their_own_field_and_keep_their_product() -> None:
    acquired, found = pair(), corrected()
    np.testing.assert_allclose(found.t1.array * found.bias.t1_field, acquired.t1.array, rtol=1e-5)
    np.testing.assert_allclose(found.stir.array * found.bias.stir_field, acquired.stir.array, rtol=1e-5)
    seen = acquired.body_mask & acquired.covered_mask
    assert np.log(found.bias.stir_field[seen].astype(np.float64)).mean() == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_array_equal(found.covered_mask, acquired.covered_mask)
    assert found.quality is acquired.quality


def stir_fields() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In the body that STIR covers, as logarithms: the field found, the one found without shading, the true one."""
    seen = pair().body_mask & pair().covered_mask
    even = np.where(pair().covered_mask, image(maps(grid=COARSE), "stir"), 0.0).astype(np.float32)
    found, without = corrected().bias.stir_field[seen], estimated(even, seen)[seen]
    return np.log(found), np.log(without), np.log(shading(6)[seen])


def test_shading_of_stir_changes_its_field_by_the_shading() -> None:
    found, without, truth = stir_fields()
    assert (found - without - truth).std() < 0.1 * truth.std()


@pytest.mark.xfail(
    strict=True,
    reason="N4 takes fat against muscle and marrow on STIR for shading: an even STIR gets a field of SD 0.16, "
    "1.10 in fat, 0.87 in bone, as much as the shading itself has",
)
def test_an_even_stir_gets_an_even_field() -> None:
    _, without, truth = stir_fields()
    assert without.std() < 0.5 * truth.std()


def test_the_number_of_threads_changes_nothing() -> None:
    usual = field()
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    try:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2 if before == 1 else 1)
        again = estimated(shaded(), body())
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    np.testing.assert_array_equal(again, usual)


def test_an_image_of_nothing_has_a_field_of_one() -> None:
    nowhere = np.zeros(COARSE.shape, bool)
    np.testing.assert_array_equal(estimated(np.zeros(COARSE.shape, np.float32), nowhere), 1.0)


@pytest.mark.parametrize("shape", [(9, 16, 16), (2, 64, 64), (8, 1, 40)])
def test_a_picture_of_a_few_millimetres_has_a_field(shape: tuple[int, int, int]) -> None:
    grid = coronal_oblique_grid(shape=shape, spacing_mm=(4.0, 0.8, 0.5))
    signal = np.random.default_rng(0).uniform(50, 60, shape).astype(np.float32)
    field = n4_field(signal, np.ones(shape, bool), grid, knots_mm=100.0, outlier_ratio=3.0)
    assert field.shape == shape
    assert np.abs(field - 1).max() < 0.2
