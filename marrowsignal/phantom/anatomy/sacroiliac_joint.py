"""The sacroiliac joint: the undulating surface that sacrum and ilia share, what lies in its gap and behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.skeleton import sacral_frame
from marrowsignal.phantom.anatomy.texture import fibre_field
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Frame, Points, coverage, ramp, smooth_max, softplus, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["JointSurface", "joint_layers", "ligament_layers"]

Array = NDArray[np.float64]
Local = tuple[Array, Array, Array]

_REACH = Ball(centre_mm=(0.0, 6.0, 0.0), radius_mm=86.0)
# the auricular surface in v, w: a short limb on S1, a long one on S2 and S3
_AURICULAR = ((-19.5, -9.0, 0.0), (4.0, -4.0, 0.0), (36.0, 3.0, 0.0))
_AURICULAR_RADII = (11.0, 11.0, 9.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSurface:
    """The sacral side of both sacroiliac joints, continued behind and above them.

    Attributes
    ----------
    frame : Frame
        Sacral coordinates u, v, w.
    half_width_mm : float
        Distance of the surface from the midplane at the middle of S2.
    gap_mm : float
        Width of the cartilaginous joint, bone to bone.
    skew_mm : float
        How much further out the left joint lies than the right one.
    phase : float
        Where its hills and hollows lie.
    """

    frame: Frame
    half_width_mm: float
    gap_mm: float
    skew_mm: float
    phase: float

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Draw the joints of a person."""
        return cls(
            frame=sacral_frame(subject),
            half_width_mm=subject.normal("sij_half_width_mm", 53.5 if subject.sex == "F" else 52.0, 1.2),
            gap_mm=subject.normal("sij_gap_mm", 2.4, 0.22),
            skew_mm=subject.normal("sij_skew_mm", 0.0, 1.0),
            phase=subject.uniform("sij_phase", 0.0, 6.28),
        )

    def lateral(self, at: Local) -> Array:
        """Distance beyond the sacral surface, positive towards the ilium, mm."""
        u, v, w = at
        behind = w - 0.6 * softplus(w - 16.0, width=8.0)
        side = np.tanh(u / 15.0)
        turn = self.phase + 0.6 * side
        # an auricular surface is never flat; nor is its far continuation wavy
        wave = 1.2 * np.sin(v / 9.0 + w / 15.0 + turn) + 0.6 * np.sin(v / 4.6 - w / 8.0 + 1.0 + turn)
        far = ((v - 6.0) / 36.0) ** 2
        wave = wave * np.exp(-far * far)
        near = np.clip(v, -80.0, 75.0)
        half = self.half_width_mm - 0.27 * near - 0.0022 * near * near - 0.36 * behind
        slope = 0.27 + 0.0044 * near
        return np.asarray((np.abs(u) - half - wave - 0.5 * self.skew_mm * side) / np.sqrt(1.13 + slope * slope))

    def auricular(self, at: Local) -> Array:
        """Distance along the surface to the edge of the cartilaginous part, negative in it, mm."""
        _, v, w = at
        return tube((v, w, np.zeros_like(v)), path=_AURICULAR, radii=_AURICULAR_RADII, blend_mm=6.0)

    def gap(self, at: Local) -> Array:
        """Distance of the ilium from the sacral surface: small in the joint, wide at the ligaments."""
        w = at[2]
        tuberosity = 1.0 - 0.5 * ramp(w, 20.0, 36.0)
        return self.gap_mm + 7.0 * tuberosity * ramp(self.auricular(at), 1.0, 14.0) * ramp(w, -16.0, 0.0)

    def articular_mm(self, at: Local) -> Array:
        """Distance to the middle of the cartilaginous joint, less half its width: to the bones' joint surfaces."""
        across = np.maximum(np.abs(self.lateral(at) - 0.5 * self.gap_mm) - 0.5 * self.gap_mm, 0.0)
        along = np.maximum(self.auricular(at), 0.0)
        return np.asarray(np.hypot(across, along))

    def point(self, side: int, v: float, w: float, beyond_mm: float) -> tuple[float, float, float]:
        """Body point on the left (1) or right (-1), this far beyond the sacral surface."""
        at = (np.array([side * 60.0]), np.array([v]), np.array([w]))
        slope = 0.27 + 0.0044 * v
        offset = (beyond_mm - float(self.lateral(at)[0])) * float(np.sqrt(1.13 + slope * slope))
        return self.frame.point(side * (60.0 + offset), v, w)

    def normal(self, side: int, v: float) -> tuple[float, float, float]:
        """Give the unit vector from the joint into the ilium."""
        axes = np.asarray(self.frame.axes)
        direction = side * axes[0] + (0.27 + 0.0044 * v) * axes[1] + 0.36 * axes[2]
        direction /= np.linalg.norm(direction)
        return float(direction[0]), float(direction[1]), float(direction[2])


def joint_layers(joint: JointSurface) -> tuple[Layer, ...]:
    """Cartilage with a film of fluid, in the part of the gap that is a true joint."""

    def shape(p: Points) -> Array:
        at = joint.frame.of(p)
        out = joint.lateral(at)
        return np.maximum(np.maximum(-0.3 - out, out - joint.gap_mm - 0.3), joint.auricular(at) - 1.0)

    def fill(p: Points) -> dict[Species, Array]:
        out = joint.lateral(joint.frame.of(p))
        # the iliac cartilage is the thinner one
        film = coverage(np.abs(out - 0.6 * joint.gap_mm) - 0.3, width_mm=0.6) * 0.16
        fibrous = 0.45 * (1.0 - film)
        return {Species.FLUID: film, Species.FIBROUS: fibrous, Species.CARTILAGE: 1.0 - film - fibrous}

    return (Layer(name="sacroiliac cartilage", shape=shape, fill=fill, within=_REACH),)


def ligament_layers(subject: Subject, joint: JointSurface) -> tuple[Layer, ...]:
    """Interosseous and dorsal sacroiliac ligaments: bundles with fat between them, in the wedge behind the joint."""
    axes = np.asarray(joint.frame.axes)
    # the bundles rise from the sacrum to the ilium
    rise = {side: 0.5 * side * axes[0] - 0.84 * axes[1] + 0.2 * axes[2] for side in (1, -1)}
    bundles = {
        side: fibre_field(
            subject,
            f"sij_ligament {side}",
            along=(float(way[0]), float(way[1]), float(way[2])),
            wavelength_mm=(2.5, 7.0),
            count=24,
        )
        for side, way in rise.items()
    }
    coarse = subject.field("sij_ligament_fat", wavelength_mm=(12.0, 26.0), count=10, stretch=(1.0, 1.0, 1.8))

    def shape(p: Points) -> Array:
        at = joint.frame.of(p)
        _, v, w = at
        out = joint.lateral(at)
        # they rise to the ilium
        behind = ramp(w, 4.0, 20.0)
        rise_mm = np.clip(out + 12.0, 0.0, 24.0) * behind + 14.0 * (1.0 - behind)
        depth = smooth_max(w - 34.0, -6.0 - w, radius_mm=6.0)
        height = smooth_max(v - 46.0 + 0.55 * rise_mm, -25.0 - v - 0.6 * rise_mm, radius_mm=16.0)
        wedge = smooth_max(depth, height, radius_mm=14.0)
        # behind the sacrum the ligaments fan out towards its lateral crest
        inner = -out - 3.0 - 9.0 * ramp(w, 12.0, 26.0) - 3.0 * coarse.on(p.sheet)
        return smooth_max(wedge, smooth_max(inner, out - 14.0, radius_mm=4.0), radius_mm=6.0)

    def fill(p: Points) -> dict[Species, Array]:
        streaks = np.where(p.x > 0.0, bundles[1].on(p.sheet), bundles[-1].on(p.sheet))
        fat = np.clip(0.42 + 0.34 * streaks + 0.16 * coarse.on(p.sheet), 0.05, 0.96)
        return {Species.FAT: fat, Species.FIBROUS: 0.8 * (1.0 - fat), Species.SOFT_TISSUE: 0.2 * (1.0 - fat)}

    return (Layer(name="sacroiliac ligament", shape=shape, fill=fill, within=_REACH),)
