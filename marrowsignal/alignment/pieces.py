"""Bones and slabs that moved on their own between the series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.engine import Prepared, information, register
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.geometry.thinned import every_nth
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["moved_on_their_own"]

_LEVEL = 1
_POINTS = 200
_MIN_SLICES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """A part of the tissue, and by which motion it leaves the whole, in T1 space."""

    mask: NDArray[np.bool_]
    centre: NDArray[np.float64]
    points: NDArray[np.float64]
    own: NDArray[np.float64]

    @property
    def beyond_mm(self) -> float:
        """Median distance by which it leaves the whole."""
        return float(np.median(displacements_mm(self.own, np.eye(4), self.points)))


def moved_on_their_own(
    t1: Prepared,
    stir: Prepared,
    *,
    mask: NDArray[np.bool_],
    rigid: NDArray[np.float64],
    settled: NDArray[np.float64],
    settings: AlignmentSettings,
) -> tuple[PieceMotion, ...]:
    """Find blocks of tissue that one rigid transform leaves behind.

    Parameters
    ----------
    t1, stir : Prepared
        Both series.
    mask : ndarray of bool, shape of the T1 grid
        Where the match was made.
    rigid : ndarray of float64, shape (4, 4)
        Transform of the whole, by the same measure as the blocks' own.
    settled : ndarray of float64, shape (4, 4)
        Transform of the whole that is handed on; what a block does beyond `rigid` is done beyond this.
    settings : AlignmentSettings
        Size of the blocks, and the distance that counts.

    Returns
    -------
    tuple of PieceMotion
        Empty where every block follows the whole. Otherwise all blocks; those whose own motion is not borne out by
        slices that it was not found on are at rest and hold their neighbours in place.
    """
    own = [_block(t1, stir, mask & part, rigid, settings) for part in _tiles(mask, t1.geometry, settings)]
    blocks = [block for block in own if block is not None]
    least = settings.piece_motion.value
    leaving = [block.beyond_mm > least and _borne_out(t1, stir, block, rigid, settings) for block in blocks]
    if not any(leaving):
        return ()
    # Where half of them left, the transform of the whole is a compromise that the others need not share.
    compromise = 2 * sum(leaving) >= len(blocks)
    follows = [
        leaves or (compromise and block.beyond_mm <= least) for block, leaves in zip(blocks, leaving, strict=True)
    ]
    reach = settings.piece_size.value / 3
    return tuple(
        PieceMotion(
            centre_lps_mm=(float(block.centre[0]), float(block.centre[1]), float(block.centre[2])),
            t1_to_stir_lps=settled @ block.own if leaves else settled,
            beyond_rigid_mm=block.beyond_mm if leaves else 0.0,
            voxels=int(np.count_nonzero(block.mask)),
            reach_mm=reach,
        )
        for block, leaves in zip(blocks, follows, strict=True)
    )


def _block(
    t1: Prepared, stir: Prepared, mask: NDArray[np.bool_], rigid: NDArray[np.float64], settings: AlignmentSettings
) -> _Block | None:
    voxels = int(np.count_nonzero(mask))
    if voxels * t1.geometry.voxel_ml < settings.piece_min_volume.value or mask.any(axis=(1, 2)).sum() < _MIN_SLICES:
        return None
    own = _own_motion(t1, stir, mask, rigid)
    if own is None:
        return None
    points = t1.geometry.to_patient(every_nth(mask, max(1, voxels // _POINTS)))
    return _Block(mask=mask, centre=points.mean(axis=0), points=points, own=own)


def _own_motion(
    t1: Prepared, stir: Prepared, mask: NDArray[np.bool_], rigid: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    try:
        found = register(t1, stir, mask=mask, initial=rigid, start_level=_LEVEL)
    except RuntimeError:
        return None
    return np.asarray(np.linalg.inv(rigid) @ found)


def _borne_out(
    t1: Prepared, stir: Prepared, block: _Block, rigid: NDArray[np.float64], settings: AlignmentSettings
) -> bool:
    """Whether either half of the slices finds that motion, and the other half is told better by what it finds."""
    odd = (np.arange(block.mask.shape[0]) % 2 == 1)[:, None, None]
    for half, other in ((block.mask & odd, block.mask & ~odd), (block.mask & ~odd, block.mask & odd)):
        own = _own_motion(t1, stir, half, rigid)
        if own is None or np.median(displacements_mm(own, block.own, block.points)) > block.beyond_mm / 2:
            return False
        told = information(t1, stir, mask=other, matrix=rigid)
        if information(t1, stir, mask=other, matrix=rigid @ own) < (1 + settings.piece_gain.value) * told:
            return False
    return True


def _tiles(mask: NDArray[np.bool_], geometry: VolumeGeometry, settings: AlignmentSettings) -> list[NDArray[np.bool_]]:
    """Cut the box around the mask into tiles of about the size of a bone, each through all slices."""
    cuts = []
    for axis, spacing in enumerate(geometry.spacing_mm):
        size = settings.piece_size.value if axis else np.inf
        used = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
        if used.size == 0:
            return []
        low, high = int(used[0]), int(used[-1]) + 1
        count = max(1, round((high - low) * spacing / size))
        cuts.append(np.linspace(low, high, count + 1).round().astype(int))
    tiles = []
    for k in np.ndindex(*(len(cut) - 1 for cut in cuts)):
        tile = np.zeros(mask.shape, bool)
        tile[tuple(slice(cut[i], cut[i + 1]) for cut, i in zip(cuts, k, strict=True))] = True
        tiles.append(tile)
    return tiles
