"""A few voxels of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["every_nth"]


def every_nth(mask: NDArray[np.bool_], n: int) -> NDArray[np.intp]:
    """Every n-th voxel of a mask.

    The same as ``np.argwhere(mask)[::n]`` without the indices of all the others.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Any mask.
    n : int
        1 or more.

    Returns
    -------
    ndarray of int, shape (voxel, 3)
        Indices, the first voxel's first.

    Examples
    --------
    >>> every_nth(np.ones((2, 2, 2), bool), 3).tolist()
    [[0, 0, 0], [0, 1, 1], [1, 1, 0]]
    """
    return np.stack(np.unravel_index(np.flatnonzero(mask)[::n], mask.shape), axis=1)
