"""The left knee of one person, slightly bent: bones, joint, muscles, fat and skin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee_bones import (
    PATELLA_MM,
    femoral_physis_mm,
    knee_bones,
    shaft_axis_mm,
    tibial_physis_mm,
)
from marrowsignal.phantom.anatomy.knee_build import KneeBuild
from marrowsignal.phantom.anatomy.knee_layers import flesh_layers, joint_layers
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Anatomy, Bone, Landmark, Layer, Place
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, Vector, ramp
from marrowsignal.phantom.subject import Subject

__all__ = ["build_knee"]

Array = NDArray[np.float64]
_GROWN_YEARS = 16.0


def _physis(subject: Subject, build: KneeBuild, *, femur: bool) -> Callable[[Points], Array]:
    """Height above the growth plate, which waves."""
    height = femoral_physis_mm if femur else tibial_physis_mm
    wave = subject.field(f"knee_physis {femur}", wavelength_mm=(9.0, 28.0), count=14)

    def above(p: Points) -> Array:
        at = build.at(p)
        return np.asarray(p.z - height(at) - 0.6 * wave.on(p.sheet))

    return above


def _long_bone(subject: Subject, build: KneeBuild, *, femur: bool) -> Bone:
    bones = knee_bones()
    solid, joint = (bones.femur, bones.femur_joint) if femur else (bones.tibia, bones.tibia_joint)
    above = _physis(subject, build, femur=femur)
    up = 1.0 if femur else -1.0
    wall = subject.normal(f"knee_cortex {femur}", 4.5, 0.4)

    def place(p: Points) -> Place:
        at, beyond = build.at(p), up * above(p)
        middle = shaft_axis_mm(p.z, femur=femur)
        return Place(
            epiphysis=ramp(-beyond, -1.5, 1.5),
            joint_mm=joint(at),
            shaft_mm=np.maximum(beyond, 0.0),
            axis_mm=np.hypot(at[0] - middle[0], at[1] - middle[1]),
        )

    return Bone(
        name="femur" if femur else "tibia",
        label=21 if femur else 22,
        kind="long",
        shape=lambda p: solid(build.at(p)),
        cortex=lambda p: 0.9 + (wall - 0.9) * ramp(up * p.z, 38.0, 105.0),
        place=place,
        within=build.ball(solid.ball()),
    )


def _patella(build: KneeBuild) -> Bone:
    bones = knee_bones()

    def place(p: Points) -> Place:
        at = build.at_patella(p)
        none = np.zeros_like(p.x)
        return Place(epiphysis=none + 1.0, joint_mm=bones.patella_joint(at), shaft_mm=none, axis_mm=none)

    return Bone(
        name="patella",
        label=23,
        kind="sesamoid",
        shape=lambda p: bones.patella(build.at_patella(p)),
        cortex=lambda p: np.full_like(p.x, 0.9),
        place=place,
        within=build.ball(bones.patella.ball()),
    )


def _fibula(build: KneeBuild) -> Bone:
    bones = knee_bones()

    def place(p: Points) -> Place:
        at = build.at(p)
        beyond = -34.0 - p.z
        return Place(
            epiphysis=ramp(-beyond, -1.5, 1.5),
            joint_mm=bones.fibula_joint(at),
            shaft_mm=np.maximum(beyond, 0.0),
            axis_mm=np.hypot(at[0] - 34.0, at[1] - 24.0),
        )

    return Bone(
        name="fibula",
        label=24,
        kind="long",
        shape=lambda p: bones.fibula(build.at(p)),
        cortex=lambda p: 0.8 + 1.3 * ramp(-p.z, 32.0, 75.0),
        place=place,
        within=build.ball(bones.fibula.ball()),
    )


def _growth_plate(subject: Subject, build: KneeBuild, *, femur: bool) -> Layer:
    """Open growth plate of a child, or the scar it leaves: a thin broken line that fades with age."""
    bones = knee_bones()
    solid = bones.femur if femur else bones.tibia
    above = _physis(subject, build, femur=femur)
    is_open = subject.age_years < _GROWN_YEARS
    broken = subject.field(f"knee_scar {femur}", wavelength_mm=(5.0, 18.0), count=16)

    def shape(p: Points) -> Array:
        half = 1.3 if is_open else 0.42 + 0.25 * broken.on(p.sheet)
        return np.maximum(np.abs(above(p)) - half, solid(build.at(p)) + (0.0 if is_open else 0.9))

    fade = float(np.interp(subject.age_years, (_GROWN_YEARS, 25.0, 70.0), (0.8, 0.55, 0.3)))
    return Layer(
        name="femoral_physis" if femur else "tibial_physis",
        shape=shape,
        fill=COMPOSITIONS["cartilage" if is_open else "cortex"],
        within=Ball(centre_mm=(0.0, 0.0, 36.0) if femur else (0.0, 2.0, -22.0), radius_mm=52.0),
        opacity=1.0 if is_open else fade,
    )


def _landmarks(build: KneeBuild) -> tuple[Landmark, ...]:
    bones = knee_bones()
    down, up = (0.0, 0.0, -1.0), (0.0, 0.0, 1.0)
    x, y, z = PATELLA_MM
    spots: tuple[tuple[str, str, Vector, Vector, float], ...] = (
        ("medial_femoral_condyle", "femur", bones.femur.surface_from((-23.0, 3.0, 22.0), down), up, 20.0),
        ("lateral_femoral_condyle", "femur", bones.femur.surface_from((22.0, 3.0, 22.0), down), up, 20.0),
        ("medial_tibial_plateau", "tibia", bones.tibia.surface_from((-22.0, 3.0, -12.0), up), down, 15.0),
        ("lateral_tibial_plateau", "tibia", bones.tibia.surface_from((22.0, 3.0, -12.0), up), down, 14.0),
        ("patella", "patella", bones.patella.surface_from((x, y, z), (0.0, 1.0, 0.0)), (0.0, -1.0, 0.0), 15.0),
        ("femoral_metaphysis", "femur", (2.5, -4.0, 58.0), (0.105, 0.0, 0.994), 18.0),
        ("tibial_metaphysis", "tibia", (0.0, 4.0, -36.0), down, 16.0),
        ("femoral_shaft", "femur", (9.0, -6.0, 120.0), (0.105, 0.0, 0.994), 9.0),
        (
            "proximal_tibia_posteromedial",
            "tibia",
            bones.tibia.surface_from((0.0, 5.0, -55.0), (-0.75, 0.66, 0.0)),
            (0.75, -0.66, 0.0),
            10.0,
        ),
        ("fibular_head", "fibula", bones.fibula.surface_from((36.0, 22.0, -24.0), up), down, 8.0),
    )
    return tuple(
        Landmark(name=name, bone=bone, point_mm=build.back(point), axis=axis, radius_mm=radius)
        for name, bone, point, axis, radius in spots
    )


def build_knee(subject: Subject) -> Anatomy:
    """Build a person's left knee; a mirrored subject has a right one.

    Parameters
    ----------
    subject : Subject
        The person; below 16 years the growth plates are open.

    Returns
    -------
    Anatomy
        From the bones to the skin; the origin is the middle of the joint space between femur and tibia.
    """
    build = KneeBuild.of(subject)
    return Anatomy(
        body="knee",
        subject=subject,
        parts=(
            _growth_plate(subject, build, femur=True),
            _growth_plate(subject, build, femur=False),
            _long_bone(subject, build, femur=True),
            _long_bone(subject, build, femur=False),
            _patella(build),
            _fibula(build),
            *joint_layers(build),
            *flesh_layers(subject, build),
        ),
        landmarks=_landmarks(build),
    )
