"""One motion segment between two vertebrae: disc, facet joints, ligamentum flavum, foramina; distances in mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Frame, Points, Vector, coverage, ellipsoid, ramp, rod, smooth_max, tube
from marrowsignal.phantom.tissues import Species

__all__ = ["Disc", "kidney", "vault"]

Array = NDArray[np.float64]
Local = tuple[Array, Array, Array]
_FACET_HALF_GAP_MM = 1.0


def kidney(a: Array, b: Array, *, half_width_mm: float, half_depth_mm: float) -> Array:
    """Signed distance in its plane to the outline of a vertebral body: an oval with a hollowed back."""
    rx, ry = half_width_mm, 1.2 * half_depth_mm
    s, t = a / rx, (b - 0.2 * half_depth_mm) / ry
    k = np.sqrt(s * s + t * t) + 1e-9
    oval = k * (k - 1.0) / (np.sqrt((s / rx) ** 2 + (t / ry) ** 2) + 1e-9)
    back = b - half_depth_mm + 1.8 * np.exp(-((a / 10.0) ** 2))
    return smooth_max(oval, back, radius_mm=9.0)


def vault(a: Array, b: Array, *, depth_mm: float) -> Array:
    """Distance behind the V-shaped back of the canal; `a` from the midplane, `b` from the front of the canal."""
    return np.asarray((b - depth_mm + 0.62 * np.sqrt(a * a + 4.0)) / 1.17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disc:
    """What joins two vertebrae.

    Attributes
    ----------
    name : str
        ``L4_L5``.
    frame : Frame
        Middle of the disc; axes to the left, to the back and up.
    half_width_mm, half_depth_mm, height_mm : float
        Half of its width and depth, height in the middle.
    wedge_deg : float
        Angle of the endplates it fills, positive where the front is taller.
    dish_mm : tuple of float
        How far it fills the hollows of the lower and of the upper neighbour.
    fall_mm : float
        How much the lower neighbour's plate falls off at the sides.
    bulge_mm : float
        How far it bulges over the rims.
    hydration : float
        1 for a bright nucleus, 0 for a dry one.
    facet_mm, facet_deg : float
        Facet joints: distance from the midplane, angle of the joint to the sagittal plane.
    roof_mm : float
        Depth of the canal from the back of the disc.
    pedicle_mm : tuple of float
        Distance of the lower and of the upper neighbour's pedicles from the midplane.
    """

    name: str
    frame: Frame
    half_width_mm: float
    half_depth_mm: float
    height_mm: float
    wedge_deg: float
    dish_mm: tuple[float, float]
    fall_mm: float
    bulge_mm: float
    hydration: float
    facet_mm: float
    facet_deg: float
    roof_mm: float
    pedicle_mm: tuple[float, float]

    def side(self, p: Points, sign: float) -> Local:
        """Coordinates from the midplane, from the back of the disc and up; `sign` 1 for left, -1 for right."""
        a, b, c = self.frame.of(p)
        return sign * a, b - self.half_depth_mm, c

    def _joint(self) -> tuple[float, float, float, float]:
        angle = np.deg2rad(self.facet_deg)
        return self.facet_mm, self.roof_mm - 2.0, float(np.cos(angle)), float(np.sin(angle))

    def facet(self, a: Array, b: Array) -> Array:
        """Distance from the facet joint, positive on the side of the lower vertebra, in front and lateral."""
        lateral, behind, cosine, sine = self._joint()
        # lumbar joints are curved, thoracic ones flat
        radius = 15.0 if self.facet_deg < 60.0 else 60.0
        return np.hypot(a - lateral + radius * cosine, b - behind - radius * sine) - radius

    def processes(self, p: Points) -> tuple[Array, Array]:
        """Articular processes of both sides: the lower vertebra's upper ones and the upper vertebra's lower ones."""
        a, b, c = self.side(p, 1.0)
        a = np.abs(a)
        lateral, behind, cosine, sine = self._joint()
        gap = self.facet(a, b)
        half = 0.5 * self.height_mm
        rising = rod(
            (a, b, c),
            start=(self.pedicle_mm[0], 9.0, -half - 9.0),
            end=(lateral + 3.2 * cosine, behind - 3.2 * sine, 6.5),
            radii=(4.8, 4.4),
        )
        falling = rod(
            (a, b, c),
            start=(self.pedicle_mm[1] - 1.0, self.roof_mm - 2.5, half + 11.0),
            end=(lateral - 3.4 * cosine, behind + 3.4 * sine, -7.0),
            radii=(4.2, 4.8),
        )
        return (
            smooth_max(rising, _FACET_HALF_GAP_MM - gap, radius_mm=1.0),
            smooth_max(falling, gap + _FACET_HALF_GAP_MM, radius_mm=1.0),
        )

    def distance(self, p: Points) -> Array:
        """Signed distance to the disc, reaching a little into its neighbours, which hide it."""
        a, b, c = self.frame.of(p)
        rim = kidney(a, b, half_width_mm=self.half_width_mm, half_depth_mm=self.half_depth_mm) - self.bulge_mm
        lower, upper = self._faces(a, b, c)
        return smooth_max(rim, np.maximum(lower, upper), radius_mm=3.0)

    def _faces(self, a: Array, b: Array, c: Array) -> tuple[Array, Array]:
        half = 0.5 * self.height_mm - float(np.tan(np.deg2rad(0.5 * self.wedge_deg))) * b
        hollow = np.maximum(1.15 - (a / self.half_width_mm) ** 2 - ((b - 2.0) / self.half_depth_mm) ** 2, 0.0)
        fall = self.fall_mm * (a / self.half_width_mm) ** 2
        return -c - half - self.dish_mm[0] * hollow - fall, c - half - self.dish_mm[1] * hollow

    def fill(self, p: Points) -> dict[Species, Array]:
        """Dark annulus, bright nucleus with a dark cleft."""
        a, b, c = self.frame.of(p)
        rim = kidney(a, b, half_width_mm=self.half_width_mm, half_depth_mm=self.half_depth_mm)
        # a lens, fullest in the middle, that touches the endplates there
        high = c / (0.5 * self.height_mm + 1.6 - float(np.tan(np.deg2rad(0.5 * self.wedge_deg))) * b)
        out = np.hypot(a / (0.72 * self.half_width_mm), (b - 1.0) / (0.72 * self.half_depth_mm))
        core = np.sqrt(out**2.6 + 0.75 * np.abs(high) ** 2.6)
        soft = ramp(-core, -1.12, -0.62)
        cleft = np.exp(-((high / 0.22) ** 2)) * ramp(-out, -0.95, -0.45)
        wet = self.hydration * soft * (1.0 - 0.4 * cleft)
        inner = ramp(-rim, 1.5, 6.0)
        # the inner annulus is fibrocartilage, the outer one pure fibre
        other = (1.0 - wet) * (0.1 + 0.3 * inner)
        return {Species.NUCLEUS: wet, Species.SOFT_TISSUE: other, Species.FIBROUS: 1.0 - wet - other}

    def layers(self) -> tuple[Layer, ...]:
        """Give the disc and what lies behind it, to be painted after both vertebrae."""
        centre = self.frame.point(0.0, 0.0, 0.0)
        disc = Layer(
            name=f"{self.name}_disc",
            shape=self.distance,
            fill=self.fill,
            within=Ball(centre_mm=centre, radius_mm=self.half_width_mm + 4.0),
        )
        sides = [layer for sign in (1.0, -1.0) for layer in self._side_layers(sign)]
        return (disc, *sides, self._flavum())

    def _flavum(self) -> Layer:
        def shape(p: Points) -> Array:
            a, b, c = self.side(p, 1.0)
            band = np.abs(vault(a, b, depth_mm=self.roof_mm) - 2.6 * np.exp(-((a / 4.0) ** 2)) - 1.6) - 1.7
            return smooth_max(np.maximum(band, np.abs(c) - 15.0), np.abs(a) - self.facet_mm - 1.0, radius_mm=2.0)

        at = self.frame.point(0.0, self.half_depth_mm + self.roof_mm - 3.0, 0.0)
        fill = {Species.FIBROUS: 0.55, Species.SOFT_TISSUE: 0.3, Species.FAT: 0.15}
        return Layer(
            name=f"{self.name}_ligamentum_flavum", shape=shape, fill=fill, within=Ball(centre_mm=at, radius_mm=24.0)
        )

    def _side_layers(self, sign: float) -> tuple[Layer, ...]:
        lateral, behind, _, _ = self._joint()
        root = self._root()

        def joint(p: Points) -> Array:
            a, b, c = self.side(p, sign)
            block = rod((a, b, c), start=(lateral, behind, -5.0), end=(lateral, behind, 5.0), radii=(7.0, 7.0))
            return np.maximum(block, np.abs(self.facet(a, b)) - _FACET_HALF_GAP_MM - 0.4)

        def capsule(p: Points) -> Array:
            at = self.side(p, sign)
            return rod(at, start=(lateral, behind, -6.0), end=(lateral, behind, 6.0), radii=(7.6, 7.6))

        def nerve(p: Points) -> Array:
            return tube(self.side(p, sign), path=root, radii=(1.6, 2.0, 3.1, 2.0, 1.9), blend_mm=2.0)

        def foramen(p: Points) -> Array:
            return ellipsoid(self.side(p, sign), centre=(root[2][0], 4.5, 3.0), radii=(11.0, 8.0, 15.0))

        back = self.half_depth_mm
        facet_at = Ball(centre_mm=self.frame.point(sign * lateral, back + behind, 0.0), radius_mm=14.0)
        root_at = Ball(centre_mm=self.frame.point(sign * (root[2][0] + 4.0), back - 2.0, -3.0), radius_mm=32.0)
        open_at = Ball(centre_mm=self.frame.point(sign * root[2][0], back + 4.5, 3.0), radius_mm=16.0)
        name = f"{'left' if sign > 0 else 'right'}_{self.name}"
        fill = partial(self._joint_fill, sign=sign)
        return (
            Layer(name=f"{name}_facet_joint", shape=joint, fill=fill, within=facet_at),
            Layer(name=f"{name}_facet_capsule", shape=capsule, fill=COMPOSITIONS["ligament"], within=facet_at),
            Layer(name=f"{name}_nerve_root", shape=nerve, fill=COMPOSITIONS["nerve"], within=root_at),
            Layer(name=f"{name}_foramen", shape=foramen, fill=COMPOSITIONS["fat"], within=open_at),
        )

    def _root(self) -> tuple[Vector, ...]:
        """Way of the nerve root: out of the sac, below the pedicle, down in front of the transverse process."""
        wide = self.facet_mm + 1.5
        high = 0.5 * self.height_mm + 3.0
        return (
            (wide - 9.0, 7.0, high + 10.0),
            (wide - 5.0, 5.0, high + 4.0),
            (wide + 1.0, 4.0, high - 1.0),
            (wide + 9.0, -3.0, high - 12.0),
            (wide + 15.0, -9.0, high - 27.0),
        )

    def _joint_fill(self, p: Points, *, sign: float) -> dict[Species, Array]:
        a, b, _ = self.side(p, sign)
        fluid = coverage(np.abs(self.facet(a, b)) - 0.25, width_mm=p.sheet.width_mm)
        return {Species.FLUID: 0.8 * fluid, Species.CARTILAGE: 1.0 - 0.8 * fluid}
