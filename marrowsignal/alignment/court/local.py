"""What parts of two images ask for beyond one rigid motion."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.court.matching import Compared, LocalFit, fit_locally
from marrowsignal.alignment.court.shift import Motion, RigidShift
from marrowsignal.alignment.pyramid import moved_by

__all__ = ["local_shift_mm"]

# In plane about the end of a bone: a larger block holds more of what stayed than of what moved.
_BLOCK_MM = (80.0, 40.0, 40.0)
# each taken longer, as few as reach as far as eight plain ones, on which the protocol's cut rests
_STEPS, _LONGER = 5, 1.5
# Neighbouring residuals are alike, so they count as this many fewer.
_ALIKE = 10.0
# Wide, so that a shift of some mm is found whole.
_USUAL_BEND_MM = 5.0
_SHARE = 0.9


def local_shift_mm(found: RigidShift) -> float:
    """Measure how far blocks of tissue want to go once the whole is where it should be.

    Parameters
    ----------
    found : RigidShift
        Of all tissue: one of water alone would leave the chemical shift of fat to every block.

    Returns
    -------
    float
        In the plane of the slices, 90th percentile over the tissue: a mean would hide one bone that moved.
    """
    pair = found.pair
    counts = [max(1, round(n * s / b)) for n, s, b in zip(pair.t1.shape, pair.spacing_mm, _BLOCK_MM, strict=True)]
    block = _blocks(pair, counts)
    shifts = np.zeros((3, *counts))
    for _ in range(_STEPS):
        fit = fit_locally(pair, _bent(pair, found.motion, shifts))
        shifts += _LONGER * _block_step(fit, block, shifts)
    voxels = np.bincount(block, minlength=shifts[0].size)
    size = np.sqrt(np.sum(shifts[1:] ** 2, axis=0)).ravel()
    order = np.argsort(size)
    reached = np.searchsorted(np.cumsum(voxels[order]), _SHARE * voxels.sum())
    return float(size[order][min(int(reached), size.size - 1)])


def _blocks(pair: Compared, counts: list[int]) -> NDArray[np.intp]:
    """Give every voxel of the mask the number of its block."""
    index = np.nonzero(pair.mask)
    of_axis = [i * count // n for i, count, n in zip(index, counts, pair.t1.shape, strict=True)]
    return np.asarray((of_axis[0] * counts[1] + of_axis[1]) * counts[2] + of_axis[2])


def _bent(pair: Compared, motion: Motion, shifts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Look at STIR after the rigid motion of points that moved by the blocks' shifts, linear between block centres."""
    near, scale = pair.near, pair.spacing_mm
    weights = [_between(n, count) for n, count in zip(near.shape, shifts.shape[1:], strict=True)]
    index = pair.places.copy()
    for axis, along in enumerate(shifts / scale[:, None, None, None]):
        z, y, x = weights
        rows = np.einsum("yj,zjk->zyk", y, np.einsum("zi,ijk->zjk", z, along))
        index[axis] += np.einsum("zyk,kx->zyx", rows.astype(np.float32), np.ascontiguousarray(x.T, np.float32))[near]
    return pair.stir_at(moved_by(motion.of_index(pair), index))


def _between(length: int, count: int) -> NDArray[np.float64]:
    """Weights of block centres along one axis, shape (length, count)."""
    at = np.clip((np.arange(length) + 0.5) / length * count - 0.5, 0, count - 1)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(count)))


def _block_step(fit: LocalFit, block: NDArray[np.intp], shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    count = shifts[0].size
    system, pull = np.zeros((count, 3, 3)), np.zeros((count, 3))
    for i, j in combinations_with_replacement(range(3), 2):
        product = np.bincount(block, fit.weight * fit.slopes[i] * fit.slopes[j], count)
        system[:, i, j] = system[:, j, i] = product / _ALIKE
    for i in range(3):
        pull[:, i] = np.bincount(block, fit.weight * fit.slopes[i] * fit.residual, count) / _ALIKE
    # a block that nothing tells about stays with the whole
    prior = 1 / _USUAL_BEND_MM**2
    step = -np.linalg.solve(system + prior * np.eye(3), (pull + prior * shifts.reshape(3, -1).T)[..., None])
    return np.asarray(step[..., 0].T.reshape(shifts.shape))
