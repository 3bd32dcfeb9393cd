from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from marrowsignal.report.pictures.figures import Crop
from marrowsignal.report.pictures.orientation import display_orientation
from marrowsignal.report.pictures.png import grey_png
from marrowsignal.report.viewer.packed_series import PackedSeries, Shown, SourceSeries, pack_series
from tests.report.study_builder import SHAPE, coronal_geometry

WHOLE = Shown(
    orientation=display_orientation(coronal_geometry()), crop=Crop(top=0, bottom=SHAPE[1], left=0, right=SHAPE[2])
)
NOISE = 4.0


def picture(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def signals(packed: PackedSeries) -> np.ndarray:
    levels = np.stack([picture(uri) for uri in packed.uris]).astype(int)
    return np.where(levels > 0, packed.scale.signals[levels - 1], np.nan)


def source(array: np.ndarray) -> SourceSeries:
    return SourceSeries(array=array, known=np.ones(array.shape, bool), body_range=(0.0, 900.0), noise=NOISE)


def noisy(gain: float = 0.4) -> np.ndarray:
    ramp = np.linspace(0, 900 * gain, SHAPE[2], dtype=np.float32)
    return ramp + np.random.default_rng(3).normal(0, NOISE, SHAPE).astype(np.float32)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_a_picture_is_read_back_as_it_was(pixels: np.ndarray) -> None:
    assert (np.asarray(Image.open(io.BytesIO(grey_png(pixels)))) == pixels).all()


@pytest.mark.parametrize(("gain", "share"), [(0.4, 0.5), (1.0, 0.9)])
def test_every_slice_is_kept_within_half_of_the_noise(gain: float, share: float) -> None:
    array = noisy(gain)
    (packed,) = pack_series((source(array),), WHOLE, budget_bytes=10_000_000)
    shown = np.stack([WHOLE.apply(plane) for plane in array])
    assert packed.factor == 1 and packed.noise_share == pytest.approx(share, abs=0.05)
    assert np.abs(signals(packed) - shown).max() <= packed.noise_share * NOISE / 2 * 1.02


def test_a_range_too_wide_for_even_steps_loses_nothing_in_dark_signal() -> None:
    array = noisy(2.0)
    (packed,) = pack_series((source(array),), WHOLE, budget_bytes=10_000_000)
    away = np.abs(signals(packed) - np.stack([WHOLE.apply(plane) for plane in array]))
    dark = np.stack([WHOLE.apply(plane) for plane in array]) < packed.scale.even_to
    assert 0.1 < dark.mean() < 0.9
    assert away[dark].max() <= NOISE / 2 * 1.05
    assert away.max() < 4 * NOISE


@pytest.mark.parametrize("share", [0.8, 0.65, 0.1])
def test_a_budget_is_held_by_coarser_steps_before_coarser_pixels(share: float) -> None:
    free = pack_series((source(noisy()), source(noisy()[::-1])), WHOLE, budget_bytes=10_000_000)
    size = sum(len(uri) for packed in free for uri in packed.uris)
    held = pack_series((source(noisy()), source(noisy()[::-1])), WHOLE, budget_bytes=round(share * size))
    assert sum(len(uri) for packed in held for uri in packed.uris) <= share * size * 1.05
    assert held[0].factor == held[1].factor
    assert (held[0].factor == 1) == (share > 0.5)


@pytest.mark.parametrize("budget", [10, 100, 400])
def test_averaged_pixels_keep_the_mean_and_what_is_not_known(budget: int) -> None:
    array = np.full(SHAPE, 300.0, np.float32)
    array[:, :, SHAPE[2] // 2 :] = np.nan
    (packed,) = pack_series((replace(source(array), noise=None),), WHOLE, budget_bytes=budget)
    told = signals(packed)
    assert packed.noise_share is None and packed.factor > 1
    assert np.nanmin(told) == np.nanmax(told) == pytest.approx(300.0, abs=packed.scale.step)
    assert np.isnan(told[:, :, -1]).all() and not np.isnan(told[:, :, 0]).any()


def test_one_value_everywhere_and_no_value_at_all_are_packed() -> None:
    for array in (np.zeros(SHAPE, np.float32), np.full(SHAPE, np.nan, np.float32)):
        (packed,) = pack_series((source(array),), WHOLE, budget_bytes=1_000_000)
        assert np.isnan(signals(packed)).all() == np.isnan(array).all()
