"""The common axes of an atlas: images turned to one order of axes, and points told in mm from the middle.

Registration works in the stack's own frame, not in scanner space: the slices of a joint protocol follow the patient's
bone, so stacks of two patients agree better with each other than with the table.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["Turn", "centred_image", "shrunk", "turn_to"]

# Beyond the diagonal of a cube the nearest axis is no longer one and the same.
_MOST_TILT_COSINE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How the axes of a grid become those of an atlas, and back; no value is interpolated.

    Attributes
    ----------
    order : tuple of int
        Which axis of the grid becomes slice, row, column.
    flips : tuple of int
        Axes of the atlas that run the other way.
    """

    order: tuple[int, int, int]
    flips: tuple[int, ...]

    def forth(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return `array` (of the grid) on the atlas' axes."""
        return np.ascontiguousarray(np.flip(np.transpose(array, self.order), self.flips))

    def back(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return `array` (of the atlas) on the grid's axes; inverse of `forth`."""
        return np.ascontiguousarray(np.transpose(np.flip(array, self.flips), np.argsort(self.order)))

    def spacing_of(self, geometry: VolumeGeometry) -> tuple[float, float, float]:
        """Spacing of a grid on the atlas' axes, mm."""
        a, b, c = (geometry.spacing_mm[axis] for axis in self.order)
        return a, b, c

    def directions_of(self, geometry: VolumeGeometry) -> NDArray[np.float64]:
        """Directions of a grid's axes in the atlas' order and sense, columns, LPS."""
        directions = geometry.directions_lps[:, list(self.order)]
        signs = np.ones(3)
        signs[list(self.flips)] = -1
        return np.asarray(directions * signs)


def turn_to(directions_lps: NDArray[np.float64], geometry: VolumeGeometry) -> Turn:
    """Find the order and sense of axes that bring a grid nearest to given directions.

    Parameters
    ----------
    directions_lps : ndarray of float64, shape (3, 3)
        Unit vectors of the atlas' slice, row and column axes as columns.
    geometry : VolumeGeometry
        A study's grid.

    Raises
    ------
    MaskError
        If the study's slices lie in another plane than the atlas' (more than about 50 degrees off).
    """
    cosines = np.asarray(directions_lps).T @ geometry.directions_lps
    order = max(itertools.permutations(range(3)), key=lambda p: sum(abs(cosines[a, p[a]]) for a in range(3)))
    along = [float(cosines[axis, order[axis]]) for axis in range(3)]
    if order[0] != 0 or min(abs(c) for c in along) < _MOST_TILT_COSINE:
        raise MaskError(
            "the slices lie in another plane than those of the atlas",
            code="atlas_other_plane",
            stage="segment_marrow",
            hint="use an atlas of studies in the same plane, or another way to the marrow mask",
        )
    return Turn(order=(order[0], order[1], order[2]), flips=tuple(axis for axis in range(3) if along[axis] < 0))


def centred_image(array: NDArray[np.generic], spacing_mm: tuple[float, float, float]) -> sitk.Image:
    """Return a SimpleITK image (column, row, slice) whose middle is the point (0, 0, 0)."""
    image = sitk.GetImageFromArray(np.asarray(array))
    image.SetSpacing(spacing_mm[::-1])
    image.SetOrigin([-(n - 1) / 2 * d for n, d in zip(array.shape[::-1], spacing_mm[::-1], strict=True)])
    return image


def shrunk(image: sitk.Image, pixel_mm: float) -> sitk.Image:
    """Average an image over blocks in plane to pixels of about `pixel_mm`; points keep their place."""
    columns, rows, _slices = (max(1, round(pixel_mm / d)) for d in image.GetSpacing())
    small: sitk.Image = sitk.BinShrink(image, [columns, rows, 1])
    return small
