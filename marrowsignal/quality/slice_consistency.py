"""Slices against their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

__all__ = ["alternating_shift_mm", "largest_level_step", "largest_shift_step_mm", "level_jump"]

_MIN_SLICES = 5
_UPSAMPLING = 10
_MAX_SHIFT_MM = 15.0
_SMOOTHING_MM = 1.5
_TREND_SLICES = 2
_MIN_SHARE = 0.25


def level_jump(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float]
) -> float | None:
    """How far the signal of odd slices is from that of even ones.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image as acquired.
    mask : ndarray of bool, same shape
        Patient.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        Median over slices of the size of ``median log(S / sqrt(S_before S_after))``, the inner one over the voxels of
        the slice: anatomy changes voxels either way, another gain all of them one way. None with few slices.
    """
    level, seen = _log_level(signal, mask, spacing_mm)
    inner = seen[1:-1] & seen[:-2] & seen[2:]
    jumps = [
        float(np.median((level[k] - 0.5 * (level[k - 1] + level[k + 1]))[inner[k - 1]]))
        for k in range(1, len(signal) - 1)
        if inner[k - 1].any()
    ]
    return float(np.median(np.abs(jumps))) if len(jumps) >= _MIN_SLICES - 2 else None


def largest_level_step(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float]
) -> float | None:
    """How far any slice, or all from it on, lies off the level that its neighbours lead to.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image as acquired.
    mask : ndarray of bool, same shape
        Patient.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        Largest size of ``median log(S_after / S)`` between successive slices, less the median of those around it:
        anatomy and coils change the level steadily. None with few slices.
    """
    level, seen = _log_level(signal, mask, spacing_mm)
    both = seen[1:] & seen[:-1]
    enough = both.sum(axis=(1, 2)) >= _MIN_SHARE * max(1, int(both.sum(axis=(1, 2)).max(initial=0)))
    steps = np.array(
        [np.median(after[b]) for after, b, k in zip(np.diff(level, axis=0), both, enough, strict=True) if k]
    )
    if len(steps) < _MIN_SLICES - 1:
        return None
    around = [
        np.median(np.delete(steps[max(0, k - _TREND_SLICES) : k + _TREND_SLICES + 1], min(k, _TREND_SLICES)))
        for k in range(len(steps))
    ]
    return float(np.abs(steps - around).max())


def largest_shift_step_mm(
    t1: NDArray[np.float32],
    stir: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> float | None:
    """Largest change between successive slices of the in-plane shift of STIR against T1.

    Parameters
    ----------
    t1, stir : ndarray of float32, shape (slice, row, column)
        On one grid.
    mask : ndarray of bool, same shape
        Patient that both show.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        Millimetres. Anatomy, which both series show alike, cancels. None with few slices.
    """
    sigma = [_SMOOTHING_MM / s for s in spacing_mm[1:]]
    area = mask.sum(axis=(1, 2))
    shifts = []
    for one, other, where in zip(t1, stir, mask, strict=True):
        if where.sum() < max(1.0, _MIN_SHARE * area.max()):
            continue
        planes = [_edges(_compressed(plane, where), sigma) for plane in (one, other)]
        if not all(plane.any() for plane in planes):
            continue
        found, _, _ = phase_cross_correlation(*planes, upsample_factor=_UPSAMPLING, normalization=None)
        shifts.append(np.asarray(found) * spacing_mm[1:])
    if len(shifts) < _MIN_SLICES:
        return None
    return float(np.linalg.norm(np.diff(shifts, axis=0), axis=1).max())


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
        # Planes without any edge match anywhere.
        if not all(plane.any() for plane in planes[k - 1 : k + 2]):
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


def _compressed(plane: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    # Bright fat near a coil would else be all that the correlation sees.
    middle = float(np.median(plane[where]))
    return np.asarray(np.log1p(np.where(where, np.maximum(plane, 0.0) / middle, 0.0)) if middle > 0 else 0.0 * plane)


def _log_level(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    sigma = [0.0, *(_SMOOTHING_MM / s for s in spacing_mm[1:])]
    smooth = ndimage.gaussian_filter(np.asarray(signal, np.float32), sigma)
    seen = mask & (smooth > 0)
    return np.log(np.where(seen, smooth, np.float32(1.0))), seen
