"""Proximal femora: head, neck, trochanters and shaft, with their cortex, physeal scars and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.hip_joint import HipJoint, hip_joint_parts
from marrowsignal.phantom.anatomy.skeleton import hip_centre_mm
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Bone, Landmark, Layer, Place
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Frame, Points, Vector, ramp, rod, smooth_max, smooth_min, tube
from marrowsignal.phantom.subject import Subject

__all__ = ["Femur", "draw_femur", "femoral_head_radius_mm", "femur_landmarks", "femur_parts"]

Array = NDArray[np.float64]
_LABELS = {"left": 4, "right": 5}
# the bone is followed this far below the crossing of neck and shaft
_LENGTH_MM = 262.0


def femoral_head_radius_mm(subject: Subject) -> float:
    """Radius of both femoral heads in the standard body; the acetabular bone stands 3.5 mm off.

    In the person it does not follow the height: 22.5 mm in women and 24.5 mm in men, 0.5 mm SD.
    """
    return subject.normal("femoral_head_radius_mm", 24.5 if subject.sex == "M" else 22.5, 0.5) / subject.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Femur:
    """Measures of one proximal femur, in the standard body of a left one.

    Local coordinates of `frame`: to the side, to the back (both turned by the anteversion), up along the
    shaft; the origin is where the axes of neck and shaft cross.

    Attributes
    ----------
    side : str
        ``left`` or ``right``; the right one is built as a left one and drawn at ``-x``.
    frame : Frame
        Local coordinates.
    centre_mm : tuple of float
        Centre of the head.
    head_mm : float
        Radius of the head.
    neck_mm : float
        Distance from the crossing of the axes to the centre of the head.
    neck_shaft_deg, anteversion_deg : float
        Angle of neck and shaft; turn of the neck to the front.
    slim : float
        Size of the neck's section relative to an average one.
    shaft_mm, canal_mm : float
        Outer radius of the shaft, radius of the medullary canal.
    bow_mm : float
        How far the shaft bends to the front.
    """

    side: str
    frame: Frame
    centre_mm: Vector
    head_mm: float
    neck_mm: float
    neck_shaft_deg: float
    anteversion_deg: float
    slim: float
    shaft_mm: float
    canal_mm: float
    bow_mm: float

    @property
    def mirror(self) -> bool:
        """Whether points are taken at ``-x``."""
        return self.side == "right"

    @property
    def slope(self) -> tuple[float, float]:
        """How far the neck runs inwards and upwards per mm."""
        angle = np.deg2rad(self.neck_shaft_deg)
        return float(np.sin(angle)), float(-np.cos(angle))

    def local(self, p: Points) -> tuple[Array, Array, Array]:
        """Local coordinates of points: to the side, back, up."""
        return self.frame.of(p, mirror=self.mirror)

    def along_neck(self, at: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        """Neck coordinates of local points: up and square to the neck, back, towards the head from its centre."""
        inwards, upwards = self.slope
        return (
            upwards * at[0] + inwards * at[2],
            at[1],
            upwards * at[2] - inwards * at[0] - self.neck_mm,
        )

    def neck_point(self, up: float, back: float, along: float) -> Vector:
        """Body point of neck coordinates, on the person's own side."""
        inwards, upwards = self.slope
        t = along + self.neck_mm
        return self.point(upwards * up - inwards * t, back, inwards * up + upwards * t)

    def point(self, side: float, back: float, up: float) -> Vector:
        """Body point of local coordinates, on the person's own side."""
        x, y, z = self.frame.point(side, back, up)
        return (-x if self.mirror else x), y, z

    def direction(self, side: float, back: float, up: float) -> Vector:
        """Body direction of a local one, of unit length."""
        x, y, z = np.array([side, back, up]) @ np.asarray(self.frame.axes)
        length = float(np.sqrt(x * x + y * y + z * z))
        return float(-x if self.mirror else x) / length, float(y) / length, float(z) / length

    def bow(self, up: Array) -> Array:
        """Place of the shaft's axis along the second local coordinate."""
        return -self.bow_mm * np.maximum(1.0 - ((up + 170.0) / 150.0) ** 2, 0.0)


def draw_femur(subject: Subject, side: str) -> Femur:
    """Draw the measures of one femur; the sides differ a little.

    Parameters
    ----------
    subject : Subject
        Whose.
    side : {"left", "right"}
        Which.

    Returns
    -------
    Femur
        Its measures.
    """

    def about(name: str, mean: float, sd: float, sides_sd: float) -> float:
        return subject.normal(f"femoral {name}", mean, sd) + subject.normal(f"{side} femoral {name}", 0.0, sides_sd)

    man = subject.sex == "M"
    angle, turn = about("neck_shaft_deg", 126.0, 3.5, 1.0), about("anteversion_deg", 12.0, 4.5, 1.5)
    lean = np.deg2rad(about("shaft_lean_deg", 6.0, 0.8, 0.4))
    up = np.array([np.sin(lean), 0.0, np.cos(lean)])
    outwards = np.array([np.cos(lean), 0.0, -np.sin(lean)])
    outwards = np.cos(np.deg2rad(turn)) * outwards + np.sin(np.deg2rad(turn)) * np.array([0.0, 1.0, 0.0])
    neck = -np.sin(np.deg2rad(angle)) * outwards - np.cos(np.deg2rad(angle)) * up
    length = about("offset_mm", 43.0 if man else 40.5, 1.8, 0.5) / float(np.sin(np.deg2rad(angle)))
    centre = hip_centre_mm(subject)
    x, y, z = (float(v) for v in np.asarray(centre) - length * neck)
    shaft, canal = about("shaft_mm", 13.3 if man else 12.8, 0.3, 0.1), about("canal_mm", 6.4, 0.35, 0.1)
    return Femur(
        side=side,
        frame=Frame.along(
            (x, y, z),
            main=(float(up[0]), 0.0, float(up[2])),
            hint=(float(outwards[0]), float(outwards[1]), float(outwards[2])),
        ),
        centre_mm=centre,
        head_mm=femoral_head_radius_mm(subject),
        neck_mm=length,
        neck_shaft_deg=angle,
        anteversion_deg=turn,
        slim=femoral_head_radius_mm(subject) / 23.0 * about("neck width", 1.0, 0.03, 0.01),
        shaft_mm=shaft,
        canal_mm=canal,
        bow_mm=about("bow_mm", 5.0, 1.0, 0.3),
    )


def _neck_half_mm(femur: Femur, along: Array) -> tuple[Array, Array]:
    """Half height and half depth of the neck: slimmest half way, wide at its base."""
    bend = (np.clip(along, 2.0 - femur.neck_mm, -9.0) + 24.0) ** 2
    return femur.slim * (15.0 + 0.011 * bend), femur.slim * (12.3 + 0.006 * bend)


def _head(femur: Femur, neck: tuple[Array, Array, Array]) -> Array:
    up, back, along = neck
    ball = np.sqrt(up * up + back * back + along * along) - femur.head_mm
    # the fovea lies below and behind the pole of the head
    r = femur.head_mm
    pit = np.sqrt((up + 0.34 * r) ** 2 + (back - 0.16 * r) ** 2 + (along - 1.08 * r) ** 2) - 0.3 * r
    return smooth_max(ball, -pit, radius_mm=2.0)


def _neck(femur: Femur, neck: tuple[Array, Array, Array]) -> Array:
    up, back, along = neck
    high, deep = _neck_half_mm(femur, along)
    s, t = up / high, back / deep
    k = np.sqrt(s * s + t * t) + 1e-9
    ring = k * (k - 1.0) / (np.sqrt((s / high) ** 2 + (t / deep) ** 2) + 1e-9 / deep)
    return smooth_max(ring, np.maximum(along, -along - femur.neck_mm - 4.0), radius_mm=8.0)


def _shaft(femur: Femur, at: tuple[Array, Array, Array]) -> Array:
    side, back, up = at
    away = back - femur.bow(up)
    flare = 0.0009 * np.clip(up + 70.0, 0.0, 80.0) ** 2
    crest = 1.8 * np.exp(-((side / 4.0) ** 2)) * ramp(away, 0.0, 8.0) * ramp(-up, 20.0, 50.0)
    round_ = np.sqrt(side * side + away * away) - femur.shaft_mm - flare - crest
    return smooth_max(round_, np.maximum(up - 8.0, -up - _LENGTH_MM), radius_mm=10.0)


def _trochanters(femur: Femur, at: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Greater and lesser trochanter and the crest between them."""
    k = femur.slim
    greater = tube(
        at,
        path=((10.0 * k, 1.0, -22.0 * k), (14.5 * k, 4.0 * k, 3.0 * k), (10.5 * k, 10.0 * k, 20.5 * k)),
        radii=(10.0 * k, 12.5 * k, 8.0 * k),
        blend_mm=8.0,
    )
    lesser = rod(at, start=(-4.0, 3.0, -20.0 * k), end=(-13.5 * k, 13.5 * k, -25.5 * k), radii=(11.0 * k, 5.6 * k))
    crest = tube(
        at,
        path=((9.0 * k, 13.0 * k, 17.0 * k), (1.0, 14.5 * k, 0.0), (-11.0 * k, 13.0 * k, -20.0 * k)),
        radii=(4.5 * k, 4.2 * k, 4.2 * k),
        blend_mm=3.0,
    )
    return greater, lesser, crest


def _shape(femur: Femur, p: Points) -> Array:
    at = femur.local(p)
    neck = femur.along_neck(at)
    greater, lesser, crest = _trochanters(femur, at)
    bone = smooth_min(_neck(femur, neck), _shaft(femur, at), radius_mm=12.0)
    bone = smooth_min(bone, greater, radius_mm=9.0)
    bone = smooth_min(smooth_min(bone, lesser, radius_mm=8.0), crest, radius_mm=6.0)
    return smooth_min(bone, _head(femur, neck), radius_mm=5.0)


def _cortex(femur: Femur, p: Points) -> Array:
    at = femur.local(p)
    up, _, along = femur.along_neck(at)
    full = min(femur.shaft_mm - femur.canal_mm, 7.0)
    calcar = 2.4 * ramp(-up, 4.0, 15.0) * ramp(-along, 9.0, 24.0) * ramp(at[2], -40.0, -8.0)
    return 0.9 + 0.3 * ramp(-along, 8.0, 18.0) + calcar + (full - 1.2) * _towards_shaft(at)


def _towards_shaft(at: tuple[Array, Array, Array]) -> Array:
    # the thick cortex reaches higher on the inner side than below the greater trochanter
    return ramp(-at[2] - 0.35 * np.clip(at[0], -15.0, 25.0), 12.0, 66.0)


def _scar_of_head(femur: Femur, neck: tuple[Array, Array, Array]) -> Array:
    """Signed distance to the physis of the head, a dome; positive towards the joint."""
    up, back, along = neck
    bend = 0.011 * (up * up + back * back)
    return (along + 2.0 + bend + 0.7 * np.sin(0.3 * up + 1.0) + 0.4 * np.sin(0.45 * back)) / np.sqrt(1.0 + 0.044 * bend)


def _scar_of_trochanter(at: tuple[Array, Array, Array]) -> Array:
    """Signed distance to the physis of the greater trochanter, positive towards its tip."""
    return 0.76 * (at[0] - 14.5) + 0.65 * (at[2] - 1.0) + 0.7 * np.sin(0.4 * (at[0] - at[2]))


def _place(femur: Femur, p: Points) -> Place:
    at = femur.local(p)
    neck = femur.along_neck(at)
    up, back, along = neck
    side, _, height = at
    head = ramp(_scar_of_head(femur, neck), -2.0, 2.0) * ramp(along, -14.0, -10.0)
    off_axis = np.sqrt(up * up + back * back)
    # cartilage ends on a circle round the neck's axis
    edge, rim = -0.28 * femur.head_mm, 0.96 * femur.head_mm
    ball = np.abs(np.sqrt(off_axis * off_axis + along * along) - femur.head_mm)
    beyond = np.hypot(off_axis - rim, along - edge)
    joint = np.where(edge * off_axis < rim * along, ball, beyond)
    to_neck = np.hypot(off_axis, np.maximum(np.maximum(along, -along - femur.neck_mm), 0.0))
    to_shaft = np.hypot(np.hypot(side, back - femur.bow(height)), np.maximum(height, 0.0))
    return Place(
        epiphysis=np.maximum(head, ramp(_scar_of_trochanter(at), -2.0, 2.0)),
        joint_mm=joint,
        shaft_mm=np.maximum(0.8 * np.clip(side, -16.0, 20.0) - 14.0 - height, 0.0),
        axis_mm=np.minimum(to_neck, to_shaft),
    )


def _scars(femur: Femur) -> tuple[Layer, Layer]:
    # closed physes are thin dark lines in the marrow

    def of_head(p: Points) -> Array:
        neck = femur.along_neck(femur.local(p))
        inside = np.sqrt(neck[0] ** 2 + neck[1] ** 2 + neck[2] ** 2) - femur.head_mm + 1.5
        return np.maximum(np.abs(_scar_of_head(femur, neck)) - 0.55, inside)

    def of_trochanter(p: Points) -> Array:
        at = femur.local(p)
        greater, _, _ = _trochanters(femur, at)
        return np.maximum(np.abs(_scar_of_trochanter(at)) - 0.5, greater + 1.8)

    def layer(name: str, shape: Callable[[Points], Array], ball: Ball, opacity: float) -> Layer:
        return Layer(
            name=f"{femur.side}_{name}", shape=shape, fill=COMPOSITIONS["cortex"], within=ball, opacity=opacity
        )

    head = Ball(centre_mm=femur.neck_point(0.0, 0.0, 0.0), radius_mm=femur.head_mm)
    trochanter = Ball(centre_mm=femur.point(14.0, 4.0, 2.0), radius_mm=30.0)
    return (
        layer("femoral_head_physeal_scar", of_head, head, 0.42),
        layer("greater_trochanter_physeal_scar", of_trochanter, trochanter, 0.28),
    )


def _bone(femur: Femur) -> Bone:
    top = 56.0
    return Bone(
        name=f"{femur.side}_femur",
        label=_LABELS[femur.side],
        shape=partial(_shape, femur),
        cortex=partial(_cortex, femur),
        place=partial(_place, femur),
        within=Ball(
            centre_mm=femur.point(0.0, 0.0, 0.5 * (top - _LENGTH_MM)), radius_mm=0.5 * (top + _LENGTH_MM) + 12.0
        ),
        kind="long",
    )


def _joint(femur: Femur) -> HipJoint:
    return HipJoint(
        side=femur.side,
        centre_mm=femur.centre_mm,
        head_mm=femur.head_mm,
        neck_mm=femur.neck_mm,
        neck=lambda p: femur.along_neck(femur.local(p)),
        bone=partial(_shape, femur),
    )


def femur_parts(subject: Subject) -> tuple[Layer | Bone, ...]:
    """Both proximal femora with their hip joints, from front to back.

    To be painted after the hip bones: the soft parts of the joint fill what the bones leave.

    Parameters
    ----------
    subject : Subject
        Whose.

    Returns
    -------
    tuple of Layer or Bone
        Physeal scars, the femora (labels 4 left, 5 right), then joint layers.
    """
    femora = tuple(draw_femur(subject, side) for side in ("left", "right"))
    parts: list[Layer | Bone] = [scar for femur in femora for scar in _scars(femur)]
    parts += [_bone(femur) for femur in femora]
    parts += [layer for femur in femora for layer in hip_joint_parts(_joint(femur))]
    return tuple(parts)


def femur_landmarks(subject: Subject) -> tuple[Landmark, ...]:
    """Spots of both proximal femora where findings sit.

    Parameters
    ----------
    subject : Subject
        Whose.

    Returns
    -------
    tuple of Landmark
        Head, neck, medial neck (calcar), greater trochanter, intertrochanteric region and shaft of each side.
    """
    return tuple(mark for side in ("left", "right") for mark in _landmarks(draw_femur(subject, side)))


def _landmarks(femur: Femur) -> tuple[Landmark, ...]:
    inwards, upwards = femur.slope
    neck = femur.direction(-inwards, 0.0, upwards)
    high, deep = (float(v) for v in _neck_half_mm(femur, np.array(-26.0)))
    outwards = -1.0 if femur.mirror else 1.0
    k = femur.slim

    def mark(name: str, point: Vector, axis: Vector, radius_mm: float) -> Landmark:
        return Landmark(
            name=f"{femur.side}_{name}",
            bone=f"{femur.side}_femur",
            point_mm=point,
            axis=axis,
            radius_mm=radius_mm,
        )

    return (
        mark("femoral_head", femur.neck_point(0.0, 0.0, 0.0), (0.1 * outwards, -0.36, 0.9276), femur.head_mm),
        mark("femoral_neck", femur.neck_point(0.0, 0.0, -25.0), neck, deep),
        mark("femoral_neck_medial", femur.neck_point(-high, 0.0, -26.0), femur.direction(upwards, 0.0, inwards), 7.0),
        mark("greater_trochanter", femur.point(15.0 * k, 5.0 * k, 5.0 * k), femur.direction(-1.0, 0.0, 0.0), 13.0 * k),
        mark("intertrochanteric", femur.point(0.0, 0.0, -10.0), femur.direction(0.0, 0.0, -1.0), 16.0 * k),
        mark(
            "femoral_shaft",
            femur.point(0.0, float(femur.bow(np.array(-110.0))), -110.0),
            femur.direction(0.0, 0.0, -1.0),
            femur.canal_mm,
        ),
    )
