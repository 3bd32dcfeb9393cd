"""One vertebra: body with dished endplates and a waist, arch with its processes, as a signed distance in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.disc import Disc, kidney, vault
from marrowsignal.phantom.scene import Bone, Landmark, Place
from marrowsignal.phantom.sheet import Ball, SmoothField
from marrowsignal.phantom.solids import Frame, Points, Vector, box, ramp, rod, smooth_max, smooth_min

__all__ = ["Arch", "Vertebra"]

Array = NDArray[np.float64]
Local = tuple[Array, Array, Array]
_CLEARANCE_MM = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """Measures of a vertebral arch, mm and degrees.

    Attributes
    ----------
    pedicle_mm, pedicle_half_mm : float
        Distance of the pedicle's axis from the midplane, and half its width.
    reach_mm, back_mm, rise_mm : float
        Tip of the transverse process: from the midplane, behind the body, above the middle of the body.
    spine_length_mm, spine_half_mm, spine_angle_deg : float
        Spinous process: length, half its height, how much it points down.
    bend_deg : float
        Sideways bend of the spinous process.
    """

    pedicle_mm: float
    pedicle_half_mm: float
    reach_mm: float
    back_mm: float
    rise_mm: float
    spine_length_mm: float
    spine_half_mm: float
    spine_angle_deg: float
    bend_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertebra:
    """A vertebra in its place.

    Attributes
    ----------
    name, label : str, int
        ``L3`` and its value in label maps.
    frame : Frame
        Middle of the body; axes to the left, to the back and up.
    half_width_mm, half_depth_mm, height_mm : float
        Body: half of its width and depth at the endplates, height in the middle.
    wedge_deg : float
        Angle of its endplates, positive where the front is taller.
    dish_mm : tuple of float
        Depth of the lower and the upper endplate's hollow.
    lip_mm : float
        How far the rims have grown out with age.
    arch : Arch
        What lies behind the body.
    below, above : Disc
        Its neighbours; the articular processes follow their facet joints.
    grain : SmoothField
        Unevenness of its surface.
    """

    name: str
    label: int
    frame: Frame
    half_width_mm: float
    half_depth_mm: float
    height_mm: float
    wedge_deg: float
    dish_mm: tuple[float, float]
    lip_mm: float
    arch: Arch
    below: Disc
    above: Disc
    grain: SmoothField

    @property
    def reach(self) -> Ball:
        """Ball around the whole vertebra."""
        return Ball(centre_mm=self.frame.point(0.0, self.half_depth_mm + 7.0, -5.0), radius_mm=57.0)

    @property
    def canal_mm(self) -> float:
        """Depth of the canal behind the body."""
        return 0.5 * (self.below.roof_mm + self.above.roof_mm) - 1.0

    def bone(self) -> Bone:
        """Give the vertebra as a part to paint."""
        return Bone(
            name=self.name,
            label=self.label,
            shape=self.distance,
            cortex=self.cortex,
            place=self.place,
            within=self.reach,
            kind="vertebra",
        )

    def distance(self, p: Points) -> Array:
        """Signed distance to the surface of the bone."""
        at = self.frame.of(p)
        # no surface of a bone is as smooth as a formula
        rough = 0.28 * np.clip(self.grain.on(p.sheet), -2.0, 2.0)
        return smooth_min(self.body(at), self._arch(p, at), radius_mm=4.0) + rough

    def cortex(self, p: Points) -> Array:
        """Thickness of the cortex: a thin shell around the body, a firmer one around the arch."""
        _, behind, _ = self.frame.of(p)
        return 0.65 + 0.45 * ramp(behind, self.half_depth_mm + 1.0, self.half_depth_mm + 6.0)

    def place(self, p: Points) -> Place:
        """Distance from the nearest endplate; a vertebra has neither shaft nor grown-up physis."""
        at = self.frame.of(p)
        lower, upper = self._endplates(at)
        behind = np.maximum(at[1] - self.half_depth_mm, 0.0)
        none = np.zeros_like(p.x)
        inside = np.maximum(np.minimum(-lower, -upper), 0.0)
        return Place(epiphysis=none, joint_mm=inside + behind, shaft_mm=none, axis_mm=none)

    def body(self, at: Local) -> Array:
        """Signed distance to the vertebral body alone, at local coordinates."""
        a, b, c = at
        high = np.abs(2.0 * c / self.height_mm)
        waist = 0.1 * self.half_width_mm * np.maximum(1.0 - high * high, 0.0)
        wall = kidney(a, b, half_width_mm=self.half_width_mm, half_depth_mm=self.half_depth_mm)
        # the back wall is hollowed less than the flanks
        lip = self.lip_mm * ramp(high, 0.55, 1.0) * ramp(-b, -0.8 * self.half_depth_mm, 0.0)
        wall = wall - lip + waist * (1.0 - 0.6 * ramp(b, 0.3 * self.half_depth_mm, self.half_depth_mm))
        lower, upper = self._endplates(at)
        return smooth_max(smooth_max(wall, upper, radius_mm=4.5), lower, radius_mm=4.5)

    def _endplates(self, at: Local) -> tuple[Array, Array]:
        a, b, c = at
        lean = float(np.tan(np.deg2rad(0.5 * self.wedge_deg)))
        out = (a / self.half_width_mm) ** 2
        hollow_low = np.maximum(1.0 - 1.3 * (out + ((b - 2.0) / self.half_depth_mm) ** 2), 0.0)
        hollow_top = np.maximum(1.0 - 1.3 * (out + ((b - 3.0) / self.half_depth_mm) ** 2), 0.0)
        half = 0.5 * self.height_mm - lean * b
        return self.dish_mm[0] * hollow_low - c - half, self.dish_mm[1] * hollow_top + c - half

    def _arch(self, p: Points, at: Local) -> Array:
        a, b, c = np.abs(at[0]), at[1] - self.half_depth_mm, at[2]
        m = self.arch
        high = 0.19 * self.height_mm
        # pedicles are taller than wide: squeeze the coordinates to a round rod
        tall = 7.4 / m.pedicle_half_mm
        pedicle = rod(
            (a, b, (c - high) / tall),
            start=(m.pedicle_mm - 0.8, -6.0, 0.0),
            end=(m.pedicle_mm, 11.0, -0.6),
            radii=(m.pedicle_half_mm, m.pedicle_half_mm),
        )
        # transverse processes are blades, too
        flat = 1.7 if self.name[0] == "L" else 1.2
        transverse = rod(
            (a, b, c / flat),
            start=(m.pedicle_mm + 1.0, 9.0, (high - 3.0) / flat),
            end=(m.reach_mm, m.back_mm, m.rise_mm / flat),
            radii=(3.8, 2.5),
        )
        roof = vault(a, b, depth_mm=self.canal_mm)
        plate = np.maximum(np.abs(roof - 3.1) - 3.1, np.abs(c + 5.5) - 0.37 * self.height_mm)
        lamina = smooth_max(plate, a - m.pedicle_mm - 1.5, radius_mm=4.0)
        arch = smooth_min(smooth_min(pedicle, transverse, radius_mm=5.0), lamina, radius_mm=4.0)
        arch = smooth_min(arch, self._spinous(at), radius_mm=4.0)
        rising_below, falling = self.below.processes(p)
        rising, falling_above = self.above.processes(p)
        arch = smooth_min(arch, np.minimum(rising, falling), radius_mm=3.0)
        # neighbours leave room for each other in the joints, and all for the canal
        arch = np.maximum(arch, _CLEARANCE_MM - np.minimum(rising_below, falling_above))
        canal = smooth_max(a - (m.pedicle_mm - m.pedicle_half_mm), roof, radius_mm=5.0)
        return smooth_max(arch, -canal, radius_mm=2.0)

    def _spinous(self, at: Local) -> Array:
        m = self.arch
        angle = np.deg2rad(m.spine_angle_deg)
        sine, cosine = float(np.sin(angle)), float(np.cos(angle))
        b, c = at[1] - self.half_depth_mm - self.below.roof_mm - 1.0, at[2] + 5.5
        along, across = cosine * b - sine * c, sine * b + cosine * c
        a = at[0] - float(np.tan(np.deg2rad(m.bend_deg))) * along
        tip = ramp(along, 0.4 * m.spine_length_mm, m.spine_length_mm)
        half = (3.3, 0.5 * m.spine_length_mm + 1.5, m.spine_half_mm)
        middle = (0.0, 0.5 * m.spine_length_mm + 1.0, 0.0)
        blade = box((a, along, across + 1.5 * tip), centre=middle, half=half, rounding_mm=3.0)
        return blade - 1.3 * tip

    def spinous_tip(self) -> Vector:
        """Point just behind the tip of the spinous process."""
        m = self.arch
        angle = np.deg2rad(m.spine_angle_deg)
        along = m.spine_length_mm + 4.4
        b = self.half_depth_mm + self.canal_mm + 2.0 + np.cos(angle) * along
        c = -5.5 - np.sin(angle) * along
        return self.frame.point(float(np.tan(np.deg2rad(m.bend_deg)) * along), float(b), float(c))

    def endplate(self, *, upper: bool) -> tuple[Vector, Vector]:
        """Middle of an endplate's surface and the unit vector from there into the body."""
        sign = 1.0 if upper else -1.0
        # gradient of the dish at the middle, in the plane of b and c
        lean = np.tan(np.deg2rad(0.5 * self.wedge_deg))
        slope = np.array([0.0, -lean, -1.0]) if upper else np.array([0.0, -lean, 1.0])
        into = slope / np.linalg.norm(slope) @ np.asarray(self.frame.axes)
        centre = (2.0, 3.0)[int(upper)] / self.half_depth_mm
        level = 0.5 * self.height_mm - self.dish_mm[int(upper)] * (1.0 - 1.3 * centre**2)
        return self.frame.point(0.0, 0.0, sign * level), (float(into[0]), float(into[1]), float(into[2]))

    def landmarks(self) -> tuple[Landmark, ...]:
        """Where findings of this vertebra sit."""
        marks = []
        for word, upper in (("superior", True), ("inferior", False)):
            point, axis = self.endplate(upper=upper)
            marks.append((f"{word}_endplate", point, axis, self.half_width_mm))
        up, left, back = self.frame.axes[2], self.frame.axes[0], self.frame.axes[1]
        corner = self.frame.point(0.0, 2.5 - self.half_depth_mm, 0.5 * self.height_mm - 2.5)
        corner_axis = (np.asarray(back) - np.asarray(up)) / np.sqrt(2.0)
        marks.append(("body", self.frame.origin_mm, up, 0.5 * self.height_mm))
        marks.append(
            (
                "anterior_superior_corner",
                corner,
                (float(corner_axis[0]), float(corner_axis[1]), float(corner_axis[2])),
                6.0,
            )
        )
        for word, sign in (("left", 1.0), ("right", -1.0)):
            pedicle = self.frame.point(sign * self.arch.pedicle_mm, self.half_depth_mm + 5.0, 0.19 * self.height_mm)
            outward = (sign * left[0], sign * left[1], sign * left[2])
            marks.append((f"{word}_pedicle", pedicle, outward, self.arch.pedicle_half_mm))
        return tuple(
            Landmark(name=f"{self.name}_{word}", bone=self.name, point_mm=point, axis=axis, radius_mm=radius)
            for word, point, axis, radius in marks
        )
