"""Lines that end where the frame of a chart ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from marrowsignal.report.charts.label_places import Box

__all__ = ["clipped_path"]

Point = tuple[float, float]


def clipped_path(points: Sequence[Point], box: Box) -> str:
    """SVG path along points, without what lies outside a box.

    Each piece is cut by Liang and Barsky, ACM Trans Graph 1984;3:1.

    Parameters
    ----------
    points : sequence of (x, y)
        In drawing units.
    box : Box
        The frame.

    Examples
    --------
    >>> clipped_path([(-5.0, 5.0), (5.0, 5.0), (5.0, 20.0)], Box(left=0.0, top=0.0, right=10.0, bottom=10.0))
    'M0.0 5.0L5.0 5.0L5.0 10.0'
    """
    parts: list[str] = []
    end: Point | None = None
    for start, stop in itertools.pairwise(points):
        kept = _inside(start, stop, box)
        if kept is None:
            continue
        first, last = kept
        if first != end:
            parts.append(f"M{first[0]:.1f} {first[1]:.1f}")
        parts.append(f"L{last[0]:.1f} {last[1]:.1f}")
        end = last
    return "".join(parts)


def _inside(start: Point, stop: Point, box: Box) -> tuple[Point, Point] | None:
    across, down = stop[0] - start[0], stop[1] - start[1]
    first, last = 0.0, 1.0
    for way, room in (
        (-across, start[0] - box.left),
        (across, box.right - start[0]),
        (-down, start[1] - box.top),
        (down, box.bottom - start[1]),
    ):
        if way == 0:
            if room < 0:
                return None
        elif way < 0:
            first = max(first, room / way)
        else:
            last = min(last, room / way)
    if first > last:
        return None
    cut = [(start[0] + share * across, start[1] + share * down) for share in (first, last)]
    return (start if first == 0 else cut[0]), (stop if last == 1 else cut[1])
