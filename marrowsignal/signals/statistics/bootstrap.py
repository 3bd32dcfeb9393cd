"""Intervals of medians from voxels that are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockedVoxels", "block_bootstrap_medians", "blocked_voxels", "interval"]

_BINS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockedVoxels:
    """Voxels of a region with the block and slice each belongs to.

    Attributes
    ----------
    values : ndarray of float64, shape (channel, voxel)
        Signals; channels are resampled together.
    block : ndarray of int64, shape (voxel,)
        Block of each voxel, 0 to blocks - 1; blocks are numbered slice by slice.
    block_slice : ndarray of int64, shape (block,)
        Slice of each block, 0 to slices - 1.
    sectors : int
        Large cubes the region reaches into: how far residual shading averages out.
    """

    values: NDArray[np.float64]
    block: NDArray[np.int64]
    block_slice: NDArray[np.int64]
    sectors: int


def blocked_voxels(
    channels: tuple[NDArray[np.floating], ...],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    block_mm: float,
    sector_mm: float,
) -> BlockedVoxels:
    """Cut the voxels of `mask` into blocks of `block_mm` in plane by one slice.

    Parameters
    ----------
    channels : tuple of ndarray of float, shape (slice, row, column)
        Images.
    mask : ndarray of bool, same shape
        Region; may be empty.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    block_mm : float
        In-plane block size, at least the correlation length of the signal.
    sector_mm : float
        Edge of the cubes that `sectors` counts.
    """
    index = np.nonzero(mask)
    in_plane = [(index[axis] * spacing_mm[axis] // block_mm).astype(np.int64) for axis in (1, 2)]
    block, members = _numbered(index[0], *in_plane)
    block_slice, _ = _numbered(index[0][members])
    cubes = [(index[axis] * spacing_mm[axis] // sector_mm).astype(np.int64) for axis in range(3)]
    return BlockedVoxels(
        values=np.stack([np.asarray(channel[mask], float) for channel in channels]),
        block=block,
        block_slice=block_slice,
        sectors=max(1, _numbered(*cubes)[1].size),
    )


def block_bootstrap_medians(voxels: BlockedVoxels, *, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Medians of resampled regions.

    Parameters
    ----------
    voxels : BlockedVoxels
        At least one voxel.
    draws : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of chance; the same state gives the same draws.

    Returns
    -------
    ndarray of float64, shape (channel, draw)
        Slices are drawn with replacement, then blocks within each drawn slice (two-stage cluster bootstrap, Davison
        and Hinkley 1997, 3.8), their counts as Poisson numbers (Chamandy et al. 2012). Medians come
        from histograms over 256 quantile bins a channel (or its distinct values), interpolated within the bin, so
        that a draw costs one matrix product and not a sort.
    """
    weights = _block_weights(voxels.block_slice, draws=draws, rng=rng)
    return np.stack([_weighted_medians(channel, voxels.block, weights) for channel in voxels.values])


def interval(draws: NDArray[np.float64], *, level: float) -> tuple[float, float]:
    """Percentile interval of `draws` that holds `level` of them.

    Examples
    --------
    >>> tuple(round(end, 6) for end in interval(np.arange(101.0), level=0.9))
    (5.0, 95.0)
    """
    low, high = np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _numbered(*keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give distinct tuples of `keys` a number: the number of each entry, and one entry of each number."""
    code = np.zeros(keys[0].shape, np.int64)
    for key in keys:
        code = code * (int(key.max(initial=0)) + 1) + key
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return inverse, first


def _block_weights(block_slice: NDArray[np.int64], *, draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    slices = int(block_slice.max()) + 1
    drawn = rng.multinomial(slices, np.full(slices, 1 / slices), size=draws)
    weights = np.zeros((draws, block_slice.size), np.float32)
    # One slice at a time: each has its own number of blocks.
    for k in range(slices):
        members = np.flatnonzero(block_slice == k)
        weights[:, members] = rng.poisson(drawn[:, k, None], size=(draws, members.size))
    return weights


def _weighted_medians(
    values: NDArray[np.float64], block: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    levels = np.unique(values)
    if levels.size > _BINS:
        levels = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[:-1]))
    bins = levels.size
    which = np.searchsorted(levels, values, side="right") - 1
    blocks = weights.shape[1]
    table = np.bincount(block * bins + which, minlength=blocks * bins).reshape(blocks, bins)
    cumulative = np.cumsum(weights @ table.astype(np.float32), axis=1, dtype=np.float64)
    # A draw of a tiny region may hold no block at all: it tells no more than the whole region does.
    empty = cumulative[:, -1] == 0
    cumulative[empty] = np.cumsum(table.sum(axis=0))
    half = 0.5 * cumulative[:, -1:]
    at = np.argmax(cumulative >= half, axis=1)
    rows = np.arange(len(weights))
    before = np.where(at > 0, cumulative[rows, np.maximum(at - 1, 0)], 0.0)
    inside = np.maximum(cumulative[rows, at] - before, 1.0)
    share = (half[:, 0] - before) / inside
    # Between the values a bin really holds: tied values leave gaps that no median may fall into.
    low, high = np.full(bins, np.inf), np.full(bins, -np.inf)
    np.minimum.at(low, which, values)
    np.maximum.at(high, which, values)
    return np.asarray(low[at] + share * (high[at] - low[at]))
