"""On which side of the midline a point lies."""

from __future__ import annotations

from marrowsignal.regions.records import Midline, Side

__all__ = ["side_of_point"]


def side_of_point(midline: Midline | None, point_lps_mm: tuple[float, float, float]) -> Side:
    """Return the patient's side of a point; ``none`` without a midline."""
    if midline is None:
        return Side.NONE
    distance = sum(n * p for n, p in zip(midline.normal_lps, point_lps_mm, strict=True)) - midline.offset_mm
    return Side.LEFT if distance > 0 else Side.RIGHT
