"""What the network sees of a slice: the signal against its surroundings, and against the whole stack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = [
    "LOCAL_RANGE",
    "LOCAL_SD_FLOOR",
    "LOCAL_SIGMA_MM",
    "NETWORK_PIXEL_MM",
    "STIR_NEIGHBOURS",
    "T1_NEIGHBOURS",
    "WHOLE_RANGE",
    "appearance",
]

# settings of the network, as it was trained; not to be changed without new weights
NETWORK_PIXEL_MM = 2.0
LOCAL_SIGMA_MM = 10.0
LOCAL_SD_FLOOR = 0.03
T1_NEIGHBOURS = (-2, -1, 0, 1, 2)
STIR_NEIGHBOURS = (-1, 0, 1)
LOCAL_RANGE = 4.0
WHOLE_RANGE = 1.6
_TRUNCATE = 3.0


def appearance(stack: NDArray[np.float32], *, level: float, pixel_mm: float) -> NDArray[np.float32]:
    """Normalize slices twice: by local mean and spread, and by the stack's level.

    Parameters
    ----------
    stack : ndarray of float32, shape (slice, row, column)
        Signals.
    level : float
        Bright level of the whole stack.
    pixel_mm : float
        Distance of rows and of columns.

    Returns
    -------
    ndarray of float32, shape (slice, 2, row, column)
        Local contrast from -1 to 1, and level-scaled signal from -1 to 1.
    """
    x = stack / np.float32(level)
    sigma = [0.0, LOCAL_SIGMA_MM / pixel_mm, LOCAL_SIGMA_MM / pixel_mm]
    mean = ndimage.gaussian_filter(x, sigma, mode="mirror", truncate=_TRUNCATE)
    square = ndimage.gaussian_filter(x * x, sigma, mode="mirror", truncate=_TRUNCATE)
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0)) + LOCAL_SD_FLOOR
    local = np.clip((x - mean) / spread, -LOCAL_RANGE, LOCAL_RANGE) / LOCAL_RANGE
    whole = np.clip(x, 0.0, WHOLE_RANGE) * (2.0 / WHOLE_RANGE) - 1.0
    return np.stack([local, whole], axis=1).astype(np.float32)
