"""How sharp the edges of images are, told by where one of them has its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.signals.statistics.quantiles import percentile

__all__ = ["edge_widths_mm"]

_SMOOTHING_MM = 0.8
_EDGES = 20_000
_REACH_MM = 6.0
_REACH_VOXELS = 4.0
_STEP_MM = 0.25
_STRONG_PERCENT = 95.0
_MIN_EDGES = 500
_SEED = 5


def edge_widths_mm(
    guide: NDArray[np.float32],
    images: tuple[NDArray[np.float32], ...],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> tuple[float | None, ...]:
    """Width of the mean edge profile of each image across the strong in-plane edges of `guide`.

    Parameters
    ----------
    guide : ndarray of float32, shape (slice, row, column)
        Where edges are.
    images : tuple of ndarray of float32, same shape
        Whose sharpness is asked; the guide may be one of them.
    mask : ndarray of bool, same shape
        Where edges are looked for.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    tuple of float or None
        Of each image, twice the SD of the profile's slope about its middle, mm, from profiles along the gradient of
        `guide` whose signs follow their own slope, averaged so that noise cancels; None with few edges, or where the
        mean profile has no step.
    """
    nothing = (None,) * len(images)
    sigma = [0.0, _SMOOTHING_MM / spacing_mm[1], _SMOOTHING_MM / spacing_mm[2]]
    slopes = [
        ndimage.gaussian_filter(guide, sigma, order=order) / spacing_mm[axis]
        for axis, order in ((1, (0, 1, 0)), (2, (0, 0, 1)))
    ]
    size = np.hypot(*slopes)
    if not mask.any():
        return nothing
    strong = np.argwhere(mask & (size > percentile(size[mask], _STRONG_PERCENT)))
    if len(strong) < _MIN_EDGES:
        return nothing
    chosen = strong[np.sort(np.random.default_rng(_SEED).permutation(len(strong))[:_EDGES])]
    at = tuple(chosen.T)
    normal = np.stack([s[at] / size[at] for s in slopes])
    reach_mm = max(_REACH_MM, _REACH_VOXELS * max(spacing_mm[1:]))
    way = np.arange(-reach_mm, reach_mm + _STEP_MM / 2, _STEP_MM)
    points = [np.broadcast_to(chosen[:, :1], (len(chosen), way.size))]
    points += [chosen[:, axis, None] + normal[axis - 1][:, None] * way / spacing_mm[axis] for axis in (1, 2)]
    return tuple(_width_mm(ndimage.map_coordinates(image, points, order=1, mode="nearest"), way) for image in images)


def _width_mm(profiles: NDArray[np.floating], way: NDArray[np.float64]) -> float | None:
    rise = profiles[:, way > 1.0].mean(axis=1) - profiles[:, way < -1.0].mean(axis=1)
    mean = (profiles * np.sign(rise)[:, None]).mean(axis=0)
    slope = np.clip(np.gradient(mean, way), 0.0, None)
    # The foot of the slope is other structures: only what is above a fifth of the peak is this edge.
    slope = np.where(slope > 0.2 * slope.max(), slope, 0.0)
    if slope.sum() <= 0:
        return None
    middle = float((slope * way).sum() / slope.sum())
    return float(2 * np.sqrt((slope * (way - middle) ** 2).sum() / slope.sum()))
