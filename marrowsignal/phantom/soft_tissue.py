"""Skin, fat layer, muscles, bowel: signed distances in mm, and which share of a muscle is fat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.bones import Bones
from marrowsignal.phantom.shapes import Points, capsule, coverage, ellipsoid, ramp, smooth_max, smooth_min
from marrowsignal.phantom.subject import Subject

__all__ = ["SoftTissue", "build_soft_tissue"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftTissue:
    """Signed distances, negative inside, mm.

    Attributes
    ----------
    body : ndarray of float64
        Skin.
    fat_layer : ndarray of float64
        Inner border of the subcutaneous fat: negative deep to it.
    muscles : tuple of (ndarray, ndarray)
        Each muscle group and the share of its volume that fat planes take, 0 to 1.
    viscera, fluid, gas, vessels : ndarray of float64
        Organ walls and contents, urine, bowel gas, flowing blood.
    strands_fraction : ndarray of float64
        Share of fibrous strands in fat.
    """

    body: Array
    fat_layer: Array
    muscles: tuple[tuple[Array, Array], ...]
    viscera: Array
    fluid: Array
    gas: Array
    vessels: Array
    strands_fraction: Array


def _body(p: Points) -> Array:
    a = 172.0 - 16.0 * ramp(p.z, 10.0, 120.0)
    s, t = p.x / a, (p.y + 57.0) / 112.0
    k = np.sqrt(s * s + t * t) + 1e-9
    trunk = k * (k - 1.0) / (np.sqrt((s / a) ** 2 + (t / 112.0) ** 2) + 1e-9)
    s, t, r = (np.abs(p.x) - 74.0) / 92.0, (p.y - 8.0) / 80.0, (p.z + 74.0) / 96.0
    k = np.sqrt(s * s + t * t + r * r) + 1e-9
    g = np.sqrt((s / 92.0) ** 2 + (t / 80.0) ** 2 + (r / 96.0) ** 2) + 1e-9
    return smooth_min(trunk, k * (k - 1.0) / g, radius_mm=30.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grain:
    """Random fields shared by all muscles: waviness of the fascicles, fat between the fibres."""

    septa: Array
    lean_part: Array


def _planes(p: Points, grain: _Grain, *, lean: tuple[float, float], period_mm: float, amount: float) -> Array:
    """Thin fat planes between fascicles that run down and out."""
    wave = 0.45 * period_mm * grain.septa
    phase = (lean[0] * p.au + lean[1] * p.v + 0.3 * p.w + wave) * 2.0 * np.pi / period_mm
    return grain.lean_part + amount * np.clip((np.cos(phase) - 0.78) / 0.22, 0.0, 1.0)


def _gluteals(p: Points, grain: _Grain, bones: Bones, depth: Array) -> list[tuple[Array, Array]]:
    # the upper border falls from the posterior iliac spine outwards
    low = smooth_max(-18.0 - p.y, p.z - 62.0 + 0.45 * p.au, radius_mm=30.0)
    shell = smooth_max(1.0 - depth, depth - 38.0, radius_mm=10.0)
    maximus = smooth_max(smooth_max(shell, low, radius_mm=16.0), 12.0 - p.au, radius_mm=10.0)
    maximus = smooth_max(maximus, 16.0 - (p.w - bones.sacrum_back_w) - 0.35 * p.au, radius_mm=10.0)
    off_bone = bones.ilium_outer_au - p.au
    medius = smooth_max(off_bone + 2.0, p.v - 44.0 - 0.35 * (p.au - 60.0), radius_mm=16.0)
    medius = smooth_max(medius, -off_bone - 58.0, radius_mm=16.0)
    medius = smooth_max(medius, smooth_max(3.0 - depth, -84.0 - p.v, radius_mm=14.0), radius_mm=8.0)
    medius = smooth_max(medius, 3.5 - maximus, radius_mm=4.0)
    split = coverage(np.abs(-off_bone - 21.0 - 2.5 * grain.septa) - 0.8, width_mm=1.0)
    coarse = _planes(p, grain, lean=(0.62, -0.78), period_mm=8.5, amount=0.55)
    fine = _planes(p, grain, lean=(0.85, -0.5), period_mm=15.0, amount=0.25)
    return [(maximus, coarse), (medius, np.maximum(fine, 0.7 * split))]


def _deep_muscles(p: Points, grain: _Grain, bones: Bones, depth: Array) -> list[tuple[Array, Array]]:
    at = (p.au, p.v, p.w)
    bone_gap = np.minimum(np.minimum(bones.ilium, bones.sacrum), bones.lumbar)
    psoas = capsule(at, start=(46.0, -150.0, 22.0), end=(58.0, -30.0, -34.0), radius_mm=19.0, flatten_w=0.9)
    psoas = smooth_min(
        psoas, capsule(at, start=(58.0, -30.0, -34.0), end=(88.0, 45.0, -72.0), radius_mm=17.0), radius_mm=8.0
    )
    iliacus = smooth_max(p.au - bones.ilium_inner_au + 2.0, bones.ilium_inner_au - p.au - 24.0, radius_mm=8.0)
    iliacus = smooth_max(iliacus, np.maximum(p.w + 12.0 + 0.3 * p.v, -84.0 - p.v), radius_mm=10.0)
    piriformis = capsule(at, start=(26.0, 46.0, -17.0), end=(112.0, 74.0, -30.0), radius_mm=12.0, flatten_w=0.8)
    paraspinal = smooth_max(4.5 - p.au, p.au - 54.0 - 0.12 * p.v, radius_mm=12.0)
    paraspinal = smooth_max(paraspinal, bones.sacrum_back_w + 2.0 - p.w, radius_mm=5.0)
    paraspinal = smooth_max(paraspinal, smooth_max(2.5 - depth, p.v - 38.0 + 0.6 * p.au, radius_mm=14.0), radius_mm=6.0)
    quadratus = capsule(at, start=(62.0, -150.0, 40.0), end=(82.0, -92.0, 14.0), radius_mm=15.0)
    wall = smooth_max(2.0 - depth, depth - 24.0, radius_mm=6.0)
    wall = smooth_max(wall, np.maximum(np.maximum(-p.z + 52.0, p.y - 12.0), 85.0 - p.au), radius_mm=6.0)
    obturator = capsule(at, start=(70.0, 70.0, -52.0), end=(84.0, 125.0, -20.0), radius_mm=13.0)
    fine = _planes(p, grain, lean=(0.9, 0.3), period_mm=12.0, amount=0.22)
    streaky = _planes(p, grain, lean=(0.95, 0.1), period_mm=9.0, amount=0.6)
    layers = 0.8 * coverage(np.abs(np.mod(depth - 2.0, 8.0) - 4.0) * -1.0 + 3.2, width_mm=1.0)
    return [
        (np.maximum(psoas, 2.0 - bone_gap), 0.4 * fine),
        (np.maximum(iliacus, 1.5 - bone_gap), fine),
        (np.maximum(piriformis, 2.0 - bone_gap), fine),
        (np.maximum(paraspinal, 2.0 - bone_gap), streaky),
        (np.maximum(quadratus, 2.0 - bone_gap), fine),
        (wall, layers),
        (obturator, fine),
    ]


def _organs(p: Points, subject: Subject) -> tuple[Array, Array, Array]:
    """Bowel loops, rectum and bladder; a few placed by the seed."""
    rng = np.random.default_rng([subject.seed, 2])
    at = (p.u, p.v, p.w)
    rectum = capsule(at, start=(3.0, 35.0, -38.0), end=(0.0, 118.0, -16.0), radius_mm=15.0)
    gas = capsule(at, start=(4.0, 62.0, -32.0), end=(1.0, 84.0, -28.0), radius_mm=6.5)
    bladder = ellipsoid(p, centre=(-4.0, 78.0, -76.0), radii=(36.0, 30.0, 26.0))
    viscera = smooth_min(rectum, bladder, radius_mm=4.0)
    for side in (-1.0, 1.0):
        for _ in range(5):
            centre = (side * rng.uniform(58.0, 105.0), rng.uniform(-130.0, -78.0), rng.uniform(-60.0, -8.0))
            radius = rng.uniform(11.0, 17.0)
            reach = (
                centre[0] + rng.uniform(-22.0, 22.0),
                centre[1] + rng.uniform(-18.0, 18.0),
                centre[2] - 20.0,
            )
            viscera = np.minimum(viscera, capsule(at, start=centre, end=reach, radius_mm=radius))
            if rng.random() < 0.45:
                gas = np.minimum(gas, capsule(at, start=centre, end=reach, radius_mm=0.5 * radius))
    for _ in range(6):
        centre = (rng.uniform(-42.0, 42.0), rng.uniform(8.0, 80.0), rng.uniform(-62.0, -44.0))
        reach = (centre[0] + rng.uniform(-26.0, 26.0), centre[1] + rng.uniform(-16.0, 16.0), centre[2] - 6.0)
        viscera = np.minimum(viscera, capsule(at, start=centre, end=reach, radius_mm=rng.uniform(10.0, 15.0)))
    return viscera, bladder + 4.0, gas


def build_soft_tissue(p: Points, subject: Subject, bones: Bones) -> SoftTissue:
    """Signed distances of everything that is not bone.

    Parameters
    ----------
    p : Points
        Where.
    subject : Subject
        Whose.
    bones : Bones
        Muscles sit on them.

    Returns
    -------
    SoftTissue
        Distances, negative inside.
    """
    body = _body(p)
    texture = subject.texture(p.x, p.y, p.z)
    grain = _Grain(septa=subject.septa(p.x, p.y, p.z), lean_part=0.02 * (1.0 + 0.5 * np.clip(texture, -1.5, 1.5)))
    layer = subject.fat_layer_mm * (1.0 + 0.5 * ramp(p.y, 30.0, 75.0)) + 1.5 * texture
    depth = -body - layer
    viscera, fluid, gas = _organs(p, subject)
    at = (p.au, p.v, p.w)
    vessels = capsule(at, start=(26.0, -70.0, -30.0), end=(58.0, 36.0, -46.0), radius_mm=5.0)
    vessels = np.minimum(vessels, capsule(at, start=(40.0, 0.0, -34.0), end=(44.0, 60.0, -22.0), radius_mm=3.0))
    muscles = _gluteals(p, grain, bones, depth) + _deep_muscles(p, grain, bones, depth)
    lines = np.clip(1.0 - np.abs(subject.strands(p.x, p.y, p.z)) / 0.10, 0.0, 1.0)
    return SoftTissue(
        body=body,
        fat_layer=-depth,
        muscles=tuple(muscles),
        viscera=np.maximum(viscera, 4.0 - depth),
        fluid=fluid,
        gas=np.maximum(gas, 4.0 - depth),
        vessels=vessels,
        strands_fraction=0.35 * lines,
    )
