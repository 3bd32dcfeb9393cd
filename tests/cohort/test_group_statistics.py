"""Medians with intervals, outliers and group differences: closed forms, scipy, and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, mannwhitneyu

from marrowsignal.cohort.page.group_statistics import OUTLIER_Z, boxed, contrasts, median_interval, robust_z

VALUES = st.lists(st.integers(-50, 50), min_size=20, max_size=60)


@pytest.mark.parametrize("count", [6, 7, 8, 9, 20, 71, 400])
def test_the_interval_of_a_median_covers_at_least_95_percent_and_no_narrower_one_does(count: int) -> None:
    low, high = median_interval(np.arange(1.0, count + 1))
    rank = int(low)
    assert high == count + 1 - rank
    assert 1 - 2 * binom.cdf(rank - 1, count, 0.5) >= 0.95
    assert 1 - 2 * binom.cdf(rank, count, 0.5) < 0.95


def test_a_small_group_has_a_median_and_no_interval() -> None:
    box = boxed(np.array([1.0, 2.0, np.nan, 3.0]))
    assert (box.count, box.median, box.ci_low, box.ci_high) == (3, 2.0, None, None)
    assert boxed(np.array([np.nan])) is None


@given(VALUES, st.floats(0.1, 100), st.floats(-1000, 1000))
@settings(max_examples=40, deadline=None)
def test_units_do_not_change_who_is_an_outlier(values: list[int], scale: float, shift: float) -> None:
    plain = np.array(values, np.float64)
    expected, found = robust_z(plain), robust_z(scale * plain + shift)
    assert np.allclose(expected, found, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_outliers_need_company_spread_and_a_value() -> None:
    few = np.append(np.arange(10.0), 1e6)
    assert np.isnan(robust_z(few)).all()
    assert np.isnan(robust_z(np.append(np.ones(30), 9.0))).all()
    told = robust_z(np.concatenate([np.linspace(1, 2, 30), [np.nan, 50.0]]), logarithmic=True)
    assert np.isnan(told[30]) and told[31] > OUTLIER_Z


@given(VALUES, st.integers(6, 14))
@settings(max_examples=40, deadline=None)
def test_a_contrast_is_that_of_scipy_and_turns_its_sign_with_the_groups(values: list[int], size: int) -> None:
    plain = np.array(values, np.float64)
    groups = (np.arange(plain.size) >= size).astype(np.int64)
    first, second = contrasts(plain, groups, count=2)
    theirs = mannwhitneyu(plain[:size], plain[size:], method="asymptotic")
    pairs = size * (plain.size - size)
    assert first.delta == pytest.approx(2 * theirs.statistic / pairs - 1)
    assert first.p_value == pytest.approx(theirs.pvalue if np.isfinite(theirs.pvalue) else 1.0)
    assert second.delta == pytest.approx(-first.delta)
    assert second.p_value == pytest.approx(first.p_value)


def test_a_group_below_six_is_not_compared() -> None:
    assert contrasts(np.arange(30.0), np.repeat([0, 1], [5, 25]), count=2) == (None, None)
