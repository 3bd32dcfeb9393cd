"""The hip bones: iliac wing, acetabulum, ischium and pubis, written for the left side and mirrored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.femur import femoral_head_radius_mm
from marrowsignal.phantom.anatomy.iliac_wing import wing_table
from marrowsignal.phantom.anatomy.sacroiliac_joint import JointSurface
from marrowsignal.phantom.anatomy.skeleton import hip_centre_mm
from marrowsignal.phantom.scene import Bone, Place
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, ramp, rod, smooth_max, smooth_min, softplus, tube
from marrowsignal.phantom.subject import Subject

__all__ = ["HipBone", "hip_bone"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Local = tuple[Array, Array, Array]

_FAR = 60.0
_JOINT_SPACE_MM = 3.5
_COSINE, _SINE = float(np.cos(np.deg2rad(30.0))), 0.5
# where the left acetabulum opens to, and where its floor has a pit
_MOUTH = (0.62, -0.27, -0.737)
_FLOOR = (-0.862, 0.05, -0.504)
_ISCHIUM = ((-8.0, 18.0, 2.0), (-17.0, 23.0, -30.0), (-22.0, 20.0, -57.0))
_ISCHIUM_RADII = (13.0, 11.0, 13.0)
_RAMUS = ((-24.0, 12.0, -60.0), (-44.0, -9.0, -55.0), (-68.0, -34.0, -38.0))
_RAMUS_RADII = (9.0, 6.5, 6.5)


def _where(wanted: Mask, at: Local, shape: Callable[[Local], Array]) -> Array:
    """Work a distance out only where it is wanted; far elsewhere."""
    total = np.full(wanted.shape, _FAR)
    if wanted.any():
        total[wanted] = shape((at[0][wanted], at[1][wanted], at[2][wanted]))
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class HipBone:
    """Measures of one hip bone and the shapes that follow from them.

    Attributes
    ----------
    joint : JointSurface
        The sacroiliac joint it shares.
    side : int
        1 for the left, -1 for the right.
    centre_mm : tuple of float
        Centre of the left hip joint.
    cup_mm : float
        Radius of the acetabulum, bone surface.
    high, wide, thick : float
        Height and breadth of the wing and its thickness, relative to the standard one.
    spread_mm : float
        How much further apart the ischial tuberosities lie.
    long : float
        Length of the ischium relative to the standard one.
    """

    joint: JointSurface
    side: int
    centre_mm: tuple[float, float, float]
    cup_mm: float
    high: float
    wide: float
    thick: float
    spread_mm: float
    long: float

    @classmethod
    def of(cls, subject: Subject, joint: JointSurface, side: int) -> Self:
        """Draw one hip bone of a person; both sides differ by little."""
        name = "left" if side > 0 else "right"
        female = subject.sex == "F"
        return cls(
            joint=joint,
            side=side,
            centre_mm=hip_centre_mm(subject),
            cup_mm=femoral_head_radius_mm(subject) + _JOINT_SPACE_MM,
            high=subject.normal("iliac_height", 0.97 if female else 1.01, 0.02),
            wide=subject.normal("iliac_breadth", 1.0, 0.02) + subject.normal(f"{name}_iliac_breadth", 0.0, 0.006),
            thick=subject.normal("iliac_thickness", 0.97 if female else 1.04, 0.04)
            + subject.normal(f"{name}_iliac_thickness", 0.0, 0.015),
            spread_mm=subject.normal("ischial_spread_mm", 3.0 if female else -2.0, 2.0),
            long=subject.normal("ischial_length", 0.98 if female else 1.05, 0.02),
        )

    def local(self, p: Points) -> Local:
        """Coordinates from the hip centre: away from the midplane, to the back, up."""
        x, y, z = self.centre_mm
        return self.side * p.x - x, p.y - y, p.z - z

    def wing(self, at: Local) -> Array:
        """Signed distance to the ilium without its joint surfaces."""
        dx, dy, dz = at
        along = (_SINE * dx - _COSINE * dy) / self.wide
        edge, middle, steep, thick = wing_table().at(along, dz / self.high)
        across = np.abs(_COSINE * dx + _SINE * dy - middle) - 0.5 * self.thick * thick
        return smooth_max(across / steep, edge, radius_mm=7.0)

    def lower(self, at: Local) -> Array:
        """Signed distance to ischium and pubis, closed at the acetabulum."""
        dx, dy, dz = at
        ball = np.sqrt(dx * dx + dy * dy + dz * dz) - self.cup_mm - 5.0
        bone = smooth_max(ball, _dot(_MOUTH, at) + 3.0, radius_mm=5.0)
        # the tuberosities stand apart more than the spines
        low = (dx - self.spread_mm * ramp(-dz, 10.0, 60.0) * ramp(dx, -70.0, -30.0), dy, dz / self.long)
        ischium = tube(low, path=_ISCHIUM, radii=_ISCHIUM_RADII, blend_mm=8.0)
        ramus = tube(low, path=_RAMUS, radii=_RAMUS_RADII, blend_mm=6.0)
        inner = -self.centre_mm[0]
        path = ((-14.0, -20.0, 4.0), (-34.0, -37.0, -6.0), (-58.0, -48.0, -14.0))
        body = ((inner + 10.0, -51.0, -16.0), (inner + 8.0, -41.0, -38.0))
        pubis = tube(at, path=path + body, radii=(13.0, 9.0, 8.0, 9.0, 7.0), blend_mm=6.0)
        spine = rod(at, start=(-14.0, 24.0, -4.0), end=(-30.0, 36.0, -14.0), radii=(8.0, 3.0))
        column = rod(at, start=(-20.0, 30.0, 38.0), end=(-8.0, 18.0, 2.0), radii=(10.0, 13.0))
        lower = smooth_min(
            smooth_min(ischium, ramus, radius_mm=6.0), smooth_min(pubis, spine, radius_mm=6.0), radius_mm=8.0
        )
        return smooth_min(smooth_min(bone, column, radius_mm=8.0), lower, radius_mm=9.0)

    def socket(self, at: Local) -> Array:
        """Signed distance to the hollow of the acetabulum with the pit in its floor, open at its notch."""
        dx, dy, dz = at
        radius = np.sqrt(dx * dx + dy * dy + dz * dz)
        pit = np.maximum(radius - self.cup_mm - 2.2, 0.86 * radius - _dot(_FLOOR, at))
        return smooth_min(radius - self.cup_mm, pit, radius_mm=2.0)

    def bone(self, p: Points) -> Array:
        """Signed distance to the hip bone; far from it a lower bound."""
        at = self.local(p)
        dx, _, dz = at
        near = dx > -self.centre_mm[0] - 12.0
        wing = _where((dz > -20.0) & near, at, self.wing)
        lower = _where((dz < 62.0) & near, at, self.lower)
        bone = smooth_min(wing, lower, radius_mm=8.0)
        bone = smooth_max(bone, -_where(np.abs(dz) < 50.0, at, self.socket), radius_mm=2.0)
        bone = smooth_max(bone, 2.2 - self.centre_mm[0] - dx, radius_mm=3.0)
        return self._joined(bone, (dz > 10.0) & (bone < 20.0) & near, self.joint.frame.of(p))

    def _joined(self, bone: Array, behind: Mask, sacral: Local) -> Array:
        """Add the bone's half of the sacroiliac joint: a low pedestal, cut where the gap begins."""
        u, v, w = (c[behind] for c in sacral)
        out = self.joint.lateral((u, v, w)) - self.joint.gap((u, v, w))
        # the normal of the joint leans down and back, so that the pedestal widens
        rim = self.joint.auricular((u, v, w)) - 3.5 - 0.5 * np.clip(out, 0.0, 12.0)
        pedestal = smooth_max(rim, out - 12.0, radius_mm=6.0)
        # the joint surface ends where the pelvic cavity begins
        beyond = out + 1.2 * softplus(-w - 38.0, width=6.0)
        joined = bone.copy()
        joined[behind] = smooth_max(smooth_min(bone[behind], pedestal, radius_mm=12.0), -beyond, radius_mm=2.0)
        return joined

    def crest(self, depth_mm: float) -> tuple[float, float, float]:
        """Offset from the hip centre of a point in the top of the wing, this far below its edge."""
        height = wing_table().top_mm - depth_mm
        _, middle, _, _ = wing_table().at(np.zeros(1), np.full(1, height))
        across = float(middle[0])
        return _COSINE * across, _SINE * across, height * self.high

    def place(self, p: Points) -> Place:
        """Give what marrow depends on."""
        dx, dy, dz = self.local(p)
        zero = np.zeros(p.x.shape)
        hip = np.abs(np.sqrt(dx * dx + dy * dy + dz * dz) - self.cup_mm)
        near = np.minimum(hip, self.joint.articular_mm(self.joint.frame.of(p)))
        return Place(epiphysis=zero, joint_mm=near, shaft_mm=zero, axis_mm=zero)


def _dot(direction: tuple[float, float, float], at: Local) -> Array:
    return direction[0] * at[0] + direction[1] * at[1] + direction[2] * at[2]


def hip_bone(subject: Subject, hip: HipBone) -> Bone:
    """Make the bone, with cortex of 1 to 1.5 mm."""
    name = "left_ilium" if hip.side > 0 else "right_ilium"
    rough = subject.field(f"{name}_surface", wavelength_mm=(12.0, 40.0), count=12)
    uneven = subject.field(f"{name}_cortex", wavelength_mm=(15.0, 60.0), count=8)

    def shape(p: Points) -> Array:
        # never outwards: the joint space is kept
        return hip.bone(p) + 0.25 * np.maximum(rough.on(p.sheet), -0.5) + 0.125

    def cortex(p: Points) -> Array:
        return np.clip(1.25 + 0.2 * uneven.on(p.sheet), 0.8, 1.7)

    return Bone(
        name=name,
        label=2 if hip.side > 0 else 3,
        shape=shape,
        cortex=cortex,
        place=hip.place,
        within=Ball(centre_mm=(hip.side * 75.0, -50.0, -42.0), radius_mm=121.0),
        kind="flat",
    )
