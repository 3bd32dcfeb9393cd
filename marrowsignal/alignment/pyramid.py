"""An image at several resolutions, ready to be looked up between its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["Level", "Looked", "moved_by", "pyramid"]

_LEVELS_MM = (1.0, 2.0, 4.0)
_SMOOTHING_VOXELS = 0.7
_TAIL_PERCENT = 99.5
_TAIL_STRIDE = 7
_MIN_CONTRAST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """An image at points.

    Attributes
    ----------
    inside : ndarray of bool, shape (n,)
        Which points lie between voxels of the image.
    values : ndarray of float32, shape (inside,)
        Linear between the voxels.
    gradient : ndarray of float32, shape (3, inside)
        Per mm along x, y and z.
    """

    inside: NDArray[np.bool_]
    values: NDArray[np.float32]
    gradient: NDArray[np.float32]


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

    def look_up(self, points_lps_mm: NDArray[np.float64]) -> Looked:
        """Interpolate linearly at patient points, shape (3, n)."""
        index = moved_by(self.index_of_lps, points_lps_mm)
        shape = self.array.shape
        inside = np.ones(index.shape[1], bool)
        for axis, length in zip(index, shape, strict=True):
            inside &= (axis >= 0.0) & (axis <= length - 1)
        if not inside.all():
            index = index[:, inside]
        corner = [np.clip(axis.astype(np.int32), 0, max(n - 2, 0)) for axis, n in zip(index, shape, strict=True)]
        t = [(axis - base).astype(np.float32) for axis, base in zip(index, corner, strict=True)]
        values, slopes = _trilinear(self.array, corner, t)
        per_mm = self.index_of_lps[:3, :3].astype(np.float32)
        gradient = np.stack([sum(per_mm[k, axis] * slopes[k] for k in range(3)) for axis in range(3)])
        return Looked(inside=inside, values=values, gradient=gradient)


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


def moved_by(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move points, shape (3, n), by a 4x4 matrix."""
    # Element by element: a matrix product may sum in another order on another number of threads.
    x, y, z = points
    return np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in matrix[:3]])


def _trilinear(
    array: NDArray[np.float32], corner: list[NDArray[np.int32]], t: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Value and its slopes per index along the three axes."""
    flat = array.ravel()
    _, rows, columns = array.shape
    steps = [s if n > 1 else 0 for s, n in zip((rows * columns, columns, 1), array.shape, strict=True)]
    base = (corner[0] * rows + corner[1]) * columns + corner[2]

    def line(offset: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        first = flat.take(base + offset)
        step = flat.take(base + (offset + steps[2])) - first
        return first + t[2] * step, step

    def plane(offset: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        (near, along_near), (far, along_far) = line(offset), line(offset + steps[1])
        return near + t[1] * (far - near), far - near, along_near + t[1] * (along_far - along_near)

    (low, low_row, low_column), (high, high_row, high_column) = plane(0), plane(steps[0])
    slopes = (
        high - low,
        low_row + t[0] * (high_row - low_row),
        low_column + t[0] * (high_column - low_column),
    )
    return low + t[0] * (high - low), slopes
