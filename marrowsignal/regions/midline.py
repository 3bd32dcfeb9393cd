"""The mid-sagittal plane from the images' own left-right symmetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from marrowsignal.geometry.label_values import voxels_in
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.regions.records import Midline

__all__ = ["find_midline", "midline_between", "mirror_correlation", "signed_distance_mm"]

_POINTS = 15_000
# The start is sought at every so manieth point.
_START_STEP = 4
_SMOOTHING_MM = 3.0
_DETAIL_MM = 10.0
_OFFSETS_MM = np.arange(-40.0, 40.1, 4.0)
_MAX_TILT_DEG = 15.0
_SEED = 7


def find_midline(signal: NDArray[np.float32], mask: NDArray[np.bool_], geometry: VolumeGeometry) -> Midline | None:
    """Plane that mirrors `signal` onto itself best.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Bias-corrected image.
    mask : ndarray of bool, same shape
        Where symmetry is judged.
    geometry : VolumeGeometry
        Grid of both.

    Returns
    -------
    Midline or None
        Maximizes the correlation of the signal at points of the mask with the signal at their mirror images, over
        offset, yaw and roll of a plane near x = const; None for an empty mask. `detail_symmetry` leaves out shading and
        the fall of brightness from skin to depth, which mirror well in one-sided pictures too.
    """
    if not mask.any():
        return None
    signal, mask, geometry = _coarser(np.asarray(signal, np.float32), mask, geometry)
    index = voxels_in(mask)
    if len(index) == 0:
        return None
    chosen = np.random.default_rng(_SEED).permutation(len(index))[:_POINTS]
    points = geometry.to_patient(index[np.sort(chosen)])
    sigma = [_SMOOTHING_MM / s if s < _SMOOTHING_MM else 0.0 for s in geometry.spacing_mm]
    smooth = ndimage.gaussian_filter(signal, sigma)
    centre = points.mean(axis=0)
    some, all_of_them = (_Seen.of(smooth, geometry, points[::step]) for step in (_START_STEP, 1))

    def cost(parameters: NDArray[np.float64], seen: _Seen = all_of_them) -> float:
        normal = _normal(*parameters[1:])
        return -seen.mirrored(normal, float(normal @ centre + parameters[0]))

    starts = [cost(np.array([offset, 0.0, 0.0]), some) for offset in _OFFSETS_MM]
    start = np.array([_OFFSETS_MM[int(np.argmin(starts))], 0.0, 0.0])
    simplex = np.vstack([start, start + np.diag([3.0, 3.0, 3.0])])
    best = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-5}
    )
    normal = _normal(*best.x[1:])
    offset_mm = float(normal @ centre + best.x[0])
    return Midline(
        normal_lps=(float(normal[0]), float(normal[1]), float(normal[2])),
        offset_mm=offset_mm,
        symmetry=float(-best.fun),
        detail_symmetry=mirror_correlation(_detail(signal, mask, geometry), geometry, points, normal, offset_mm),
        source="image_symmetry",
    )


def _coarser(
    signal: NDArray[np.float32], mask: NDArray[np.bool_], geometry: VolumeGeometry
) -> tuple[NDArray[np.float32], NDArray[np.bool_], VolumeGeometry]:
    """Means over blocks no wider than the smoothing; a block is inside the mask where most of it is."""
    step = [max(1, min(n, int(_SMOOTHING_MM / s))) for n, s in zip(geometry.shape, geometry.spacing_mm, strict=True)]
    if max(step) == 1:
        return signal, mask, geometry
    shape = [n // k for n, k in zip(geometry.shape, step, strict=True)]
    kept = tuple(slice(n * k) for n, k in zip(shape, step, strict=True))
    blocks = [size for n, k in zip(shape, step, strict=True) for size in (n, k)]
    means = [a[kept].reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32) for a in (signal, mask)]
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.to_patient([(k - 1) / 2 for k in step])
    affine[:3, :3] *= step
    coarse = VolumeGeometry(affine_lps=affine, shape=(shape[0], shape[1], shape[2]))
    return means[0], means[1] > 0.5, coarse


def _detail(signal: NDArray[np.float32], mask: NDArray[np.bool_], geometry: VolumeGeometry) -> NDArray[np.float32]:
    """Smoothed signal relative to its mean within a centimetre; 0 outside the mask."""
    inside = mask.astype(np.float32)
    wide = [_DETAIL_MM / s for s in geometry.spacing_mm]
    fine = [_SMOOTHING_MM / s if s < _SMOOTHING_MM else 0.0 for s in geometry.spacing_mm]
    weight = np.maximum(ndimage.gaussian_filter(inside, wide), 1e-3)
    around = np.maximum(ndimage.gaussian_filter(signal * inside, wide) / weight, 1e-6)
    return np.where(mask, ndimage.gaussian_filter(signal, fine) / around - 1.0, 0.0).astype(np.float32)


def midline_between(
    left_mask: NDArray[np.bool_],
    right_mask: NDArray[np.bool_],
    *,
    geometry: VolumeGeometry,
    source: str = "declared_sides",
) -> Midline | None:
    """Plane half way between the bones of both sides; None unless each side has some.

    Parameters
    ----------
    left_mask, right_mask : ndarray of bool, shape (slice, row, column)
        Bones of each side.
    geometry : VolumeGeometry
        Their grid.
    source : str
        How their sides are known.

    Returns
    -------
    Midline or None
        Square to the patient's left-right axis: what the two sides show of their bones may differ.
    """
    if not left_mask.any() or not right_mask.any():
        return None
    left, right = (float(geometry.to_patient(voxels_in(mask))[:, 0].mean()) for mask in (left_mask, right_mask))
    return Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.5 * (left + right), symmetry=None, source=source)


def mirror_correlation(
    signal: NDArray[np.float32],
    geometry: VolumeGeometry,
    points_lps_mm: NDArray[np.float64],
    normal_lps: NDArray[np.float64],
    offset_mm: float,
) -> float:
    """Pearson correlation of `signal` at points and at their mirror images, -1 to 1.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    geometry : VolumeGeometry
        Its grid.
    points_lps_mm : ndarray of float64, shape (n, 3)
        Patient points.
    normal_lps : ndarray of float64, shape (3,)
        Unit normal of the mirror plane.
    offset_mm : float
        ``dot(normal, p)`` on the plane.

    Returns
    -------
    float
        -1 when fewer than half of the mirror images lie inside the volume.
    """
    return _Seen.of(signal, geometry, points_lps_mm).mirrored(normal_lps, offset_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """An image at some points, to be compared with it at their mirror images."""

    signal: NDArray[np.float32]
    geometry: VolumeGeometry
    points_lps_mm: NDArray[np.float64]
    index: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, signal: NDArray[np.float32], geometry: VolumeGeometry, points_lps_mm: NDArray[np.float64]) -> _Seen:
        index = np.ascontiguousarray(geometry.to_index(points_lps_mm).T)
        values = ndimage.map_coordinates(signal, index, np.float64, order=1, mode="nearest")
        return cls(signal=signal, geometry=geometry, points_lps_mm=points_lps_mm, index=index, values=values)

    def mirrored(self, normal_lps: NDArray[np.float64], offset_mm: float) -> float:
        """Correlation with the image beyond a plane, as of `mirror_correlation`."""
        # Products of long vectors are summed here: a linear algebra library would wake its threads for each of them.
        distance = np.sum(self.points_lps_mm * normal_lps, axis=1) - offset_mm
        across = np.linalg.inv(self.geometry.affine_lps[:3, :3]) @ normal_lps
        there = self.index - 2 * across[:, None] * distance
        inside = np.logical_and.reduce(
            [(at >= -0.5) & (at <= n - 0.5) for at, n in zip(there, self.geometry.shape, strict=True)]
        )
        if inside.mean() < 0.5:
            return -1.0
        a = self.values[inside]
        b = ndimage.map_coordinates(self.signal, there[:, inside], np.float64, order=1, mode="nearest")
        a, b = a - a.mean(), b - b.mean()
        spread = np.sqrt(np.sum(a * a) * np.sum(b * b))
        if spread == 0:
            return -1.0
        # Planes that leave much of the picture without a partner are no better for matching the rest.
        return float(np.clip(np.sum(a * b) / spread, -1.0, 1.0) * np.sqrt(inside.mean()))


def signed_distance_mm(midline: Midline, geometry: VolumeGeometry) -> NDArray[np.float64]:
    """Distance of every voxel from the midline, positive to the patient's left, shape of the grid, mm."""
    s, r, c = (np.arange(n, dtype=np.float64) for n in geometry.shape)
    along = np.asarray(midline.normal_lps) @ geometry.affine_lps[:3]
    in_plane = along[1] * r[:, None] + along[2] * c
    return np.asarray((along[0] * s + along[3] - midline.offset_mm)[:, None, None] + in_plane)


def _normal(yaw_deg: float, roll_deg: float) -> NDArray[np.float64]:
    yaw, roll = np.radians(np.clip([yaw_deg, roll_deg], -_MAX_TILT_DEG, _MAX_TILT_DEG))
    return np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
