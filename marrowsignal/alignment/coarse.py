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
    rows = _ranked(look.values, fixed.top) * _BINS
    labels = _ranked(moving.array, moving.top)
    middle = initial[:3, :3] @ points.mean(axis=1) + initial[:3, 3]
    turns = [np.zeros(3), *(s * _TURN_DEG * np.eye(3)[k] for k, s in product(range(3), (-1.0, 1.0)))]
    steps = np.arange(-_REACH_MM, _REACH_MM + 1, _STEP_MM)
    shifts = np.array(list(product(steps, repeat=3)))
    tried: list[tuple[float, NDArray[np.float64]]] = []
    for turn in turns:
        matrix = _turned(initial, turn, middle)
        scores = _scores(rows, labels, moved_by(moving.index_of_lps @ matrix, points), shifts, moving.index_of_lps)
        tried += [(score, _shifted(matrix, shift)) for score, shift in zip(scores, shifts, strict=True)]
    tried.sort(key=lambda pair: -pair[0])
    return _apart([initial], [matrix for _, matrix in tried], points, count)


def _scores(
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    index: NDArray[np.float64],
    shifts: NDArray[np.float64],
    index_of_lps: NDArray[np.float64],
) -> list[float]:
    scores = []
    sizes = np.asarray(labels.shape)[:, None]
    flat = labels.ravel()
    for shift in shifts @ index_of_lps[:3, :3].T:
        at = np.rint(index + shift[:, None]).astype(np.int64)
        inside = np.all((at >= 0) & (at < sizes), axis=0)
        i, j, k = at[:, inside]
        cells = rows[inside] + flat[(i * labels.shape[1] + j) * labels.shape[2] + k]
        scores.append(_information(np.bincount(cells, minlength=_BINS * _BINS)) / len(rows))
    return scores


def _information(counts: NDArray[np.int64]) -> float:
    """Mutual information times the number of samples, less what chance gives."""
    joint = counts.reshape(_BINS, _BINS).astype(np.float64)
    total = joint.sum()
    if total == 0:
        return 0.0
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True) / total
    seen = joint > 0
    return float(np.sum(joint[seen] * np.log(joint[seen] / expected[seen]))) - (_BINS - 1) ** 2 / 2


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
