"""Where a registration may start when the headers mislead: many motions, looked at quickly."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from marrowsignal.alignment.pyramid import Level, moved_by

__all__ = ["best_starts"]

_REACH_MM = 24.0
_STEP_MM = 8.0
_TURN_DEG = 7.0
_BINS = 12
_COLUMNS = _BINS + 1
_AIR = 0.08
_APART_MM = 12.0


def best_starts(
    fixed: Level, moving: Level, points: NDArray[np.float64], initial: NDArray[np.float64], *, count: int
) -> tuple[NDArray[np.float64], ...]:
    """Rank shifts of up to 24 mm, unturned or turned by 7 degrees about each patient axis.

    Parameters
    ----------
    fixed, moving : Level
        Coarse levels.
    points : ndarray of float64, shape (3, n)
        Where they are compared, fixed patient space.
    initial : ndarray of float64, shape (4, 4)
        Motion in the middle.
    count : int
        Wanted.

    Returns
    -------
    tuple of ndarray of float64, shape (4, 4)
        `initial` first, then the best ones that are apart from each other, by the information that all points
        together give about the moving image; points outside it give none.
    """
    look = fixed.look_up(points)
    points = points[:, look.inside]
    if points.shape[1] == 0:
        return (initial,)
    rows = _ranked(look.values, fixed.top) * _COLUMNS
    labels = _ranked(moving.array, moving.top)
    middle = initial[:3, :3] @ points.mean(axis=1) + initial[:3, 3]
    turns = [np.zeros(3), *(s * _TURN_DEG * np.eye(3)[k] for k, s in product(range(3), (-1.0, 1.0)))]
    steps = np.arange(-_REACH_MM, _REACH_MM + 1, _STEP_MM)
    shifts = np.array(list(product(steps, repeat=3)))
    tried: list[tuple[float, NDArray[np.float64]]] = []
    for turn in turns:
        matrix = _turned(initial, turn, middle)
        index = moved_by(moving.index_of_lps @ matrix, points).astype(np.float32)
        scores = _scores(rows, labels, index, shifts, moving.index_of_lps)
        tried += [(score, _shifted(matrix, shift)) for score, shift in zip(scores.tolist(), shifts, strict=True)]
    tried.sort(key=lambda pair: -pair[0])
    return _apart([initial], [matrix for _, matrix in tried], points, count)


def _scores(
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    index: NDArray[np.float32],
    shifts: NDArray[np.float64],
    index_of_lps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Information of each shift, shape (shift,)."""
    # a rim of one voxel takes what falls outside, in a column of the histogram that is left out in the end
    rimmed = np.pad(labels, 1, constant_values=_BINS)
    flat, high = rimmed.ravel(), np.asarray(rimmed.shape, np.float32)[:, None] - 1
    down, across = np.float32(rimmed.shape[1] * rimmed.shape[2]), np.float32(rimmed.shape[2])
    counts = np.empty((len(shifts), _BINS * _COLUMNS), np.int64)
    for count, shift in zip(counts, shifts @ index_of_lps[:3, :3].T + 1, strict=True):
        at = np.rint(index + shift.astype(np.float32)[:, None])
        i, j, k = np.clip(at, 0, high, out=at)
        cells = rows + flat.take((i * down + j * across + k).astype(np.intp))
        count[:] = np.bincount(cells, minlength=len(count))
    return _information(counts) / len(rows)


def _information(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mutual information of histograms times the number of samples, less what chance gives; shape (histogram,)."""
    joint = counts.reshape(-1, _BINS, _COLUMNS)[:, :, :_BINS].astype(np.float64)
    total = joint.sum(axis=(1, 2))
    expected = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    expected /= np.maximum(total, 1.0)[:, None, None]
    seen = joint > 0
    surprise = np.zeros_like(joint)
    surprise[seen] = joint[seen] * np.log(joint[seen] / expected[seen])
    return np.where(total > 0, surprise.sum(axis=(1, 2)) - (_BINS - 1) ** 2 / 2, 0.0)


def _ranked(values: NDArray[np.floating], top: float) -> NDArray[np.int64]:
    # Air is one bin; the tissue shares the others evenly.
    tissue = values[values > _AIR * top]
    cuts = np.unique(np.quantile(tissue, np.linspace(0, 1, _BINS)[:-1])) if tissue.size else np.zeros(1)
    return np.searchsorted(cuts, values).astype(np.int64)


def _turned(
    matrix: NDArray[np.float64], turn_deg: NDArray[np.float64], middle: NDArray[np.float64]
) -> NDArray[np.float64]:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(turn_deg, degrees=True).as_matrix()
    turn[:3, 3] = middle - turn[:3, :3] @ middle
    return np.asarray(turn @ matrix)


def _shifted(matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = matrix.copy()
    shifted[:3, 3] += shift
    return shifted


def _apart(
    kept: list[NDArray[np.float64]], ranked: list[NDArray[np.float64]], points: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], ...]:
    few = points[:, :: max(1, points.shape[1] // 50)]
    for matrix in ranked:
        if len(kept) == count:
            break
        moved = moved_by(matrix, few)
        if all(np.linalg.norm(moved - moved_by(other, few), axis=0).mean() > _APART_MM for other in kept):
            kept.append(matrix)
    return tuple(kept)
