"""The signal equations against closed forms and known limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.phantom.equations import (
    fat_null_inversion_time_ms,
    ir_mz,
    ir_tse_signal,
    tse_signal,
    voxel_magnitude,
)
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Species, constants_of, signals

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


@given(t1=T1, t2=st.floats(10.0, 2000.0))
def test_tse_signal_stays_between_zero_and_one(t1: float, t2: float) -> None:
    s = float(tse_signal(t1, t2, repetition_time_ms=550.0, echo_time_ms=11.0, train_length_ms=33.0))
    assert 0.0 < s < 1.0
    assert float(tse_signal(t1 * 1.2, t2, repetition_time_ms=550.0, echo_time_ms=11.0, train_length_ms=33.0)) < s


def test_ir_signal_is_mz_times_t2_decay() -> None:
    assert float(ir_tse_signal(-0.5, 60.0, echo_time_ms=60.0)) == pytest.approx(-0.5 / np.e)


def test_fat_and_water_cancel_past_the_fat_null() -> None:
    assert voxel_magnitude([[0.4], [0.6]], [0.3, -0.2]).tolist() == pytest.approx([0.0])


@given(share=st.floats(0.0, 1.0), gain=st.floats(0.1, 10.0))
def test_magnitude_scales_with_gain(share: float, gain: float) -> None:
    pair = np.array([share, 1.0 - share])
    assert float(voxel_magnitude(pair, gain * np.array([0.7, 0.2]))) == pytest.approx(
        gain * float(voxel_magnitude(pair, [0.7, 0.2]))
    )


def test_published_ratios_of_fat_free_and_fatty_marrow() -> None:
    # SCIENCE 1.4, TR 550 TE 10: marrow/muscle 1.40 at no fat and 3.04 at all fat, 12% bone
    s = signals(T1_TSE_1_5T)
    assert 0.88 * s[Species.MARROW_WATER] / s[Species.MUSCLE] == pytest.approx(1.40, abs=0.05)
    assert 0.88 * s[Species.MARROW_FAT] / s[Species.MUSCLE] == pytest.approx(3.04, abs=0.05)


def test_edema_water_is_the_brightest_marrow_on_stir() -> None:
    s = np.abs(signals(STIR_1_5T))
    muscle = s[Species.MUSCLE]
    assert s[Species.EDEMA_WATER] / muscle > 2.5
    assert 1.2 < s[Species.MARROW_WATER] / muscle < 2.0


def test_each_constant_names_its_source() -> None:
    for field in (1.5, 3.0):
        every = [constants_of(s, magnetic_field_strength_t=field) for s in Species]
        assert all(c.source and c.t2_ms < c.t1_ms for c in every)
