"""Voxel grids in patient space, and the two kinds of image that live on them.

Array axes are (slice, row, column). The letters x, y, z mean patient LPS millimetres only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.errors import GeometryError
from marrowsignal.geometry.acquisition import AcquisitionFacts

__all__ = ["GridDifference", "LabelVolume", "SignalVolume", "VolumeGeometry", "read_only"]


def read_only(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return `array` as a C-contiguous view that cannot be written to."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True, kw_only=True)
class GridDifference:
    """How far two voxel grids are from each other.

    Attributes
    ----------
    same_shape : bool
        Whether both have the same number of slices, rows and columns.
    max_corner_mm : float
        Largest distance between corresponding corner voxels of the two grids, mm.
    spacing_fraction : float
        Largest relative difference of the spacings.
    """

    same_shape: bool
    max_corner_mm: float
    spacing_fraction: float

    def within(self, tolerance_mm: float) -> bool:
        """Whether the grids agree within `tolerance_mm` at every corner."""
        return self.same_shape and self.max_corner_mm <= tolerance_mm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolumeGeometry:
    """A voxel grid in patient space.

    Attributes
    ----------
    affine_lps : ndarray of float64, shape (4, 4)
        Takes an index (slice, row, column, 1) to the patient point (x, y, z, 1),
        LPS mm, of the voxel's centre.
    shape : tuple of int
        Slices, rows, columns.

    Raises
    ------
    GeometryError
        If the affine is not finite, not invertible or the shape has an empty axis.
    """

    affine_lps: NDArray[np.float64]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        affine = np.array(self.affine_lps, dtype=np.float64)
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
            raise GeometryError("the voxel grid has no finite 4x4 affine", code="bad_affine", stage="geometry")
        if abs(float(np.linalg.det(affine[:3, :3]))) < 1e-9 or min(self.shape) < 1:
            raise GeometryError("the voxel grid is flat or empty", code="degenerate_grid", stage="geometry")
        affine.flags.writeable = False
        object.__setattr__(self, "affine_lps", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def from_axes(
        cls,
        *,
        origin_lps_mm: ArrayLike,
        directions_lps: ArrayLike,
        spacing_mm: ArrayLike,
        shape: tuple[int, int, int],
    ) -> VolumeGeometry:
        """Build a grid from its parts.

        Parameters
        ----------
        origin_lps_mm : array_like of float, shape (3,)
            Patient point of voxel (0, 0, 0).
        directions_lps : array_like of float, shape (3, 3)
            Columns are the unit vectors along which slice, row and column index grow.
        spacing_mm : array_like of float, shape (3,)
            Distance between slices, rows and columns.
        shape : tuple of int
            Slices, rows, columns.
        """
        affine = np.eye(4)
        affine[:3, :3] = np.asarray(directions_lps, float) * np.asarray(spacing_mm, float)
        affine[:3, 3] = np.asarray(origin_lps_mm, float)
        return cls(affine_lps=affine, shape=shape)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slices, rows and columns, mm."""
        s = np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        return float(s[0]), float(s[1]), float(s[2])

    @property
    def directions_lps(self) -> NDArray[np.float64]:
        """Unit vectors of the slice, row and column axes as columns, shape (3, 3)."""
        return np.asarray(self.affine_lps[:3, :3] / np.asarray(self.spacing_mm))

    @property
    def origin_lps_mm(self) -> tuple[float, float, float]:
        """Patient point of voxel (0, 0, 0)."""
        x, y, z = self.affine_lps[:3, 3]
        return float(x), float(y), float(z)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return abs(float(np.linalg.det(self.affine_lps[:3, :3]))) / 1000.0

    def to_patient(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Patient points (x, y, z) of voxel indices (slice, row, column); last axis has length 3."""
        a = np.asarray(indices, float)
        return np.asarray(a @ self.affine_lps[:3, :3].T + self.affine_lps[:3, 3])

    def to_index(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Fractional voxel indices (slice, row, column) of patient points; inverse of `to_patient`."""
        p = np.asarray(points_lps_mm, float) - self.affine_lps[:3, 3]
        return np.asarray(p @ np.linalg.inv(self.affine_lps[:3, :3]).T)

    def patient_axis(self, axis: int) -> NDArray[np.float64]:
        """One patient coordinate (0 = x, 1 = y, 2 = z) of every voxel, shape `shape`, mm."""
        s, r, c = (np.arange(n, dtype=np.float64) for n in self.shape)
        row = self.affine_lps[axis]
        return np.asarray(row[0] * s[:, None, None] + row[1] * r[None, :, None] + row[2] * c[None, None, :] + row[3])

    def boxes_apart_mm(self, other: VolumeGeometry) -> float:
        """Return the largest distance of a corner voxel of one grid from the nearest of the other's, mm.

        Unlike `difference` it does not ask in which order or direction the axes run.
        """
        corners = np.indices((2, 2, 2)).reshape(3, 8).T
        mine, theirs = (grid.to_patient(corners * (np.asarray(grid.shape) - 1)) for grid in (self, other))
        apart = np.linalg.norm(mine[:, None] - theirs[None], axis=-1)
        return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))

    def difference(self, other: VolumeGeometry) -> GridDifference:
        """Measure how far `other` is from this grid."""
        corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
        mine = self.to_patient(corners * (np.asarray(self.shape) - 1))
        theirs = other.to_patient(corners * (np.asarray(other.shape) - 1))
        a, b = np.asarray(self.spacing_mm), np.asarray(other.spacing_mm)
        return GridDifference(
            same_shape=self.shape == other.shape,
            max_corner_mm=float(np.linalg.norm(mine - theirs, axis=1).max()),
            spacing_fraction=float(np.abs(a / b - 1).max()),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalVolume:
    """An MR image with its grid and how it was acquired.

    Attributes
    ----------
    array : ndarray of float32, shape (slice, row, column)
        Signal in the series' own arbitrary units; read-only.
    geometry : VolumeGeometry
        The grid.
    acquisition : AcquisitionFacts
        DICOM facts of the series.
    """

    array: NDArray[np.float32]
    geometry: VolumeGeometry
    acquisition: AcquisitionFacts

    def __post_init__(self) -> None:
        array = read_only(np.asarray(self.array, dtype=np.float32))
        _check_shape(array, self.geometry)
        object.__setattr__(self, "array", array)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelVolume:
    """A label map; never interpolated.

    Attributes
    ----------
    array : ndarray of uint16, shape (slice, row, column)
        0 is background; read-only.
    geometry : VolumeGeometry
        The grid.
    names : tuple of (int, str)
        Name of each label value that may occur.
    """

    array: NDArray[np.uint16]
    geometry: VolumeGeometry
    names: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        array = read_only(np.asarray(self.array).astype(np.uint16, copy=False))
        _check_shape(array, self.geometry)
        object.__setattr__(self, "array", array)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where any label is set."""
        return np.asarray(self.array > 0)


def _check_shape(array: NDArray[np.generic], geometry: VolumeGeometry) -> None:
    if array.shape != geometry.shape:
        raise GeometryError(
            f"an array of shape {array.shape} does not fit a grid of shape {geometry.shape}",
            code="shape_mismatch",
            stage="geometry",
        )
