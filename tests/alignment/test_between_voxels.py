"""Images between their voxels: linear and cubic ones against SciPy and ITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.alignment.cubic import CubicImage
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.alignment.trilinear import trilinear
from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import affine_transform, array_to_itk

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(2, 9))


def _grid(shape: tuple[int, int, int], *, turn_deg: float, spacing_mm: tuple[float, float, float]) -> VolumeGeometry:
    angle = np.deg2rad(turn_deg)
    affine = np.eye(4)
    affine[:3, 0] = (0.0, -np.sin(angle), np.cos(angle))
    affine[:3, 1] = (0.0, np.cos(angle), np.sin(angle))
    affine[:3, 2] = (1.0, 0.0, 0.0)
    affine[:3, :3] *= spacing_mm
    affine[:3, 3] = (-12.0, 7.0, 30.0)
    return VolumeGeometry(affine_lps=affine, shape=shape)


def _image(grid: VolumeGeometry) -> SignalVolume:
    array = np.random.default_rng(7).uniform(100.0, 900.0, grid.shape).astype(np.float32)
    return SignalVolume(array=array, geometry=grid, acquisition=AcquisitionFacts())


@settings(max_examples=60)
@given(SHAPES, st.integers(0, 999))
def test_linear_is_scipys_and_its_slopes_are_those_of_the_values(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.uniform(0, 100, shape).astype(np.float32)
    last = np.asarray(shape)[:, None] - 1.0
    index = rng.uniform(0, 1, (3, 20)) * last
    index[:, :3] = np.array([0.0, 0.5, 1.0]) * last
    values, slopes = trilinear(array, index)
    np.testing.assert_allclose(values, ndimage.map_coordinates(array, index, order=1), atol=1e-3)
    inner = np.clip(np.floor(index), 0, np.maximum(last - 1, 0)) + 0.5 * (last > 0)
    for axis in np.flatnonzero(last.ravel()):
        step = np.zeros((3, 1))
        step[axis] = 0.25
        risen = trilinear(array, inner + step)[0] - trilinear(array, inner - step)[0]
        np.testing.assert_allclose(trilinear(array, inner)[1][axis], risen / 0.5, atol=1e-2)
    assert (slopes[last.ravel() == 0] == 0).all()


@settings(max_examples=60)
@given(SHAPES, st.integers(0, 999))
def test_cubic_passes_through_every_voxel_and_is_scipys_between(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.uniform(0, 100, shape).astype(np.float32)
    spline = CubicImage.through(array)
    voxels = np.indices(shape).reshape(3, -1).astype(float)
    np.testing.assert_allclose(spline.at(voxels), array.ravel(), atol=1e-3)
    index = rng.uniform(0, 1, (3, 20)) * np.asarray(shape)[:, None] - 0.5
    wanted = ndimage.map_coordinates(array.astype(float), index, order=3, mode="mirror")
    np.testing.assert_allclose(spline.at(index), wanted, atol=1e-3)


@pytest.mark.parametrize("shape", [(5, 24, 20), (1, 16, 16)])
def test_an_image_on_another_grid_is_that_of_itk(shape: tuple[int, int, int]) -> None:
    source = _image(_grid(shape, turn_deg=0.0, spacing_mm=(4.0, 0.9, 0.9)))
    target = _grid((shape[0], 30, 26), turn_deg=3.0, spacing_mm=(4.0, 0.7, 0.8))
    motion = np.eye(4)
    motion[:3, 3] = (0.4, -0.3, 0.2)
    reference = array_to_itk(np.zeros(target.shape, np.uint8), target)
    image = array_to_itk(source.array, source.geometry)
    wanted = sitk.Resample(image, reference, affine_transform(motion), sitk.sitkBSpline, 0.0)
    inside = sitk.Resample(image * 0 + 1, reference, affine_transform(motion), sitk.sitkNearestNeighbor, 0.0)
    signal, covered = resample_onto(source, target, motion)
    np.testing.assert_array_equal(covered, sitk.GetArrayFromImage(inside) > 0)
    assert covered.any()
    assert not covered.all()
    np.testing.assert_allclose(signal, np.maximum(sitk.GetArrayFromImage(wanted), 0), atol=2e-3)


def test_a_piece_alone_moves_all_as_a_rigid_motion_would() -> None:
    source = _image(_grid((4, 24, 24), turn_deg=0.0, spacing_mm=(4.0, 1.0, 1.0)))
    moved = np.eye(4)
    moved[:3, 3] = (0.6, -1.3, 0.5)
    piece = PieceMotion(
        centre_lps_mm=(0.0, 15.0, 35.0), t1_to_stir_lps=moved, beyond_rigid_mm=1.5, voxels=100, reach_mm=20.0
    )
    bent = resample_onto(source, source.geometry, np.eye(4), pieces=(piece,))
    rigid = resample_onto(source, source.geometry, moved)
    np.testing.assert_allclose(bent[0], rigid[0], atol=5e-2)
    np.testing.assert_array_equal(bent[1], rigid[1])
