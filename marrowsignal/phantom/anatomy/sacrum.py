"""The sacrum with the coccyx, its canal and foramina, and the discs left between its segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.sacroiliac_joint import JointSurface
from marrowsignal.phantom.anatomy.texture import fibre_field
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Bone, Layer, Place
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, capsule, curve, ellipsoid, ramp, smooth_max, smooth_min, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Sacrum", "sacral_contents", "sacrum_bone"]

Array = NDArray[np.float64]
Local = tuple[Array, Array, Array]

_REACH = Ball(centre_mm=(0.0, 6.0, -27.0), radius_mm=86.0)
_CANAL_REACH = Ball(centre_mm=(0.0, 6.0, -12.0), radius_mm=72.0)
# along the sacrum: S1 endplate, the discs S1/2 to S4/5, the end of S5, and the tip of the coccyx
_JOINTS_V = (-6.0, 22.0, 45.0, 63.0)
_FRONT = (
    (-37.0, -28.0, -20.0, -6.0, 8.0, 22.0, 34.0, 45.0, 55.0, 63.0, 76.0, 90.0, 108.0),
    (-26.5, -22.5, -19.5, -17.0, -10.0, -6.5, -2.5, -0.5, 0.0, -1.0, -5.0, -13.0, -28.0),
)
_BODY_DEPTH = ((-37.0, -6.0, 22.0, 45.0, 63.0, 80.0, 108.0), (31.0, 23.0, 16.0, 12.5, 10.0, 8.0, 6.0))
# (v, distance from the midplane, radius) of the anterior sacral foramina S1 to S4
_FORAMINA = ((1.0, 22.5, 5.6), (27.0, 19.5, 4.9), (48.0, 16.0, 4.1), (64.5, 13.0, 3.3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sacrum:
    """Measures of one sacrum and the shapes that follow from them, in sacral coordinates.

    Attributes
    ----------
    joint : JointSurface
        Its joints, and its frame.
    shift_mm : float
        How much further forward the alae lie.
    rise_mm : float
        How much the alae rise beside the S1 endplate.
    crest_mm : float
        Height of the median crest.
    hook_mm : float
        How far the coccyx turns to the front.
    """

    joint: JointSurface
    shift_mm: float
    rise_mm: float
    crest_mm: float
    hook_mm: float

    @classmethod
    def of(cls, subject: Subject, joint: JointSurface) -> Self:
        """Draw the sacrum of a person."""
        return cls(
            joint=joint,
            shift_mm=subject.normal("sacral_ala_forward_mm", 0.0, 1.0),
            rise_mm=subject.normal("sacral_ala_rise_mm", 1.0, 1.2),
            crest_mm=subject.normal("sacral_crest_mm", 6.0, 1.0),
            hook_mm=subject.normal("coccyx_hook_mm", 0.0, 4.0),
        )

    def front(self, at: Local) -> Array:
        """Position w of the anterior surface."""
        u, v, _ = at
        side = np.abs(u)
        body = curve(v, *_FRONT) - self.hook_mm * ramp(v, 76.0, 112.0)
        wing = curve(v, (-37.0, -25.0, -5.0, 20.0, 40.0, 60.0), (7.0, 5.0, 1.5, 0.0, -1.0, 0.0)) - self.shift_mm
        return np.asarray(body + wing * ramp(side, 18.0, 40.0))

    def back(self, at: Local) -> Array:
        """Position w of the posterior surface."""
        u, v, _ = at
        lamina = curve(v, (-40.0, -10.0, 20.0, 45.0, 63.0, 78.0, 108.0), (23.0, 20.5, 20.5, 19.5, 13.5, 3.5, -21.0))
        lamina = lamina - self.hook_mm * ramp(v, 76.0, 112.0)
        crest = self.crest_mm * np.exp(-((u / 4.0) ** 2)) * ramp(-v, -56.0, -20.0) * (0.75 + 0.25 * np.cos(v / 3.8))
        side = np.abs(u)
        lateral = 3.0 * np.exp(-(((side - curve(v, (-20.0, 50.0), (33.0, 22.0))) / 5.0) ** 2)) * ramp(-v, -62.0, -40.0)
        step = (6.0 + 3.5 * ramp(-v, -36.0, 0.0)) * ramp(side, 12.0, 26.0) * ramp(-v, -80.0, -40.0)
        return np.asarray(lamina + crest + lateral - step)

    def canal(self, at: Local) -> Array:
        """Signed distance to the sacral canal."""
        u, v, w = at
        middle = curve(
            v, (-46.0, -33.0, -14.0, 8.0, 22.0, 45.0, 63.0, 74.0), (16.5, 13.5, 11.8, 10.7, 11.7, 13.0, 9.5, 4.0)
        )
        half_u = curve(v, (-40.0, 10.0, 70.0), (13.0, 9.5, 4.0))
        half_w = curve(v, (-40.0, 10.0, 70.0), (7.5, 5.5, 2.2))
        # a triangle with round corners: the canal is wide in front
        high = (w - middle) / half_w
        wide = u / (half_u * (1.0 - 0.25 * np.clip(high, -1.0, 1.0)))
        return smooth_max((np.sqrt(wide * wide + high * high) - 1.0) * half_w, v - 70.0, radius_mm=4.0)

    def foramina(self, at: Local, *, scale: float = 1.0, dorsal: bool = True) -> Array:
        """Signed distance to the tubes from the canal to the pelvis (and, smaller, to the back)."""
        u, v, w = at
        near = (np.abs(u) < 36.0) & (v > -34.0) & (v < 78.0) & (w > -38.0) & (w < 40.0)
        total = np.full(v.shape, 8.0)
        side = (np.abs(u[near]), v[near], w[near])
        nearest = np.full(side[0].shape, 8.0)
        for v0, u0, radius in _FORAMINA:
            fore = float(np.interp(v0, *_FRONT)) + float(np.interp(v0, (-5.0, 20.0), (1.5, 0.0)))
            middle = fore + 0.5 * float(np.interp(v0, *_BODY_DEPTH)) + 3.0
            # the roots leave the canal one segment higher and run down and out
            path = ((6.0, v0 - 17.0, middle + 4.0), (u0 - 3.0, v0 - 4.0, middle), (u0 + 1.0, v0 + 1.5, fore - 9.0))
            radii = tuple(factor * radius * scale for factor in (0.62, 0.95, 1.12))
            nearest = np.minimum(nearest, tube(side, path=path, radii=radii))
            if dorsal:
                back = (u0 - 1.0, v0, middle + 22.0)
                nearest = np.minimum(
                    nearest, capsule(side, start=(u0 - 3.0, v0 - 2.0, middle), end=back, radius_mm=2.4)
                )
        total[near] = nearest
        return total

    def _flanks(self, at: Local) -> Array:
        u, v, _ = at
        tail = curve(
            v,
            (20.0, 40.0, 50.0, 60.0, 70.0, 78.0, 84.0, 96.0, 108.0),
            (85.0, 45.0, 34.0, 26.0, 19.0, 10.0, 10.0, 7.0, 3.0),
        )
        return smooth_max(self.joint.lateral(at), (np.abs(u) - tail) / 1.3, radius_mm=6.0)

    def bone(self, p: Points) -> Array:
        """Signed distance to the sacrum and coccyx."""
        at = self.joint.frame.of(p)
        u, v, w = at
        side = np.abs(u)
        slab = smooth_max((self.front(at) - w) / 1.06, (w - self.back(at)) / 1.1, radius_mm=5.0)
        plate = -37.0 + 0.0035 * u * u * (side < 30.0) + 2.0 * ramp(side, 20.0, 30.0)
        wing = -35.0 - self.rise_mm + 0.35 * np.maximum(side - 44.0, 0.0) + 5.0 * ramp(w, 6.0, 22.0)
        top = plate + (wing - plate) * ramp(side, 24.0, 34.0) + 0.10 * (w + 10.0)
        bone = smooth_max(smooth_max(self._flanks(at), top - v, radius_mm=5.0), slab, radius_mm=4.0)
        facet = capsule((side, v, w), start=(20.0, -30.0, 15.0), end=(21.0, -41.0, 17.0), radius_mm=5.5)
        bone = smooth_min(bone, facet, radius_mm=5.0)
        bone = smooth_max(bone, v - 108.0, radius_mm=6.0)
        # the joint of S5 and coccyx, and between its first pieces
        for gap_v in (81.0, 93.0):
            bone = np.maximum(bone, 0.9 - np.abs(v - gap_v + 0.3 * (w + 10.0)))
        bone = smooth_max(bone, -self.canal(at), radius_mm=2.0)
        return smooth_max(bone, -self.foramina(at), radius_mm=2.5)

    def discs(self, p: Points) -> Array:
        """Signed distance to what is left of the discs S1/2 to S4/5."""
        u, v, w = self.joint.frame.of(p)
        total = np.full(v.shape, 1e3)
        for i, v0 in enumerate(_JOINTS_V):
            fore = float(np.interp(v0, *_FRONT))
            depth = float(np.interp(v0, *_BODY_DEPTH))
            lean = 0.16 - 0.16 * i
            bend = v - v0 - lean * (w - fore - 0.5 * depth) - 0.006 * u * u
            width = 15.0 - 2.6 * i
            ring = ellipsoid((u, v, w), centre=(0.0, v0, fore + 0.5 * depth), radii=(width, 60.0, 0.5 * depth - 0.5))
            thick = (1.5, 1.1, 0.9, 0.8)[i] * (1.0 - 0.3 * np.clip(-ring / 6.0, 0.0, 1.0))
            total = np.minimum(total, smooth_max(np.abs(bend) - thick, ring, radius_mm=1.5))
        return total

    def place(self, p: Points) -> Place:
        """Give what marrow depends on."""
        zero = np.zeros(p.x.shape)
        return Place(
            epiphysis=zero, joint_mm=self.joint.articular_mm(self.joint.frame.of(p)), shaft_mm=zero, axis_mm=zero
        )


def sacrum_bone(subject: Subject, sacrum: Sacrum) -> Bone:
    """Make the bone, with its thin cortex."""
    rough = subject.field("sacrum_surface", wavelength_mm=(9.0, 30.0), count=14)
    uneven = subject.field("sacrum_cortex", wavelength_mm=(15.0, 50.0), count=8)

    def shape(p: Points) -> Array:
        return sacrum.bone(p) + 0.35 * rough.on(p.sheet) * ramp(
            np.abs(sacrum.joint.lateral(sacrum.joint.frame.of(p))), 1.0, 5.0
        )

    def cortex(p: Points) -> Array:
        return np.clip(0.95 + 0.15 * uneven.on(p.sheet), 0.6, 1.4)

    return Bone(name="sacrum", label=1, shape=shape, cortex=cortex, place=sacrum.place, within=_REACH, kind="sacrum")


def sacral_contents(subject: Subject, sacrum: Sacrum) -> tuple[Layer, ...]:
    """Roots and fat in canal and foramina, and the discs: to be painted after the thecal sac, before the bone."""
    frame = sacrum.joint.frame
    down = frame.axes[1]
    grain = fibre_field(subject, "sacral_roots", along=down, wavelength_mm=(2.5, 6.0), count=16)

    def roots(p: Points) -> Array:
        at = frame.of(p)
        return np.maximum(sacrum.foramina(at, scale=0.46, dorsal=False), sacrum.front(at) - 4.0 - at[2])

    def fat(p: Points) -> Array:
        at = frame.of(p)
        inside = np.maximum(sacrum.front(at) - 1.0 - at[2], at[2] - sacrum.back(at))
        holes = np.maximum(sacrum.foramina(at), inside)
        return np.minimum(holes, np.maximum(sacrum.canal(at), -44.0 - at[1]))

    def fat_fill(p: Points) -> dict[Species, Array]:
        wet = np.clip(0.06 + 0.2 * grain.on(p.sheet), 0.02, 0.6)
        return {Species.FAT: 1.0 - wet, Species.SOFT_TISSUE: 0.7 * wet, Species.FLUID: 0.3 * wet}

    return (
        Layer(name="sacral roots", shape=roots, fill=COMPOSITIONS["nerve"], within=_CANAL_REACH),
        Layer(name="sacral epidural fat", shape=fat, fill=fat_fill, within=_CANAL_REACH),
        Layer(name="sacral discs", shape=sacrum.discs, fill=COMPOSITIONS["annulus"], within=_CANAL_REACH),
    )
