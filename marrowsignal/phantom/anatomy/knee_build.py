"""How the knee of one person differs from the standard knee."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowsignal.phantom.anatomy.knee_shapes import At
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, Vector, ramp, softplus
from marrowsignal.phantom.subject import Subject

__all__ = ["KneeBuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KneeBuild:
    """How one person's knee differs from the standard knee.

    Attributes
    ----------
    wide, deep : float
        Size along x and y relative to height.
    varus, flexion : float
        Slope of the lower leg to the inside and to the back, beyond that of the standard knee.
    patella_mm : float
        How much higher the patella sits.
    thigh, calf : float
        Growth of the muscles away from the joint.
    effusion_mm : float
        How much thicker the fluid above the patella is on either side.
    """

    wide: float
    deep: float
    varus: float
    flexion: float
    patella_mm: float
    thigh: float
    calf: float
    effusion_mm: float

    @classmethod
    def of(cls, subject: Subject) -> KneeBuild:
        """Draw a person's build."""
        return cls(
            wide=subject.normal("knee_width", 1.0 if subject.sex == "F" else 1.02, 0.025),
            deep=subject.normal("knee_depth", 1.0, 0.025),
            varus=subject.normal("knee_varus", 0.0, 0.025),
            flexion=subject.normal("knee_flexion", 0.03, 0.03),
            patella_mm=subject.normal("knee_patella_mm", 0.0, 1.5),
            thigh=subject.normal("knee_thigh", 0.03 if subject.sex == "M" else 0.0, 0.06),
            calf=subject.normal("knee_calf", 0.03 if subject.sex == "M" else 0.0, 0.06),
            effusion_mm=subject.uniform("knee_effusion_mm", -0.5, 0.7),
        )

    def at(self, p: Points) -> At:
        """Point of the standard knee."""
        low = softplus(-(p.z + 20.0), width=25.0)
        return p.x / self.wide + self.varus * low, p.y / self.deep - self.flexion * low, p.z

    def at_patella(self, p: Points) -> At:
        """Point for the patella and what rides up and down with it."""
        x, y, z = self.at(p)
        return x, y, z - self.patella_mm

    def at_flesh(self, p: Points) -> At:
        """Point for muscles and fascia, which swell away from the joint."""
        x, y, z = self.at(p)
        swell = 1.0 / (1.0 + self.thigh * ramp(z, 45.0, 120.0) + self.calf * ramp(-z, 30.0, 110.0))
        return x * swell, (y - 15.0) * swell + 15.0, z

    def back(self, point: Vector) -> Vector:
        """Body point of a point of the standard knee."""
        x, y, z = point
        low = float(softplus(np.array(-(z + 20.0)), width=25.0))
        return (x - self.varus * low) * self.wide, (y + self.flexion * low) * self.deep, z

    def ball(self, ball: Ball) -> Ball:
        """Ball that holds the body points of a ball of the standard knee."""
        x, y, z = ball.centre_mm
        reach = ball.radius_mm + 3.0
        drop = max(-(z - reach), 0.0)
        drift = max(abs(self.varus), abs(self.flexion)) * drop + 0.06 * max(abs(x), abs(y))
        swell = 1.0 + max(self.wide - 1.0, self.deep - 1.0, 0.0) + max(self.thigh, self.calf, 0.0)
        return Ball(centre_mm=ball.centre_mm, radius_mm=reach * swell + drift)

    def around(self, path: tuple[Vector, ...], reach_mm: float) -> Ball:
        """Ball that holds the body points of a path of the standard knee."""
        low, high = np.min(path, axis=0), np.max(path, axis=0)
        x, y, z = (float(v) for v in 0.5 * (low + high))
        radius = float(0.5 * np.linalg.norm(high - low)) + reach_mm
        return self.ball(Ball(centre_mm=(x, y, z), radius_mm=radius))
