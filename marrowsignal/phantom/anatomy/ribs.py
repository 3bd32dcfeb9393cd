"""The lowest ribs where they run through the wall of the trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.body_surface import BodySurface
from marrowsignal.phantom.anatomy.rib_stubs import rib_end
from marrowsignal.phantom.anatomy.spinal_column import build_spine
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, coverage, ramp, smooth_max
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Ribs", "lower_ribs"]

Array = NDArray[np.float64]
# where ribs 12 to 9 end: as far out as x and as far forward as y
_ENDS = ((92.0, -22.0), (200.0, -62.0), (200.0, -112.0), (200.0, -140.0))
_LOWEST_MM = 110.0
# from one rib to the next above the last vertebra that is built
_NEXT_MM = 27.0
# how far they fall for each mm to the front
_SLANT = 0.45


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ribs:
    """Ribs 9 to 12 on both sides.

    Attributes
    ----------
    roots : tuple of tuple of float
        Distance from the midplane, height and depth below the deep fascia where the neck ends, from rib 12 up.
    steep : float
        How far they fall for each mm outwards.
    depth_mm : float
        Of their middle below the deep fascia beside the muscles of the back.
    marrow_fat : float
        Fat share of their marrow.
    """

    roots: tuple[tuple[float, float, float], ...]
    steep: float
    depth_mm: float
    marrow_fat: float

    def distance(self, p: Points, depth: Array) -> Array:
        """Signed distance to the nearest rib, from the depth below the deep fascia."""
        nearest = np.full(p.x.shape, 1e3)
        ahead, behind = _SLANT * np.maximum(-p.y, 0.0), ramp(p.y, -60.0, -20.0)
        for (start, height, sunk), (out, front) in zip(self.roots, _ENDS, strict=True):
            fall = self.steep * np.maximum(p.ax - start, 0.0) + ahead
            along = 0.85 * (p.z + fall - height)
            # near the spine they lie under the muscles of the back
            middle = self.depth_mm + (sunk - self.depth_mm) * behind * ramp(p.ax, start + 48.0, start)
            across = 1.6 * (depth - middle)
            section = np.sqrt(along * along + across * across) - 6.2
            ends = np.maximum(np.maximum(p.ax - out, front - p.y), start - 4.0 - p.ax)
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


def lower_ribs(subject: Subject, surface: BodySurface) -> Ribs:
    """Draw the lowest ribs of a person: they go on where the necks at the vertebrae end."""
    ends = [rib_end(v, 1.0) for v in build_spine(subject).vertebrae if v.name[0] == "T"]
    last = ends[-1]
    at = np.array(sorted([*ends, (last[0], last[1], last[2] + _NEXT_MM)], key=lambda point: point[2]))
    none = Sheet(origin_mm=at[0], row_step_mm=np.eye(3)[2], column_step_mm=np.eye(3)[0], shape=(1, len(at)))
    depths = -surface.fascia(Points(x=at[None, :, 0], y=at[None, :, 1], z=at[None, :, 2], sheet=none))[0]
    return Ribs(
        roots=tuple(
            (float(x), float(z + _SLANT * max(-y, 0.0)), float(deep))
            for (x, y, z), deep in zip(at, depths, strict=True)
        ),
        steep=subject.uniform("rib_steepness", 0.5, 0.75),
        depth_mm=subject.uniform("rib_depth_mm", 11.0, 13.5),
        marrow_fat=subject.uniform("rib_marrow_fat", 0.35, 0.55),
    )
