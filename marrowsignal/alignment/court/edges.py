"""How far the edges of bone in STIR lie from those in T1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of

__all__ = ["edge_distance_mm"]

_SMOOTHING_MM = 1.0
_SURROUND_MM = 30.0
_SKIN_MM = 8.0
# An edge of bone is this much steeper than what lies around it; the dark line of cortex is a pair of them.
_STEEPER = 1.7
_EDGES = 3000
_SEED = 20_190_102
_STEP_MM = 0.4
_HALF_PROFILE_MM = 3.0
_REACH_MM = 4.0
_LEAST_EDGES = 50
_ALIKE = 0.6
_FAINT = 0.02
# Sobel's filter: the mean over slices serves both directions
_SOBEL_EVEN, _SOBEL_SLOPE = np.array([0.25, 0.5, 0.25]), np.array([-0.5, 0.0, 0.5])


def edge_distance_mm(
    t1: NDArray[np.floating],
    stir: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> float | None:
    """Median distance of edges in the plane of the slices.

    Parameters
    ----------
    t1, stir : ndarray of float, shape (slice, row, column)
        Two images on one grid.
    mask : ndarray of bool, same shape
        Tissue; edges near its border (skin) are left out.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        At the steepest edges of T1 the profile along the edge's normal, 6 mm long, is looked for in STIR up to 4 mm
        before and behind, by squared correlation, so that an edge may be dark to bright in one and bright to dark in
        the other. None where fewer than 50 edges are found again.
    """
    reach = (round((_SURROUND_MM / 2 + 4 * _SMOOTHING_MM) / step) + 3 for step in spacing_mm[1:])
    around = box_of(mask, margin=[0, *reach])
    if around is None:
        return None
    t1, stir, mask = t1[around], stir[around], mask[around]
    sigma = [0.0, *(_SMOOTHING_MM / s for s in spacing_mm[1:])]
    fixed, moving = (ndimage.gaussian_filter(np.asarray(a, np.float32), sigma, truncate=3.0) for a in (t1, stir))
    at, normal = _edges(fixed, mask, spacing_mm)
    if len(at) < _LEAST_EDGES:
        return None
    profile = _profiles(fixed, at, normal, _HALF_PROFILE_MM, spacing_mm)
    longer = _profiles(moving, at, normal, _HALF_PROFILE_MM + _REACH_MM, spacing_mm)
    floor = _FAINT * float(np.mean(np.abs(moving[mask])))
    alike = _squared_correlations(profile, longer, floor)
    best = alike.argmax(axis=1)
    found = alike[np.arange(len(best)), best] > _ALIKE
    if np.count_nonzero(found) < _LEAST_EDGES:
        return None
    return float(np.median(np.abs(_peaks(alike[found], best[found]) - alike.shape[1] // 2))) * _STEP_MM


def _edges(
    image: NDArray[np.float32], mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Voxels on the steepest edges, shape (edge, 3), and their normals in the plane, shape (edge, 2)."""
    even = ndimage.correlate1d(image, _SOBEL_EVEN, axis=0)
    slope = [
        ndimage.correlate1d(ndimage.correlate1d(even, _SOBEL_EVEN, axis=3 - k), _SOBEL_SLOPE / spacing_mm[k], axis=k)
        for k in (1, 2)
    ]
    steep = np.hypot(slope[0], slope[1])
    around = [1, *(max(1, round(_SURROUND_MM / s)) for s in spacing_mm[1:])]
    # running sums leave less than nothing where there is nothing
    usual = np.sqrt(np.maximum(ndimage.uniform_filter(steep**2, around), 0.0))
    skin = [1, *(2 * max(1, round(_SKIN_MM / s)) + 1 for s in spacing_mm[1:])]
    inside = ndimage.minimum_filter(mask.view(np.uint8), skin, mode="constant").view(bool)
    crest = (steep >= ndimage.maximum_filter(steep, [1, 3, 3])) & (steep > _STEEPER * usual) & inside
    at = np.argwhere(crest)
    at = at[np.sort(np.random.default_rng(_SEED).permutation(len(at))[:_EDGES])]
    across = np.stack([each[tuple(at.T)] for each in slope])
    return at, (across / np.maximum(np.hypot(across[0], across[1]), np.finfo(np.float32).tiny)).T


def _profiles(
    image: NDArray[np.float32],
    at: NDArray[np.intp],
    normal: NDArray[np.float32],
    half_mm: float,
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float32]:
    count = round(half_mm / _STEP_MM)
    steps = np.arange(-count, count + 1) * _STEP_MM
    rows, columns = (at[:, k, None] + normal[:, k - 1, None] * steps / spacing_mm[k] for k in (1, 2))
    slices = np.broadcast_to(at[:, 0, None].astype(float), rows.shape)
    return np.asarray(ndimage.map_coordinates(image, [slices, rows, columns], order=1, mode="nearest"))


def _squared_correlations(
    profile: NDArray[np.float32], longer: NDArray[np.float32], floor: float
) -> NDArray[np.float32]:
    """Of each profile with every stretch of the longer one; shape (edge, shift)."""
    wanted = profile - profile.mean(axis=1, keepdims=True)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True) + np.finfo(np.float32).tiny
    stretch = np.lib.stride_tricks.sliding_window_view(longer, profile.shape[1], axis=1)
    even = stretch - stretch.mean(axis=-1, keepdims=True)
    # a mere sum of products: a matrix product may sum in another order on another number of threads
    product = np.sum(even * wanted[:, None, :], axis=-1)
    return np.asarray((product / (np.linalg.norm(even, axis=-1) + floor + np.finfo(np.float32).tiny)) ** 2)


def _peaks(alike: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.float64]:
    """Vertex of the parabola through the best shift and its neighbours."""
    row = np.arange(len(best))
    before, after = (alike[row, np.clip(best + k, 0, alike.shape[1] - 1)].astype(float) for k in (-1, 1))
    top = alike[row, best].astype(float)
    bend = 2 * top - before - after
    return np.asarray(best + np.clip(0.5 * (after - before) / np.where(bend > 0, bend, np.inf), -0.5, 0.5))
