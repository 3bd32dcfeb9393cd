"""Slices against their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

__all__ = ["alternating_shift_mm", "level_jump"]

_MIN_SLICES = 5
_UPSAMPLING = 10
_MAX_SHIFT_MM = 15.0
_SMOOTHING_MM = 1.5


def level_jump(signal: NDArray[np.float32], tissue: NDArray[np.bool_], *, min_voxels: float) -> float | None:
    """Median distance of a tissue's level in a slice from the mean of its two neighbours.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    tissue : ndarray of bool, same shape
        Tissue of one level.
    min_voxels : float
        Slices with less of it are left out.

    Returns
    -------
    float or None
        In units of `signal`, divided by the square root of 1.5 by which a difference of three independent levels
        exceeds their own spread; None with fewer than three slices that have both neighbours.
    """
    counts = tissue.sum(axis=(1, 2))
    levels = np.array(
        [np.median(plane[where]) if n >= max(1.0, min_voxels) else np.nan
         for plane, where, n in zip(signal, tissue, counts, strict=True)]
    )  # fmt: skip
    jumps = levels[1:-1] - 0.5 * (levels[:-2] + levels[2:])
    jumps = jumps[np.isfinite(jumps)]
    return float(np.median(np.abs(jumps)) / np.sqrt(1.5)) if jumps.size >= _MIN_SLICES - 2 else None


def alternating_shift_mm(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float]
) -> float | None:
    """In-plane shift of odd against even slices.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    mask : ndarray of bool, same shape
        Patient; all else is taken as empty.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        Length of the median over slices of the shift against the mean of both neighbours (cross-correlation,
        Guizar-Sicairos et al., Opt Lett 2008, doi:10.1364/OL.33.000156), its sign turned in every other slice: anatomy
        that runs obliquely through the slices cancels, passes of an interleaved stack do not. None with few slices.
    """
    sigma = [_SMOOTHING_MM / s for s in spacing_mm[1:]]
    planes = [_edges(np.where(where, plane, 0.0), sigma) for plane, where in zip(signal, mask, strict=True)]
    shifts = []
    for k in range(1, len(planes) - 1):
        if not mask[k - 1 : k + 2].any(axis=(1, 2)).all():
            continue
        around = 0.5 * (planes[k - 1] + planes[k + 1])
        found, _, _ = phase_cross_correlation(around, planes[k], upsample_factor=_UPSAMPLING, normalization=None)
        shift = np.asarray(found) * spacing_mm[1:]
        if np.linalg.norm(shift) <= _MAX_SHIFT_MM:
            shifts.append(shift * (-1) ** k)
    if len(shifts) < _MIN_SLICES - 2:
        return None
    return float(np.linalg.norm(np.median(shifts, axis=0)))


def _edges(plane: NDArray[np.float64], sigma: list[float]) -> NDArray[np.float64]:
    return np.asarray(ndimage.gaussian_gradient_magnitude(plane, sigma))
