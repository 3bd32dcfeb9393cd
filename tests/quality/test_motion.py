"""What the motion gates measure, on images whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.quality.air import air_around, air_structure
from marrowsignal.quality.edge_width import edge_widths_mm
from marrowsignal.quality.slice_consistency import (
    alternating_shift_mm,
    largest_level_step,
    largest_shift_step_mm,
    level_jump,
    slice_levels,
)

SPACING = (4.0, 1.0, 1.0)
SHAPE = (9, 96, 96)
EVERYWHERE = np.ones(SHAPE, bool)


def blobs(sharp_mm: float = 0.8, *, drift_px: float = 0.0) -> NDArray[np.float32]:
    """Round islands on a ground, the same in every slice but for a steady drift."""
    rng = np.random.default_rng(1)
    plane = (ndimage.gaussian_filter(rng.standard_normal(SHAPE[1:]), 6.0) > 0).astype(float)
    planes = [ndimage.shift(plane, [0, drift_px * k], order=1, mode="nearest") for k in range(SHAPE[0])]
    return np.stack([ndimage.gaussian_filter(p, sharp_mm) for p in planes]).astype(np.float32) + np.float32(1)


class TestEdges:
    @pytest.mark.parametrize("width_mm", [1.5, 2.5, 3.5])
    def test_blur_widens_them_by_as_much(self, width_mm: float) -> None:
        sharp = blobs()
        soft = ndimage.gaussian_filter(sharp, [0, width_mm, width_mm])
        before, after = edge_widths_mm(sharp, (sharp, soft), EVERYWHERE, spacing_mm=SPACING)
        assert before is not None
        assert after is not None
        assert after == pytest.approx(np.hypot(before, 2 * width_mm), rel=0.25)

    def test_contrast_sign_gain_and_noise_leave_it(self) -> None:
        sharp = blobs()
        rng = np.random.default_rng(2)
        other = (700 - 90 * sharp + rng.normal(0, 8, SHAPE)).astype(np.float32)
        widths = edge_widths_mm(sharp, (sharp, other), EVERYWHERE, spacing_mm=SPACING)
        assert widths[1] == pytest.approx(widths[0], rel=0.15)

    def test_millimetres_follow_the_voxel(self) -> None:
        sharp = blobs(2.0)
        one, two = (edge_widths_mm(sharp, (sharp,), EVERYWHERE, spacing_mm=(4.0, v, v))[0] for v in (1.0, 1.5))
        assert two == pytest.approx(1.5 * one, rel=0.1)

    def test_without_edges_there_is_none(self) -> None:
        flat = np.ones(SHAPE, np.float32)
        assert edge_widths_mm(flat, (flat,), EVERYWHERE, spacing_mm=SPACING) == (None,)
        assert edge_widths_mm(blobs(), (flat,), EVERYWHERE, spacing_mm=SPACING) == (None,)
        assert edge_widths_mm(blobs(), (blobs(),), ~EVERYWHERE, spacing_mm=SPACING) == (None,)


class TestSlices:
    @settings(max_examples=15, deadline=None)
    @given(factor=st.floats(0.7, 1.4), gain=st.floats(0.1, 1000.0))
    def test_the_gain_of_odd_slices_is_measured(self, factor: float, gain: float) -> None:
        image = gain * blobs()
        image[1::2] *= np.float32(factor)
        assert level_jump(slice_levels(image, EVERYWHERE, spacing_mm=SPACING)) == pytest.approx(
            abs(np.log(factor)), abs=1e-3
        )

    def test_a_steady_change_over_the_stack_is_no_jump(self) -> None:
        image = blobs() * np.exp(0.1 * np.arange(SHAPE[0], dtype=np.float32))[:, None, None]
        assert level_jump(slice_levels(image, EVERYWHERE, spacing_mm=SPACING)) == pytest.approx(0.0, abs=1e-3)

    @pytest.mark.parametrize("chosen", [slice(4, 5), slice(4, None), slice(0, 1)])
    def test_one_slice_or_all_from_one_on_step_by_their_gain(self, chosen: slice) -> None:
        image = blobs() * np.exp(0.05 * np.arange(SHAPE[0], dtype=np.float32))[:, None, None]
        assert largest_level_step(slice_levels(image, EVERYWHERE, spacing_mm=SPACING)) == pytest.approx(0.0, abs=1e-3)
        image[chosen] *= np.float32(0.5)
        assert largest_level_step(slice_levels(image, EVERYWHERE, spacing_mm=SPACING)) == pytest.approx(
            np.log(2), abs=0.06
        )

    @pytest.mark.parametrize("shift_mm", [0.0, 1.0, 3.0, 8.0])
    def test_half_a_stack_that_moved_is_told_by_the_other_series(self, shift_mm: float) -> None:
        t1 = blobs(2.0, drift_px=1.5)
        stir = 5 - t1
        stir[4:] = ndimage.shift(stir[4:], [0, shift_mm, 0], order=1, mode="nearest")
        found = largest_shift_step_mm(t1, stir, EVERYWHERE, spacing_mm=SPACING)
        assert found == pytest.approx(shift_mm, abs=0.35)

    def test_without_signal_nothing_is_told(self) -> None:
        nothing = np.zeros(SHAPE, np.float32)
        assert level_jump(slice_levels(nothing, EVERYWHERE, spacing_mm=SPACING)) is None
        assert largest_level_step(slice_levels(nothing, EVERYWHERE, spacing_mm=SPACING)) is None
        assert alternating_shift_mm(nothing, EVERYWHERE, spacing_mm=SPACING) is None
        assert largest_shift_step_mm(blobs(), nothing, EVERYWHERE, spacing_mm=SPACING) is None

    @pytest.mark.parametrize("shift_mm", [0.0, 1.0, 2.5, 4.0])
    def test_the_shift_of_odd_slices_is_measured(self, shift_mm: float) -> None:
        image = blobs(2.0)
        image[1::2] = ndimage.shift(image[1::2], [0, shift_mm, 0], order=1, mode="nearest")
        assert alternating_shift_mm(image, EVERYWHERE, spacing_mm=SPACING) == pytest.approx(shift_mm, abs=0.35)

    def test_anatomy_that_runs_obliquely_is_no_shift(self) -> None:
        found = alternating_shift_mm(blobs(2.0, drift_px=1.5), EVERYWHERE, spacing_mm=SPACING)
        assert found == pytest.approx(0.0, abs=0.35)

    def test_few_slices_tell_nothing(self) -> None:
        assert level_jump(slice_levels(blobs()[:4], EVERYWHERE[:4], spacing_mm=SPACING)) is None
        assert alternating_shift_mm(blobs()[:4], EVERYWHERE[:4], spacing_mm=SPACING) is None


class TestAir:
    def scan(self, noise: float, ghost: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        body = np.zeros(SHAPE, bool)
        body[:, 30:66, 10:86] = True
        rng = np.random.default_rng(4)
        image = rng.rayleigh(noise, SHAPE)
        image[:, :, 40:46] += ghost
        return np.where(body, 1.0, image).astype(np.float32), body

    def found(self, noise: float, ghost: float = 0.0) -> float | None:
        image, body = self.scan(noise, ghost)
        return air_structure(image, air_around(body, spacing_mm=SPACING), EVERYWHERE)

    @pytest.mark.parametrize("noise", [0.01, 0.05, 0.2])
    def test_noise_alone_is_no_ghost(self, noise: float) -> None:
        assert self.found(noise) < 0.15 * noise

    @pytest.mark.parametrize("ghost", [0.05, 0.1, 0.3])
    def test_a_ghost_is_found_with_its_strength(self, ghost: float) -> None:
        assert self.found(0.02, ghost) == pytest.approx(0.85 * ghost, rel=0.35)

    def test_padding_is_no_air(self) -> None:
        image, body = self.scan(0.2)
        image[:, :, :64] = np.where(body, image, 0.0)[:, :, :64]
        assert air_structure(image, air_around(body, spacing_mm=SPACING), EVERYWHERE) < 0.03

    def test_a_picture_full_of_patient_has_no_air(self) -> None:
        image, _ = self.scan(0.05)
        assert air_structure(image, air_around(EVERYWHERE, spacing_mm=SPACING), EVERYWHERE) is None
