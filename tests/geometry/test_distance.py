"""Distances and depths against the Euclidean distance map of SciPy, which they take the place of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import deeper_in_slices, deeper_than
from marrowsignal.geometry.distance import distance_from, near_to

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

SPACINGS = st.tuples(st.sampled_from([1.0, 3.3, 5.0]), st.sampled_from([0.5, 0.6, 1.0]), st.sampled_from([0.5, 1.2]))
REACHES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.3, 4.0, 9.7, 40.0])


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Scattered voxels or their counterpart, in small volumes of any shape; neither empty nor full."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 19), st.integers(1, 19)).filter(lambda s: np.prod(s) > 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = rng.random(shape) < draw(st.sampled_from([0.03, 0.2, 0.6, 0.97]))
    found.flat[rng.permutation(found.size)[:2]] = True, False
    return found


@settings(max_examples=60, deadline=None)
@given(mask=masks(), spacing_mm=SPACINGS)
def test_a_distance_is_that_of_the_distance_map(mask: Mask, spacing_mm: Spacing) -> None:
    expected = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    np.testing.assert_array_equal(distance_from(mask, spacing_mm=spacing_mm), expected)
    single = distance_from(mask, spacing_mm=spacing_mm, dtype=np.float32)
    np.testing.assert_array_equal(single, expected.astype(np.float32))


def test_nothing_is_no_distance_away_from_an_empty_mask() -> None:
    with pytest.raises(ValueError, match="empty"):
        distance_from(np.zeros((2, 3, 4), bool), spacing_mm=(1.0, 1.0, 1.0))
    assert not near_to(np.zeros((2, 3, 4), bool), spacing_mm=(1.0, 1.0, 1.0), reach_mm=9.0).any()


@settings(max_examples=80, deadline=None)
@given(mask=masks(), spacing_mm=SPACINGS, reach_mm=REACHES)
def test_what_is_near_has_a_distance_up_to_the_reach(mask: Mask, spacing_mm: Spacing, reach_mm: float) -> None:
    expected = ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= reach_mm
    np.testing.assert_array_equal(near_to(mask, spacing_mm=spacing_mm, reach_mm=reach_mm), expected)


@settings(max_examples=80, deadline=None)
@given(mask=masks(), spacing_mm=SPACINGS, depth_mm=REACHES)
def test_what_is_deep_has_a_distance_above_the_depth(mask: Mask, spacing_mm: Spacing, depth_mm: float) -> None:
    expected = mask & (ndimage.distance_transform_edt(mask, sampling=spacing_mm) > depth_mm)
    np.testing.assert_array_equal(deeper_than(mask, spacing_mm=spacing_mm, depth_mm=depth_mm), expected)


@settings(max_examples=40, deadline=None)
@given(mask=masks(), spacing_mm=SPACINGS, depth_mm=REACHES)
def test_slices_do_not_see_each_other(mask: Mask, spacing_mm: Spacing, depth_mm: float) -> None:
    """Slice by slice the same as of each alone; one that is full has no outside at all."""
    whole = deeper_in_slices(mask, spacing_mm=spacing_mm, depth_mm=depth_mm)
    near = near_to(mask, spacing_mm=(np.inf, *spacing_mm[1:]), reach_mm=depth_mm)
    for k, plane in enumerate(mask):
        alone = deeper_than(plane, spacing_mm=spacing_mm[1:], depth_mm=depth_mm)
        np.testing.assert_array_equal(whole[k], alone)
        around = near_to(plane[None], spacing_mm=spacing_mm, reach_mm=depth_mm)[0]
        np.testing.assert_array_equal(near[k], around)


def test_the_edge_of_the_picture_is_no_outside() -> None:
    assert deeper_than(np.ones((2, 5, 9), bool), spacing_mm=(1.0, 1.0, 1.0), depth_mm=3.0).all()
