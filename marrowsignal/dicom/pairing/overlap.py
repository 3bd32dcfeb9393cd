"""What two grids both cover, by sampling."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["CommonField", "SampledGrid"]

_SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonField:
    """Box along the patient axes around what both series of a candidate cover.

    Attributes
    ----------
    low_lps_mm, high_lps_mm : tuple of float
        Corners; x grows to the patient's left, z to the head.
    """

    low_lps_mm: tuple[float, float, float]
    high_lps_mm: tuple[float, float, float]

    @classmethod
    def around(cls, points: NDArray[np.float64]) -> CommonField:
        """Return the box around points, shape (3, n), LPS mm."""
        low, high = points.min(axis=1).tolist(), points.max(axis=1).tolist()
        return cls(low_lps_mm=(low[0], low[1], low[2]), high_lps_mm=(high[0], high[1], high[2]))

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Middle of the box."""
        x, y, z = ((a + b) / 2 for a, b in zip(self.low_lps_mm, self.high_lps_mm, strict=True))
        return x, y, z

    def shared_fraction(self, other: CommonField, axis: int) -> float:
        """Share of the shorter of both extents along a patient axis (0 = x, 1 = y, 2 = z) that both cover."""
        low, high = self.low_lps_mm[axis], self.high_lps_mm[axis]
        other_low, other_high = other.low_lps_mm[axis], other.high_lps_mm[axis]
        shorter = min(high - low, other_high - other_low)
        shared = min(high, other_high) - max(low, other_low)
        return max(0.0, shared) / shorter if shorter > 0 else float(shared >= 0)

    def same_as(self, other: CommonField, least_fraction: float) -> bool:
        """Whether both share at least this much of the shorter extent along every patient axis."""
        return all(self.shared_fraction(other, axis) >= least_fraction for axis in range(3))


class SampledGrid:
    """A voxel grid with points spread evenly over it.

    Parameters
    ----------
    geometry : VolumeGeometry
        The grid.
    """

    def __init__(self, geometry: VolumeGeometry) -> None:
        shape = np.asarray(geometry.shape)
        # Samples lie at cell centres of the full extent, half a voxel beyond the first and last centres.
        axes = [(np.arange(_SAMPLES) + 0.5) / _SAMPLES * n - 0.5 for n in geometry.shape]
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        inverse = np.linalg.inv(geometry.affine_lps)
        corners = np.array(list(itertools.product(*((-0.5, n - 0.5) for n in geometry.shape))))
        self._extent = CommonField.around(geometry.to_patient(corners).T)
        self.points: NDArray[np.float64] = np.ascontiguousarray(geometry.to_patient(cells).T)
        self.volume_ml = geometry.voxel_ml * float(np.prod(shape))
        self._normal = geometry.directions_lps[:, 0]
        # Takes patient points to -1..1 along each axis of the full extent.
        self._scale = 2 * inverse[:3, :3] / shape[:, None]
        self._offset = (2 * (inverse[:3, 3] + 0.5) / shape - 1)[:, None]

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which patient points, shape (3, n), LPS mm, lie in the grid's full extent."""
        x, y, z = np.abs(self._scale @ points + self._offset) <= 1.0
        return np.asarray(x & y & z)

    @cached_property
    def field(self) -> CommonField:
        """Box around the samples."""
        return CommonField.around(self.points)

    def overlap(self, other: SampledGrid) -> tuple[float, CommonField]:
        """Return the share of the smaller grid that the other covers, and the box around that; of none, around self."""
        small, large = (self, other) if self.volume_ml <= other.volume_ml else (other, self)
        if not all(small._extent.shared_fraction(large._extent, axis) for axis in range(3)):
            return 0.0, self.field
        inside = large.covers(small.points)
        count = int(np.count_nonzero(inside))
        if count == inside.size:
            return 1.0, small.field
        return count / inside.size, CommonField.around(small.points.compress(inside, axis=1)) if count else self.field

    def angle_deg(self, other: SampledGrid) -> float:
        """Return the angle between the slices of both, 0 to 90 deg."""
        cosine = abs(float(self._normal @ other._normal))
        return float(np.degrees(np.arccos(min(1.0, cosine))))
