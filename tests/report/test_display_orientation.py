from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.report.pictures.orientation import direction_letters, display_orientation, slice_position

SPACING = (4.0, 1.5, 0.75)
ALL_AXES = [(axes, signs) for axes in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)]
EDGES = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}  # left, right, top, bottom


def grid(directions: np.ndarray, shape: tuple[int, int, int] = (3, 4, 5)) -> VolumeGeometry:
    return VolumeGeometry.from_axes(origin_lps_mm=(0, 0, 0), directions_lps=directions, spacing_mm=SPACING, shape=shape)


def permuted(axes: tuple[int, ...], signs: tuple[float, ...]) -> np.ndarray:
    directions = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        directions[axis, column] = sign
    return directions


@pytest.mark.parametrize(("axes", "signs"), ALL_AXES)
def test_every_storage_is_shown_the_same_way(axes: tuple[int, ...], signs: tuple[float, ...]) -> None:
    geometry = grid(permuted(axes, signs))
    shown = display_orientation(geometry)
    plane = ("sagittal", "coronal", "axial")[axes[0]]
    assert shown.plane == plane
    assert shown.left + shown.right + shown.top + shown.bottom == EDGES[plane]
    # The patient coordinates themselves, shown, must grow towards the letters.
    right_axis, right_sign = {"L": (0, 1), "P": (1, 1)}[shown.right]
    down_axis, down_sign = {"P": (1, 1), "I": (2, -1)}[shown.bottom]
    across = shown.apply(geometry.patient_axis(right_axis)[0]) * right_sign
    down = shown.apply(geometry.patient_axis(down_axis)[0]) * down_sign
    assert np.all(np.diff(across, axis=1) > 0) and np.allclose(np.diff(across, axis=0), 0)
    assert np.all(np.diff(down, axis=0) > 0) and np.allclose(np.diff(down, axis=1), 0)
    assert np.allclose(np.diff(down, axis=0), shown.pixel_mm[0])
    assert np.allclose(np.diff(across, axis=1), shown.pixel_mm[1])


def test_a_tilted_stack_tells_both_directions() -> None:
    tilt = np.deg2rad(30)
    rows = np.array([0.0, np.sin(tilt), -np.cos(tilt)])
    columns = np.array([1.0, 0.0, 0.0])
    shown = display_orientation(grid(np.stack([np.cross(rows, columns), rows, columns], axis=1)))
    assert (shown.plane, shown.left, shown.right, shown.top, shown.bottom) == ("coronal", "R", "L", "SA", "IP")


def test_letters() -> None:
    assert direction_letters(np.array([0.0, 0.0, -2.0])) == "I"
    assert direction_letters(np.array([0.0, 0.2, 1.0])) == "S"


def test_positions_are_in_patient_words() -> None:
    geometry = grid(permuted((1, 2, 0), (-1.0, -1.0, 1.0)))
    assert slice_position(geometry, 2, "coronal") == "A 8.0 mm"
