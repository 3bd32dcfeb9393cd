"""Slices come to their usual display whatever the order of the axes, and back."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.automatic.slices import display_of, resampled

# slice, row and column directions of the usual display: sagittal, coronal, axial
USUAL = {
    0: np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    1: np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
    2: np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}
ORDERS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def coordinates(geometry: VolumeGeometry) -> np.ndarray:
    """Patient point of every voxel, shape (3, slice, row, column)."""
    return np.stack([geometry.patient_axis(axis) for axis in range(3)])


@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_every_order_of_the_axes_is_shown_the_same_way(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    shape = (4, 5, 6)
    geometry = VolumeGeometry.from_axes(
        origin_lps_mm=(10.0, -20.0, 30.0),
        directions_lps=np.eye(3)[:, list(order)] * signs,
        spacing_mm=(3.0, 1.0, 2.0),
        shape=shape,
    )
    display = display_of(geometry)
    points = display.shown(coordinates(geometry))
    steps = np.stack([np.diff(points, axis=axis + 1).reshape(3, -1)[:, 0] for axis in range(3)])
    assert display.plane == order[0]
    np.testing.assert_allclose(steps, USUAL[order[0]] * np.asarray(display.spacing_mm)[:, None], atol=1e-9)
    stored = np.arange(120).reshape(shape)
    np.testing.assert_array_equal(display.stored(display.shown(stored)), stored)
    np.testing.assert_allclose(display.normal_lps, USUAL[order[0]][0])


@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_the_grid_on_display_begins_at_the_same_corner_at_any_pixel_size(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    stored = VolumeGeometry.from_axes(
        origin_lps_mm=(10.0, -20.0, 30.0),
        directions_lps=np.eye(3)[:, list(order)] * signs,
        spacing_mm=(3.0, 1.0, 2.0),
        shape=(4, 5, 6),
    )
    display = display_of(stored)
    points = np.moveaxis(display.shown(coordinates(stored)), 0, -1)
    across = points[0, 1, 0] - points[0, 0, 0], points[0, 0, 1] - points[0, 0, 0]
    corner = points[0, 0, 0] - 0.5 * (across[0] + across[1])
    for pixel in (0.5, 2.0, 3.0):
        grid = display.grid(stored, shape=(4, 7, 7), pixel_mm=pixel)
        np.testing.assert_allclose(grid.to_patient((0.0, -0.5, -0.5)), corner, atol=1e-9)
        np.testing.assert_allclose(grid.spacing_mm, (3.0, pixel, pixel))
        end = corner + pixel * sum(step / np.linalg.norm(step) for step in across)
        np.testing.assert_allclose(grid.to_patient((0.0, 0.5, 0.5)), end, atol=1e-9)
        np.testing.assert_allclose(grid.to_patient((1.0, -0.5, -0.5)) - corner, points[1, 0, 0] - points[0, 0, 0])


def test_an_oblique_stack_is_shown_as_the_plane_it_is_nearest_to() -> None:
    tilt = np.deg2rad(40.0)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    geometry = VolumeGeometry.from_axes(
        origin_lps_mm=np.zeros(3), directions_lps=turn @ -USUAL[1].T, spacing_mm=(3.0, 0.6, 0.6), shape=(3, 4, 5)
    )
    display = display_of(geometry)
    assert display.plane == 1
    assert display.flipped == (True, True, True)
    np.testing.assert_allclose(display.normal_lps, turn @ USUAL[1][0])


@given(
    rows=st.integers(8, 40),
    columns=st.integers(8, 40),
    pixel=st.floats(0.5, 1.9),
    slope=st.floats(-2.0, 2.0),
)
@settings(max_examples=30, deadline=None)
def test_resampling_there_and_back_keeps_a_plane(rows: int, columns: int, pixel: float, slope: float) -> None:
    image = (slope * np.arange(rows)[:, None] + np.arange(columns)[None, :]).astype(np.float32)[None]
    shape = (max(round(rows * pixel / 2.0), 1), max(round(columns * pixel / 2.0), 1))
    small = resampled(image, pixel_mm=(pixel, pixel), new_mm=(2.0, 2.0), shape=shape)
    back = resampled(small, pixel_mm=(2.0, 2.0), new_mm=(pixel, pixel), shape=(rows, columns))
    margin = int(np.ceil(4.0 / pixel))
    inner = (0, slice(margin, rows - margin), slice(margin, columns - margin))
    np.testing.assert_allclose(back[inner], image[inner], atol=0.2 * (1.0 + abs(slope)))
