"""An image on another grid, interpolated once."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.geometry.itk_bridge import affine_transform, array_to_itk
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry

__all__ = ["INTERPOLATOR", "resample_onto", "unfilled_onto"]

INTERPOLATOR = "cubic B-spline"
_FIELD_MM = 4.0
_WIDE_MM = 4.0
_TISSUE_SHARE = 0.25


def resample_onto(
    volume: SignalVolume,
    grid: VolumeGeometry,
    transform_lps: NDArray[np.float64],
    *,
    pieces: tuple[PieceMotion, ...] = (),
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
    pieces : tuple of PieceMotion
        Parts that move otherwise; their transforms are blended smoothly before anything is interpolated.

    Returns
    -------
    signal : ndarray of float32, shape of `grid`
        Cubic B-spline, not below 0; 0 outside.
    covered : ndarray of bool, shape of `grid`
        Where `volume` has data.
    """
    target = array_to_itk(np.zeros(grid.shape, np.uint8), grid)
    transform = _transform(grid, transform_lps, pieces)
    image = array_to_itk(volume.array, volume.geometry)
    moved = sitk.GetArrayFromImage(sitk.Resample(image, target, transform, sitk.sitkBSpline, 0.0))
    ones = array_to_itk(np.ones(volume.array.shape, np.uint8), volume.geometry)
    covered = sitk.GetArrayFromImage(sitk.Resample(ones, target, transform, sitk.sitkNearestNeighbor, 0))
    return np.maximum(moved, 0).astype(np.float32), np.asarray(covered > 0)


def unfilled_onto(
    volume: SignalVolume,
    t1: SignalVolume,
    body: NDArray[np.bool_],
    transform_lps: NDArray[np.float64],
    *,
    pieces: tuple[PieceMotion, ...] = (),
) -> NDArray[np.bool_]:
    """Where `volume` was filled up with nothing although T1 shows tissue.

    Parameters
    ----------
    volume : SignalVolume
        As acquired.
    t1 : SignalVolume
        On the grid wanted.
    body : ndarray of bool, shape of `t1`
        Patient on T1.
    transform_lps, pieces
        As in `resample_onto`.

    Returns
    -------
    ndarray of bool, shape of `t1`
        Voxels without signal that reach a face of `volume`, are wide in the plane of T1's slices and not dark on T1
        too: not air that the scanner blanked, cortex or gas.
    """
    blank = _reaching_a_face(volume.array <= 0)
    if not blank.any():
        return np.zeros(body.shape, bool)
    target = array_to_itk(np.zeros(t1.geometry.shape, np.uint8), t1.geometry)
    transform = _transform(t1.geometry, transform_lps, pieces)
    image = array_to_itk(blank.astype(np.uint8), volume.geometry)
    there = sitk.GetArrayFromImage(sitk.Resample(image, target, transform, sitk.sitkNearestNeighbor, 0)) > 0
    wide = _opened(there & body, t1.geometry.spacing_mm)
    labels, count = ndimage.label(wide)
    if count == 0:
        return wide
    bright = np.asarray(ndimage.median(t1.array, labels, np.arange(count + 1)))
    tissue = bright > _TISSUE_SHARE * float(np.median(t1.array[body]))
    tissue[0] = False
    return np.asarray(tissue[labels])


def _reaching_a_face(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    reaching = np.zeros(count + 1, bool)
    for axis in range(3):
        reaching[np.unique(labels.take((0, -1), axis=axis))] = True
    reaching[0] = False
    return np.asarray(reaching[labels])


def _opened(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    opened = np.zeros_like(mask)
    for number, plane in enumerate(mask):
        deep = ndimage.distance_transform_edt(plane, sampling=spacing_mm[1:]) > _WIDE_MM
        if deep.any():
            opened[number] = ndimage.distance_transform_edt(~deep, sampling=spacing_mm[1:]) <= _WIDE_MM
    return opened & mask


def _transform(
    grid: VolumeGeometry, transform_lps: NDArray[np.float64], pieces: tuple[PieceMotion, ...]
) -> sitk.Transform:
    return _bent(grid, transform_lps, pieces) if pieces else affine_transform(transform_lps)


def _bent(
    grid: VolumeGeometry, transform_lps: NDArray[np.float64], pieces: tuple[PieceMotion, ...]
) -> sitk.DisplacementFieldTransform:
    # The field is smooth, so every fourth millimetre tells it; one voxel beyond the grid keeps its rim inside.
    step = np.maximum(1.0, _FIELD_MM / np.asarray(grid.spacing_mm))
    counts = np.ceil((np.asarray(grid.shape) - 1) / step).astype(int) + 3
    affine = grid.affine_lps.copy()
    affine[:3, :3] = grid.affine_lps[:3, :3] * step
    affine[:3, 3] = grid.to_patient(-step)
    coarse = VolumeGeometry(affine_lps=affine, shape=(int(counts[0]), int(counts[1]), int(counts[2])))
    points = coarse.to_patient(np.moveaxis(np.indices(coarse.shape), 0, -1))
    field = displaced(points.reshape(-1, 3), transform_lps, pieces) - points.reshape(-1, 3)
    vectors = sitk.GetImageFromArray(field.reshape(*coarse.shape, 3), isVector=True)
    vectors.CopyInformation(array_to_itk(np.zeros(coarse.shape, np.uint8), coarse))
    return sitk.DisplacementFieldTransform(sitk.Cast(vectors, sitk.sitkVectorFloat64))
