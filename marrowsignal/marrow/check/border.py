"""What T1 looks like across the border of a mask: marrow ends at a dark line or at a step, wrong masks do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.protocol.schema import MaskCheckSettings

__all__ = ["BorderLook", "look_at_border"]

_NORMAL_SMOOTHING_MM = 1.5
_SAMPLES = 12_000
_SEED = 7
_STEP_MM = 0.5
_REACH_MM = 8.0
_AT_BORDER_MM = 2.0
_BESIDE_MM = (2.5, 5.0)
_PROFILE_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BorderLook:
    """T1 across the border, in units of fat.

    Attributes
    ----------
    open_share : float
        Share of the border where T1 goes on as it was: neither a dark line nor a step.
    dark_share : float
        Share with a dark line, as cortex is.
    contrast : float
        Mean steepness of T1 at the border over that some millimetres inside and outside of it: 1 for a border that
        lies anywhere.
    dip : float
        How much darker the mean profile is at the border than at the lighter of its sides, in shares of the inside.
    offset_mm : float
        Where the steepest fall of the mean profile lies: positive outside the mask.
    profile : tuple of float
        Mean T1 at each of `profile_mm`.
    profile_mm : tuple of float
        Distance from the border along its outward normal.
    samples : int
        Border voxels looked at.
    """

    open_share: float
    dark_share: float
    contrast: float
    dip: float
    offset_mm: float
    profile: tuple[float, ...]
    profile_mm: tuple[float, ...]
    samples: int


def look_at_border(
    t1_of_fat: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: MaskCheckSettings,
) -> BorderLook | None:
    """Sample T1 along in-plane normals of the border.

    Parameters
    ----------
    t1_of_fat : ndarray of float32, shape (slice, row, column)
        Bias-corrected T1 divided by the level of fat.
    mask : ndarray of bool, same shape
        Marrow.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : MaskCheckSettings
        What counts as a dark line and as a step.

    Returns
    -------
    BorderLook or None
        None for a mask without any border inside the picture. The edge of the picture is no border: there the field of
        view cuts, not the mask.
    """
    found = _border_normals(mask, spacing_mm)
    if found is None:
        return None
    index, normal = found
    way = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    points: list[NDArray[np.float64]] = [np.broadcast_to(index[:, :1].astype(np.float64), (len(index), way.size))]
    points += [index[:, a, None] + normal[:, a - 1, None] * way / spacing_mm[a] for a in (1, 2)]
    seen = np.all([(p >= 0) & (p <= n - 1) for p, n in zip(points[1:], mask.shape[1:], strict=True)], axis=(0, 2))
    if not seen.any():
        return None
    values = ndimage.map_coordinates(t1_of_fat, [p[seen] for p in points], order=1, mode="nearest")
    return _measured(values.astype(np.float64), way, settings)


def _border_normals(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> tuple[NDArray[np.intp], NDArray[np.float64]] | None:
    # A voxel of the border has a neighbour of its own slice outside; beyond the picture nothing is outside.
    inner = deeper_in_slices(mask, spacing_mm=(1.0, 1.0, 1.0), depth_mm=1.0)
    index = np.argwhere(mask & ~inner)
    if len(index) == 0:
        return None
    chosen = index[np.sort(np.random.default_rng(_SEED).permutation(len(index))[:_SAMPLES])]
    sigma = [0.0, *(_NORMAL_SMOOTHING_MM / s for s in spacing_mm[1:])]
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest")
    at = tuple(chosen.T)
    slopes = np.stack([np.gradient(smooth, spacing_mm[axis], axis=axis)[at] for axis in (1, 2)], axis=1)
    size = np.linalg.norm(slopes, axis=1)
    kept = size > 1e-4
    return (chosen[kept], -slopes[kept] / size[kept, None]) if kept.any() else None


def _measured(values: NDArray[np.float64], way: NDArray[np.float64], settings: MaskCheckSettings) -> BorderLook:
    near = np.abs(way) <= _AT_BORDER_MM
    inside = np.median(values[:, (way <= -_BESIDE_MM[0]) & (way >= -_BESIDE_MM[1])], axis=1)
    outside = np.median(values[:, (way >= _BESIDE_MM[0]) & (way <= _BESIDE_MM[1])], axis=1)
    darkest = values[:, near].min(axis=1)
    dark = darkest < settings.dark_line.value * np.minimum(inside, outside)
    step = np.abs(inside - outside) > settings.step.value * np.maximum(inside, outside)
    steep = np.abs(np.diff(values, axis=1))
    middle = 0.5 * (way[1:] + way[:-1])
    at_border = steep[:, np.abs(middle) <= _AT_BORDER_MM].mean()
    elsewhere = steep[:, np.abs(middle) > _BESIDE_MM[1]].mean()
    shown = np.abs(way) <= _PROFILE_MM
    profile = np.median(values[:, shown], axis=0)
    slope = np.diff(profile)
    centre = 0.5 * (way[shown][1:] + way[shown][:-1])
    sides = np.minimum(np.median(inside), np.median(outside))
    return BorderLook(
        open_share=float(np.mean(~(dark | step))),
        dark_share=float(np.mean(dark)),
        contrast=float(at_border / max(elsewhere, 1e-6)),
        dip=float(1 - np.median(darkest) / max(sides, 1e-6)),
        offset_mm=float(centre[np.argmin(slope)]),
        profile=tuple(float(v) for v in profile),
        profile_mm=tuple(float(v) for v in way[shown]),
        samples=len(values),
    )
