"""The first peak of a curve is the one that SciPy finds first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from marrowsignal.intensity.first_peak import first_peak

FEW_LEVELS = st.lists(st.integers(0, 6), min_size=1, max_size=30)


@settings(max_examples=300)
@given(FEW_LEVELS, st.integers(0, 5), st.integers(0, 4))
def test_it_is_the_one_that_scipy_finds_first(levels: list[int], height: int, prominence: int) -> None:
    curve = np.array(levels, np.float64)
    peaks, _ = find_peaks(np.pad(curve, 1), height=height, prominence=prominence)
    found = first_peak(curve, min_height=height, min_prominence=prominence)
    assert found == (int(peaks[0]) - 1 if peaks.size else None)
