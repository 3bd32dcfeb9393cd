"""Contents of the spinal canal: thecal sac with cord and cauda equina, epidural fat; distances in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, Vector, coverage, ramp, smooth_max
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["CanalHeights", "Sac", "build_sac"]

Array = NDArray[np.float64]
_ROOTLETS = 18
_ROOTLET_MM = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class CanalHeights:
    """Where things end in the canal, body z in mm.

    Attributes
    ----------
    sac_end_mm : float
        Lower end of the sac.
    fat_end_mm : float
        Below this the epidural fat belongs to the sacrum.
    conus_mm : float
        Tip of the cord.
    """

    sac_end_mm: float
    fat_end_mm: float
    conus_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sac:
    """The thecal sac along its midline.

    Attributes
    ----------
    table : ndarray of float64, shape (6, n)
        Per mm of height: z, x and y of the midline, cosine of its lean, half width, half depth.
    heights : CanalHeights
        Where sac, fat and cord end.
    rootlets : ndarray of float64, shape (2, rootlets, n)
        Cauda equina per mm of height: to the left and to the back from the midline; far away where it has left.
    stations : tuple of tuple of float
        Midline points the sac is painted around.
    """

    table: Array
    heights: CanalHeights
    rootlets: Array
    stations: tuple[Vector, ...]

    def across(self, p: Points) -> tuple[Array, Array, Array, Array]:
        """To the left and to the back from the midline, half width and half depth of the sac."""
        z = self.table[0]
        x, y, cosine, wide, deep = (np.interp(p.z, z, row) for row in self.table[1:])
        return p.x - x, (p.y - y) * cosine, wide, deep

    def distance(self, p: Points) -> Array:
        """Signed distance to the dura."""
        u, w, wide, deep = self.across(p)
        s, t = u / wide, w / deep
        k = np.sqrt(s * s + t * t) + 1e-9
        oval = k * (k - 1.0) / (np.sqrt((s / wide) ** 2 + (t / deep) ** 2) + 1e-9)
        return smooth_max(oval, self.heights.sac_end_mm - p.z, radius_mm=5.0)

    def fill(self, p: Points) -> dict[Species, Array]:
        """Cord, rootlets and dura in the fluid."""
        u, w, _, deep = self.across(p)
        width = p.sheet.width_mm
        above = p.z - self.heights.conus_mm
        # the cord thickens to the lumbar enlargement and tapers to the conus
        radius = 3.9 * np.sqrt(np.clip(above / 30.0, 0.0, 1.0)) - 0.4 * ramp(above, 45.0, 80.0)
        cord = coverage(np.hypot(u / 1.25, w - 0.8) - radius, width_mm=width) * (above > 0.0)
        height = np.clip(np.rint(p.z - self.table[0, 0]).astype(np.intp), 0, self.table.shape[1] - 1)
        nearest = np.full(u.shape, np.inf)
        for left, back in zip(*self.rootlets, strict=True):
            du, dw = u - left[height], w - back[height]
            nearest = np.minimum(nearest, du * du + dw * dw)
        threads = coverage(np.sqrt(nearest) - _ROOTLET_MM, width_mm=max(width, 0.8))
        crowd = 0.35 * ramp(w / deep, 0.0, 0.5) * ramp(p.z, self.heights.sac_end_mm + 30.0, self.heights.conus_mm)
        dura = coverage(-self.distance(p) - 0.45, width_mm=width)
        nerve = np.maximum(cord, np.maximum(0.9 * threads, crowd) * (1.0 - ramp(above, 30.0, 60.0)))
        soft = (1.0 - dura) * nerve
        return {Species.SOFT_TISSUE: soft, Species.FIBROUS: dura, Species.FLUID: 1.0 - soft - dura}

    def layers(self) -> tuple[Layer, ...]:
        """Cut the sac into pieces that overlap, each in a small window; paint before the bones."""
        return tuple(
            Layer(
                name=f"thecal_sac_{i}",
                shape=self.distance,
                fill=self.fill,
                within=Ball(centre_mm=at, radius_mm=17.0),
            )
            for i, at in enumerate(self.stations)
        )

    def epidural_layers(self) -> tuple[Layer, ...]:
        """Fat around the sac; paint after the bones, discs and ligaments, which bound it."""
        return tuple(
            Layer(
                name=f"epidural_fat_{i}",
                shape=self._epidural,
                fill=COMPOSITIONS["fat"],
                within=Ball(centre_mm=at, radius_mm=22.0),
            )
            for i, at in enumerate(self.stations)
        )

    def _epidural(self, p: Points) -> Array:
        u, w, wide, deep = self.across(p)
        # laminae and yellow ligaments close the back like a roof
        roof = (w + 0.62 * np.sqrt(u * u + 4.0) - deep - 3.4) / 1.17
        around = np.maximum(np.maximum(np.abs(u) - wide - 4.0, roof), -w - deep - 5.0)
        return smooth_max(around, self.heights.fat_end_mm - p.z, radius_mm=4.0)


def build_sac(
    subject: Subject, *, path: tuple[Vector, ...], half_sizes: tuple[tuple[float, float], ...], heights: CanalHeights
) -> Sac:
    """Lay the sac along its midline.

    Parameters
    ----------
    subject : Subject
        Whose.
    path : tuple of tuple of float
        Midline points from below upwards, body mm.
    half_sizes : tuple of tuple of float
        Half width and half depth at these points.
    heights : CanalHeights
        Where sac, fat and cord end.

    Returns
    -------
    Sac
        The sac.
    """
    points, sizes = np.asarray(path), np.asarray(half_sizes)
    z = np.arange(points[0, 2], points[-1, 2] + 30.0, 1.0)
    inside = np.minimum(z, points[-1, 2])
    smooth = PchipInterpolator(points[:, 2], np.concatenate([points[:, :2], sizes], axis=1))
    x, y, wide, deep = smooth(inside).T
    # beyond the last point the midline goes straight on
    slope = smooth.derivative()(inside)
    x, y = x + slope[:, 0] * (z - inside), y + slope[:, 1] * (z - inside)
    lean = 1.0 / np.sqrt(1.0 + slope[:, 1] ** 2)
    end = heights.sac_end_mm
    rootlets = _rootlets(subject, np.stack([z, wide, deep]), first_mm=end - 20.0, last_mm=heights.conus_mm - 35.0)
    height = np.arange(end, points[-1, 2] + 25.0, 22.0)
    stations = tuple((float(np.interp(h, z, x)), float(np.interp(h, z, y)), float(h)) for h in height)
    return Sac(
        table=np.stack([z, x, y, lean, wide, deep]),
        heights=heights,
        rootlets=rootlets,
        stations=stations,
    )


def _rootlets(subject: Subject, table: Array, *, first_mm: float, last_mm: float) -> Array:
    """Ways of the rootlets of the cauda equina: dorsal, gently waving, leaving one below the other."""
    z, wide, deep = table
    rng = subject.rng("rootlets")
    angle, phase = rng.uniform(-1.35, 1.35, _ROOTLETS), rng.uniform(0.0, 6.3, _ROOTLETS)
    out, back = np.sin(angle) * rng.uniform(0.55, 1.0, _ROOTLETS), np.cos(angle) * rng.uniform(0.35, 0.8, _ROOTLETS)
    left = wide * (out[:, None] * (0.72 + 0.12 * np.sin(z / 27.0 + phase[:, None])))
    behind = deep * (back[:, None] + 0.08 * np.sin(z / 33.0 + 2.0 * phase[:, None]))
    gone = z < np.linspace(first_mm, last_mm, _ROOTLETS)[:, None]
    return np.stack([np.where(gone, 1e3, left), behind])
