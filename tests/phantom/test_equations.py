"""The signal equations against closed forms and known limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.phantom.equations import (
    fat_null_inversion_time_ms,
    fat_offset_hz,
    fat_water_cosine,
    ir_mz,
    ir_tse_signal,
    se_signal,
    spoiled_gre_signal,
    t1_with_contrast_ms,
    tse_signal,
    voxel_magnitude,
)

T1 = st.floats(100.0, 4000.0)
TR = st.floats(1500.0, 9000.0)
EFFICIENCY = st.floats(0.5, 1.0)


@given(t1=T1, tr=TR, train=st.floats(0.0, 200.0), efficiency=EFFICIENCY)
def test_nothing_is_left_at_the_null_point(t1: float, tr: float, train: float, efficiency: float) -> None:
    ti = float(
        fat_null_inversion_time_ms(t1, repetition_time_ms=tr, train_length_ms=train, inversion_efficiency=efficiency)
    )
    mz = ir_mz(
        t1,
        repetition_time_ms=tr,
        inversion_time_ms=ti,
        train_length_ms=train,
        inversion_efficiency=efficiency,
    )
    assert float(mz) == pytest.approx(0.0, abs=1e-9)


def test_null_of_fat_is_t1_ln2_for_a_long_tr() -> None:
    assert float(fat_null_inversion_time_ms(288.0, repetition_time_ms=1e7)) == pytest.approx(199.626, abs=1e-3)


def test_a_weaker_inversion_shortens_the_null_time() -> None:
    # SCIENCE 1.3: 185 ms at 1.5 T for an efficiency of 0.9
    ti = fat_null_inversion_time_ms(288.0, repetition_time_ms=1e7, inversion_efficiency=0.9)
    assert float(ti) == pytest.approx(185.0, abs=0.5)


@given(t1=T1, tr=TR)
def test_mz_runs_from_inverted_to_at_rest(t1: float, tr: float) -> None:
    times = np.linspace(1.0, 800.0, 30)
    mz = [float(ir_mz(t1, repetition_time_ms=tr, inversion_time_ms=ti)) for ti in times]
    assert all(-1.0 <= m <= 1.0 for m in mz)
    assert np.all(np.diff(mz) >= -1e-12)


def test_inversion_of_no_efficiency_is_saturation_recovery() -> None:
    # 1 - exp(-TI/T1): the echo train leaves nothing, and the pulse does nothing
    mz = ir_mz(600.0, repetition_time_ms=3000.0, inversion_time_ms=150.0, inversion_efficiency=0.0)
    assert float(mz) == pytest.approx(1.0 - np.exp(-150.0 / 600.0))


@given(t1=T1, t2=st.floats(10.0, 2000.0))
def test_tse_signal_stays_between_zero_and_one(t1: float, t2: float) -> None:
    s = float(tse_signal(t1, t2, repetition_time_ms=550.0, echo_time_ms=11.0, train_length_ms=33.0))
    assert 0.0 < s < 1.0
    assert float(tse_signal(t1 * 1.2, t2, repetition_time_ms=550.0, echo_time_ms=11.0, train_length_ms=33.0)) < s


def test_ir_signal_is_mz_times_t2_decay() -> None:
    assert float(ir_tse_signal(-0.5, 60.0, echo_time_ms=60.0)) == pytest.approx(-0.5 / np.e)


@given(t1=T1, t2=st.floats(20.0, 2000.0), tr=st.floats(300.0, 9000.0))
def test_spin_echo_of_a_short_te_is_saturation_recovery(t1: float, t2: float, tr: float) -> None:
    short = float(se_signal(t1, t2, repetition_time_ms=tr, echo_time_ms=1e-9))
    assert short == pytest.approx(1.0 - np.exp(-tr / t1), abs=1e-9)
    assert short == pytest.approx(float(tse_signal(t1, t2, repetition_time_ms=tr, echo_time_ms=1e-9)), abs=1e-9)


def test_the_refocusing_pulse_costs_what_recovered_before_it() -> None:
    # Bloch: Mz grows to 1 - exp(-TE/2/T1), is inverted, and recovers for TR - TE/2
    t1, tr, te = 800.0, 500.0, 60.0
    before = 1.0 - np.exp(-te / 2.0 / t1)
    bloch = 1.0 - (1.0 + before) * np.exp(-(tr - te / 2.0) / t1)
    assert float(se_signal(t1, 1e12, repetition_time_ms=tr, echo_time_ms=te)) == pytest.approx(bloch)


@given(t1=T1, tr=st.floats(5.0, 500.0))
def test_the_ernst_angle_gives_the_most_signal(t1: float, tr: float) -> None:
    ernst = float(np.rad2deg(np.arccos(np.exp(-tr / t1))))

    def at(angle: float) -> float:
        return float(spoiled_gre_signal(t1, 1e12, repetition_time_ms=tr, echo_time_ms=0.0, flip_angle_deg=angle))

    assert at(ernst) >= max(at(0.9 * ernst), at(1.1 * ernst))
    # closed form at the optimum: tan(alpha / 2)
    assert at(ernst) == pytest.approx(np.tan(np.deg2rad(ernst) / 2.0), rel=1e-9)


@pytest.mark.parametrize("field", [0.3, 1.5, 3.0])
def test_fat_is_opposed_at_half_the_time_it_takes_to_come_back_in_phase(field: float) -> None:
    in_phase = 1000.0 / fat_offset_hz(field)
    assert fat_water_cosine(in_phase, magnetic_field_strength_t=field) == pytest.approx(1.0)
    assert fat_water_cosine(in_phase / 2.0, magnetic_field_strength_t=field) == pytest.approx(-1.0)
    assert in_phase == pytest.approx(4.6 * 1.5 / field, rel=0.01)


@given(t1=T1, first=st.floats(0.0, 2.0), second=st.floats(0.0, 2.0))
def test_relaxation_rates_of_contrast_add_up(t1: float, first: float, second: float) -> None:
    twice = t1_with_contrast_ms(t1_with_contrast_ms(t1, concentration_mmol_l=first), concentration_mmol_l=second)
    once = t1_with_contrast_ms(t1, concentration_mmol_l=first + second)
    assert float(twice) == pytest.approx(float(once))
    assert float(once) <= t1 + 1e-9


def test_fat_and_water_cancel_past_the_fat_null() -> None:
    assert voxel_magnitude([[0.4], [0.6]], [0.3, -0.2]).tolist() == pytest.approx([0.0])


@given(share=st.floats(0.0, 1.0), gain=st.floats(0.1, 10.0))
def test_magnitude_scales_with_gain(share: float, gain: float) -> None:
    pair = np.array([share, 1.0 - share])
    assert float(voxel_magnitude(pair, gain * np.array([0.7, 0.2]))) == pytest.approx(
        gain * float(voxel_magnitude(pair, [0.7, 0.2]))
    )
