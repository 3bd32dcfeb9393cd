"""An image between its voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["trilinear"]


def trilinear(
    array: NDArray[np.float32], index: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Interpolate linearly at points within an image.

    Parameters
    ----------
    array : ndarray of float32, shape (slice, row, column)
        The image, C-contiguous.
    index : ndarray of float, shape (3, n)
        Fractional indices of slices, rows and columns, each from 0 to the last voxel.

    Returns
    -------
    values : ndarray of float32, shape (n,)
        Linear between the voxels.
    slopes : ndarray of float32, shape (3, n)
        Per voxel along slices, rows and columns; 0 along an axis of one voxel.
    """
    corner = [np.minimum(axis.astype(np.int32), max(n - 2, 0)) for axis, n in zip(index, array.shape, strict=True)]
    t = [
        (axis - base.astype(axis.dtype)).astype(np.float32, copy=False)
        for axis, base in zip(index, corner, strict=True)
    ]
    flat = array.ravel()
    _, rows, columns = array.shape
    steps = [s if n > 1 else 0 for s, n in zip((rows * columns, columns, 1), array.shape, strict=True)]
    base = ((corner[0] * rows + corner[1]) * columns + corner[2]).astype(np.intp)

    def line(offset: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        first = flat[offset:].take(base)
        step = flat[offset + steps[2] :].take(base)
        step -= first
        first += t[2] * step
        return first, step

    def plane(offset: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        (near, along), (far, along_far) = line(offset), line(offset + steps[1])
        far -= near
        near += t[1] * far
        along_far -= along
        along += t[1] * along_far
        return near, far, along

    low, high = plane(0), plane(steps[0])
    slopes = np.empty((3, base.size), np.float32)
    np.subtract(high[0], low[0], out=slopes[0])
    for axis in (1, 2):
        np.subtract(high[axis], low[axis], out=slopes[axis])
        slopes[axis] *= t[0]
        slopes[axis] += low[axis]
    return low[0] + t[0] * slopes[0], slopes
