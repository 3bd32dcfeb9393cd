"""An image with its coil shading taken off, well enough to be compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["evened"]

_BLOCK_MM = 8.0
_REACH_MM = 30.0
_FLOOR = 0.1
_TAIL_PERCENT = 99.5
_STRIDE = 7


def evened(array: NDArray[np.floating], spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """Divide an image by its mean over the surrounding 30 mm.

    Parameters
    ----------
    array : ndarray of float, shape (slice, row, column)
        Any MR image.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    ndarray of float32, same shape
        About 1 in the middle of tissue; air stays dark, since a tenth of the brightest is added to the mean. Below 0,
        where no magnitude can be, and in an image with hardly any signal all over: 0.
    """
    top = float(np.percentile(np.ravel(array)[::_STRIDE], _TAIL_PERCENT))
    if top <= 0:
        return np.zeros(array.shape, np.float32)
    clipped = np.clip(array, 0, np.float32(top), dtype=np.float32)
    block = [min(n, max(1, round(_BLOCK_MM / s))) for n, s in zip(array.shape, spacing_mm, strict=True)]
    small = clipped
    for axis, width in enumerate(block):
        starts = np.arange(0, small.shape[axis], width)
        counts = np.diff(np.append(starts, small.shape[axis]))
        shape = [-1 if k == axis else 1 for k in range(3)]
        small = np.add.reduceat(small, starts, axis=axis) / counts.reshape(shape).astype(np.float32)
    sigma = [_REACH_MM / (b * s) for b, s in zip(block, spacing_mm, strict=True)]
    field = ndimage.gaussian_filter(small, sigma, mode="nearest", truncate=3.0)
    for axis, (length, width) in enumerate(zip(array.shape, block, strict=True)):
        field = _stretched(field, axis, length, width)
    return np.asarray(clipped / (field + np.float32(_FLOOR * top)))


def _stretched(field: NDArray[np.float32], axis: int, length: int, width: int) -> NDArray[np.float32]:
    """Linear between the middles of blocks along one axis."""
    count = field.shape[axis]
    at = np.clip((np.arange(length) + 0.5) / width - 0.5, 0, count - 1)
    low = np.minimum(at.astype(int), max(count - 2, 0))
    share = (at - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
    near, far = field.take(low, axis=axis), field.take(np.minimum(low + 1, count - 1), axis=axis)
    return np.asarray(near + share * (far - near))
