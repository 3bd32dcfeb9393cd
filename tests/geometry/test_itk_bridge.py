"""To SimpleITK and files and back: every voxel keeps its place, labels are never interpolated."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marrowsignal.errors import MaskError
from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import (
    affine_transform,
    array_to_itk,
    geometry_of,
    write_nifti,
)
from marrowsignal.geometry.label_files import read_label_volume

# oblique, non-square pixels, every axis of another length
OBLIQUE = VolumeGeometry.from_axes(
    origin_lps_mm=(-31.0, 12.0, 7.5),
    directions_lps=Rotation.from_euler("xyz", (25.0, -10.0, 40.0), degrees=True).as_matrix(),
    spacing_mm=(3.3, 0.6, 0.9),
    shape=(5, 7, 6),
)


def blocks(seed: int = 0, shape: tuple[int, ...] = OBLIQUE.shape) -> np.ndarray:
    """Labels 0, 3 and 700: a mean of two of them is none of them."""
    return np.random.default_rng(seed).choice(np.array([0, 3, 700], np.uint16), shape)


def relaid(array: np.ndarray, order: list[int], flips: list[bool]) -> LabelVolume:
    """The same voxels of OBLIQUE stored with other axis order and directions."""
    affine = OBLIQUE.affine_lps.copy()
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
    stored = np.flip(array, [axis for axis, flip in enumerate(flips) if flip]).transpose(order)
    affine[:3, :3] = affine[:3, order]
    return LabelVolume(array=stored, geometry=VolumeGeometry(affine_lps=affine, shape=stored.shape))


def save(path: Path, array: np.ndarray, grid: VolumeGeometry = OBLIQUE) -> Path:
    sitk.WriteImage(array_to_itk(array, grid), str(path))
    return path


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_voxel_has_the_same_patient_point_in_simpleitk(flip: float) -> None:
    grid = VolumeGeometry(affine_lps=OBLIQUE.affine_lps @ np.diag([flip, 1, 1, 1]), shape=OBLIQUE.shape)
    array = np.arange(np.prod(grid.shape), dtype=np.float32).reshape(grid.shape)
    image = array_to_itk(array, grid)
    for index in [(0, 0, 0), (4, 0, 0), (0, 6, 0), (0, 0, 5), (2, 3, 1)]:
        there = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(there, grid.to_patient(index), atol=1e-9)
        assert image.GetPixel(*index[::-1]) == array[index]


@given(
    st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3), st.tuples(*[st.floats(-80.0, 80.0)] * 3)
)
def test_a_grid_comes_back_from_simpleitk(order, sign, angles_deg) -> None:
    axes = np.eye(3)[:, order] * np.asarray(sign)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=(5.0, -7.0, 11.0),
        directions_lps=Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix() @ axes,
        spacing_mm=(3.3, 0.6, 0.9),
        shape=(2, 3, 4),
    )
    back = geometry_of(array_to_itk(np.zeros(grid.shape, np.uint8), grid))
    assert grid.difference(back).within(1e-9)


def test_rounded_direction_cosines_become_square_axes() -> None:
    rounded = VolumeGeometry.from_axes(
        origin_lps_mm=OBLIQUE.origin_lps_mm,
        directions_lps=np.round(OBLIQUE.directions_lps, 4),
        spacing_mm=OBLIQUE.spacing_mm,
        shape=OBLIQUE.shape,
    )
    image = array_to_itk(np.zeros(rounded.shape, np.uint8), rounded)
    axes = np.asarray(image.GetDirection()).reshape(3, 3)
    # readers refuse a NIfTI whose axes are not square to each other
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert rounded.difference(geometry_of(image)).within(0.01)


def test_a_transform_takes_points_where_the_matrix_does() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (3.0, -8.0, 20.0), degrees=True).as_matrix()
    matrix[:3, 3] = (1.0, -2.0, 30.0)
    point = np.array([12.0, -40.0, 7.0, 1.0])
    np.testing.assert_allclose(affine_transform(matrix).TransformPoint(point[:3].tolist()), (matrix @ point)[:3])


@settings(max_examples=30)
@given(st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 99))
def test_labels_stored_in_any_axis_order_and_direction_come_back_exactly(order, flips, seed) -> None:
    array = blocks(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.nii.gz"
        write_nifti(path, relaid(array, order, flips))
        np.testing.assert_array_equal(read_label_volume(path, OBLIQUE).array, array)


def majority(cut: np.ndarray) -> int:
    """Label of most of a voxel, 0 where less than half is labelled."""
    values, counts = np.unique(cut[cut > 0], return_counts=True)
    return int(values[counts.argmax()]) if 2 * counts.sum() >= cut.size else 0


def test_labels_of_a_finer_grid_are_voted_for_not_interpolated(tmp_path: Path) -> None:
    # three fine voxels a coarse one, on each axis
    shape = tuple(3 * n for n in OBLIQUE.shape)
    affine = OBLIQUE.affine_lps @ np.diag([1 / 3, 1 / 3, 1 / 3, 1.0])
    affine[:3, 3] = OBLIQUE.to_patient([-1 / 3, -1 / 3, -1 / 3])
    fine = blocks(4, shape)
    write_nifti(
        tmp_path / "fine.nrrd", LabelVolume(array=fine, geometry=VolumeGeometry(affine_lps=affine, shape=shape))
    )
    want = [
        majority(fine[3 * s : 3 * s + 3, 3 * r : 3 * r + 3, 3 * c : 3 * c + 3]) for s, r, c in np.ndindex(OBLIQUE.shape)
    ]
    read = read_label_volume(tmp_path / "fine.nrrd", OBLIQUE).array
    np.testing.assert_array_equal(read, np.reshape(want, OBLIQUE.shape))


def test_labels_of_a_cropped_grid_leave_zero_around(tmp_path: Path) -> None:
    array = blocks(5) | np.uint16(1)
    affine = OBLIQUE.affine_lps.copy()
    affine[:3, 3] = OBLIQUE.to_patient([1, 2, 3])
    inner = VolumeGeometry(affine_lps=affine, shape=(3, 4, 2))
    write_nifti(tmp_path / "crop.nii", LabelVolume(array=array[1:4, 2:6, 3:5], geometry=inner))
    want = np.zeros_like(array)
    want[1:4, 2:6, 3:5] = array[1:4, 2:6, 3:5]
    np.testing.assert_array_equal(read_label_volume(tmp_path / "crop.nii", OBLIQUE).array, want)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_labels(tmp_path: Path, dtype: type) -> None:
    array = (blocks(6) % 200).astype(dtype)
    read = read_label_volume(save(tmp_path / "labels.nii", array), OBLIQUE)
    np.testing.assert_array_equal(read.array, array)
    assert read.array.dtype == np.uint16


def test_a_signal_comes_back_from_a_file_unchanged(tmp_path: Path) -> None:
    array = np.random.default_rng(7).gamma(2.0, 100.0, OBLIQUE.shape).astype(np.float32)
    write_nifti(tmp_path / "t1.nii.gz", SignalVolume(array=array, geometry=OBLIQUE, acquisition=AcquisitionFacts()))
    image = sitk.ReadImage(str(tmp_path / "t1.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    # NIfTI stores the grid in float32
    assert geometry_of(image).difference(OBLIQUE).within(1e-4)


def refused(path: Path) -> MaskError:
    with pytest.raises(MaskError) as caught:
        read_label_volume(path, OBLIQUE)
    assert str(path.parent) not in str(caught.value)
    assert caught.value.stage == "segment_marrow"
    return caught.value


@pytest.mark.parametrize("bad", [0.5, -1.0, 65536.0, np.nan])
def test_values_that_are_no_labels_are_refused(tmp_path: Path, bad: float) -> None:
    array = np.ones(OBLIQUE.shape, np.float32)
    array[2, 3, 1] = bad
    assert refused(save(tmp_path / "probability.nrrd", array)).code == "mask_not_labels"


def test_labels_beside_the_t1_series_are_refused(tmp_path: Path) -> None:
    far = OBLIQUE.affine_lps.copy()
    far[:3, 3] += 500.0
    grid = VolumeGeometry(affine_lps=far, shape=OBLIQUE.shape)
    assert refused(save(tmp_path / "far.nii", blocks(), grid)).code == "mask_outside"


def test_an_empty_label_map_is_refused(tmp_path: Path) -> None:
    assert refused(save(tmp_path / "empty.nii", np.zeros(OBLIQUE.shape, np.uint8))).code == "mask_empty"


def test_a_time_series_of_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "four.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, *OBLIQUE.shape), np.uint8), isVector=False), str(path))
    assert refused(path).code == "mask_not_3d"


def test_colour_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "colour.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((*OBLIQUE.shape, 3), np.uint8), isVector=True), str(path))
    assert refused(path).code == "mask_not_3d"


@pytest.mark.parametrize("content", [None, b"", b"not an image at all"])
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.nii.gz"
    if content is not None:
        path.write_bytes(content)
    assert refused(path).code == "mask_unreadable"
