"""T1 made comparable between patients and scanners: local contrast instead of signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["local_contrast"]

# Of the volume's own spread: keeps the noise of air small.
_FLOOR = 0.15
# Signal beyond which a voxel is no tissue but an artifact.
_CEILING_PERCENTILE = 99.5
_TRUNCATE = 3.0


def local_contrast(
    array: NDArray[np.generic], *, spacing_mm: tuple[float, float, float], reach_mm: float
) -> NDArray[np.float32]:
    """Subtract the mean of the neighbourhood and divide by its standard deviation.

    Parameters
    ----------
    array : ndarray, shape (slice, row, column)
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
    level = float(np.percentile(array.astype(np.float32), _CEILING_PERCENTILE)) or 1.0
    signal = np.minimum(array.astype(np.float32) / np.float32(level), np.float32(1.0))
    sigma = [reach_mm / d for d in spacing_mm]
    mean = ndimage.gaussian_filter(signal, sigma, mode="nearest", truncate=_TRUNCATE)
    square = ndimage.gaussian_filter(signal * signal, sigma, mode="nearest", truncate=_TRUNCATE)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    floor = np.float32(_FLOOR * float(signal.std()) + 1e-6)
    return np.asarray((signal - mean) / (spread + floor), dtype=np.float32)
