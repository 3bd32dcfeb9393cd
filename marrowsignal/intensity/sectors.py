"""The field of view in cubes: how one tissue's level varies from cube to cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.intensity.pure_level import pure_level

__all__ = ["PureTissue", "pure_tissue", "sectors_of"]

# voxels this close to the level belong to the tissue whatever its spread
_LEAST_WINDOW = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PureTissue:
    """The pure voxels of a tissue.

    Attributes
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Near the level of their own sector, in sectors that agree.
    level : float
        That the sectors agree on.
    sector_levels, sector_volumes_ml : ndarray of float64, shape (sectors,)
        Of every sector that holds enough, those left out included.
    """

    mask: NDArray[np.bool_]
    level: float
    sector_levels: NDArray[np.float64]
    sector_volumes_ml: NDArray[np.float64]


def sectors_of(
    mask: NDArray[np.bool_], *, spacing_mm: tuple[float, float, float], size_mm: float
) -> NDArray[np.int64]:
    """Number of the cube that each voxel of a mask lies in.

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
    cells = np.zeros(int(mask.sum()), np.int64)
    for axis, (index, step) in enumerate(zip(mask.nonzero(), spacing_mm, strict=True)):
        cubes = int(mask.shape[axis] * step // size_mm) + 1
        cells = cells * cubes + (index * step // size_mm).astype(np.int64)
    return np.unique(cells, return_inverse=True)[1].astype(np.int64)


def pure_tissue(  # noqa: PLR0913 - what is asked of the tissue is one setting each
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    sectors: NDArray[np.int64],
    *,
    voxel_ml: float,
    min_volume_ml: float,
    max_spread_fraction: float,
    tolerance_fraction: float,
    share: float,
    widths: float,
    mixed_is_brighter: bool = True,
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
    sectors : ndarray of int64, shape (voxels of the mask,)
        As `sectors_of` numbers them.
    voxel_ml, min_volume_ml : float
        Volume of a voxel, and what a sector has to hold.
    max_spread_fraction : float
        See `pure_level`.
    tolerance_fraction : float
        How far a sector may be from the agreed level.
    share : float
        Share of the volume that lies on the clean side of the agreed level: small where much may be mixed.
    widths : float
        Half width of the cut around a sector's level, in its spreads.
    mixed_is_brighter : bool
        See `pure_level`.

    Returns
    -------
    PureTissue or None
        None where no sector holds enough to tell.
    """
    values = image[mask]
    counts = np.bincount(sectors)
    levels, spreads = (np.full(counts.size, np.nan) for _ in range(2))
    order = np.argsort(sectors, kind="stable")
    ends = np.cumsum(counts)
    for sector in np.flatnonzero(counts * voxel_ml >= min_volume_ml):
        inside = values[order[ends[sector] - counts[sector] : ends[sector]]]
        found = pure_level(inside, max_spread_fraction=max_spread_fraction, mixed_is_brighter=mixed_is_brighter)
        if found is not None and found.level > 0:
            levels[sector], spreads[sector] = found.level, found.spread
    reach = np.maximum(widths * spreads, _LEAST_WINDOW * levels)
    near = np.abs(values - levels[sectors]) <= reach[sectors]
    volumes = np.bincount(sectors[near], minlength=counts.size) * voxel_ml
    told = np.isfinite(levels) & (volumes > 0)
    if not told.any():
        return None
    agreed = _weighted_quantile(levels[told], volumes[told], share if mixed_is_brighter else 1.0 - share)
    with np.errstate(invalid="ignore"):
        agrees = np.abs(levels / agreed - 1.0) <= tolerance_fraction
    pure = np.zeros_like(mask)
    pure[mask] = near & agrees[sectors]
    return PureTissue(mask=pure, level=agreed, sector_levels=levels[told], sector_volumes_ml=volumes[told])


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(share * weights.sum(), passed, values[order]))
