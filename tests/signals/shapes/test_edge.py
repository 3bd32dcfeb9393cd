from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.signals.shapes.edge import edge_width, surface_profiles
from tests.signals.shapes.toys import SHAPE, SPACING, blurred_column

WIDTH_OF_SD = 2.5631
REACH = 6.0


def profiles(image, *, allowed=None):
    everywhere = np.ones(SHAPE, bool) if allowed is None else allowed
    return surface_profiles(image > 0.5, everywhere, pixel_mm=SPACING[1:], reach_mm=REACH)


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("sd", [0.6, 1.0, 1.6])
def test_a_blurred_wall_has_its_width(sd: float, noise: float) -> None:
    clean = blurred_column(15.0, sd)
    image = clean + np.random.default_rng(3).normal(0.0, noise, SHAPE).astype(np.float32)
    found = edge_width(image, profiles(clean), min_fit=0.8)
    assert found is not None
    assert found.width_mm == pytest.approx(WIDTH_OF_SD * sd, rel=0.12)


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.1, 1000.0), offset=st.floats(-50.0, 50.0), bright=st.booleans())
def test_gain_offset_and_sign_of_the_contrast_do_not_count(gain: float, offset: float, bright: bool) -> None:
    clean = blurred_column(12.0, 1.0)[5:6]
    plain = surface_profiles(clean > 0.5, np.ones(clean.shape, bool), pixel_mm=SPACING[1:], reach_mm=REACH)
    image = np.asarray((1 if bright else -1) * gain * clean + offset, np.float32)
    first, second = (edge_width(each, plain, min_fit=0.8) for each in (clean, image))
    assert first is not None
    assert second is not None
    assert second.width_mm == pytest.approx(first.width_mm, rel=0.15)


def test_noise_alone_has_no_edge() -> None:
    clean = blurred_column(15.0, 1.0)
    noise = np.random.default_rng(5).normal(size=SHAPE).astype(np.float32)
    assert edge_width(noise, profiles(clean), min_fit=0.8) is None


def test_profiles_end_where_marrow_ends() -> None:
    clean = blurred_column(15.0, 1.0)
    wide, narrow = profiles(clean), profiles(clean, allowed=clean > 0.05)
    assert wide.weights.sum() > narrow.weights.sum()
    # a cortex beyond the marrow does not widen the margin
    image = np.where(clean > 0.05, clean, 5.0).astype(np.float32)
    found = edge_width(image, narrow, min_fit=0.8)
    assert found is None or found.width_mm < 2 * WIDTH_OF_SD


def test_a_thin_lesion_keeps_its_two_sides_apart() -> None:
    image = blurred_column(3.0, 0.6)
    found = edge_width(image, profiles(image), min_fit=0.8)
    assert found is not None
    assert found.width_mm == pytest.approx(WIDTH_OF_SD * 0.6, rel=0.25)
