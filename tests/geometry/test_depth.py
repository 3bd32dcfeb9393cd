"""Depths, windows and label values against scipy and numpy, which take longer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of, deeper_in_slices, deeper_than
from marrowsignal.geometry.label_values import holding, values_in, voxels_in
from marrowsignal.geometry.windows import closed_in_slices, largest_in_slices

SHAPES = st.tuples(*(st.integers(1, 9) for _ in range(3)))
# halves, so that depths meet distances exactly
STEPS = st.tuples(*(st.sampled_from((0.5, 1.0, 1.5, 4.0)) for _ in range(3)))
DEPTHS = st.sampled_from((0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 20.0))


def drawn(seed: int, shape: tuple[int, ...], share: float) -> NDArray[np.bool_]:
    return np.asarray(np.random.default_rng(seed).random(shape) < share)


def by_distance(mask: NDArray[np.bool_], spacing: tuple[float, ...], depth: float) -> NDArray[np.bool_]:
    """Without anything outside the distance map measures from a corner of its own."""
    return mask if mask.all() else np.asarray(ndimage.distance_transform_edt(mask, sampling=spacing) > depth)


@given(seed=st.integers(0, 2**32 - 1), shape=SHAPES, share=st.sampled_from((0.3, 0.9, 0.98)), spacing=STEPS, mm=DEPTHS)
@settings(max_examples=150, deadline=None)
def test_depth_is_that_of_a_distance_map(
    seed: int, shape: tuple[int, int, int], share: float, spacing: tuple[float, float, float], mm: float
) -> None:
    mask = drawn(seed, shape, share)
    np.testing.assert_array_equal(deeper_than(mask, spacing_mm=spacing, depth_mm=mm), by_distance(mask, spacing, mm))
    in_slices = np.stack([by_distance(plane, spacing[1:], mm) for plane in mask])
    np.testing.assert_array_equal(deeper_in_slices(mask, spacing_mm=spacing, depth_mm=mm), in_slices)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_voxels_of_another_slice_are_not_seen_along_any_axis(axis: int) -> None:
    mask = drawn(3, (6, 7, 8), 0.9)
    spacing = [0.5, 0.75, 1.0]
    spacing[axis] = np.inf
    in_plane = tuple(s for k, s in enumerate(spacing) if k != axis)
    want = np.stack([by_distance(plane, in_plane, 1.0) for plane in np.moveaxis(mask, axis, 0)])
    found = deeper_than(mask, spacing_mm=spacing, depth_mm=1.0)
    np.testing.assert_array_equal(np.moveaxis(found, axis, 0), want)


def test_a_mask_that_fills_the_picture_is_deep_everywhere() -> None:
    assert deeper_than(np.ones((2, 5, 5), bool), spacing_mm=(4.0, 1.0, 1.0), depth_mm=9.0).all()
    assert not deeper_than(np.zeros((2, 5, 5), bool), spacing_mm=(4.0, 1.0, 1.0), depth_mm=0.5).any()


@given(seed=st.integers(0, 2**32 - 1), shape=SHAPES, share=st.sampled_from((0.0, 0.02, 0.3)))
@settings(max_examples=60, deadline=None)
def test_the_box_is_the_smallest_one(seed: int, shape: tuple[int, int, int], share: float) -> None:
    mask = drawn(seed, shape, share)
    box = box_of(mask)
    if box is None:
        assert not mask.any()
        return
    assert box == ndimage.find_objects(mask.astype(np.uint8))[0]
    wide = box_of(mask, margin=(1, 0, 20))
    assert wide is not None
    assert wide[2] == slice(0, shape[2])
    assert wide[0] == slice(max(box[0].start - 1, 0), min(box[0].stop + 1, shape[0]))


@given(seed=st.integers(0, 2**32 - 1), shape=SHAPES, half=st.tuples(st.integers(0, 6), st.integers(0, 6)))
@settings(max_examples=80, deadline=None)
def test_windows_are_those_of_grey_morphology(seed: int, shape: tuple[int, int, int], half: tuple[int, int]) -> None:
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    rows, columns = (2 * min(h, n - 1) + 1 for h, n in zip(half, shape[1:], strict=True))
    largest = ndimage.maximum_filter(image, (1, rows, columns))
    np.testing.assert_array_equal(largest_in_slices(image, (rows, columns)), largest)
    closed = ndimage.grey_closing(image, size=(1, rows, columns))
    np.testing.assert_array_equal(closed_in_slices(image, (rows, columns)), closed)


@given(seed=st.integers(0, 2**32 - 1), top=st.sampled_from((1, 3, 40, 60000)), shape=SHAPES)
@settings(max_examples=60, deadline=None)
def test_label_values_are_those_of_numpy(seed: int, top: int, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, top + 1, shape).astype(np.uint16)
    assert values_in(labels) == np.unique(labels).tolist()
    for count in (0, 2, 30):
        wanted = rng.integers(0, top + 2, count).tolist()
        np.testing.assert_array_equal(holding(labels, wanted), np.isin(labels, wanted))
    np.testing.assert_array_equal(voxels_in(labels > 1), np.argwhere(labels > 1))
