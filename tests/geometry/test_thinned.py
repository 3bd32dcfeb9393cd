"""A few voxels of a mask against all of its indices."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.geometry.thinned import every_nth


@pytest.mark.parametrize("n", [1, 4, 1000])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_every_nth_index_is_kept(n: int, share: float) -> None:
    mask = np.random.default_rng(3).random((4, 7, 9)) < share
    np.testing.assert_array_equal(every_nth(mask, n), np.argwhere(mask)[::n])
