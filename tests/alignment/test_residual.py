"""The shift between T1 and STIR of a phantom, measured without interpolation."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.residual import residual_shift
from tests.alignment.pelvis import GRID, image, maps

SPACING = np.asarray(GRID.spacing_mm)


def measured(stir: np.ndarray):
    t1 = image(maps(), "t1")
    body = body_mask(t1.astype(np.float32), spacing_mm=GRID.spacing_mm)
    return residual_shift(t1, stir, body, spacing_mm=GRID.spacing_mm)


def test_images_that_lie_on_each_other_have_no_shift() -> None:
    found = measured(image(maps(), "stir"))
    assert found.bounded == (True, True, True)
    assert found.length_mm < 0.1 * SPACING.min()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("voxels", [-0.4, 0.5])
def test_a_part_of_a_voxel_is_found_on_its_axis_with_its_sign(axis: int, voxels: float) -> None:
    along = np.zeros(3)
    along[axis] = voxels
    shift_lps = GRID.directions_lps @ (along * SPACING)
    found = measured(image(maps(centre_lps_mm=tuple(shift_lps)), "stir"))
    assert found.bounded == (True, True, True)
    assert np.abs(np.asarray(found.shift_mm) / SPACING - along).max() < 0.3
    assert abs(found.shift_mm[axis]) > 0.5 * abs(voxels) * SPACING[axis]
    assert np.sign(found.shift_mm[axis]) == np.sign(voxels)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [-1, 1])
def test_a_whole_step_is_found_at_the_end_of_the_search(axis: int, steps: int) -> None:
    # one voxel is one step here, so the best place is the last one looked at
    found = measured(np.roll(image(maps(), "stir"), steps, axis))
    assert found.shift_mm[axis] == pytest.approx(steps * SPACING[axis], abs=0.3 * SPACING[axis])


def test_a_shift_beyond_the_search_is_not_bounded() -> None:
    found = measured(np.roll(image(maps(), "stir"), 4, 2))
    assert found.bounded[2] is False
    assert found.shift_mm[2] > 0


def test_nothing_to_compare_is_not_bounded() -> None:
    flat = np.zeros((2, 8, 8))
    found = residual_shift(flat, flat, np.ones(flat.shape, bool), spacing_mm=(4.0, 1.0, 1.0))
    assert found.bounded == (False, False, False)
    empty = residual_shift(flat, flat, np.zeros(flat.shape, bool), spacing_mm=(4.0, 1.0, 1.0))
    assert empty.bounded == (False, False, False)
