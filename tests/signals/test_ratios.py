"""Every ratio by its closed form, and its freedom from the gain of either series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.signals.statistics import ratios

signal = st.floats(1.0, 1e4)
gain = st.floats(1e-3, 1e3)
ROUNDING = 1e-9

# one patient: T1 and STIR of region, muscle, fat, normal marrow
T, T_U, T_F, T_N = 300.0, 200.0, 600.0, 320.0
S, S_U, S_F, S_N = 250.0, 100.0, 120.0, 125.0


def test_every_formula_on_paper() -> None:
    assert ratios.ratio(T, T_U) == pytest.approx(1.5)
    assert ratios.fat_signal_index(T, muscle=T_U, fat=T_F) == pytest.approx(0.25)
    assert ratios.fat_water_ratio(T, S, t1_fat=T_F, stir_muscle=S_U) == pytest.approx(0.5 / 2.5)
    assert ratios.fat_water_ratio_to_normal(T, S, t1_normal=T_N, stir_normal=S_N) == pytest.approx(1.2 / 2.56)
    assert ratios.asymmetry_percent(110.0, 90.0) == pytest.approx(20.0)
    level = S_N / np.sqrt(T_N)
    assert ratios.excess_index(S, T, normal_level=level, exponent=0.5) == pytest.approx(2.0 * np.sqrt(T_N / T))


def test_the_index_is_0_at_muscle_and_1_at_fat_and_is_not_clipped() -> None:
    index = ratios.fat_signal_index([T_U, T_F, 100.0, 1000.0], muscle=T_U, fat=T_F)
    np.testing.assert_allclose(index, [0.0, 1.0, -0.25, 2.0])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_excess_divides_by_the_power_of_t1(exponent: float) -> None:
    assert ratios.excess_index(8.0, 4.0, normal_level=1.0, exponent=exponent) == pytest.approx(8.0 / 4.0**exponent)


def test_excess_of_voids_is_held_by_the_floor() -> None:
    held = ratios.excess_index([8.0, 8.0, 8.0], [0.0, 1.0, 16.0], normal_level=1.0, exponent=0.5, t1_floor=4.0)
    np.testing.assert_allclose(held, [4.0, 4.0, 2.0])


def test_abundances_of_fat_alike_on_both_are_not_a_number_and_warn_of_nothing() -> None:
    with np.errstate(all="raise"):
        assert np.isnan(ratios.abundance_sum(1.5, 1.5, t1_fat_to_muscle=2.4, stir_fat_to_muscle=2.4))


@given(a_fat=st.floats(0.0, 2.0), a_muscle=st.floats(0.0, 2.0), t_f=st.floats(1.5, 5.0), s_f=st.floats(0.1, 1.4))
def test_abundances_of_a_mixture_are_found_again(a_fat: float, a_muscle: float, t_f: float, s_f: float) -> None:
    # forward model of SCIENCE 1.6 in units of muscle: [T; S] = [t_F 1; s_F 1] [a_F; a_U]
    t, s = a_fat * t_f + a_muscle, a_fat * s_f + a_muscle
    found = ratios.abundance_sum(t, s, t1_fat_to_muscle=t_f, stir_fat_to_muscle=s_f)
    assert found == pytest.approx(a_fat + a_muscle, abs=1e-9)


@given(t=signal, t_u=signal, t_f=signal, t_n=signal, s=signal, s_u=signal, s_n=signal, g1=gain, g2=gain)
def test_gain_of_either_series_cancels(
    *, t: float, t_u: float, t_f: float, t_n: float, s: float, s_u: float, s_n: float, g1: float, g2: float
) -> None:
    def every(g: float, h: float) -> list[float]:
        level = h * s_n / np.sqrt(g * t_n)
        made = [
            ratios.ratio(g * t, g * t_u),
            ratios.ratio(h * s, h * s_u),
            ratios.excess_index(h * s, g * t, normal_level=level, exponent=0.5),
            ratios.fat_water_ratio(g * t, h * s, t1_fat=g * t_f, stir_muscle=h * s_u),
            ratios.fat_water_ratio_to_normal(g * t, h * s, t1_normal=g * t_n, stir_normal=h * s_n),
            1.0 + ratios.asymmetry_percent(g * t, g * t_u),
        ]
        if abs(t_f - t_u) > 1e-3 * t_u:
            made.append(1.0 + ratios.fat_signal_index(g * t, muscle=g * t_u, fat=g * t_f))
        return [float(value) for value in made]

    # the difference of two levels loses digits, never more than 1e-3 allows
    np.testing.assert_allclose(every(g1, g2), every(1.0, 1.0), rtol=ROUNDING, atol=1e-8)


@given(left=signal, right=signal)
def test_asymmetry_changes_sign_when_sides_are_swapped(left: float, right: float) -> None:
    there, back = ratios.asymmetry_percent(left, right), ratios.asymmetry_percent(right, left)
    assert there == -back
    assert abs(there) <= 200
    assert (there > 0) == (left > right)


@given(t1=signal, level=signal)
def test_swapping_tissue_and_reference_inverts_a_ratio(t1: float, level: float) -> None:
    assert ratios.ratio(t1, level) * ratios.ratio(level, t1) == pytest.approx(1.0)
    inverse = ratios.fat_water_ratio_to_normal(level, t1, t1_normal=t1, stir_normal=level)
    assert inverse * ratios.fat_water_ratio_to_normal(t1, level, t1_normal=level, stir_normal=t1) == pytest.approx(1.0)
