"""Noise of an image, from its fine detail in the evenest tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["noise_sd"]

# Scanners interpolate: neighbouring pixels share noise, the next but one hardly any
_APART_PX = 2
_BLOCK_PX = 16
_LEAST_IN_BLOCK = 64
_EVENEST_PERCENT = 25.0
_MAD_TO_SD = 1.4826


def noise_sd(signal: NDArray[np.float32], mask: NDArray[np.bool_]) -> float | None:
    """Noise SD inside `mask` from mixed differences of four pixels of each slice.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    mask : ndarray of bool, same shape
        Even tissue; air has other noise.

    Returns
    -------
    float or None
        ``1.4826 median |c|`` of ``c = (a - b - c + d) / 2`` over the corners of squares of 2 pixels, all in the mask
        (after Donoho, IEEE TIT 1995, doi:10.1109/18.382009, with the coefficients one scale apart), in blocks of
        16 x 16 pixels; of these the lower quartile, since texture counts as noise in the others. None without a
        block that holds 64 squares.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(100.0, 5.0, (4, 64, 64)).astype(np.float32)
    >>> # the quietest quarter of blocks reads noise alone some 6 % low
    >>> bool(abs(noise_sd(image, np.ones(image.shape, bool)) - 5.0) < 0.5)
    True
    """
    near, far = slice(None, -_APART_PX), slice(_APART_PX, None)
    corners = ((near, near), (near, far), (far, near), (far, far))
    a, b, c, d = (signal[:, rows, columns] for rows, columns in corners)
    inside = np.logical_and.reduce([mask[:, rows, columns] for rows, columns in corners])
    detail = np.abs(a[inside] - b[inside] - c[inside] + d[inside]) / 2
    slices, rows, columns = inside.nonzero()
    across = inside.shape[2] // _BLOCK_PX + 1
    down = inside.shape[1] // _BLOCK_PX + 1
    block = (slices * down + rows // _BLOCK_PX) * across + columns // _BLOCK_PX
    full = np.flatnonzero(np.bincount(block, minlength=1) >= _LEAST_IN_BLOCK)
    if full.size == 0:
        return None
    levels = np.asarray(ndimage.median(detail, block, full))
    return float(_MAD_TO_SD * np.percentile(levels, _EVENEST_PERCENT))
