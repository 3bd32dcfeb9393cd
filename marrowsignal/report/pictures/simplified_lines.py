"""Lines with fewer points that nobody can tell from the full ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["simplified_lines"]

Points = NDArray[np.float64]


def simplified_lines(lines: Sequence[Points], *, tolerance: float) -> list[Points]:
    """Leave out points that lie within a tolerance of the line through the rest.

    Douglas and Peucker, Cartographica 1973;10:112: the point farthest from a chord is kept where it is farther than the
    tolerance, and splits it. All chords of all lines are looked at together, level by level, which is what makes it
    fast: `skimage.measure.approximate_polygon` does the same one chord at a time.

    Parameters
    ----------
    lines : sequence of ndarray of float64, shape (points, 2)
        Open or closed, of two points or more.
    tolerance : float
        In the unit of the points.

    Returns
    -------
    list of ndarray of float64, shape (kept, 2)
        In the same order; each with its first and its last point.

    Examples
    --------
    >>> corner = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [2.0, 2.0]])
    >>> simplified_lines([corner], tolerance=0.1)[0].tolist()
    [[0.0, 0.0], [0.0, 2.0], [2.0, 2.0]]
    """
    if not lines:
        return []
    points = np.concatenate([np.asarray(line, np.float64) for line in lines])
    ends = np.cumsum([len(line) for line in lines])
    first, last = np.concatenate(([0], ends[:-1])), ends - 1
    kept = np.zeros(len(points), bool)
    kept[first] = kept[last] = True
    start, stop = first, last
    while (long := stop - start > 1).any():
        start, stop = start[long], stop[long]
        middle, far = _farthest(points, start, stop)
        split = far > tolerance
        start, middle, stop = start[split], middle[split], stop[split]
        kept[middle] = True
        start, stop = np.concatenate((start, middle)), np.concatenate((middle, stop))
        if not start.size:
            break
    return [points[a:b][kept[a:b]] for a, b in zip(first, ends, strict=True)]


def _farthest(
    points: Points, start: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Point between the ends of each chord that lies farthest from it, the first of equals, and how far."""
    count = stop - start - 1
    of_chord = np.repeat(np.arange(len(count)), count)
    offset = np.concatenate(([0], np.cumsum(count)[:-1]))
    index = np.arange(len(of_chord)) - offset[of_chord] + start[of_chord] + 1
    distance = _from_chord(points[index], points[start][of_chord], points[stop][of_chord])
    far = np.maximum.reduceat(distance, offset)
    is_far = np.flatnonzero(distance == far[of_chord])
    place = is_far[np.searchsorted(of_chord[is_far], np.arange(len(count)))]
    return index[place], far


def _from_chord(point: Points, a: Points, b: Points) -> NDArray[np.float64]:
    """Distance of points from the chord between a and b; from a where both coincide."""
    chord, way = b - a, point - a
    square = np.einsum("ij,ij->i", chord, chord)
    along = np.einsum("ij,ij->i", way, chord) / np.where(square > 0, square, 1.0)
    nearest = np.clip(along, 0.0, 1.0)[:, None] * chord
    return np.asarray(np.linalg.norm(way - nearest, axis=1))
