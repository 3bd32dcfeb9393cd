from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.report.viewer.grey_levels import NO_SIGNAL, LevelScale, level_scale


def told(scale: LevelScale, levels: np.ndarray) -> np.ndarray:
    return scale.signals[levels.astype(int) - 1]


def everywhere(signal: np.ndarray) -> np.ndarray:
    return np.ones(signal.shape, bool)


@given(
    st.floats(-100, 1000),
    st.floats(1, 1e5),
    st.floats(1e-3, 1),
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
)
def test_a_signal_is_told_within_half_a_step_of_where_it_lies(
    lowest: float, span: float, share: float, places: list[float]
) -> None:
    scale = level_scale(lowest, lowest + span, step=share * span)
    assert 2 <= scale.signals.size <= 255
    assert scale.signals[0] == lowest and scale.signals[-1] >= (lowest + span) * (1 - 1e-9) - 1e-6
    signal = lowest + np.array(places) * span
    levels = scale.levels(signal, known=everywhere(signal))
    gaps = np.diff(scale.signals)
    near = np.clip(np.searchsorted(scale.signals, signal) - 1, 0, gaps.size - 1)
    assert (np.abs(told(scale, levels) - signal) <= gaps[near] / 2 + (scale.signals[-1] - lowest) / 65_000).all()


@given(st.floats(10, 1e5), st.floats(1e-4, 0.5))
def test_no_two_levels_are_closer_than_the_step_and_dark_signal_has_the_finest(span: float, share: float) -> None:
    scale = level_scale(0.0, span, step=share * span)
    gaps = np.diff(scale.signals)
    assert gaps.min() >= scale.step * (1 - 1e-9)
    assert gaps[0] == pytest.approx(share * span)
    assert (np.diff(gaps) >= -1e-6 * span).all()


def test_what_is_not_known_has_no_level_and_zero_signal_has_one() -> None:
    scale = level_scale(0.0, 100.0, step=1.0)
    signal = np.array([0.0, 50.0, np.nan, np.inf, 50.0])
    levels = scale.levels(signal, known=np.array([True, True, True, True, False]))
    assert levels.tolist() == [1, 51, NO_SIGNAL, NO_SIGNAL, NO_SIGNAL]
