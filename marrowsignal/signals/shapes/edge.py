"""Width of a lesion's margin by sigmoids along its normals (SCIENCE D32)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from marrowsignal.geometry.depth import box_of

__all__ = ["EdgeWidth", "Profiles", "edge_width", "surface_profiles"]

Array = NDArray[np.float64]
# 10-90 % width of an error function of SD 1.
_WIDTH_OF_SD = 2.0 * 1.2815515655446004
_MAX_PROFILES = 300
_STEPS_PER_PIXEL = 2.0
# An outward step raises the distance from the outline by itself; less than half means another outline is nearer.
_MIN_CLIMB = 0.5
_WIDTHS = 40
_MIN_SAMPLES_A_SIDE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeWidth:
    """Margin of one lesion in one series.

    Attributes
    ----------
    width_mm : float
        Median 10-90 % width.
    profiles : int
        Profiles that show an edge.
    """

    width_mm: float
    profiles: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profiles:
    """Lines along the outward normals of an outline, within slices.

    Attributes
    ----------
    offsets_mm : ndarray of float64, shape (sample,)
        Distance from the outline; positive outside.
    at : ndarray of float64, shape (3, profile, sample)
        Slice, row and column of every sample.
    weights : ndarray of float64, shape (profile, sample)
        1 where the sample belongs to this edge and to the tissue allowed, else 0.
    """

    offsets_mm: Array
    at: Array
    weights: Array


def edge_width(image: NDArray[np.float32], profiles: Profiles, *, min_fit: float) -> EdgeWidth | None:
    """Median 10-90 % width of a margin in one series.

    Parameters
    ----------
    image : ndarray of float32, shape (slice, row, column)
        The series.
    profiles : Profiles
        Where it is looked at.
    min_fit : float
        Least r2 of a profile that shows an edge.

    Returns
    -------
    EdgeWidth or None
        None where no profile shows an edge. A blurred step of SD s has a width of 2.56 s.

    Notes
    -----
    Every profile is compared with a family of error functions (all places and widths at once, by weighted
    correlation), which leaves nothing to converge.
    """
    offsets = profiles.offsets_mm
    if not profiles.weights.any():
        return None
    step, reach = float(offsets[1] - offsets[0]), float(offsets[-1])
    sds = np.geomspace(0.5 * step, reach / 2.0, _WIDTHS)
    middles = np.arange(-0.5 * reach, 0.5 * reach + step, step)
    place, sd = (grid.ravel() for grid in np.meshgrid(middles, sds, indexing="ij"))
    signal = np.asarray(ndimage.map_coordinates(image, profiles.at, order=1, mode="nearest"), float)
    fit = _weighted_r2(signal, profiles.weights, special.ndtr((offsets[:, None] - place) / sd))
    best = np.argmax(fit, axis=1)
    good = fit[np.arange(len(fit)), best] >= min_fit
    if not good.any():
        return None
    return EdgeWidth(width_mm=float(_WIDTH_OF_SD * np.median(sd[best[good]])), profiles=int(good.sum()))


def surface_profiles(
    lesion: NDArray[np.bool_], allowed: NDArray[np.bool_], *, pixel_mm: tuple[float, float], reach_mm: float
) -> Profiles:
    """Lay profiles across an outline.

    Parameters
    ----------
    lesion : ndarray of bool, shape (slice, row, column)
        The outline whose normals are followed, within slices.
    allowed : ndarray of bool, same shape
        Marrow: a profile ends where it leaves it, and where the next outline is nearer.
    pixel_mm : tuple of float
        Between rows, between columns.
    reach_mm : float
        How far profiles go to either side.
    """
    step = min(pixel_mm) / _STEPS_PER_PIXEL
    count = int(np.ceil(reach_mm / step))
    offsets = np.asarray(step * np.arange(-count, count + 1), float)
    outside = _signed_distance(lesion, pixel_mm)
    points, normals = _outline(lesion, outside, pixel_mm)
    at = np.repeat(points.T[:, :, None], len(offsets), axis=2)
    at[1:] += normals.T[:, :, None] * offsets / np.asarray(pixel_mm)[:, None, None]
    distance = ndimage.map_coordinates(outside, at, order=1, mode="nearest")
    inside_marrow = ndimage.map_coordinates(allowed.astype(np.uint8), at, order=0, mode="constant") > 0
    return Profiles(offsets_mm=offsets, at=at, weights=_own_samples(distance, inside_marrow, step))


def _own_samples(distance: Array, allowed: NDArray[np.bool_], step: float) -> Array:
    """1 for samples joined to the outline by samples of the same edge and tissue."""
    middle = distance.shape[1] // 2
    climbs = np.diff(distance, axis=1) >= _MIN_CLIMB * step
    out = np.logical_and.accumulate(climbs[:, middle:] & allowed[:, middle + 1 :], axis=1)
    inward = (climbs[:, :middle] & allowed[:, :middle])[:, ::-1]
    back = np.logical_and.accumulate(inward, axis=1)[:, ::-1]
    own = np.concatenate([back, allowed[:, middle : middle + 1], out], axis=1)
    enough = (own[:, :middle].sum(axis=1) >= _MIN_SAMPLES_A_SIDE) & (
        own[:, middle + 1 :].sum(axis=1) >= _MIN_SAMPLES_A_SIDE
    )
    return np.asarray(own & enough[:, None], float)


def _signed_distance(lesion: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> NDArray[np.float32]:
    """Distance from the outline within each slice, mm, negative inside."""
    far = float(np.hypot(*lesion.shape[1:]) * max(pixel_mm))
    signed = np.full(lesion.shape, far, np.float32)
    for k in np.flatnonzero(lesion.any(axis=(1, 2))):
        outside = ndimage.distance_transform_edt(~lesion[k], sampling=pixel_mm)
        box = (box_of(lesion[k : k + 1], margin=(0, 1, 1)) or ())[1:]
        outside[box] -= ndimage.distance_transform_edt(lesion[k][box], sampling=pixel_mm)
        signed[k] = outside
    return signed


def _outline(
    lesion: NDArray[np.bool_], signed: NDArray[np.float32], pixel_mm: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voxels just inside the outline, thinned to a fixed number, and their unit outward normals (row, column)."""
    rim = lesion & ~ndimage.binary_erosion(lesion, np.ones((1, 3, 3)), border_value=1)
    points = np.argwhere(rim)
    points = points[:: max(1, len(points) // _MAX_PROFILES)]
    smooth = ndimage.gaussian_filter(signed, (0.0, 1.0, 1.0))
    slope = np.stack([_slope(smooth, points, axis, step) for axis, step in zip((1, 2), pixel_mm, strict=True)], 1)
    length = np.linalg.norm(slope, axis=1)
    clear = length > 0.5
    return points[clear].astype(float), slope[clear] / length[clear, None]


def _slope(image: NDArray[np.float32], points: NDArray[np.intp], axis: int, step: float) -> NDArray[np.float32]:
    """Slope along an axis at some voxels: what `numpy.gradient` has there."""
    ends = []
    for way in (-1, 1):
        at = points.copy()
        at[:, axis] = np.clip(at[:, axis] + way, 0, image.shape[axis] - 1)
        ends.append((image[tuple(at.T)], at[:, axis]))
    (low, before), (high, after) = ends
    return np.asarray((high - low) / ((after - before) * step).astype(np.float32))


def _weighted_r2(signal: Array, weights: Array, sigmoids: Array) -> Array:
    """Squared weighted correlation of every profile with every sigmoid, shape (profile, sigmoid)."""
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    mean = (weights * signal).sum(axis=1, keepdims=True) / total
    centered = weights * (signal - mean)
    power = (centered * (signal - mean)).sum(axis=1, keepdims=True)
    cross = centered @ sigmoids
    spread = weights @ sigmoids**2 - (weights @ sigmoids) ** 2 / total
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = cross**2 / (power * spread)
    return np.where(np.isfinite(fit) & (spread > 1e-9), fit, 0.0)
