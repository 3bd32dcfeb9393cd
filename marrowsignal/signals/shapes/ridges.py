"""Dark lines within slices by the Hessian (Frangi, MICCAI 1998; Koller, ICCV 1995)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of

__all__ = ["dark_line_strength", "on_dark_line"]

_SCALES = 3
# A line bends the signal across far more than along.
_MAX_ALONG_TO_ACROSS = 0.5
# Where SciPy cuts a Gaussian off, in SD.
_GAUSSIAN_REACH = 4.0


def dark_line_strength(
    image: NDArray[np.float32], *, pixel_mm: tuple[float, float], scale_mm: tuple[float, float]
) -> NDArray[np.float32]:
    """How deep a dark line lies in each voxel, within its slice.

    Parameters
    ----------
    image : ndarray of float32, shape (slice, row, column)
        Signal. Slices are looked at one by one: across slices of 3-5 mm a Hessian knows nothing of a line of 1 mm.
    pixel_mm : tuple of float
        Between rows, between columns.
    scale_mm : tuple of float
        Thinnest and thickest half width looked for, SD of the Gaussian.

    Returns
    -------
    ndarray of float32, same shape
        Largest over scales of the second derivative across the line times the squared scale, in units of signal;
        0 where the signal bends the other way, or along the line too.

    Examples
    --------
    >>> image = np.full((1, 21, 21), 100.0, np.float32)
    >>> image[0, 10] = 20.0
    >>> strength = dark_line_strength(image, pixel_mm=(1.0, 1.0), scale_mm=(0.8, 2.0))
    >>> bool(strength[0, 10, 10] > 10), bool(strength[0, 3, 10] < 1)
    (True, True)
    """
    best = np.zeros(image.shape, np.float32)
    for scale in np.geomspace(*scale_mm, _SCALES):
        sigma = (0.0, scale / pixel_mm[0], scale / pixel_mm[1])
        rr, rc, cc = (
            ndimage.gaussian_filter(image, sigma, order=order) * (scale**2 / (pixel_mm[a] * pixel_mm[b]))
            for order, a, b in (((0, 2, 0), 0, 0), ((0, 1, 1), 0, 1), ((0, 0, 2), 1, 1))
        )
        middle, half = 0.5 * (rr + cc), np.hypot(0.5 * (rr - cc), rc)
        across, along = middle + half, middle - half
        line = (across > 0) & (np.abs(along) <= _MAX_ALONG_TO_ACROSS * across)
        np.maximum(best, np.where(line, across, 0.0), out=best)
    return best


def on_dark_line(
    image: NDArray[np.float32],
    where: NDArray[np.bool_],
    *,
    pixel_mm: tuple[float, float],
    scale_mm: tuple[float, float],
) -> NDArray[np.bool_]:
    """Voxels with a `dark_line_strength` above 0, of those asked for: only what is around them is looked at.

    Parameters
    ----------
    image : ndarray of float32, shape (slice, row, column)
        Signal.
    where : ndarray of bool, same shape
        Voxels asked for.
    pixel_mm, scale_mm : tuple of float
        As of `dark_line_strength`.

    Returns
    -------
    ndarray of bool, same shape
        Part of `where`.
    """
    margin = (0, *(int(np.ceil(_GAUSSIAN_REACH * scale_mm[1] / step)) + 1 for step in pixel_mm))
    found = np.zeros_like(where)
    for k in np.flatnonzero(where.any(axis=(1, 2))):
        at = slice(k, k + 1)
        _, rows, columns = box_of(where[at], margin=margin) or (at, slice(0), slice(0))
        box = (at, rows, columns)
        found[box] = dark_line_strength(image[box], pixel_mm=pixel_mm, scale_mm=scale_mm) > 0
    return found & where
