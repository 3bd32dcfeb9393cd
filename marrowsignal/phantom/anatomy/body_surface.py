"""Outline of the trunk, buttocks and upper thighs, and the fat under the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.spine import vertebra_frames
from marrowsignal.phantom.anatomy.texture import Septa, Threads, septa, sheet_share, threads
from marrowsignal.phantom.solids import Points, coverage, curve, ellipsoid, ramp, rod, smooth_max, smooth_min
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["BodySurface", "Subcutis", "body_surface", "subcutis"]

Array = NDArray[np.float64]

_HEIGHT = (-150.0, -100.0, -40.0, 10.0, 60.0, 110.0, 160.0, 220.0, 280.0, 340.0)
_HALF_WIDTH = (138.0, 150.0, 148.0, 141.0, 134.0, 127.0, 127.0, 134.0, 141.0, 146.0)
# muscle and bone end here; skin lies behind by the thickness of the fat. Above the sacrum the spine tells
_BACK = ((-150.0, 40.0), (-100.0, 52.0), (-40.0, 46.0), (10.0, 33.0))
# tip of the spinous process, up and to the back from the middle of the body
_TIPS = {
    "L5": (2.0, 56.8),
    "L4": (-6.2, 66.5),
    "L3": (-10.5, 67.5),
    "L2": (-15.7, 65.3),
    "L1": (-20.5, 61.5),
    "T12": (-21.6, 56.1),
    "T11": (-25.9, 52.8),
    "T10": (-27.8, 50.5),
}
_GROOVE_MM = 5.0
_FRONT = (-98.0, -108.0, -127.0, -146.0, -156.0, -160.0, -160.0, -156.0, -152.0, -150.0)
_MIDDLE_Y = -52.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodySurface:
    """Skin and deep fascia of one person as signed distances, mm, negative inside.

    Attributes
    ----------
    fat_mm : float
        Thickness of the subcutaneous fat where it is of middle thickness.
    belly_mm : float
        How far the belly stands out in front.
    hip_mm : float
        Extra half width at the hips.
    back : ndarray of float64, shape (2, n)
        Heights, and how far to the back the muscles reach there.
    """

    fat_mm: float
    belly_mm: float
    hip_mm: float
    back: Array

    def fascia(self, p: Points) -> Array:
        """Signed distance to the outer border of the muscles."""
        ax = p.ax
        half = curve(p.z, _HEIGHT, _HALF_WIDTH) + self.hip_mm * ramp(p.z, 90.0, -20.0)
        front = curve(p.z, _HEIGHT, _FRONT) - self.belly_mm * ramp(p.z, -60.0, 70.0)
        # the groove between the two columns of muscle
        groove = _GROOVE_MM * np.exp(-((p.x / 17.0) ** 2)) * ramp(p.z, 10.0, 60.0)
        back = np.interp(p.z, self.back[0], self.back[1]) - groove
        y = p.y - _MIDDLE_Y
        depth = np.where(y > 0.0, back - _MIDDLE_Y, _MIDDLE_Y - front)
        s, t = ax / half, np.abs(y) / depth
        s2, t2 = s * s, t * t
        k = np.cbrt(s2 * s + t2 * t) + 1e-6
        tube = (k - 1.0) * k * k / (np.sqrt((s2 / half) ** 2 + (t2 / depth) ** 2) + 1e-9)
        tube = smooth_max(tube, -142.0 - p.z, radius_mm=30.0)
        low = p.z < 90.0
        if not low.any():
            return tube
        at = (ax, p.y, p.z)
        buttock = ellipsoid(at, centre=(66.0, 18.0, -76.0), radii=(82.0 + self.hip_mm, 70.0, 100.0))
        thigh = rod(at, start=(84.0 + self.hip_mm, -42.0, -85.0), end=(80.0, -36.0, -300.0), radii=(71.0, 72.0))
        return smooth_min(smooth_min(tube, buttock, radius_mm=30.0), thigh, radius_mm=14.0)

    def thickness(self, p: Points) -> Array:
        """Thickness of the subcutaneous fat under a point."""
        behind = ramp(p.y, -20.0, 50.0)
        share = 0.62 + 0.75 * ramp(p.z, 130.0, 0.0) * (0.35 + 0.65 * behind) * ramp(p.z, -260.0, -120.0)
        share = share + 0.45 * ramp(p.y, -60.0, -120.0) * np.exp(-(((p.z - 5.0) / 85.0) ** 2))
        share = share - 0.45 * behind * np.exp(-((p.x / 30.0) ** 2)) * ramp(p.z, -90.0, -20.0) * ramp(p.z, 200.0, 20.0)
        # the thighs touch
        share = share + 0.5 * ramp(p.ax, 45.0, 12.0) * ramp(p.z, -110.0, -170.0)
        return np.asarray(self.fat_mm * share)

    def skin(self, p: Points, *, fascia: Array | None = None) -> Array:
        """Signed distance to the skin: fascia and fat, with the gluteal cleft and the gap between the thighs."""
        inner = self.fascia(p) if fascia is None else fascia
        outer = inner - self.thickness(p)
        bottom = curve(p.z, (-190.0, -150.0, -125.0, -95.0, -45.0), (-300.0, -40.0, 34.0, 76.0, 92.0))
        over = p.y - bottom
        cleft = smooth_max(p.ax - 1.0 - 0.05 * np.maximum(over, 0.0), -over, radius_mm=3.0)
        return smooth_max(outer, -np.maximum(cleft, p.z + 20.0), radius_mm=6.0)


def _back(subject: Subject) -> Array:
    """Profile of the back, which follows the tips of the spinous processes."""
    knots = list(_BACK)
    for name, frame in vertebra_frames(subject).items():
        up, behind = _TIPS[name]
        _, y, z = frame.origin_mm
        knots.append((z + up, y + behind + _GROOVE_MM + 3.5))
    knots.sort()
    height, reach = knots[-1]
    return np.array([*knots, (height + 100.0, reach + 18.0)]).T


def body_surface(subject: Subject) -> BodySurface:
    """Draw a person's outline.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    BodySurface
        Skin and deep fascia.
    """
    woman = subject.sex == "F"
    return BodySurface(
        fat_mm=subject.uniform("subcutaneous_fat_mm", 10.0, 29.0) + (3.0 if woman else 0.0),
        belly_mm=subject.uniform("belly_mm", -8.0, 20.0),
        hip_mm=subject.normal("hip_fullness_mm", 3.0 if woman else 0.0, 2.5),
        back=_back(subject),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subcutis:
    """Skin and subcutaneous fat as shares of species.

    Attributes
    ----------
    walls : Septa
        Fibrous septa.
    vessels : Threads
        Small veins.
    skin_mm : float
        Thickness of the skin.
    """

    walls: Septa
    vessels: Threads
    skin_mm: float

    def __call__(self, p: Points, *, skin: Array, fascia: Array) -> dict[Species, Array]:
        """Shares at points, from their distances to skin and fascia; made for points between the two."""
        width = p.sheet.width_mm
        depth = -skin
        wall = 0.75 * self.walls(p, depth)
        # Scarpa's fascia splits the fat into two layers
        level = depth - 0.55 * (depth + fascia) + 1.2 * np.sin(p.z / 17.0 + p.x / 29.0)
        wall = np.maximum(wall, 0.5 * sheet_share(level, half_width_mm=0.22, width_mm=width))
        dermis = coverage(depth - self.skin_mm, width_mm=width)
        blood = self.vessels(p) * (1.0 - dermis) * (1.0 - wall)
        wall = wall * (1.0 - dermis)
        return {
            Species.FIBROUS: 0.6 * dermis + wall,
            Species.SOFT_TISSUE: 0.4 * dermis + 0.5 * blood,
            Species.FLUID: 0.15 * blood,
            Species.FAT: (1.0 - dermis) - wall - blood,
        }


def subcutis(subject: Subject) -> Subcutis:
    """Draw the texture of a person's skin and subcutaneous fat."""
    return Subcutis(
        walls=septa(subject, "subcutis", lobule_mm=subject.uniform("fat_lobule_mm", 5.5, 8.0), half_width_mm=0.24),
        vessels=threads(subject, "subcutis vein", wavelength_mm=(35.0, 70.0), radius_mm=0.8),
        skin_mm=subject.uniform("skin_mm", 1.5, 2.1),
    )
