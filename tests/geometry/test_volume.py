"""Voxel grids: where a voxel lies in the patient, for every orientation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marrowsignal.errors import GeometryError
from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume, VolumeGeometry

SHAPE = (3, 4, 5)
# distinct on purpose: swapped axes must show
SPACING = (4.0, 0.5, 1.25)

permutations = st.permutations([0, 1, 2])
signs = st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)
angles = st.tuples(*[st.floats(-60.0, 60.0)] * 3)
origins = st.tuples(*[st.floats(-500.0, 500.0)] * 3)


def geometry(
    order: list[int] | None = None,
    sign: tuple[float, float, float] = (1.0, 1.0, 1.0),
    *,
    angles_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> VolumeGeometry:
    axes = np.eye(3)[:, order or [0, 1, 2]] * np.asarray(sign)
    return VolumeGeometry.from_axes(
        origin_lps_mm=origin,
        directions_lps=Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix() @ axes,
        spacing_mm=SPACING,
        shape=SHAPE,
    )


@given(permutations, signs, angles, origins)
def test_index_and_patient_point_invert_each_other(order, sign, angles_deg, origin) -> None:
    grid = geometry(order, sign, angles_deg=angles_deg, origin=origin)
    index = np.argwhere(np.ones(SHAPE, bool)).astype(float)
    np.testing.assert_allclose(grid.to_index(grid.to_patient(index)), index, atol=1e-9)
    assert grid.spacing_mm == pytest.approx(SPACING)
    np.testing.assert_allclose(grid.to_patient([0, 0, 0]), origin)
    assert grid.voxel_ml == pytest.approx(np.prod(SPACING) / 1000.0)


@given(permutations, signs, angles, origins)
def test_patient_axis_agrees_with_to_patient(order, sign, angles_deg, origin) -> None:
    grid = geometry(order, sign, angles_deg=angles_deg, origin=origin)
    points = grid.to_patient(np.argwhere(np.ones(SHAPE, bool)))
    for axis in range(3):
        np.testing.assert_allclose(grid.patient_axis(axis).ravel(), points[:, axis], atol=1e-9)


@given(permutations, signs)
def test_each_index_walks_its_own_axis_by_its_own_spacing(order, sign) -> None:
    grid = geometry(order, sign)
    for axis in range(3):
        step = grid.to_patient(np.eye(3)[axis]) - grid.to_patient([0, 0, 0])
        want = np.zeros(3)
        want[order[axis]] = sign[axis] * SPACING[axis]
        np.testing.assert_allclose(step, want)
        np.testing.assert_allclose(grid.directions_lps[:, axis], want / SPACING[axis])


@given(permutations, signs, angles)
def test_a_grid_differs_from_itself_by_nothing(order, sign, angles_deg) -> None:
    grid = geometry(order, sign, angles_deg=angles_deg)
    difference = grid.difference(geometry(order, sign, angles_deg=angles_deg))
    assert difference.same_shape
    assert difference.max_corner_mm == 0.0
    assert difference.spacing_fraction == 0.0
    assert difference.within(0.0)


@given(angles, st.tuples(*[st.floats(-20.0, 20.0)] * 3))
def test_a_shifted_grid_differs_by_the_length_of_the_shift(angles_deg, shift) -> None:
    one, other = geometry(angles_deg=angles_deg), geometry(angles_deg=angles_deg, origin=shift)
    assert one.difference(other).max_corner_mm == pytest.approx(float(np.linalg.norm(shift)), abs=1e-9)
    assert one.difference(other).max_corner_mm == pytest.approx(other.difference(one).max_corner_mm)


def test_flipped_slices_are_a_difference_though_both_fill_the_same_box() -> None:
    one = geometry()
    flipped = geometry(sign=(-1.0, 1.0, 1.0), origin=(SPACING[0] * (SHAPE[0] - 1), 0.0, 0.0))
    assert one.difference(flipped).max_corner_mm == pytest.approx(SPACING[0] * (SHAPE[0] - 1))
    assert not one.difference(flipped).within(1.0)


def test_boxes_lie_together_in_whatever_order_and_direction_their_axes_run() -> None:
    one = VolumeGeometry.from_axes(
        origin_lps_mm=(1.0, 2.0, 3.0), directions_lps=np.eye(3), spacing_mm=(4.0, 1.0, 2.0), shape=(5, 6, 7)
    )
    affine = one.affine_lps[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] = one.to_patient([4, 0, 0])
    affine[:3, 1] *= -1
    turned = VolumeGeometry(affine_lps=affine, shape=(7, 5, 6))
    assert one.boxes_apart_mm(turned) == pytest.approx(0.0)
    larger = VolumeGeometry(affine_lps=one.affine_lps, shape=(5, 6, 9))
    assert one.boxes_apart_mm(larger) == larger.boxes_apart_mm(one) == pytest.approx(4.0)


def test_a_turned_grid_differs_at_the_far_corner() -> None:
    # 2 degrees about the first voxel: the chord of its farthest corner in the turning plane
    turned = geometry(angles_deg=(2.0, 0.0, 0.0))
    reach = np.hypot(SPACING[1] * (SHAPE[1] - 1), SPACING[2] * (SHAPE[2] - 1))
    chord = 2 * reach * np.sin(np.deg2rad(1.0))
    assert geometry().difference(turned).max_corner_mm == pytest.approx(chord)


def test_spacing_and_shape_differences_are_told() -> None:
    one = geometry()
    wider = VolumeGeometry(affine_lps=one.affine_lps @ np.diag([1.0, 2.0, 1.0, 1.0]), shape=SHAPE)
    longer = VolumeGeometry(affine_lps=one.affine_lps, shape=(SHAPE[0] + 1, *SHAPE[1:]))
    assert one.difference(wider).spacing_fraction == pytest.approx(0.5)
    assert not one.difference(longer).same_shape
    assert not one.difference(longer).within(1e6)


@pytest.mark.parametrize(
    ("affine", "shape", "code"),
    [
        (np.eye(3), SHAPE, "bad_affine"),
        (np.diag([1.0, np.nan, 1.0, 1.0]), SHAPE, "bad_affine"),
        (np.diag([1.0, np.inf, 1.0, 1.0]), SHAPE, "bad_affine"),
        (np.diag([1.0, 0.0, 1.0, 1.0]), SHAPE, "degenerate_grid"),
        (np.eye(4)[[0, 0, 2, 3]], SHAPE, "degenerate_grid"),
        (np.eye(4), (3, 0, 5), "degenerate_grid"),
    ],
)
def test_an_impossible_grid_is_an_error(affine, shape, code) -> None:
    with pytest.raises(GeometryError) as caught:
        VolumeGeometry(affine_lps=affine, shape=shape)
    assert caught.value.code == code


@pytest.mark.parametrize("kind", ["signal", "label"])
def test_an_array_that_does_not_fit_its_grid_is_an_error(kind) -> None:
    array = np.zeros((3, 5, 4), np.float32)
    with pytest.raises(GeometryError) as caught:
        if kind == "signal":
            SignalVolume(array=array, geometry=geometry(), acquisition=AcquisitionFacts())
        else:
            LabelVolume(array=array, geometry=geometry())
    assert caught.value.code == "shape_mismatch"


def test_arrays_of_records_cannot_be_written_to() -> None:
    grid = geometry()
    signal = SignalVolume(array=np.zeros(SHAPE, np.float32), geometry=grid, acquisition=AcquisitionFacts())
    labels = LabelVolume(array=np.zeros(SHAPE, np.uint8), geometry=grid)
    for array in (grid.affine_lps, signal.array, labels.array):
        with pytest.raises(ValueError, match="read-only"):
            array[(0,) * array.ndim] = 1


def test_a_grid_keeps_its_own_copy_of_the_affine() -> None:
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    grid = VolumeGeometry(affine_lps=affine, shape=SHAPE)
    affine[0, 0] = 9.0
    assert grid.spacing_mm[0] == 4.0


def test_arrays_take_the_type_of_their_kind_and_keep_their_values() -> None:
    values = np.arange(60).reshape(SHAPE)
    signal = SignalVolume(array=values, geometry=geometry(), acquisition=AcquisitionFacts())
    labels = LabelVolume(array=values, geometry=geometry())
    assert (signal.array.dtype, labels.array.dtype) == (np.float32, np.uint16)
    np.testing.assert_array_equal(signal.array, values)
    np.testing.assert_array_equal(labels.array, values)
    np.testing.assert_array_equal(labels.mask, values > 0)
