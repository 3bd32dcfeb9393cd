"""Slices against their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from marrowsignal.signals.statistics.quantiles import median

__all__ = [
    "SliceLevels",
    "alternating_shift_mm",
    "largest_level_step",
    "largest_shift_step_mm",
    "level_jump",
    "slice_levels",
]

_MIN_SLICES = 5
_UPSAMPLING = 10
_MAX_SHIFT_MM = 15.0
_SMOOTHING_MM = 1.5
_TREND_SLICES = 2
_MIN_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceLevels:
    """Smoothed signal of a stack on the log scale.

    Attributes
    ----------
    log : ndarray of float32, shape (slice, row, column)
        0 where nothing is seen.
    seen : ndarray of bool, same shape
        Patient with signal.
    """

    log: NDArray[np.float32]
    seen: NDArray[np.bool_]


def slice_levels(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float]
) -> SliceLevels:
    """Smooth a stack in plane, for its slices to be compared voxel by voxel.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image as acquired.
    mask : ndarray of bool, same shape
        Patient.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """
    sigma = [0.0, *(_SMOOTHING_MM / s for s in spacing_mm[1:])]
    smooth = ndimage.gaussian_filter(np.asarray(signal, np.float32), sigma)
    seen = mask & (smooth > 0)
    return SliceLevels(log=np.log(np.where(seen, smooth, np.float32(1.0))), seen=seen)


def level_jump(levels: SliceLevels) -> float | None:
    """How far the signal of odd slices is from that of even ones.

    Parameters
    ----------
    levels : SliceLevels
        Of the image as acquired.

    Returns
    -------
    float or None
        Median over slices of the size of ``median log(S / sqrt(S_before S_after))``, the inner one over the voxels of
        the slice: anatomy changes voxels either way, another gain all of them one way. None with few slices.
    """
    level, seen = levels.log, levels.seen
    jumps = []
    for k in range(1, len(level) - 1):
        inner = seen[k] & seen[k - 1] & seen[k + 1]
        if inner.any():
            before, here, after = (level[j][inner] for j in (k - 1, k, k + 1))
            jumps.append(median(here - 0.5 * (before + after)))
    return float(np.median(np.abs(jumps))) if len(jumps) >= _MIN_SLICES - 2 else None


def largest_level_step(levels: SliceLevels) -> float | None:
    """How far any slice, or all from it on, lies off the level that its neighbours lead to.

    Parameters
    ----------
    levels : SliceLevels
        Of the image as acquired.

    Returns
    -------
    float or None
        Largest size of ``median log(S_after / S)`` between successive slices, less the median of those around it:
        anatomy and coils change the level steadily. None with few slices.
    """
    both = levels.seen[1:] & levels.seen[:-1]
    area = np.count_nonzero(both, axis=(1, 2))
    enough = area >= _MIN_SHARE * max(1, int(area.max(initial=0)))
    steps = np.array([median(levels.log[k + 1][both[k]] - levels.log[k][both[k]]) for k in np.flatnonzero(enough)])
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
    middle = median(plane[where])
    return np.asarray(np.log1p(np.where(where, np.maximum(plane, 0.0) / middle, 0.0)) if middle > 0 else 0.0 * plane)
