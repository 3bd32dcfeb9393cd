"""Many histograms fitted at once against one general least-squares fit each."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from scipy.special import ndtr

from marrowsignal.intensity.mixture_fit import HistogramEnd, fit_mixtures
from marrowsignal.intensity.pure_level import pure_level, pure_levels

LOWEST = (-2.5, 0.05, 0.0, 0.0, 0.0)
# true level, spread, pure, mixed, more; the last two fits rest on bounds
SHAPES = (
    (-0.2, 0.6, 0.7, 0.2, 0.1),
    (-0.5, 0.4, 0.3, 0.5, 0.3),
    (0.1, 0.9, 0.9, 0.0, 0.2),
    (-0.3, 0.7, 0.0, 0.8, 0.4),
    (-0.2, 1.5, 0.8, 0.1, 0.0),
)
MAX_SPREADS = (1.8, 1.8, 1.8, 1.8, 0.9)


def model(at: np.ndarray, shape: np.ndarray) -> np.ndarray:
    level, spread, pure, mixed, more = shape
    z = (at - level) / spread
    bell, risen = np.exp(-0.5 * z * z), ndtr(z)
    return pure * bell + mixed * risen + more * spread * (z * risen + bell / np.sqrt(2 * np.pi))


def ends() -> list[HistogramEnd]:
    """Of several lengths, none of them exactly of the form that is fitted."""
    rng = np.random.default_rng(3)
    made = []
    for number, (shape, most) in enumerate(zip(SHAPES, MAX_SPREADS, strict=True)):
        at = np.linspace(-3.0, 1.1, 40 + 15 * number)
        density = model(at, np.array(shape)) + rng.normal(0, 0.01, at.size)
        made.append(HistogramEnd(at=at, density=density, max_spread=most))
    return made


def by_scipy(end: HistogramEnd) -> np.ndarray:
    highest = (0.5, end.max_spread, 2.0, 2.0, 2.0)
    return optimize.least_squares(
        lambda shape: model(end.at, shape) - end.density,
        (-0.3, min(0.7, 0.9 * end.max_spread), 0.7, 0.2, 0.05),
        bounds=(LOWEST, highest),
        jac="3-point",
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-13,
    ).x[:2]


def test_every_fit_is_the_bounded_least_squares_one() -> None:
    every = ends()
    found = fit_mixtures(every)
    assert all(fit is not None for fit in found)
    np.testing.assert_allclose(np.array(found), [by_scipy(end) for end in every], atol=2e-5)


def test_a_fit_does_not_depend_on_those_beside_it() -> None:
    every = ends()
    together = fit_mixtures(every)
    alone = [fit_mixtures([end])[0] for end in every]
    np.testing.assert_allclose(np.array(together), np.array(alone), atol=1e-8)
    assert fit_mixtures([]) == []


@pytest.mark.parametrize("brighter", [True, False])
def test_groups_have_the_levels_they_have_alone(brighter: bool) -> None:
    rng = np.random.default_rng(5)
    groups = [100.0 + 30.0 * rng.random(n) ** 2 + rng.normal(0, 3, n) for n in (4000, 900)]
    groups[1:1] = [np.zeros(0), np.full(50, 7.0)]
    found = pure_levels(groups, max_spread_fraction=0.06, mixed_is_brighter=brighter)
    assert [one is None for one in found] == [False, True, True, False]
    for values, one in zip(groups, found, strict=True):
        alone = pure_level(values, max_spread_fraction=0.06, mixed_is_brighter=brighter)
        assert (alone is None) == (one is None)
        if alone is not None and one is not None:
            assert (one.level, one.spread, one.mode) == pytest.approx((alone.level, alone.spread, alone.mode), rel=1e-8)
