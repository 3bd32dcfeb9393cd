"""Coil shading: N4 on both series with one model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair, BiasModel
from marrowsignal.geometry.itk_bridge import array_to_itk
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry
from marrowsignal.protocol.schema import BiasSettings

__all__ = ["correct_bias", "n4_field"]

# N4 sees the image at this in-plane resolution: shading is smooth, and time falls with the square.
_WORK_SPACING_MM = 8.0
_ITERATIONS = (50, 50, 50)
_CONVERGENCE = 1e-4
_SURROUND_MM = 25.0


def correct_bias(pair: AlignedPair, *, settings: BiasSettings) -> AlignedPair:
    """Remove coil shading from T1 and STIR by N4.

    Parameters
    ----------
    pair : AlignedPair
        T1 and STIR on one grid, or a T1 alone.
    settings : BiasSettings
        Control point spacing of the bias model.

    Returns
    -------
    AlignedPair
        Corrected signals; the fields are kept in `bias`, geometric mean 1 in the body. What shading
        remains is measured on reference tissue by `find_references`.

    Notes
    -----
    Tustison et al., IEEE TMI 2010 (N4ITK), doi:10.1109/TMI.2010.2046908.
    """
    t1, t1_field = _corrected(pair.t1, pair.body_mask, settings)
    if pair.stir is None:
        return replace(pair, t1=t1, bias=BiasModel(t1_field=t1_field, stir_field=None))
    stir, stir_field = _corrected(pair.stir, pair.body_mask & pair.covered_mask, settings)
    return replace(pair, t1=t1, stir=stir, bias=BiasModel(t1_field=t1_field, stir_field=stir_field))


def n4_field(
    signal: NDArray[np.float32],
    mask: NDArray[np.bool_],
    geometry: VolumeGeometry,
    *,
    knots_mm: float,
    outlier_ratio: float,
) -> NDArray[np.float32]:
    """Multiplicative shading of one image.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Acquired signal.
    mask : ndarray of bool, shape (slice, row, column)
        Where the shading is estimated.
    geometry : VolumeGeometry
        Grid of both.
    knots_mm : float
        Distance of the spline's control points.
    outlier_ratio : float
        Voxels brighter than this many times their surround are left out.

    Returns
    -------
    ndarray of float32, shape (slice, row, column)
        Acquired signal divided by corrected signal; geometric mean 1 inside `mask`;
        1 everywhere when there is nothing to estimate it from.
    """
    inside = mask & ~_outliers(signal, mask, geometry, outlier_ratio)
    if not inside.any() or min(signal.shape) < 2:
        return np.ones(signal.shape, np.float32)
    image = array_to_itk(np.maximum(signal, 0.0).astype(np.float32), geometry)
    region = array_to_itk(inside.astype(np.uint8), geometry)

    grid = _coarse_grid(image)
    small = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    small_region = sitk.Resample(region, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(_ITERATIONS)
    n4.SetConvergenceThreshold(_CONVERGENCE)
    extent_mm = np.asarray(geometry.shape[::-1]) * geometry.spacing_mm[::-1]
    # The last level has about one control point every knots_mm; each level doubles them.
    meshes = np.maximum(1, np.round(extent_mm / knots_mm / 2 ** (len(_ITERATIONS) - 1)))
    n4.SetNumberOfControlPoints([int(m) + 3 for m in meshes])
    # One thread: the fit would change in its last digits with their number, and gains nothing from more. Its inner
    # filters heed the global count alone.
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        n4.SetNumberOfWorkUnits(1)
        n4.Execute(small, small_region)
        log_image = n4.GetLogBiasFieldAsImage(small)
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    # The spline is evaluated on the shrunken grid and interpolated: smooth fields lose nothing.
    grow = sitk.ResampleImageFilter()
    grow.SetReferenceImage(image)
    grow.SetInterpolator(sitk.sitkLinear)
    grow.UseNearestNeighborExtrapolatorOn()
    log_field = sitk.GetArrayFromImage(grow.Execute(log_image))
    log_field -= log_field[mask].mean() if mask.any() else 0.0
    return np.asarray(np.exp(log_field, dtype=np.float32))


def _corrected(
    volume: SignalVolume, inside: NDArray[np.bool_], settings: BiasSettings
) -> tuple[SignalVolume, NDArray[np.float32]]:
    field = n4_field(
        volume.array,
        inside,
        volume.geometry,
        knots_mm=settings.control_point_spacing.value,
        outlier_ratio=settings.outlier_ratio.value,
    )
    return replace(volume, array=volume.array / field), field


def _coarse_grid(image: sitk.Image) -> sitk.Image:
    # Samples, not averages: mixed tissue would blur the histogram that N4 sharpens. Centred on the image, so that a
    # stack read from its other end gives the same field.
    size = np.asarray(image.GetSize())
    extent = size * np.asarray(image.GetSpacing())
    # At least two along each axis: N4 fails on one.
    coarse = np.minimum(size, np.maximum(2, np.round(extent / _WORK_SPACING_MM))).astype(int)
    spacing = extent / coarse
    grid = sitk.Image(coarse.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(image.GetDirection())
    first = (0.5 * (spacing / np.asarray(image.GetSpacing()) - 1)).tolist()
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(first))
    return grid


def _outliers(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], geometry: VolumeGeometry, ratio: float
) -> NDArray[np.bool_]:
    # Fluid and lesions are no shading: what far exceeds its surroundings is left out, and so is void.
    sigma = [_SURROUND_MM / s for s in geometry.spacing_mm]
    step = [max(1, int(width / 4)) for width in sigma]
    coarse = tuple(slice(None, None, k) for k in step)
    width = [s / k for s, k in zip(sigma, step, strict=True)]
    weight = ndimage.gaussian_filter(mask[coarse].astype(np.float32), width)
    mean = ndimage.gaussian_filter(np.where(mask, signal, 0)[coarse].astype(np.float32), width)
    mean /= np.maximum(weight, 1e-6)
    for axis, k in enumerate(step):
        mean = np.take(np.repeat(mean, k, axis=axis), np.arange(signal.shape[axis]), axis=axis)
    return np.asarray((signal > ratio * mean) | (signal <= 0))
