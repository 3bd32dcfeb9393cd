"""Where the patient is, without the air around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

__all__ = ["body_mask"]

_SMOOTHING_MM = 3.0
_OTSU_SHARE = 0.35
_IN_PLANE = np.zeros((3, 3, 3), bool)
_IN_PLANE[1, 1, :] = _IN_PLANE[1, :, 1] = True


def body_mask(signal: NDArray[np.float32], *, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Patient without surrounding air.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Any MR image with fat.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    ndarray of bool, shape (slice, row, column)
        Largest connected part above a share of Otsu's threshold of the smoothed image, holes in each slice filled.
        Otsu's threshold separates fat from the rest, so only a share of it separates muscle from air.
    """
    sigma = [0.0, _SMOOTHING_MM / spacing_mm[1], _SMOOTHING_MM / spacing_mm[2]]
    smooth = ndimage.gaussian_filter(np.asarray(signal, np.float32), sigma)
    above = smooth > _OTSU_SHARE * threshold_otsu(smooth)
    labels, count = ndimage.label(above)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        above = labels == sizes.argmax()
    return _filled(above)


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what cannot be left within a slice: gas and cortex are holes of the slice, not of the volume."""
    labels, count = ndimage.label(~mask, structure=_IN_PLANE)
    outside = np.zeros(count + 1, bool)
    for rim in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[rim] = True
    outside[0] = False
    return np.asarray(~outside[labels])
