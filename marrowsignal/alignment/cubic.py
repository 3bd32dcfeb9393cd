"""Cubic B-splines, and an image between its voxels by them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["CubicImage", "cubic_weights"]

Array = NDArray[np.float32]

_RIM = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CubicImage:
    """Spline through the voxels of an image.

    Attributes
    ----------
    coefficients : ndarray of float32, shape (slice + 4, row + 4, column + 4)
        Of the spline, mirrored about the outermost voxels (Unser, IEEE Signal Process Mag 1999, doi:10.1109/79.799930).
    """

    coefficients: Array

    @classmethod
    def through(cls, array: NDArray[np.floating]) -> CubicImage:
        """Lay a spline through an image, shape (slice, row, column)."""
        spline = ndimage.spline_filter(array, order=3, output=np.float32, mode="mirror")
        return cls(coefficients=np.pad(spline, _RIM, mode="reflect"))

    def at(self, index: NDArray[np.floating]) -> Array:
        """Values at fractional indices, shape (3, n), that lie at most half a voxel outside the image."""
        corner = np.floor(index).astype(np.int32)
        t = (index - corner).astype(np.float32)
        _, rows, columns = self.coefficients.shape
        slices, across, along = (axis + (_RIM - 1) for axis in corner)
        base = ((slices * rows + across) * columns + along).astype(np.intp)
        of_slice, of_row, of_column = (cubic_weights(axis) for axis in t)
        flat = self.coefficients.ravel()
        values, line = np.zeros(base.size, np.float32), np.empty(base.size, np.float32)
        for k, i in product(range(4), range(4)):
            start = (k * rows + i) * columns
            np.multiply(of_column[0], flat[start:].take(base), out=line)
            for j in (1, 2, 3):
                line += of_column[j] * flat[start + j :].take(base)
            line *= of_slice[k]
            line *= of_row[i]
            values += line
        return values


def cubic_weights(t: Array) -> tuple[Array, Array, Array, Array]:
    """Cubic B-spline weights of the four grid points around a point, `t` past the second of them, 0 to 1."""
    u, t2 = 1 - t, t * t
    t3 = t2 * t
    sixth = np.float32(1 / 6)
    return u * u * u * sixth, (3 * t3 - 6 * t2 + 4) * sixth, (-3 * t3 + 3 * t2 + 3 * t + 1) * sixth, t3 * sixth
