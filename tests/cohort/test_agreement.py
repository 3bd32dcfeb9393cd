"""Agreement and ROC: closed forms, other libraries, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from marrowsignal.cohort.agreement import (
    Estimate,
    area_values,
    cohen_kappa,
    confusion,
    kappa_values,
    roc_area,
    roc_curve,
    wilson,
)
from marrowsignal.cohort.person_draws import drawn_sums, person_draws, with_draws

Z = 1.959963984540054
TABLES = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=3, max_size=3)
SCORED = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=4, max_size=60)


def kappa_of(table: np.ndarray) -> float:
    shares = table / table.sum()
    chance = shares.sum(axis=1) @ shares.sum(axis=0)
    return float((np.trace(shares) - chance) / (1 - chance))


@pytest.mark.parametrize(("hits", "count"), [(0, 7), (7, 7), (1, 3), (12, 40), (399, 400)])
def test_a_share_has_the_interval_that_scipy_gives(hits: int, count: int) -> None:
    ours, theirs = wilson(hits, count), binomtest(hits, count).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_share_of_nothing_is_not_zero() -> None:
    assert wilson(0, 0).value is None and wilson(0, 0).reason


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_kappa_and_its_error_are_those_of_the_delta_method(rows: list[list[int]]) -> None:
    table = np.array(rows, np.float64)
    assume(table.sum() > 0 and (table.sum(axis=0) > 0).sum() > 1 and (table.sum(axis=1) > 0).sum() > 1)
    found = cohen_kappa(table)
    first, second = np.repeat([(i, j) for i in range(3) for j in range(3)], table.astype(int).ravel(), axis=0).T
    assert found.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert np.array_equal(confusion(first, second, classes=3), table)
    # The delta method by numbers: the multinomial's covariance seen through the gradient of kappa.
    shares, step = table / table.sum(), 1e-6
    unit = np.eye(9).reshape(9, 3, 3)
    gradient = np.array([(kappa_of(shares + step * one) - kappa_of(shares - step * one)) / (2 * step) for one in unit])
    flat = shares.ravel()
    variance = (gradient**2 @ flat - (gradient @ flat) ** 2) / table.sum()
    if found.low is not None and found.low > -1 and found.high < 1:
        assert (found.high - found.low) / 2 == pytest.approx(Z * math.sqrt(max(variance, 0)), rel=1e-3, abs=1e-5)


def test_kappa_of_one_class_is_undefined_and_perfect_agreement_has_no_interval() -> None:
    assert cohen_kappa(np.array([[9.0, 0], [0, 0]])).value is None
    perfect = cohen_kappa(np.diag([5.0, 7.0]))
    assert perfect.value == pytest.approx(1) and perfect.low is None and "never disagree" in perfect.reason


@given(SCORED)
@settings(max_examples=60, deadline=None)
def test_the_area_is_that_of_scikit_learn_and_of_mann_and_whitney(studies: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in studies], np.float64)
    positive = np.array([truth for _, truth in studies])
    assume(0 < positive.sum() < positive.size)
    found = roc_area(scores, positive)
    assert found.value == pytest.approx(roc_auc_score(positive, scores))
    pairs = positive.sum() * (~positive).sum()
    assert found.value == pytest.approx(mannwhitneyu(scores[positive], scores[~positive]).statistic / pairs)
    given = np.array([[((scores == level) & truth).sum() for level in range(9)] for truth in (positive, ~positive)])
    assert area_values(*given[:, None].astype(float))[0] == pytest.approx(found.value)
    if found.low is not None:
        assert 0 < found.low <= found.value <= found.high < 1
    mirrored = roc_area(-scores, positive)
    assert mirrored.value == pytest.approx(1 - found.value)
    curve = roc_curve(scores, positive)
    area = float(np.trapezoid(curve.true_positive, curve.false_positive))
    assert area == pytest.approx(found.value)
    false, true, _ = sklearn_roc_curve(positive, scores, drop_intermediate=False)
    assert curve.false_positive == pytest.approx(false) and curve.true_positive == pytest.approx(true)


def test_delongs_error_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(80) < 0.4
    scores = np.round(rng.normal(size=80) + positive, 1)
    pairs = (scores[positive][:, None] > scores[~positive]) + 0.5 * (scores[positive][:, None] == scores[~positive])
    rows, columns = pairs.mean(axis=1), pairs.mean(axis=0)
    error = math.sqrt(rows.var(ddof=1) / rows.size + columns.var(ddof=1) / columns.size)
    found = roc_area(scores, positive)
    middle = math.log(found.value / (1 - found.value))
    half = Z * error / (found.value * (1 - found.value))
    assert found.low == pytest.approx(1 / (1 + math.exp(half - middle)))
    assert found.high == pytest.approx(1 / (1 + math.exp(-half - middle)))


def test_classes_that_do_not_overlap_have_no_interval_and_one_class_no_area() -> None:
    scores = np.arange(6.0)
    apart = roc_area(scores, scores > 2)
    assert apart.value == 1 and apart.low is None and "do not overlap" in apart.reason
    assert roc_area(scores, scores > 9).value is None


def test_repeats_of_a_person_widen_the_interval_and_single_studies_hardly_change_it() -> None:
    rng = np.random.default_rng(5)
    first = rng.integers(0, 2, 120)
    second = np.where(rng.random(120) < 0.2, 1 - first, first)
    first, second = np.repeat(first, 4), np.repeat(second, 4)

    def drawn(persons: np.ndarray) -> Estimate:
        count = int(persons.max()) + 1
        cells = np.eye(4)[2 * first + second]
        tables = drawn_sums(person_draws(count), persons, cells).reshape(-1, 2, 2)
        return with_draws(plain, kappa_values(tables), persons=count)

    plain = cohen_kappa(confusion(first, second, classes=2))
    single, people = drawn(np.arange(480)), drawn(np.repeat(np.arange(120), 4))
    assert single.value == people.value == plain.value
    assert single.high - single.low == pytest.approx(plain.high - plain.low, rel=0.15)
    assert people.high - people.low == pytest.approx(2 * (plain.high - plain.low), rel=0.2)


def test_every_draw_has_as_many_persons_and_takes_all_studies_of_each() -> None:
    draws = person_draws(7, draws=50, seed=2)
    assert (draws.sum(axis=1) == 7).all()
    persons = np.array([0, 0, 0, 1, 6])
    sums = drawn_sums(draws, persons, np.ones((5, 1)))
    assert np.array_equal(sums[:, 0], 3 * draws[:, 0] + draws[:, 1] + draws[:, 6])


def test_few_persons_or_draws_without_a_class_get_no_interval_and_the_reason() -> None:
    plain = wilson(3, 9)
    few = with_draws(plain, np.linspace(0, 1, 100), persons=3)
    assert few.value == plain.value and few.low is None and "3 persons" in few.reason
    rare = with_draws(plain, np.where(np.arange(100) < 80, 0.5, np.nan), persons=30)
    assert rare.low is None and rare.reason
    assert (
        np.isnan(kappa_values(np.zeros((1, 2, 2)))).all()
        and np.isnan(area_values(np.ones((1, 1)), np.zeros((1, 1)))).all()
    )
    certain = with_draws(plain, np.ones(100), persons=30)
    assert certain.low is None and "same in every draw" in certain.reason
