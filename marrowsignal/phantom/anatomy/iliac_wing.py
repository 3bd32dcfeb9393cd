"""The iliac wing as a curved plate: its outline, middle surface and thickness, tabled once in flat coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates

from marrowsignal.phantom.solids import polygon, ramp

__all__ = ["WingTable", "wing_table"]

Array = NDArray[np.float64]

# a runs along the wing to the front, 30 deg off the sagittal plane; h is the height above the hip centre.
# the outline is drawn in by the rounding of its corners
_ROUNDING = 5.0
_OUTLINE = (
    (-94.0, 89.0), (-80.0, 107.0), (-47.0, 126.0), (-22.0, 134.0), (0.0, 136.0), (22.0, 130.0), (42.0, 116.0),
    (55.0, 96.0), (59.0, 78.0), (54.0, 68.0), (40.0, 58.0), (36.0, 50.0), (41.0, 40.0), (38.0, 31.0),
    (29.0, 18.0), (12.0, -2.0), (-14.0, -4.0), (-28.0, 4.0), (-33.0, 24.0), (-38.0, 45.0), (-46.0, 55.0),
    (-62.0, 57.0), (-82.0, 50.0), (-87.0, 58.0), (-90.0, 68.0), (-96.0, 78.0),
)  # fmt: skip
# the middle of the plate: a, h, and its place b outwards from the plane through the hip centre
_MIDDLE = (
    (63.0, 72.0, 6.0), (55.0, 95.0, 20.0), (43.0, 118.0, 33.0), (20.0, 134.0, 39.0), (0.0, 140.0, 39.0),
    (-25.0, 138.0, 35.0), (-47.0, 130.0, 29.0), (-82.0, 110.0, 20.0), (-100.0, 86.0, 12.0), (-88.0, 50.0, 7.5),
    (-57.0, 77.0, 7.0), (-40.0, 95.0, 4.5), (-80.0, 62.0, 8.0), (-62.0, 105.0, 13.0),
    (-26.0, 84.0, 0.5), (-42.0, 48.0, 4.0),
    (38.0, 34.0, -8.0), (44.0, 52.0, -4.0), (12.0, 90.0, 12.5), (0.0, 55.0, 1.0), (0.0, 25.0, -3.0),
    (35.0, 85.0, 12.0), (-20.0, 110.0, 16.0), (-30.0, 20.0, -3.0), (25.0, 15.0, -8.0),
)  # fmt: skip
_FIRST = (-130.0, -30.0)
_SIZE = (230, 200)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WingTable:
    """Flat maps of the standard wing on a 1 mm grid.

    Attributes
    ----------
    edge, middle, steep, thick : ndarray of float64, shape (230, 200)
        Distance to the outline; place of the middle surface; length of its gradient, 1 for flat; thickness.
    """

    edge: Array
    middle: Array
    steep: Array
    thick: Array

    @property
    def top_mm(self) -> float:
        """Height of the crest above the hip centre where a is 0."""
        return float(
            _FIRST[1]
            + np.count_nonzero(self.edge[round(-_FIRST[0])] < 0.0)
            + np.argmax(self.edge[round(-_FIRST[0])] < 0.0)
        )

    def at(self, a: Array, h: Array) -> tuple[Array, Array, Array, Array]:
        """Edge, middle, steepness and thickness at flat coordinates, mm."""
        where = np.stack([a - _FIRST[0], h - _FIRST[1]])
        edge, middle, steep, thick = (
            map_coordinates(table, where, order=1, mode="nearest")
            for table in (self.edge, self.middle, self.steep, self.thick)
        )
        return edge, middle, steep, thick


def _thickness(a: Array, h: Array, edge: Array) -> Array:
    behind = ramp(-a, 20.0, 46.0)
    crest = 7.5 * np.exp(-(((edge + 5.0) / 8.0) ** 2)) * ramp(h, 30.0, 70.0)
    tubercle = 4.0 * np.exp(-(((a - 38.0) / 14.0) ** 2)) * ramp(h, 90.0, 120.0)
    pillar = 5.0 * np.exp(-(((a - 32.0 - 0.1 * (h - 80.0)) / 11.0) ** 2)) * ramp(h, 60.0, 100.0)
    base = 17.0 * (1.0 - ramp(h, 30.0, 78.0)) * (1.0 - 0.6 * behind)
    joint = 20.0 * behind * (1.0 - 0.45 * ramp(h, 90.0, 125.0)) * (1.0 - 0.3 * ramp(-a, 75.0, 100.0))
    return np.asarray(5.0 + crest + tubercle + pillar + base + joint)


@cache
def wing_table() -> WingTable:
    """Tables of the standard wing, made at first use."""
    a, h = np.meshgrid(_FIRST[0] + np.arange(_SIZE[0]), _FIRST[1] + np.arange(_SIZE[1]), indexing="ij")
    edge = polygon(a, h, _OUTLINE) - _ROUNDING
    knots = np.asarray(_MIDDLE)
    spline = RBFInterpolator(knots[:, :2], knots[:, 2], smoothing=40.0, kernel="thin_plate_spline")
    middle = spline(np.column_stack([a.ravel(), h.ravel()])).reshape(a.shape)
    along, up = np.gradient(middle)
    return WingTable(
        edge=edge, middle=middle, steep=np.sqrt(1.0 + along * along + up * up), thick=_thickness(a, h, edge)
    )
