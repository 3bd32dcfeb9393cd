"""Where a study lies against a template: shifts tried all at once, then an affine transform by correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import Rotation

__all__ = ["Region", "Tilt", "affine_by_correlation", "best_shift", "correlation", "moved", "place"]

_BEST = 3
_LEAST_OVERLAP = 0.35
_ITERATIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """An image and the part of it that counts.

    Attributes
    ----------
    image : sitk.Image
        float32.
    mask : sitk.Image
        uint8 on the same grid, 1 where it counts.
    """

    image: sitk.Image
    mask: sitk.Image

    @classmethod
    def whole(cls, image: sitk.Image) -> Region:
        """Count every voxel."""
        mask = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
        mask.CopyInformation(image)
        return cls(image=image, mask=mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilt:
    """Rotations that are tried.

    Attributes
    ----------
    axis : int
        Axis of the arrays (0 slice, 1 row, 2 column) that runs from one side of the patient to the other.
    degrees : tuple of float
        Angles about it.
    """

    axis: int
    degrees: tuple[float, ...]


def correlation(a: NDArray[np.float32], b: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Pearson correlation inside a mask; 0 where one of them is flat."""
    x, y = a[mask].astype(np.float64), b[mask].astype(np.float64)
    if len(x) < 2:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0


def moved(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, *, nearest: bool = False) -> NDArray[Any]:
    """Return `image` on `grid` (points of `grid` to points of `image`) as an array (slice, row, column); 0 outside."""
    how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    return np.asarray(sitk.GetArrayFromImage(sitk.Resample(image, grid, transform, how, 0.0)))


def place(
    fixed: Region, moving: Region, *, reach_mm: tuple[float, float, float], tilt: Tilt
) -> tuple[sitk.AffineTransform, float]:
    """Find the affine transform from `fixed` to `moving` points, and the correlation it reaches.

    Parameters
    ----------
    fixed, moving : Region
        Of one spacing.
    reach_mm : tuple of float
        Largest shift by slice, row, column.
    tilt : Tilt
        How far the one may be nodded against the other.
    """
    found = []
    for start in _best_starts(fixed, moving, reach_mm=reach_mm, tilt=tilt):
        transform = affine_by_correlation(fixed, moving, start)
        found.append((transform, _reached(fixed, moving, transform)))
    return max(found, key=lambda pair: pair[1])


def _best_starts(
    fixed: Region, moving: Region, *, reach_mm: tuple[float, float, float], tilt: Tilt
) -> list[sitk.AffineTransform]:
    """Tilts with the shift at which normalized correlation over the common region is highest, the best three first."""
    starts = []
    axis = np.eye(3)[2 - tilt.axis]
    for angle in np.deg2rad(tilt.degrees):
        nod = sitk.AffineTransform(3)
        nod.SetMatrix(Rotation.from_rotvec(angle * axis).as_matrix().ravel().tolist())
        turned = Region(
            image=sitk.Resample(moving.image, nod, sitk.sitkLinear, 0.0),
            mask=sitk.Resample(moving.mask, nod, sitk.sitkNearestNeighbor, 0),
        )
        score, shift = best_shift(fixed, turned, reach_mm)
        start = sitk.AffineTransform(nod)
        start.SetTranslation(nod.TransformPoint(shift.tolist()))
        starts.append((score, start))
    starts.sort(key=lambda pair: -pair[0])
    return [start for _score, start in starts[:_BEST]]


def best_shift(
    fixed: Region, moving: Region, reach_mm: tuple[float, float, float]
) -> tuple[float, NDArray[np.float64]]:
    """Shift by which normalized correlation over the common region is highest.

    Masked normalized cross-correlation by FFT (Padfield, IEEE Trans Image Process 2012).

    Returns
    -------
    score : float
        The correlation, -1 where nothing overlaps enough.
    shift_mm : ndarray of float64, shape (3,)
        What to add to a point (column, row, slice) of `fixed` to get that of `moving`.
    """
    score = _masked_correlation(fixed, moving)
    spacing = np.asarray(fixed.image.GetSpacing())[::-1]
    middle = np.asarray(moving.image.GetSize())[::-1] - 1
    # A lag moves indices; the origins of the images differ too.
    origin = (np.asarray(moving.image.GetOrigin()) - np.asarray(fixed.image.GetOrigin()))[::-1]
    shifts = [o - (np.arange(n) - m) * d for n, m, d, o in zip(score.shape, middle, spacing, origin, strict=True)]
    far = [np.abs(s) > reach for s, reach in zip(shifts, reach_mm, strict=True)]
    score[far[0][:, None, None] | far[1][None, :, None] | far[2][None, None, :]] = -1.0
    peak = np.unravel_index(int(score.argmax()), score.shape)
    return float(score[peak]), np.array([shifts[axis][peak[axis]] for axis in (2, 1, 0)])


def affine_by_correlation(fixed: Region, moving: Region, start: sitk.AffineTransform) -> sitk.AffineTransform:
    """Refine an affine transform (fixed to moving points) by correlation; the same bits on every run."""
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetMetricFixedMask(fixed.mask)
    method.SetMetricMovingMask(moving.mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.02, numberOfIterations=_ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    transform = sitk.AffineTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed.image, moving.image)
    except RuntimeError:  # every sample left the region: the start was wrong
        return sitk.AffineTransform(start)
    return transform


def _reached(fixed: Region, moving: Region, transform: sitk.Transform) -> float:
    mask = moved(moving.mask, fixed.image, transform, nearest=True) > 0
    mask &= sitk.GetArrayViewFromImage(fixed.mask) > 0
    least = _LEAST_OVERLAP * min(np.count_nonzero(sitk.GetArrayViewFromImage(r.mask)) for r in (fixed, moving))
    if np.count_nonzero(mask) < least:
        return -1.0
    return correlation(sitk.GetArrayViewFromImage(fixed.image), moved(moving.image, fixed.image, transform), mask)


def _masked_correlation(fixed: Region, moving: Region) -> NDArray[np.float64]:
    """Correlate for every lag of `moving` against `fixed`, full size; -1 where they hardly overlap."""
    a, b = (sitk.GetArrayFromImage(region.image).astype(np.float64) for region in (fixed, moving))
    in_a, in_b = (sitk.GetArrayFromImage(region.mask).astype(np.float64) for region in (fixed, moving))
    size = [n + m - 1 for n, m in zip(a.shape, b.shape, strict=True)]
    fast = [fft.next_fast_len(n, real=True) for n in size]

    def forward(x: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(fft.rfftn(x, fast))

    def back(x: NDArray[np.complex128]) -> NDArray[np.float64]:
        return np.asarray(fft.irfftn(x, fast))[tuple(slice(n) for n in size)]

    b, in_b = b[::-1, ::-1, ::-1], in_b[::-1, ::-1, ::-1]
    a, b = a * in_a, b * in_b
    fa, fb, one_a, one_b = forward(a), forward(b), forward(in_a), forward(in_b)
    count = np.maximum(np.round(back(one_a * one_b)), 1.0)
    sum_a, sum_b = back(fa * one_b), back(one_a * fb)
    above = back(fa * fb) - sum_a * sum_b / count
    var_a = back(forward(a * a) * one_b) - sum_a**2 / count
    var_b = back(one_a * forward(b * b)) - sum_b**2 / count
    below = np.sqrt(np.maximum(var_a, 0) * np.maximum(var_b, 0))
    enough = (count >= _LEAST_OVERLAP * min(in_a.sum(), in_b.sum())) & (below > 1e-6 * below.max())
    return np.where(enough, above / np.where(enough, below, 1.0), -1.0)
