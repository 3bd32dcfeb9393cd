"""Intervals of quantiles from voxels that are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockedVoxels", "blocked_voxels", "interval", "median_draws", "share_errors"]

_LEAST_FREEDOM = 2.0
# Few slices have long tails: no resample of a region has its very ends as median.
_MEDIAN_WITHIN = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockedVoxels:
    """Voxels of a region with the block and slice each belongs to.

    Attributes
    ----------
    values : tuple of ndarray of float32, shape (voxel,)
        Signals, one array a channel; channels are resampled together.
    block : ndarray of int64, shape (voxel,)
        Block of each voxel; blocks are numbered slice by slice, and some may be empty.
    blocks_per_slice : int
        How many numbers a slice takes.
    sectors : int
        Large cubes the region reaches into: how far residual shading averages out.
    """

    values: tuple[NDArray[np.float32], ...]
    block: NDArray[np.int64]
    blocks_per_slice: int
    sectors: int


def blocked_voxels(
    channels: tuple[NDArray[np.floating], ...],
    index: NDArray[np.int64],
    *,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    block_mm: float,
    sector_mm: float,
) -> BlockedVoxels:
    """Cut voxels into blocks of `block_mm` in plane by one slice.

    Parameters
    ----------
    channels : tuple of ndarray of float, shape (slice, row, column)
        Images.
    index : ndarray of int64, shape (voxel,)
        Flat index of each voxel of the region; at least one.
    shape : tuple of int
        Of the images.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    block_mm : float
        In-plane block size, at least the correlation length of the signal.
    sector_mm : float
        Edge of the cubes that `sectors` counts.
    """
    place = np.unravel_index(index, shape)
    first = [int(axis.min()) for axis in place]
    plane = [_steps(place[axis], spacing_mm[axis], block_mm, shape[axis]) for axis in (1, 2)]
    rows, columns = (axis - axis.min() for axis in plane)
    wide = int(columns.max()) + 1
    per_slice = (int(rows.max()) + 1) * wide
    cubes = [_steps(place[axis], spacing_mm[axis], sector_mm, shape[axis]) for axis in range(3)]
    code = (cubes[0] * (int(cubes[1].max()) + 1) + cubes[1]) * (int(cubes[2].max()) + 1) + cubes[2]
    return BlockedVoxels(
        values=tuple(channel.reshape(-1).take(index) for channel in channels),
        block=(place[0] - first[0]) * per_slice + rows * wide + columns,
        blocks_per_slice=per_slice,
        sectors=int(np.count_nonzero(np.bincount(code))),
    )


def _steps(place: NDArray[np.int64], spacing_mm: float, step_mm: float, length: int) -> NDArray[np.int64]:
    # A table by place costs less than a division a voxel.
    table = (np.arange(length) * spacing_mm // step_mm).astype(np.int64)
    return np.asarray(table[place])


def share_errors(voxels: BlockedVoxels, medians: tuple[float, ...]) -> tuple[NDArray[np.float64], float]:
    """How far chance moves the share of voxels below the median.

    Parameters
    ----------
    voxels : BlockedVoxels
        At least one voxel.
    medians : tuple of float
        Of each channel.

    Returns
    -------
    covariance : ndarray of float64, shape (channel, channel)
        Of the shares below the medians, as a bootstrap of blocks would give it; where slices differ by more than their
        blocks make them, their variance is that of slices as clusters.
    freedom : float
        Degrees of freedom of the variances (Satterthwaite, Biometrics 1946): few slices tell little of how slices
        differ; infinite where they do not.
    """
    count = voxels.block.size
    per_slice = voxels.blocks_per_slice
    size = (int(voxels.block.max()) // per_slice + 1) * per_slice
    held = np.bincount(voxels.block, minlength=size)
    excess = np.stack(
        [
            np.bincount(voxels.block, weights=_below(values, median), minlength=size) - 0.5 * held
            for values, median in zip(voxels.values, medians, strict=True)
        ]
    )
    excess -= held * (excess.sum(axis=1, keepdims=True) / count)
    blocks, slices = int(np.count_nonzero(held)), excess.reshape(len(excess), -1, per_slice).sum(axis=2)
    clusters = int(np.count_nonzero(held.reshape(-1, per_slice).sum(axis=1)))
    within = excess @ excess.T / count**2 * (blocks / max(blocks - 1, 1))
    if clusters < 2:
        return within, np.inf
    between = np.diag(slices @ slices.T) / count**2 * (clusters / (clusters - 1))
    variance = np.maximum(np.diag(within), between)
    widening = np.sqrt(np.divide(variance, np.diag(within), out=np.ones_like(variance), where=np.diag(within) > 0))
    added = max(float(np.max(1 - 1 / widening**2)), 0.0)
    freedom = (clusters - 1) / added**2 if added > 0 else np.inf
    return within * np.outer(widening, widening), max(freedom, _LEAST_FREEDOM)


def median_draws(
    ordered: tuple[NDArray[np.float32], ...],
    covariance: NDArray[np.float64],
    freedom: float,
    *,
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Medians as resampled voxels would have them.

    Parameters
    ----------
    ordered : tuple of ndarray of float32, shape (voxel,)
        Values of each channel, ascending.
    covariance : ndarray of float64, shape (channel, channel)
        Of the shares below the medians.
    freedom : float
        Of Student's t; infinite for a normal.
    draws : int
        How many.
    rng : numpy.random.Generator
        Source of chance; the same state gives the same draws.

    Returns
    -------
    ndarray of float64, shape (channel, draw)
        The share of a resample that lies below the median is a sum over blocks, so it is drawn from its normal limit
        and carried back through the region's own distribution (Woodruff, J Am Stat Assoc 1952; Francisco and Fuller,
        Ann Stat 1991): the interval is as skewed as the signal, and no block is ever counted.
    """
    spread = np.sqrt(np.diag(covariance))
    share = rng.standard_normal((len(ordered), draws))
    if len(ordered) == 2 and spread.min() > 0:
        along = float(np.clip(covariance[0, 1] / np.prod(spread), -1.0, 1.0))
        share[1] = along * share[0] + np.sqrt(1 - along**2) * share[1]
    if np.isfinite(freedom):
        share /= np.sqrt(rng.chisquare(freedom, draws) / freedom)
    return np.stack([_quantiles(v, 0.5 + s * z) for v, s, z in zip(ordered, spread, share, strict=True)])


def interval(draws: NDArray[np.float64], *, level: float) -> tuple[float, float]:
    """Percentile interval of `draws` that holds `level` of them.

    Examples
    --------
    >>> tuple(round(end, 6) for end in interval(np.arange(101.0), level=0.9))
    (5.0, 95.0)
    """
    low, high = np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _below(values: NDArray[np.float32], median: float) -> NDArray[np.float64]:
    # A voxel at the median is half below it, so that tied values stay in the middle.
    return np.asarray(0.5 * ((values < median).astype(np.float64) + (values <= median)))


def _quantiles(ordered: NDArray[np.float32], share: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.clip(share, *_MEDIAN_WITHIN) * (len(ordered) - 1)
    low = at.astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    first = ordered[low].astype(np.float64)
    return np.asarray(first + (at - low) * (ordered[high] - first))
