"""Soft parts of the hip joint: cartilage, fluid, labrum, fat and ligament of the fossa, capsule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, Vector, ramp, rod, smooth_max

__all__ = ["JOINT_SPACE_MM", "HipJoint", "hip_joint_parts"]

Array = NDArray[np.float64]
JOINT_SPACE_MM = 3.5
# where the socket of a left hip opens to: to the side, to the front and down
_OPENING = (0.62, -0.27, -0.737)


@dataclass(frozen=True, slots=True, kw_only=True)
class HipJoint:
    """What the soft parts need to know of the bones.

    Attributes
    ----------
    side : str
        ``left`` or ``right``.
    centre_mm : tuple of float
        Centre of the left head; of the right one after mirroring.
    head_mm, neck_mm : float
        Radius of the head; distance from its centre to the crossing of the axes of neck and shaft.
    neck : callable
        Neck coordinates of points: up, back, towards the head from its centre.
    bone : callable
        Signed distance to the femur.
    """

    side: str
    centre_mm: Vector
    head_mm: float
    neck_mm: float
    neck: Callable[[Points], tuple[Array, Array, Array]]
    bone: Callable[[Points], Array]

    def from_centre(self, p: Points) -> tuple[Array, Array, Array]:
        """Offsets of points from the head's centre, as on the left side."""
        x = -p.x if self.side == "right" else p.x
        return x - self.centre_mm[0], p.y - self.centre_mm[1], p.z - self.centre_mm[2]


def _opening(at: tuple[Array, Array, Array]) -> Array:
    return _OPENING[0] * at[0] + _OPENING[1] * at[1] + _OPENING[2] * at[2]


def _radius(at: tuple[Array, Array, Array]) -> Array:
    return np.asarray(np.sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]))


def _cartilage(joint: HipJoint, p: Points) -> Array:
    at = joint.from_centre(p)
    r = _radius(at)
    shell = np.maximum(joint.head_mm - 0.6 - r, r - joint.head_mm - JOINT_SPACE_MM - 0.3)
    return smooth_max(shell, _opening(at) + 0.10 * joint.head_mm, radius_mm=1.0)


def _uncovered(joint: HipJoint, p: Points) -> Array:
    """Cartilage of the head outside the socket, thinner towards its edge."""
    up, back, along = joint.neck(p)
    r = np.sqrt(up * up + back * back + along * along)
    thick = np.clip(0.9 + 0.06 * (along + 0.28 * joint.head_mm), 0.0, 1.7)
    return np.maximum(np.maximum(joint.head_mm - 0.6 - r, r - joint.head_mm - thick), -0.28 * joint.head_mm - along)


def _film(joint: HipJoint, p: Points) -> Array:
    """Fluid between the two layers of cartilage."""
    at = joint.from_centre(p)
    r = _radius(at)
    return np.maximum(np.abs(r - joint.head_mm - 1.8) - 0.11, _opening(at) + 0.10 * joint.head_mm)


def _fossa(joint: HipJoint, p: Points) -> Array:
    """Floor of the socket without cartilage, below and inside."""
    at = joint.from_centre(p)
    r = _radius(at) + 1e-9
    out = (-0.86 * at[0] + 0.05 * at[1] - 0.50 * at[2]) / r
    return np.asarray(np.maximum(np.maximum(joint.head_mm - 0.3 - r, r - joint.head_mm - 8.0), (0.83 - out) * r))


def _ligament(joint: HipJoint, p: Points) -> Array:
    r = joint.head_mm
    fovea, floor = (-0.78 * r, 0.06 * r, 0.18 * r), (-0.62 * r, -0.02 * r, -0.98 * r)
    middle = (-0.86 * r, 0.04 * r, -0.62 * r)
    at = joint.from_centre(p)
    band = np.minimum(
        rod(at, start=fovea, end=middle, radii=(2.2, 1.8)), rod(at, start=middle, end=floor, radii=(1.8, 2.4))
    )
    return np.maximum(band, r + 0.2 - _radius(at))


def _labrum(joint: HipJoint, p: Points) -> Array:
    at = joint.from_centre(p)
    r, out = _radius(at), _opening(at)
    across = np.sqrt(np.maximum(r * r - out * out, 0.0))
    head = joint.head_mm
    # a wedge on the rim of the socket: broad on the bone, sharp at its free edge
    t = out + 0.14 * head
    wedge = np.maximum(np.abs(across - head - 2.4 + 0.12 * t) - 2.1 + 0.28 * t, np.maximum(-t - 1.0, t - 6.5))
    return np.maximum(wedge, head + 1.2 - r)


def _around(joint: HipJoint, p: Points) -> tuple[Array, Array]:
    """Distance to the femur, and beyond the reach of the capsule from socket to trochanters."""
    at = joint.from_centre(p)
    _, back, along = joint.neck(p)
    # in front it reaches the line between the trochanters, behind only the middle of the neck
    end = -along - joint.neck_mm + 11.0 + np.clip(0.5 * back, -4.0, 9.0)
    return joint.bone(p), smooth_max(end, -_opening(at) - 0.25 * joint.head_mm, radius_mm=6.0)


def _recess(joint: HipJoint, p: Points) -> Array:
    bone, reach = _around(joint, p)
    return np.maximum(bone - 0.28, reach + 4.0)


def _capsule(joint: HipJoint, p: Points) -> Array:
    bone, reach = _around(joint, p)
    _, back, _ = joint.neck(p)
    # thick iliofemoral ligament in front, thin behind; it closes down on the bone at its end
    thick = (1.0 + 0.5 * np.clip(-back / 14.0, -0.5, 1.0)) * ramp(-reach, -1.0, 9.0)
    gap = 0.2 + 2.4 * ramp(-reach, 0.0, 12.0)
    return np.maximum(np.abs(bone - gap - thick) - thick, reach)


def _synovial_fat(joint: HipJoint, p: Points) -> Array:
    bone, reach = _around(joint, p)
    return np.maximum(bone - 3.2, reach)


def hip_joint_parts(joint: HipJoint) -> tuple[Layer, ...]:
    """Soft parts of one hip joint, from front to back; the bones are painted before.

    Parameters
    ----------
    joint : HipJoint
        Between which bones.

    Returns
    -------
    tuple of Layer
        Ligament of the head, labrum, fluid, cartilage, fat of the fossa, recess, capsule.
    """
    sign = -1.0 if joint.side == "right" else 1.0
    x, y, z = joint.centre_mm
    r = joint.head_mm
    near = Ball(centre_mm=(sign * x, y, z), radius_mm=r + 9.0)
    wide = Ball(centre_mm=(sign * (x + 16.0), y + 4.0, z - 10.0), radius_mm=r + 26.0)

    def layer(name: str, shape: Callable[[HipJoint, Points], Array], fill: str, within: Ball) -> Layer:
        return Layer(
            name=f"{joint.side}_{name}", shape=lambda p: shape(joint, p), fill=COMPOSITIONS[fill], within=within
        )

    return (
        layer("ligamentum_teres", _ligament, "ligament", near),
        layer("labrum", _labrum, "meniscus", near),
        layer("fossa_fat", _fossa, "fat", near),
        layer("joint_fluid", _film, "fluid", near),
        layer("hip_cartilage", _cartilage, "cartilage", near),
        layer("uncovered_cartilage", _uncovered, "cartilage", near),
        layer("joint_recess", _recess, "fluid", wide),
        layer("hip_capsule", _capsule, "ligament", wide),
        layer("synovial_fat", _synovial_fat, "fat", wide),
    )
