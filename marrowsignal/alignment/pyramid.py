"""An image at several resolutions, ready to be looked up between its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.trilinear import trilinear
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["Level", "Looked", "moved_by", "pyramid"]

_Float = TypeVar("_Float", bound=np.floating)

_LEVELS_MM = (1.0, 2.0, 4.0)
_SMOOTHING_VOXELS = 0.7
_TAIL_PERCENT = 99.5
_TAIL_STRIDE = 7
_MIN_CONTRAST = 1e-3
_STILL = np.eye(4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """An image at points.

    Attributes
    ----------
    inside : ndarray of bool, shape (n,)
        Which points lie between voxels of the image.
    values : ndarray of float32, shape (inside,)
        Linear between the voxels.
    slopes : ndarray of float32, shape (3, inside)
        Per voxel along slices, rows and columns.
    """

    inside: NDArray[np.bool_]
    values: NDArray[np.float32]
    slopes: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """An image at one resolution.

    Attributes
    ----------
    array : ndarray of float32, shape (slice, row, column)
        Mean over blocks of voxels, then smoothed by less than a voxel, so that values between voxels are meant.
    index_of_lps : ndarray of float64, shape (4, 4)
        Takes a patient point to the fractional index.
    top : float
        Signal above which only the brightest fluid and the fat next to a coil lie.
    """

    array: NDArray[np.float32]
    index_of_lps: NDArray[np.float64]
    top: float

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between slices, rows and columns, shape (3,)."""
        return np.asarray(np.linalg.norm(np.linalg.inv(self.index_of_lps)[:3, :3], axis=0))

    @property
    def has_contrast(self) -> bool:
        """Whether it shows anything that another image could be laid upon."""
        return bool(np.ptp(self.array) > _MIN_CONTRAST * self.top)

    def place(
        self, points: NDArray[_Float], *, matrix: NDArray[np.float64] = _STILL
    ) -> tuple[NDArray[_Float], NDArray[np.bool_]]:
        """Fractional indices, shape (3, n), of points as in `look_up`, and which of them lie between voxels."""
        index = moved_by(self.index_of_lps @ matrix, points)
        inside = np.ones(index.shape[1], bool)
        for axis, length in zip(index, self.array.shape, strict=True):
            inside &= (axis >= 0.0) & (axis <= length - 1)
        return index, inside

    def look_up(self, points: NDArray[np.floating], *, matrix: NDArray[np.float64] = _STILL) -> Looked:
        """Interpolate linearly at points, shape (3, n), that a 4x4 `matrix` takes to patient space."""
        index, inside = self.place(points, matrix=matrix)
        if not inside.all():
            index = index[:, inside]
        values, slopes = trilinear(self.array, index)
        return Looked(inside=inside, values=values, slopes=slopes)


def pyramid(array: NDArray[np.floating], geometry: VolumeGeometry, *, levels: int) -> tuple[Level, ...]:
    """Build the levels of an image, the finest first.

    Parameters
    ----------
    array : ndarray of float, shape (slice, row, column)
        Any MR image.
    geometry : VolumeGeometry
        Its grid.
    levels : int
        How many, 1 to 3.

    Returns
    -------
    tuple of Level
        About 1, 2 and 4 mm; an axis that is coarser by itself stays as it is.
    """
    top = max(0.0, float(np.percentile(np.ravel(array)[::_TAIL_STRIDE], _TAIL_PERCENT)))
    small: NDArray[np.float32] = np.clip(array, 0, np.float32(top), dtype=np.float32)
    # any end of the bins does for an image without signal
    top = top or 1.0
    affine, built = geometry.affine_lps, []
    for level_mm in _LEVELS_MM[:levels]:
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        block = [max(1, int(level_mm / s + 0.25)) if n > 1 else 1 for s, n in zip(spacing, small.shape, strict=True)]
        small, affine = _shrunk(small, affine, block)
        smooth = ndimage.gaussian_filter(small, _SMOOTHING_VOXELS, mode="nearest", truncate=3.0)
        built.append(
            Level(
                array=np.ascontiguousarray(smooth), index_of_lps=np.asarray(np.linalg.inv(affine), np.float64), top=top
            )
        )
    return tuple(built)


def _shrunk(
    array: NDArray[np.float32], affine: NDArray[np.float64], block: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    # Voxels that fill no whole block at the far end are left out.
    block = [min(b, n) for b, n in zip(block, array.shape, strict=True)]
    counts = [n // b for n, b in zip(array.shape, block, strict=True)]
    for axis, (count, width) in enumerate(zip(counts, block, strict=True)):
        if width == 1:
            continue
        kept = np.moveaxis(array, axis, 0)[: count * width]
        total = np.add.reduceat(kept, np.arange(0, count * width, width), axis=0)
        array = np.moveaxis(np.asarray(total / width, np.float32), 0, axis)
    coarse = affine.copy()
    coarse[:3, :3] = affine[:3, :3] * block
    coarse[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((np.asarray(block) - 1) / 2)
    return array, coarse


def moved_by(matrix: NDArray[np.float64], points: NDArray[_Float]) -> NDArray[_Float]:
    """Move points, shape (3, n), by a 4x4 matrix, in their own precision."""
    # Element by element: a matrix product may sum in another order on another number of threads.
    x, y, z = points
    moved = np.empty_like(points)
    for k, row in enumerate(matrix[:3].astype(points.dtype)):
        np.multiply(x, row[0], out=moved[k])
        moved[k] += row[1] * y
        moved[k] += row[2] * z
        moved[k] += row[3]
    return moved
