"""Where short texts go beside their marks so that none lies over another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Box", "Place", "box_about", "place_labels", "text_width"]

_LETTER = 0.6  # width of a letter in sizes of the font: a little more than that of usual fonts
_GAP = 1.5
_AROUND = ((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -0.7), (-0.7, -0.7), (0.7, 0.7), (-0.7, 0.7))
_STEPS = (1.0, 2.5, 4.0, 6.0, 8.0, 11.0)  # radii of a mark; from the second on a line leads back to the mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in drawing units."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two share an area."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: Box) -> bool:
        """Whether the other lies inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Middle of a text; `baseline` is where its letters stand, `leads` whether a line has to lead to the mark."""

    x: float
    baseline: float
    box: Box
    leads: bool


def text_width(text: str, size: float) -> float:
    """Return the width that a text takes at most, nearly."""
    return _LETTER * size * max(len(text), 1)


def box_about(x: float, y: float, half_width: float, half_height: float) -> Box:
    """Return the box about a point."""
    return Box(left=x - half_width, top=y - half_height, right=x + half_width, bottom=y + half_height)


def place_labels(
    anchors: Sequence[tuple[float, float, str]],
    *,
    inside: Box,
    taken: Iterable[Box],
    size: float,
    radius: float,
) -> tuple[Place | None, ...]:
    """Find a free place beside each mark; those that come first choose first.

    Parameters
    ----------
    anchors : sequence of (x, y, text)
        Marks and their texts; an empty text needs no place.
    inside : Box
        What no text may leave.
    taken : iterable of Box
        What no text may cover: marks and texts that stand already.
    size : float
        Of the font, in drawing units.
    radius : float
        Of a mark.

    Returns
    -------
    tuple of Place or None
        None where no place is free: then the legend alone names the mark.
    """
    full = list(taken)
    marks = [(x, y) for x, y, _ in anchors]
    found: list[Place | None] = []
    for x, y, text in anchors:
        near = [mark for mark in marks if mark != (x, y)]
        place = _free_place((x, y), text, inside=inside, full=full, near=near, sizes=(size, radius)) if text else None
        if place is not None:
            full.append(place.box)
        found.append(place)
    return tuple(found)


def _free_place(
    at: tuple[float, float],
    text: str,
    *,
    inside: Box,
    full: list[Box],
    near: list[tuple[float, float]],
    sizes: tuple[float, float],
) -> Place | None:
    size, radius = sizes
    half_width, half_height = text_width(text, size) / 2, 0.46 * size
    for step in _STEPS:
        leads = step > _STEPS[0]
        for right, down in _AROUND:
            x = at[0] + right * (radius * step + _GAP + half_width)
            y = at[1] + down * (radius * step + _GAP + half_height)
            box = box_about(x, y, half_width, half_height)
            free = inside.holds(box) and not any(box.meets(other) for other in full)
            if free and (leads or _is_nearest(at, (x, y), near)):
                return Place(x=round(x, 1), baseline=round(y + 0.36 * size, 1), box=box, leads=leads)
    return None


def _is_nearest(mark: tuple[float, float], text: tuple[float, float], others: list[tuple[float, float]]) -> bool:
    # Without a line, a text is read as that of the mark next to it.
    return all(math.dist(mark, text) < math.dist(other, text) for other in others)
