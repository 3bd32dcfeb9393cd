"""Cuts, bands, lines and repeatability against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from marrowsignal.calibration.bands import Covariates, quantile_line, tolerance_ends, tolerance_factor
from marrowsignal.calibration.cuts import part_classes, sensitive_cut, youden_cut
from marrowsignal.calibration.resampling import drawn_counts

ONCE = np.ones((1, 6), np.int64)


def test_youden_cut_lies_in_the_middle_of_the_gap() -> None:
    values = np.array([1.0, 1.2, 1.4, 2.0, 2.5, 2.6])
    positive = np.array([False, False, False, True, True, True])
    assert youden_cut(values, positive, ONCE).tolist() == pytest.approx([1.7])


def test_youden_cut_of_a_draw_forgets_who_was_not_drawn() -> None:
    values = np.array([1.0, 1.2, 1.4, 2.0, 2.5, 2.6])
    positive = np.array([False, False, False, True, True, True])
    drawn = np.array([[1, 2, 0, 0, 2, 1]])
    assert youden_cut(values, positive, drawn).tolist() == pytest.approx([(1.2 + 2.5) / 2])


def test_sensitive_cut_keeps_the_share_wanted() -> None:
    values = np.arange(20.0)
    cut = sensitive_cut(values, np.ones(20, bool), np.ones((1, 20), np.int64), sensitivity=0.95)
    assert cut.tolist() == [1.0]
    assert np.mean(values >= cut[0]) == 0.95


@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(0.1, 10.0),
    shift=st.floats(-5.0, 5.0),
)
@settings(max_examples=30, deadline=None)
def test_a_cut_moves_with_its_scale(seed: int, gain: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=40), 3)
    positive = np.arange(40) % 2 == 0
    one = part_classes(values, positive, sensitivity=None, draws=20, seed=1)
    other = part_classes(gain * values + shift, positive, sensitivity=None, draws=20, seed=1)
    assert other.cut == pytest.approx(gain * one.cut + shift, abs=1e-6)
    assert other.area == pytest.approx(one.area)


def test_the_cut_of_two_normals_is_where_they_cross_and_its_interval_holds_it() -> None:
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = np.r_[rng.normal(1.2, 0.2, 150), rng.normal(2.0, 0.2, 150)]
        found = part_classes(values, np.arange(300) >= 150, sensitivity=None, draws=300, seed=seed)
        low, high = np.percentile(found.draws, [5, 95])
        held += low <= 1.6 <= high
        assert found.area == pytest.approx(stats.norm.cdf(0.8 / np.hypot(0.2, 0.2)), abs=0.02)
    assert held >= 32


def test_the_area_is_the_share_of_pairs_in_order_and_ties_count_half() -> None:
    values = np.array([0.0, 1.0, 1.0, 2.0])
    found = part_classes(values, np.array([False, False, True, True]), sensitivity=None, draws=5, seed=0)
    assert found.area == pytest.approx((2 + 1.5) / 4)


def test_strata_keep_their_size_in_every_draw() -> None:
    strata = np.array([0, 0, 0, 1, 1])
    counts = drawn_counts(strata, draws=50, seed=2)
    assert np.all(counts[:, strata == 0].sum(axis=1) == 3)
    assert np.all(counts[:, strata == 1].sum(axis=1) == 2)


@pytest.mark.parametrize(("people", "factor"), [(10, 2.839), (30, 2.140), (100, 1.874)])
def test_tolerance_factors_are_those_of_the_tables(people: int, factor: float) -> None:
    """Two-sided, 90 % of people with 95 % certainty (Howe 1969 against the exact tables)."""
    assert tolerance_factor(people, content=0.90, certainty=0.95) == pytest.approx(factor, abs=0.01)


@pytest.mark.parametrize("people", [20, 60])
def test_a_band_from_few_people_holds_its_share_as_often_as_it_says(people: int) -> None:
    values = np.random.default_rng(5).normal(size=(2000, people))
    low, high = tolerance_ends(values, content=0.90, certainty=0.90)
    inside = stats.norm.cdf(high) - stats.norm.cdf(low)
    assert 0.86 <= np.mean(inside >= 0.90) <= 0.96


def test_a_regression_quantile_finds_the_true_line() -> None:
    rng = np.random.default_rng(8)
    count = 4000
    decades, male, fields = rng.uniform(-3, 3, count), rng.integers(0, 2, count) * 1.0, rng.integers(0, 2, count)
    values = 0.4 + 0.03 * decades + 0.05 * male + 0.02 * fields + rng.normal(0, 0.05, count)
    design = Covariates(decades=decades, male=male, fields=fields).design
    for share in (0.05, 0.95):
        first = 0.4 + 0.05 * stats.norm.ppf(share)
        line = quantile_line(design, values, share=share)
        assert line == pytest.approx([first, first + 0.02, 0.03, 0.05], abs=0.01)
        assert np.mean(values < design @ line) == pytest.approx(share, abs=0.002)


def test_an_intercept_alone_is_the_quantile() -> None:
    values = np.arange(101.0)
    assert quantile_line(np.ones((101, 1)), values, share=0.25) == pytest.approx([25.0])
