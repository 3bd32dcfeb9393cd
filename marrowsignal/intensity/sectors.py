"""The field of view in cubes: how one tissue's level varies from cube to cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.intensity.pure_level import pure_levels
from marrowsignal.protocol.schema import BiasSettings

__all__ = ["Cut", "PureTissue", "pure_tissue", "residual_bias", "sectors_of"]

_LEAST_SECTORS = 3
_PARTS = 4

# voxels this close to the level belong to the tissue whatever its spread
_LEAST_WINDOW = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PureTissue:
    """The pure voxels of a tissue.

    Attributes
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Near the level of their own sector, in sectors that agree.
    local_mask : ndarray of bool, same shape
        Near the level of their own sector, whatever it is.
    """

    mask: NDArray[np.bool_]
    local_mask: NDArray[np.bool_]


def sectors_of(mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float], size_mm: float) -> NDArray[np.int64]:
    """Give each voxel of a mask the number of the cube it lies in.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Voxels to number.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    size_mm : float
        Edge of a cube.

    Returns
    -------
    ndarray of int64, shape (voxels of the mask,)
        0 to the number of cubes that hold a voxel, less 1; voxels in the order of ``mask.nonzero()``.

    Examples
    --------
    >>> sectors_of(np.ones((1, 1, 5), bool), spacing_mm=(1.0, 1.0, 10.0), size_mm=20.0).tolist()
    [0, 0, 1, 1, 2]
    """
    cubes = [(np.arange(n) * step // size_mm).astype(np.int32) for n, step in zip(mask.shape, spacing_mm, strict=True)]
    counts = [int(along[-1]) + 1 for along in cubes]
    planes = (cubes[0] * counts[1])[:, None] + cubes[1]
    cells = (planes[:, :, None] * counts[2] + cubes[2])[mask]
    number = np.cumsum(np.bincount(cells) > 0) - 1
    return np.asarray(number[cells], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How pure voxels are cut out of a tissue.

    Attributes
    ----------
    sector_mm, sector_min_ml : float
        Edge of a sector, and the volume it has to hold.
    max_spread_fraction : float
        See `pure_level`.
    tolerance_fraction : float
        How far a sector may be from the level that sectors agree on.
    share : float
        Share of the volume on the clean side of the agreed level: small where much may be mixed.
    widths : float
        Half width of the cut around a sector's level, in its spreads.
    mixed_is_brighter : bool
        See `pure_level`.
    """

    sector_mm: float
    sector_min_ml: float
    max_spread_fraction: float
    tolerance_fraction: float
    share: float
    widths: float
    mixed_is_brighter: bool = True


def pure_tissue(
    image: NDArray[np.float32], mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float], cut: Cut
) -> PureTissue | None:
    """Cut the pure voxels out of a tissue, sector by sector.

    In one sector shading hardly varies, so that the clean side of its histogram is steep; from sector to sector
    levels differ by what is left of shading, or because one part of the body holds more of something else.

    Parameters
    ----------
    image : ndarray of float32, shape (slice, row, column)
        Smoothed signal.
    mask : ndarray of bool, same shape
        Candidates.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    cut : Cut
        How.

    Returns
    -------
    PureTissue or None
        None where no sector holds enough to tell.
    """
    if not mask.any():
        return None
    sectors = sectors_of(mask, spacing_mm=spacing_mm, size_mm=cut.sector_mm)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    values = image[mask]
    counts = np.bincount(sectors)
    levels, spreads = (np.full(counts.size, np.nan) for _ in range(2))
    order = np.argsort(sectors, kind="stable")
    ends = np.cumsum(counts)
    large = np.flatnonzero(counts * voxel_ml >= cut.sector_min_ml)
    every = pure_levels(
        [values[order[ends[sector] - counts[sector] : ends[sector]]] for sector in large],
        max_spread_fraction=cut.max_spread_fraction,
        mixed_is_brighter=cut.mixed_is_brighter,
    )
    for sector, found in zip(large, every, strict=True):
        if found is not None and found.level > 0:
            levels[sector], spreads[sector] = found.level, found.spread
    reach = np.maximum(cut.widths * spreads, _LEAST_WINDOW * levels)
    near = np.abs(values - levels[sectors]) <= reach[sectors]
    volumes = np.bincount(sectors[near], minlength=counts.size) * voxel_ml
    told = np.isfinite(levels) & (volumes > 0)
    if not told.any():
        return None
    agreed = _weighted_quantile(levels[told], volumes[told], cut.share if cut.mixed_is_brighter else 1.0 - cut.share)
    with np.errstate(invalid="ignore"):
        agrees = np.abs(levels / agreed - 1.0) <= cut.tolerance_fraction
    pure, local = np.zeros_like(mask), np.zeros_like(mask)
    pure[mask], local[mask] = near & agrees[sectors], near
    return PureTissue(mask=pure, local_mask=local)


def residual_bias(
    signal: NDArray[np.float32],
    tissue: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: BiasSettings,
) -> float | None:
    """Coefficient of variation of one tissue's level over sectors, less what chance and anatomy make.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Bias-corrected image.
    tissue : ndarray of bool, same shape
        A tissue that should have one level.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : BiasSettings
        Edge of a sector, and the tissue it has to hold.

    Returns
    -------
    float or None
        Of the medians of cubic sectors: root of their variance less their mean squared standard error, over their
        mean; 0 where they differ no more than that. A sector's standard error is that of its mean over cubes of a
        quarter of its edge, so that noise and grain, however they are correlated, count for what they are. None with
        fewer than three sectors.
    """
    size = settings.sector_size.value
    values = signal[tissue]
    if values.size == 0:
        return None
    sector = sectors_of(tissue, spacing_mm=spacing_mm, size_mm=size)
    counts = np.bincount(sector)
    enough = np.flatnonzero(counts * float(np.prod(spacing_mm)) / 1000 >= settings.sector_min_volume.value)
    if len(enough) < _LEAST_SECTORS:
        return None
    levels = np.asarray(ndimage.median(values, sector, enough))
    if np.mean(levels) <= 0:
        return None
    part = sectors_of(tissue, spacing_mm=spacing_mm, size_mm=size / _PARTS)
    means = np.asarray(ndimage.mean(values, part, np.arange(part.max() + 1)))
    owner = np.zeros(part.max() + 1, np.int64)
    owner[part] = sector
    parts = np.bincount(owner, minlength=counts.size)[enough]
    spread = np.asarray(ndimage.variance(means, owner, enough))
    chance = np.mean(np.where(parts > 1, spread / np.maximum(parts - 1, 1), 0.0))
    return float(np.sqrt(max(np.var(levels) - chance, 0.0)) / np.mean(levels))


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(share * weights.sum(), passed, values[order]))
