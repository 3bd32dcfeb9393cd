"""Rigid registration by mutual information."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.geometry.itk_bridge import affine_transform, array_to_itk
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry

__all__ = ["displacements_mm", "register_rigid", "resample_onto", "rotation_deg"]

_HISTOGRAM_BINS = 40
_LEVELS_MM = (2.0, 1.0)
_SAMPLES = 60_000
_ITERATIONS = 80
_SEED = 20_190_101
_SMOOTHING_MM = 1.0
_TAIL_PERCENT = 99.5


def register_rigid(
    t1: SignalVolume,
    stir: SignalVolume,
    mask: NDArray[np.bool_],
    *,
    initial: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Rigid transform that takes T1 points to STIR points.

    Parameters
    ----------
    t1, stir : SignalVolume
        Any two grids in one patient space.
    mask : ndarray of bool, T1's shape
        Where the similarity is measured.
    initial : ndarray of float64, shape (4, 4), optional
        Where to start; the identity by default.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        LPS mm; maximizes Mattes mutual information (Mattes et al., IEEE TMI 2003, doi:10.1109/TMI.2003.809072).

    Raises
    ------
    RuntimeError
        If the images do not overlap in `mask`.
    """
    matrix = np.eye(4) if initial is None else initial
    centre = t1.geometry.to_patient((np.asarray(t1.geometry.shape) - 1) / 2)
    fixed, moving = _prepared(t1), _prepared(stir)
    region = array_to_itk(mask.astype(np.uint8), t1.geometry)
    for level_mm in _LEVELS_MM:
        small_fixed, small_moving = _shrunk(fixed, level_mm), _shrunk(moving, level_mm)
        small_region = sitk.Resample(region, small_fixed, sitk.Transform(), sitk.sitkNearestNeighbor)
        method = _method(share=_SAMPLES / small_fixed.GetNumberOfPixels())
        method.SetMetricFixedMask(small_region)
        method.SetInitialTransform(_euler(matrix, centre), inPlace=False)
        matrix = _matrix(method.Execute(small_fixed, small_moving))
    return matrix


def resample_onto(
    volume: SignalVolume, grid: VolumeGeometry, transform_lps: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Interpolate `volume` once onto `grid`.

    Parameters
    ----------
    volume : SignalVolume
        What is moved.
    grid : VolumeGeometry
        Where it is wanted.
    transform_lps : ndarray of float64, shape (4, 4)
        Takes a point of `grid`'s space to the same tissue's point in `volume`'s.

    Returns
    -------
    signal : ndarray of float32, shape of `grid`
        Cubic B-spline, not below 0; 0 outside.
    covered : ndarray of bool, shape of `grid`
        Where `volume` has data.
    """
    target = array_to_itk(np.zeros(grid.shape, np.uint8), grid)
    transform = affine_transform(transform_lps)
    image = array_to_itk(volume.array, volume.geometry)
    moved = sitk.GetArrayFromImage(sitk.Resample(image, target, transform, sitk.sitkBSpline, 0.0))
    ones = array_to_itk(np.ones(volume.array.shape, np.uint8), volume.geometry)
    covered = sitk.GetArrayFromImage(sitk.Resample(ones, target, transform, sitk.sitkNearestNeighbor, 0))
    return np.maximum(moved, 0).astype(np.float32), np.asarray(covered > 0)


def displacements_mm(
    a: NDArray[np.float64], b: NDArray[np.float64], points_lps_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance between where two 4x4 transforms take each point, mm; shape (n,)."""
    moved = points_lps_mm @ (a - b)[:3, :3].T + (a - b)[:3, 3]
    return np.asarray(np.linalg.norm(moved, axis=-1))


def rotation_deg(matrix: NDArray[np.float64]) -> float:
    """Rotation angle of a rigid 4x4 transform, degrees.

    Examples
    --------
    >>> rotation_deg(np.eye(4))
    0.0
    """
    cosine = (np.trace(matrix[:3, :3]) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _method(*, share: float) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    # One work unit: a sum over threads would change with their number.
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(_HISTOGRAM_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(min(1.0, share), _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=2e-3, numberOfIterations=_ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _prepared(volume: SignalVolume) -> sitk.Image:
    # Bright fluid and coil-near fat would spend the histogram's bins: clip the top.
    top = float(np.percentile(volume.array, _TAIL_PERCENT))
    image = array_to_itk(np.clip(volume.array, 0.0, top), volume.geometry)
    sigma = [_SMOOTHING_MM if s < 2 * _SMOOTHING_MM else 1e-3 * s for s in image.GetSpacing()]
    smooth: sitk.Image = sitk.SmoothingRecursiveGaussian(image, sigma)
    return smooth


def _shrunk(image: sitk.Image, level_mm: float) -> sitk.Image:
    small: sitk.Image = sitk.Shrink(image, [max(1, round(level_mm / s)) for s in image.GetSpacing()])
    return small


def _euler(matrix: NDArray[np.float64], centre: NDArray[np.float64]) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(matrix[:3, :3].ravel().tolist(), 1e-6)
    offset = matrix[:3, :3] @ centre + matrix[:3, 3] - centre
    transform.SetTranslation(offset.tolist())
    return transform


def _matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    matrix = np.eye(4)
    corners = np.vstack([np.zeros(3), np.eye(3)])
    moved = np.array([transform.TransformPoint(point.tolist()) for point in corners])
    matrix[:3, :3] = (moved[1:] - moved[0]).T
    matrix[:3, 3] = moved[0]
    return matrix
