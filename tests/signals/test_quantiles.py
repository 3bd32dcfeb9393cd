"""The fast median and percentiles against NumPy's, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from marrowsignal.signals.statistics.quantiles import median, percentile

FLOATS = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda kind: hnp.arrays(
        kind,
        hnp.array_shapes(max_dims=2, max_side=60),
        elements=st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, -0.0, 1.0, np.inf, np.nan]),
    )
)


@settings(max_examples=60, deadline=None)
@given(values=FLOATS)
def test_it_is_the_median(values: NDArray[np.floating]) -> None:
    before = values.copy()
    with np.errstate(invalid="ignore"):
        np.testing.assert_equal(median(values), float(np.median(values)))
    np.testing.assert_array_equal(values, before)


@settings(max_examples=60, deadline=None)
@given(values=FLOATS, percent=st.floats(0.0, 100.0) | st.sampled_from([0.0, 0.5, 50.0, 95.0, 99.0, 100.0]))
def test_it_is_the_percentile(values: NDArray[np.floating], percent: float) -> None:
    with np.errstate(invalid="ignore"):
        np.testing.assert_equal(percentile(values, percent) + 0.0, float(np.percentile(values, [percent])[0]) + 0.0)


def test_nothing_has_no_median() -> None:
    for ask in (median, lambda values: percentile(values, 50.0)):
        with pytest.raises(ValueError, match="no values"):
            ask(np.empty(0))
