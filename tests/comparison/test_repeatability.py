"""Repeatability and false discovery against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.comparison.repeatability import benjamini_hochberg, no_change_p, ratio_coefficient

_P = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


def test_the_coefficient_is_what_repeated_examinations_stay_within() -> None:
    rng = np.random.default_rng(5)
    pairs = np.exp(rng.normal(0.0, 0.08, (2, 200_000)))
    low, high = ratio_coefficient(0.08)
    change = pairs[1] / pairs[0] - 1
    assert np.mean((change >= low) & (change <= high)) == pytest.approx(0.95, abs=0.002)


@given(_P)
def test_adjusted_values_are_the_definition(p: list[float]) -> None:
    values, adjusted = np.asarray(p), benjamini_hochberg(p)
    order = np.sort(values)
    ranks = len(p) / np.arange(1, len(p) + 1)
    for value, found in zip(values, adjusted, strict=True):
        truth = min(1.0, *(q * rank for q, rank in zip(order, ranks, strict=True) if q >= value))
        assert found == pytest.approx(truth)


@given(_P, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_means_nothing(p: list[float], shuffle) -> None:
    places = list(range(len(p)))
    shuffle.shuffle(places)
    assert benjamini_hochberg([p[k] for k in places]).tolist() == benjamini_hochberg(p)[places].tolist()


def test_a_change_of_one_coefficient_has_p_of_a_twentieth() -> None:
    assert no_change_p(-0.3, coefficient=0.3) == pytest.approx(0.05)
    assert no_change_p(0.0, coefficient=0.3) == pytest.approx(1.0)
    assert benjamini_hochberg([]).size == 0
