"""Air around the patient, and what stands out in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.signals.statistics.quantiles import median

__all__ = ["Air", "air_around", "air_structure"]

Mask = NDArray[np.bool_]
_SKIN_MM = 5.0
_BLOCK_MM = 6.0
_SHELLS_MM = (5.0, 10.0, 20.0, 40.0, 80.0)
_MIN_BLOCK_PX = 4
_MIN_BLOCKS = 500
_MIN_AIR = 0.05
# Magnitude noise in air is skewed (Rayleigh, 0.63): over blocks of two or more independent samples so much at most.
_NOISE_SKEW = 0.15
# Less of a block in air than this and it is none of air.
_FULL = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Air:
    """Air around a patient, the same for all series of one grid.

    Attributes
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Away from the skin, and joined to a corner of its slice.
    block : tuple of int
        Rows and columns of a block.
    shells : ndarray of int64, shape (slice, block row, block column)
        How far from the skin the middle of each block lies, 0 nearest.
    """

    mask: Mask
    block: tuple[int, int]
    shells: NDArray[np.int64]


def air_around(body: Mask, *, spacing_mm: tuple[float, float, float]) -> Air:
    """Find the air around a patient.

    Parameters
    ----------
    body : ndarray of bool, shape (slice, row, column)
        Patient; slices without any have no air that tells something.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """
    rows, columns = (max(_MIN_BLOCK_PX, round(_BLOCK_MM / s)) for s in spacing_mm[1:])
    middles = _middles(rows, columns)
    mask = np.zeros(body.shape, bool)
    shells = np.zeros(mask[:, *middles].shape, np.intp)
    for k in np.flatnonzero(body.any(axis=(1, 2))):
        depth = ndimage.distance_transform_edt(~body[k], sampling=spacing_mm[1:])
        mask[k] = (depth > _SKIN_MM) & _outside(body[k])
        shells[k] = np.digitize(depth[middles], _SHELLS_MM)
    return Air(mask=mask, block=(rows, columns), shells=shells)


def air_structure(signal: NDArray[np.float32], air: Air, seen: Mask) -> float | None:
    """How far bright places in the air stand out beyond what noise does to dark ones.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image as acquired.
    air : Air
        Around the patient.
    seen : ndarray of bool, same shape
        Voxels that the series holds.

    Returns
    -------
    float or None
        Sum of the 99th and the (negative) 1st percentile of means over blocks of 6 mm in plane, each less the median of
        its distance from the skin (coils and filters fade air with it), less what the skewness of magnitude noise adds;
        noise alone spreads to both sides nearly alike, ghosts to one. None with little air.
    """
    middles = _middles(*air.block)
    means, shells = [], []
    for k in np.flatnonzero(air.mask.any(axis=(1, 2))):
        inside = (air.mask[k] & seen[k] & ~_padding(signal[k])).astype(np.float64)
        weight = ndimage.uniform_filter(inside, air.block)[middles]
        total = ndimage.uniform_filter(signal[k] * inside, air.block)[middles]
        full = weight > _FULL
        means.append(total[full] / weight[full])
        shells.append(air.shells[k][full])
    if sum(len(m) for m in means) < _MIN_BLOCKS:
        return None
    mean, shell = np.concatenate(means), np.concatenate(shells)
    middle = np.zeros(len(_SHELLS_MM) + 1)
    for number in np.unique(shell):
        middle[number] = median(mean[shell == number])
    low, high = np.percentile(mean - middle[shell], [1.0, 99.0])
    return float(max(0.0, high + low - _NOISE_SKEW * (high - low)))


def _middles(rows: int, columns: int) -> tuple[slice, slice]:
    # Blocks overlap by half, so that a narrow ghost fills one.
    return slice(rows // 2, None, max(1, rows // 2)), slice(columns // 2, None, max(1, columns // 2))


def _outside(inside: Mask) -> Mask:
    # Air around the patient reaches a corner of the picture; gas, and tissue too dim to be told, hardly do.
    labels, count = ndimage.label(~inside)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= _MIN_AIR * inside.size
    corners = np.unique(labels[[0, 0, -1, -1], [0, -1, 0, -1]])
    return np.isin(labels, corners[(corners > 0) & large[corners]])


def _padding(plane: NDArray[np.floating]) -> Mask:
    # Rows and columns that the scanner filled up with nothing are no air: noise is hardly ever nought all around.
    empty, before = plane <= 0, _MIN_BLOCK_PX // 2
    for _ in plane.shape:
        block = empty.copy()
        for k in range(1, before + 1):
            block[k:] &= empty[:-k]
        for k in range(1, _MIN_BLOCK_PX - before):
            block[:-k] &= empty[k:]
        empty = block.T
    return empty
