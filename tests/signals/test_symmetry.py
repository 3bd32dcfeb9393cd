"""Left against right: asymmetries that change sign with the sides, and their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Midline, Side
from marrowsignal.signals.distribution.symmetry import (
    SideLevels,
    fat_signal_asymmetry,
    lesion_volume_asymmetry,
    signal_asymmetry,
)
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.descriptors import ReferenceLevels
from marrowsignal.signals.statistics.levels import Levels

SETTINGS = load_protocol("pelvis_sij").signals
REFERENCES = {"muscle": 100.0, "fat": 260.0}


def plane(offset_mm: float, normal: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> Midline:
    return Midline(normal_lps=normal, offset_mm=offset_mm, symmetry=None, source="image_symmetry")


def levels(
    t1: float,
    stir: float,
    *,
    volume_ml: float = 5.0,
    slices: int = 5,
    seed: int = 0,
    draws: int = 500,
    spread: float = 0.01,
) -> Levels:
    rng = np.random.default_rng(seed)
    return Levels(
        t1=t1,
        stir=stir,
        t1_draws=t1 * np.exp(rng.normal(0, 2 * spread, draws)),
        stir_draws=stir * np.exp(rng.normal(0, 3 * spread, draws)),
        voxels=100,
        slices=slices,
        volume_ml=volume_ml,
        t1_ordered=np.full(3, t1, np.float32),
        stir_ordered=np.full(3, stir, np.float32),
    )


def both(left: Levels, right: Levels) -> SideLevels:
    return SideLevels(left=left, right=right)


def references(seed: int = 3) -> ReferenceLevels:
    muscle, fat = (levels(value, 100.0, seed=seed + k) for k, value in enumerate(REFERENCES.values()))
    return ReferenceLevels(muscle=muscle, fat=fat, normal=None)


class TestSignalAsymmetry:
    @given(st.floats(50, 500), st.floats(50, 500), st.floats(50, 500), st.floats(50, 500))
    def test_swapping_sides_changes_every_sign(self, t_l: float, t_r: float, s_l: float, s_r: float) -> None:
        left, right = levels(t_l, s_l, seed=1), levels(t_r, s_r, seed=2)
        there = (*signal_asymmetry(both(left, right), settings=SETTINGS), self.fat(left, right))
        back = (*signal_asymmetry(both(right, left), settings=SETTINGS), self.fat(right, left))
        for a, b in zip(there, back, strict=True):
            assert a.name == b.name
            assert a.value == pytest.approx(-b.value, abs=1e-9)
            assert (a.ci_low, a.ci_high) == pytest.approx((-b.ci_high, -b.ci_low), abs=1e-9)
            assert a.ci_low <= a.value <= a.ci_high

    def fat(self, left: Levels, right: Levels) -> Measurement:
        return fat_signal_asymmetry(both(left, right), references=references(), settings=SETTINGS)

    def test_values_by_hand(self) -> None:
        left, right = levels(110, 130), levels(90, 70)
        t1, stir, cancelling = signal_asymmetry(both(left, right), settings=SETTINGS)
        assert (t1.value, stir.value, cancelling.value) == pytest.approx((20.0, 60.0, 40.0))
        assert {m.unit for m in (t1, stir, cancelling)} == {"percent"}
        # (110 - 90) / (260 - 100)
        assert self.fat(left, right).value == pytest.approx(0.125)

    def test_interval_is_that_of_two_independent_sides(self) -> None:
        sides = both(*(levels(100, 100, draws=2000, seed=seed) for seed in (1, 2)))
        t1, stir, cancelling = signal_asymmetry(sides, settings=SETTINGS)
        width = 2 * 1.645 * np.sqrt(2) * 100
        # standard error of a 5 % quantile of 2000 draws: 3 % of the width
        assert t1.ci_high - t1.ci_low == pytest.approx(0.02 * width, rel=0.1)
        assert stir.ci_high - stir.ci_low == pytest.approx(0.03 * width, rel=0.1)
        assert cancelling.ci_high - cancelling.ci_low == pytest.approx(np.hypot(0.02, 0.03) * width, rel=0.1)

    def test_what_both_series_draw_alike_cancels_in_their_difference(self) -> None:
        shared = np.exp(np.random.default_rng(5).normal(0, 0.05, 500))
        left = replace(levels(100, 100), t1_draws=100 * shared, stir_draws=100 * shared)
        t1, _, cancelling = signal_asymmetry(both(left, levels(100, 100, spread=0.0)), settings=SETTINGS)
        assert t1.ci_high - t1.ci_low > 10
        assert cancelling.ci_high - cancelling.ci_low == pytest.approx(0.0, abs=1e-9)

    @given(st.floats(0.5, 2.0))
    def test_shading_common_to_both_series_cancels(self, shade: float) -> None:
        sides = both(levels(100 * shade, 100 * shade), levels(100, 100))
        assert signal_asymmetry(sides, settings=SETTINGS)[2].value == pytest.approx(0.0, abs=1e-9)

    def test_a_missing_side_is_not_evaluable(self) -> None:
        reason = "one side has no marrow to measure"
        made = (
            *signal_asymmetry(reason, settings=SETTINGS),
            fat_signal_asymmetry(reason, references=references(), settings=SETTINGS),
        )
        assert [m.value for m in made] == [None] * 4
        assert {m.status for m in made} == {MeasurementStatus.NOT_EVALUABLE}
        assert {m.reason for m in made} == {reason}

    def test_without_fat_or_muscle_there_is_no_index_to_compare(self) -> None:
        sides = both(levels(100, 100), levels(100, 100))
        for lacking in (replace(references(), fat=None), replace(references(), muscle=None)):
            made = fat_signal_asymmetry(sides, references=lacking, settings=SETTINGS)
            assert (made.value, made.reason) == (None, "no muscle and fat reference")

    def test_without_stir_only_t1_is_compared(self) -> None:
        left, right = (replace(levels(100, 1), stir=None, stir_draws=None, no_stir="no STIR series") for _ in range(2))
        t1, stir, cancelling = signal_asymmetry(both(left, right), settings=SETTINGS)
        assert t1.value == 0.0
        assert (stir.reason, cancelling.reason) == ("no STIR series", "no STIR series")

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_smaller_side_decides(self, order: int) -> None:
        sides = [levels(100, 100, volume_ml=0.2, slices=2), levels(100, 100)][::order]
        made = signal_asymmetry(both(*sides), settings=SETTINGS)
        assert [m.value for m in made] == [None] * 3
        assert all("too small: 0.20 mL" in m.reason for m in made)
        sides = [levels(100, 100, volume_ml=0.5, slices=2), levels(100, 100)][::order]
        made = signal_asymmetry(both(*sides), settings=SETTINGS)
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
