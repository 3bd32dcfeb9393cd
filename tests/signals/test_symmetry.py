"""Left against right: mirror images, overlaps, asymmetries that change sign with the sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Midline, Side
from marrowsignal.signals.distribution.symmetry import (
    lesion_volume_asymmetry,
    mirrored,
    signal_asymmetry,
    tolerant_dice,
)
from marrowsignal.signals.records import MeasurementStatus
from marrowsignal.signals.statistics.levels import Levels
from tests.signals.scene import box_geometry

SETTINGS = load_protocol("pelvis_sij").signals
SHAPE = (4, 9, 11)
GEOMETRY = box_geometry(SHAPE, (4.0, 1.0, 2.0))
SPACING = GEOMETRY.spacing_mm
MIDDLE = 2.0 * (SHAPE[2] - 1) / 2
masks = hnp.arrays(bool, SHAPE)


def plane(offset_mm: float, normal: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> Midline:
    return Midline(normal_lps=normal, offset_mm=offset_mm, symmetry=None, source="image_symmetry")


def levels(t1: float, stir: float, *, volume_ml: float = 5.0, slices: int = 5, seed: int = 0) -> Levels:
    rng = np.random.default_rng(seed)
    return Levels(
        t1=t1,
        stir=stir,
        t1_draws=t1 * np.exp(rng.normal(0, 0.02, 500)),
        stir_draws=stir * np.exp(rng.normal(0, 0.03, 500)),
        voxels=100,
        slices=slices,
        volume_ml=volume_ml,
    )


class TestMirror:
    @given(masks)
    def test_in_the_middle_of_the_grid_it_reverses_the_columns(self, mask: NDArray) -> None:
        np.testing.assert_array_equal(mirrored(mask, GEOMETRY, plane(MIDDLE)), mask[:, :, ::-1])

    @given(masks)
    def test_twice_is_the_mask_again(self, mask: NDArray) -> None:
        midline = plane(MIDDLE)
        np.testing.assert_array_equal(mirrored(mirrored(mask, GEOMETRY, midline), GEOMETRY, midline), mask)

    def test_off_the_middle_what_leaves_the_volume_is_gone(self) -> None:
        mask = np.zeros(SHAPE, bool)
        mask[1, 2, 1] = mask[1, 2, 10] = True  # x = 2 mm and 20 mm
        # about x = 6 mm: 2 goes to 10 mm, which is column 5; 20 goes to -8 mm, outside
        assert np.argwhere(mirrored(mask, GEOMETRY, plane(6.0))).tolist() == [[1, 2, 5]]

    @pytest.mark.parametrize("yaw_deg", [0.0, 7.0, -12.0])
    def test_centroid_is_reflected_in_mm_across_a_tilted_plane(self, yaw_deg: float) -> None:
        geometry = VolumeGeometry.from_axes(
            origin_lps_mm=(-39.0, -59.0, -20.0),
            directions_lps=np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
            spacing_mm=(4.0, 2.0, 1.0),
            shape=(11, 60, 80),
        )
        yaw = np.radians(yaw_deg)
        normal = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        x, y, z = (geometry.patient_axis(axis) for axis in range(3))
        mask = (x - 15) ** 2 + (y + 8) ** 2 + (z - 2) ** 2 <= 100
        there = mirrored(mask, geometry, plane(3.0, tuple(normal)))
        centre = geometry.to_patient(np.argwhere(mask)).mean(axis=0)
        want = centre - 2 * (normal @ centre - 3.0) * normal
        got = geometry.to_patient(np.argwhere(there)).mean(axis=0)
        # nearest neighbour: half a voxel at an edge, far less in the mean of 500 voxels
        assert np.linalg.norm(got - want) < 0.5
        assert there.sum() == pytest.approx(mask.sum(), rel=0.05)


class TestDice:
    @given(masks.filter(np.any), masks.filter(np.any))
    def test_without_tolerance_it_is_dice(self, a: NDArray, b: NDArray) -> None:
        plain = 2 * (a & b).sum() / (a.sum() + b.sum())
        assert tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=0.0) == pytest.approx(plain)

    @settings(max_examples=50)
    @given(masks.filter(np.any), masks.filter(np.any), st.floats(0, 10), st.floats(0, 10))
    def test_symmetric_bounded_and_growing_with_the_tolerance(
        self, a: NDArray, b: NDArray, one: float, other: float
    ) -> None:
        low, high = sorted((one, other))
        small = tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=low)
        assert small == tolerant_dice(b, a, spacing_mm=SPACING, tolerance_mm=low)
        assert 0 <= small <= tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=high) <= 1
        assert tolerant_dice(a, a, spacing_mm=SPACING, tolerance_mm=low) == 1

    @pytest.mark.parametrize(("axis", "gap_mm"), [(0, 4.0), (1, 1.0), (2, 2.0)])
    def test_tolerance_is_in_mm_along_every_axis(self, axis: int, gap_mm: float) -> None:
        a = np.zeros(SHAPE, bool)
        a[2, 4, 5] = True
        b = np.roll(a, 1, axis)
        assert tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=gap_mm - 0.01) == 0
        assert tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=gap_mm + 0.01) == 1

    def test_masks_of_other_size_share_their_sum(self) -> None:
        a, b = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        a[2, 4, 0:8] = True
        b[2, 4, 0:2] = True
        # tolerance 2 mm = one column: 3 of 8 of a near b, both of b in a
        assert tolerant_dice(a, b, spacing_mm=SPACING, tolerance_mm=2.0) == pytest.approx((3 + 2) / 10)

    def test_against_nothing_it_is_0(self) -> None:
        a = np.ones(SHAPE, bool)
        assert tolerant_dice(a, np.zeros(SHAPE, bool), spacing_mm=SPACING, tolerance_mm=3.0) == 0.0


class TestSignalAsymmetry:
    @given(st.floats(50, 500), st.floats(50, 500), st.floats(50, 500), st.floats(50, 500))
    def test_swapping_sides_changes_every_sign(self, t_l: float, t_r: float, s_l: float, s_r: float) -> None:
        left, right = levels(t_l, s_l, seed=1), levels(t_r, s_r, seed=2)
        there = signal_asymmetry(left, right, settings=SETTINGS)
        back = signal_asymmetry(right, left, settings=SETTINGS)
        for a, b in zip(there, back, strict=True):
            assert a.name == b.name
            assert a.value == pytest.approx(-b.value)
            assert (a.ci_low, a.ci_high) == pytest.approx((-b.ci_high, -b.ci_low), abs=1e-9)
            assert a.ci_low <= a.value <= a.ci_high

    def test_values_by_hand(self) -> None:
        t1, stir, cancelling = signal_asymmetry(levels(110, 130), levels(90, 70), settings=SETTINGS)
        assert (t1.value, stir.value, cancelling.value) == pytest.approx((20.0, 60.0, 40.0))
        assert {m.unit for m in (t1, stir, cancelling)} == {"percent"}

    @given(st.floats(0.5, 2.0))
    def test_shading_common_to_both_series_cancels(self, shade: float) -> None:
        def at(g: float) -> float:
            return signal_asymmetry(levels(100 * g, 100 * g), levels(100, 100), settings=SETTINGS)[2].value

        assert at(shade) == pytest.approx(0.0, abs=1e-9)

    @pytest.mark.parametrize("sides", [(None, levels(1, 1)), (levels(1, 1), None), (None, None)])
    def test_a_missing_side_is_not_evaluable(self, sides: tuple[Levels | None, Levels | None]) -> None:
        made = signal_asymmetry(*sides, settings=SETTINGS)
        assert [m.value for m in made] == [None] * 3
        assert {m.status for m in made} == {MeasurementStatus.NOT_EVALUABLE}
        assert all("one side" in m.reason for m in made)

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_smaller_side_decides(self, order: int) -> None:
        sides = [levels(100, 100, volume_ml=0.2, slices=2), levels(100, 100)][::order]
        made = signal_asymmetry(*sides, settings=SETTINGS)
        assert [m.value for m in made] == [None] * 3
        assert all("too small: 0.20 mL" in m.reason for m in made)
        sides = [levels(100, 100, volume_ml=0.5, slices=2), levels(100, 100)][::order]
        made = signal_asymmetry(*sides, settings=SETTINGS)
        assert {m.status for m in made} == {MeasurementStatus.EXPLORATORY}


@given(st.floats(0, 100), st.floats(0, 100))
def test_lesion_asymmetry_is_bounded_and_antisymmetric(left: float, right: float) -> None:
    there, back = (lesion_volume_asymmetry(*pair, firm_ml=1.0) for pair in ((left, right), (right, left)))
    if left + right == 0:
        assert there.value is None
        assert there.reason == "no lesion on either side"
    else:
        assert there.value == pytest.approx(-back.value)
        assert abs(there.value) <= 100 + 1e-9


def test_one_sided_lesions_are_100_percent() -> None:
    assert lesion_volume_asymmetry(2.0, 0.0, firm_ml=1.0).value == 100
    assert lesion_volume_asymmetry(0.0, 2.0, firm_ml=1.0).value == -100
    assert lesion_volume_asymmetry(3.0, 1.0, firm_ml=1.0).value == 50


def test_a_speck_makes_no_firm_asymmetry() -> None:
    assert lesion_volume_asymmetry(0.2, 0.0, firm_ml=1.0).status is MeasurementStatus.EXPLORATORY


def test_left_is_the_larger_x() -> None:
    assert plane(2.0).side_of((5.0, 0.0, 0.0)) is Side.LEFT
    assert plane(2.0).side_of((-5.0, 0.0, 0.0)) is Side.RIGHT
