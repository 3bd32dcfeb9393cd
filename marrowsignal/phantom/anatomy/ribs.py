"""The lowest ribs where they run through the wall of the trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.solids import Points, coverage, smooth_max
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Ribs", "lower_ribs"]

Array = NDArray[np.float64]
# height near the spine, and where the rib ends: as far out as x and as far forward as y
_RIBS = ((238.0, 92.0, -8.0), (264.0, 200.0, -62.0), (290.0, 200.0, -112.0), (316.0, 200.0, -140.0))
_LOWEST_MM = 110.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ribs:
    """Ribs 9 to 12 on both sides.

    Attributes
    ----------
    steep : float
        How far they fall for each mm outwards.
    depth_mm : float
        Of their middle below the deep fascia.
    marrow_fat : float
        Fat share of their marrow.
    """

    steep: float
    depth_mm: float
    marrow_fat: float

    def distance(self, p: Points, depth: Array) -> Array:
        """Signed distance to the nearest rib, from the depth below the deep fascia."""
        fall = self.steep * np.maximum(p.ax - 34.0, 0.0) + 0.45 * np.maximum(-p.y, 0.0)
        across = 1.6 * (depth - self.depth_mm)
        nearest = np.full(p.x.shape, 1e3)
        for height, out, front in _RIBS:
            along = 0.85 * (p.z + fall - height)
            section = np.sqrt(along * along + across * across) - 6.2
            ends = np.maximum(np.maximum(p.ax - out, front - p.y), 34.0 - p.ax)
            nearest = np.minimum(nearest, smooth_max(section, ends, radius_mm=4.0))
        return nearest

    def shares(self, p: Points, depth: Array) -> tuple[dict[Species, Array], Array]:
        """Shares of species and the share of space that ribs take."""
        if float(p.z.max()) < _LOWEST_MM:
            return {}, np.zeros(p.x.shape)
        distance, width = self.distance(p, depth), p.sheet.width_mm
        whole = coverage(distance, width_mm=width)
        inside = np.minimum(coverage(distance + 1.1, width_mm=width), whole)
        shares = {
            Species.MARROW_FAT: 0.88 * self.marrow_fat * inside,
            Species.MARROW_WATER: 0.88 * (1.0 - self.marrow_fat) * inside,
            Species.MINERAL: whole - 0.88 * inside,
        }
        return shares, whole


def lower_ribs(subject: Subject) -> Ribs:
    """Draw the lowest ribs of a person."""
    return Ribs(
        steep=subject.uniform("rib_steepness", 0.5, 0.75),
        depth_mm=subject.uniform("rib_depth_mm", 11.0, 13.5),
        marrow_fat=subject.uniform("rib_marrow_fat", 0.35, 0.55),
    )
