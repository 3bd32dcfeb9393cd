"""T1 made comparable between patients and scanners: local contrast instead of signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["local_contrast", "reduced"]

# Of the volume's own spread: keeps the noise of air small.
_FLOOR = 0.15
# Signal beyond which a voxel is no tissue but an artifact.
_CEILING_PERCENTILE = 99.5
_TRUNCATE = 3.0


def local_contrast(
    array: NDArray[np.float32], *, spacing_mm: tuple[float, float, float], reach_mm: float
) -> NDArray[np.float32]:
    """Subtract the mean of the neighbourhood and divide by its standard deviation.

    Parameters
    ----------
    array : ndarray of float32, shape (slice, row, column)
        Signal in any unit; a gain or a smooth shading leaves the result.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    reach_mm : float
        Standard deviation of the Gaussian neighbourhood.

    Returns
    -------
    ndarray of float32, same shape
        About -3 to 3.
    """
    level = float(np.percentile(array, _CEILING_PERCENTILE)) or 1.0
    signal = np.minimum(array / np.float32(level), np.float32(1.0)).astype(np.float32)
    sigma = [reach_mm / d for d in spacing_mm]
    mean = ndimage.gaussian_filter(signal, sigma, mode="nearest", truncate=_TRUNCATE)
    square = ndimage.gaussian_filter(signal * signal, sigma, mode="nearest", truncate=_TRUNCATE)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    floor = np.float32(_FLOOR * float(signal.std()) + 1e-6)
    return np.asarray((signal - mean) / (spread + floor), dtype=np.float32)


def reduced(
    array: NDArray[np.float32], *, spacing_mm: tuple[float, float, float], pixel_mm: float
) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    """Average a volume over blocks in plane to pixels of about `pixel_mm`.

    Returns
    -------
    array : ndarray of float32
        Reduced; a whole number of pixels became one, rows and columns left over at the far edge are repeated.
    spacing_mm : tuple of float
        Its spacing. The middle of the volume may move by less than half a reduced pixel.
    """
    step = [1, *(max(1, round(pixel_mm / d)) for d in spacing_mm[1:])]
    pad = [(0, -n % k) for n, k in zip(array.shape, step, strict=True)]
    whole = np.pad(array, pad, mode="edge")
    s, r, c = (n // k for n, k in zip(whole.shape, step, strict=True))
    small = whole.reshape(s, r, step[1], c, step[2]).mean(axis=(2, 4), dtype=np.float32)
    return small, (spacing_mm[0], spacing_mm[1] * step[1], spacing_mm[2] * step[2])
