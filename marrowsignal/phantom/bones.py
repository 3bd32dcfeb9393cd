"""Bones of the pelvis around the sacroiliac joints, as signed distances in the sacral frame (mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.shapes import (
    Points,
    capsule,
    curve,
    ramp,
    smooth_max,
    smooth_min,
    softplus,
)

__all__ = ["Bones", "build_bones", "joint_half_width"]

Array = NDArray[np.float64]

# (v, lateral offset, radius) of the sacral foramina S1..S4
_FORAMINA = ((1.0, 24.0, 6.0), (25.0, 20.5, 5.0), (45.0, 17.0, 4.2), (61.0, 14.0, 3.4))
# (v, half height) of the lumbar bodies L5, L4, L3
_LUMBAR = ((-60.0, 14.5), (-97.0, 14.5), (-134.0, 14.5))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bones:
    """Signed distances, negative inside, mm.

    Attributes
    ----------
    sacrum, ilium, lumbar : ndarray of float64
        Outer surface of the bone (cortex included); `ilium` is both sides.
    canal, thecal_sac : ndarray of float64
        Spinal canal and the fluid-filled sac in it.
    foramina, nerves : ndarray of float64
        Sacral foramina and the nerve roots in them.
    discs : ndarray of float64
        Intervertebral discs.
    joint, ligament_gap : ndarray of float64
        Cartilage-lined part of the sacroiliac joint, and the gap behind and above it.
    ilium_outer_au : ndarray of float64
        Distance of the ilium's gluteal surface from the midplane.
    ilium_inner_au : ndarray of float64
        Distance of its inner surface from the midplane.
    sacrum_front_w, sacrum_back_w : ndarray of float64
        Front and back of the sacrum.
    """

    sacrum: Array
    ilium: Array
    lumbar: Array
    canal: Array
    thecal_sac: Array
    foramina: Array
    nerves: Array
    discs: Array
    joint: Array
    ligament_gap: Array
    ilium_outer_au: Array
    ilium_inner_au: Array
    sacrum_front_w: Array
    sacrum_back_w: Array


def _flank(v: Array, w: Array) -> Array:
    """Smooth half width of the sacrum: wider in front and above."""
    return curve(v, (-70.0, -36.0, -12.0, 14.0, 34.0, 52.0), (63.0, 60.0, 55.0, 47.5, 40.0, 33.0)) - 0.36 * w


def joint_half_width(v: Array, w: Array) -> Array:
    """Distance of the joint's sacral surface from the midplane, mm."""
    # an auricular surface is never flat
    wave = 1.1 * np.sin(v / 10.0 + w / 17.0) + 0.7 * np.sin(v / 5.3 - w / 9.0 + 1.0)
    return _flank(v, w) + wave * np.exp(-(((v - 4.0) / 38.0) ** 4))


def _canal(p: Points) -> tuple[Array, Array]:
    centre = curve(p.v, (-140.0, -36.0, 0.0, 40.0, 75.0), (50.0, 13.5, 9.5, 7.0, 5.0))
    half_u = curve(p.v, (-40.0, 10.0, 70.0), (12.5, 9.5, 3.5))
    half_w = curve(p.v, (-40.0, 10.0, 70.0), (7.5, 5.5, 2.2))
    radius = np.sqrt((p.u / half_u) ** 2 + ((p.w - centre) / half_w) ** 2)
    end = p.v - 72.0
    canal = smooth_max((radius - 1.0) * half_w, end, radius_mm=4.0)
    sac_radius = np.sqrt((p.u / (half_u * 0.78)) ** 2 + ((p.w - centre) / (half_w * 0.8)) ** 2)
    sac = smooth_max((sac_radius - 1.0) * half_w * 0.8, p.v - 20.0, radius_mm=8.0)
    return canal, sac


def _foramina(p: Points) -> tuple[Array, Array]:
    holes, nerves = np.full(p.v.shape, 1e3), np.full(p.v.shape, 1e3)
    for v0, u0, radius in _FORAMINA:
        # the roots run down and out, so the holes lean
        v = p.v - v0 - 0.25 * (8.0 - p.w)
        u = p.au - u0 - 0.12 * (8.0 - p.w)
        distance = np.sqrt(u * u + (0.85 * v) ** 2)
        holes = np.minimum(holes, distance - radius)
        nerves = np.minimum(nerves, np.sqrt((u - 0.5) ** 2 + (v + 0.8) ** 2) - 0.5 * radius)
    return holes, nerves


def _sacrum(p: Points, surface: Array, slab: Array, canal: Array, holes: Array) -> Array:
    side = np.minimum(
        surface,
        curve(p.v, (36.0, 48.0, 62.0, 78.0, 95.0), (60.0, 31.0, 25.0, 15.0, 9.0)),
    )
    top = -37.0 + 11.0 * ramp(p.au, 24.0, 60.0) - 4.0 * ramp(p.au, 26.0, 34.0) + 0.12 * (p.w + 10.0)
    body = smooth_max((p.au - side) / 1.1, top - p.v, radius_mm=7.0)
    bone = smooth_max(smooth_max(body, slab, radius_mm=6.0), p.v - 92.0, radius_mm=8.0)
    bone = smooth_max(bone, -canal, radius_mm=2.0)
    return smooth_max(bone, -holes, radius_mm=2.0)


def _ilium_walls(p: Points, surface: Array) -> tuple[Array, Array]:
    gap = 2.0 + 9.0 * ramp(p.w, 10.0, 28.0) + 3.0 * ramp(-p.v, 30.0, 46.0)
    # the wing flares out above and in front of the joint
    flare = 0.66 * softplus(-p.v - 40.0, width=10.0) + 0.55 * softplus(-p.w - 24.0, width=8.0)
    thick = curve(p.v, (-96.0, -72.0, -38.0, 12.0, 50.0), (18.0, 14.0, 23.0, 27.0, 19.0))
    thick = thick * (1.0 - 0.35 * ramp(-p.w, 16.0, 46.0))
    inner = surface + gap + flare
    return inner, _flank(p.v, p.w) + gap + flare + thick


def _ilium(p: Points, inner: Array, outer: Array) -> Array:
    plate = smooth_max((inner - p.au) / 1.2, (p.au - outer) / 1.2, radius_mm=8.0)
    notch = p.v - (47.0 - 0.3 * p.w + 0.012 * np.maximum(-p.w - 25.0, 0.0) ** 2)
    crest = (-40.0 * (p.v + 30.0) + 64.0 * (p.w - 45.0)) / 75.5
    rim = smooth_max(smooth_max(notch, p.w - 43.0, radius_mm=14.0), crest, radius_mm=14.0)
    rim = smooth_max(rim, -96.0 - p.v, radius_mm=10.0)
    return smooth_max(plate, rim, radius_mm=10.0)


def _lumbar(p: Points, canal: Array) -> tuple[Array, Array]:
    centre = curve(p.v, (-150.0, -36.0), (35.0, -9.0))
    bone, discs = np.full(p.v.shape, 1e3), np.full(p.v.shape, 1e3)
    w = p.w - centre
    for v0, half in _LUMBAR:
        v = p.v - v0 - 0.2 * w
        waist = 1.0 - 0.10 * (1.0 - np.minimum(np.abs(v) / half, 1.0) ** 2)
        ring = (np.sqrt((p.u / (26.0 * waist)) ** 2 + (w / (17.0 * waist)) ** 2) - 1.0) * 17.0
        bone = np.minimum(bone, smooth_max(ring, np.abs(v) - half, radius_mm=5.0))
        disc = smooth_max(ring, np.abs(v - half - 4.2) - 3.0, radius_mm=3.0)
        discs = np.minimum(discs, disc)
        # arch: a shell round the canal, transverse and spinous processes
        arch = smooth_max(smooth_max(canal - 5.0, -canal + 0.5, radius_mm=2.0), np.abs(v + 2.0) - 8.0, radius_mm=4.0)
        wing = capsule((p.au, p.v, p.w), start=(14.0, v0 - 3.0, 0.0), end=(45.0, v0 - 5.0, 4.0), radius_mm=4.5)
        wing = wing + np.abs(w - 14.0) * 0.12
        tail = capsule((p.au, v, w), start=(0.0, 0.0, 32.0), end=(0.0, 9.0, 52.0), radius_mm=4.0)
        bone = smooth_min(bone, smooth_min(np.minimum(arch, tail), wing, radius_mm=3.0), radius_mm=3.0)
    remnant = smooth_max(
        np.abs(p.v + 6.0) - 1.6,
        np.sqrt((p.u / 15.0) ** 2 + ((p.w + 9.0) / 9.0) ** 2) * 9 - 9.0,
        radius_mm=2.0,
    )
    return bone, np.minimum(discs, remnant)


def build_bones(p: Points, *, roughness_mm: Array) -> Bones:
    """Signed distances of every bone at the given points.

    Parameters
    ----------
    p : Points
        Where.
    roughness_mm : ndarray of float64
        Fine displacement of the bone surfaces.

    Returns
    -------
    Bones
        Distances, negative inside.
    """
    front = curve(p.v, (-40.0, -8.0, 22.0, 48.0, 80.0), (-28.0, -19.0, -9.0, -4.0, -7.0))
    front = front + curve(p.v, (-20.0, 40.0), (9.0, 1.0)) * ramp(p.au, 22.0, 42.0)
    back = curve(p.v, (-36.0, 0.0, 40.0, 80.0), (23.0, 22.0, 17.0, 10.0)) - 5.0 * ramp(p.au, 16.0, 40.0)
    back = back + 5.0 * np.exp(-((p.u / 4.5) ** 2)) * ramp(-p.v, -60.0, 0.0)
    canal, sac = _canal(p)
    holes, nerves = _foramina(p)
    surface = joint_half_width(p.v, p.w)
    inner, outer = _ilium_walls(p, surface)
    lumbar, discs = _lumbar(p, canal)
    slab = smooth_max(front - p.w, p.w - back, radius_mm=5.0)
    between = np.maximum(surface - 3.0 - p.au, p.au - inner - 3.0)
    extent = np.maximum(np.sqrt(((p.v - 6.0) / 42.0) ** 2 + ((p.w + 5.0) / 20.0) ** 2) * 20.0 - 20.0, between)
    # interosseous ligaments fill a wedge behind the joint, not a box
    wedge = smooth_max(p.v - 36.0 + 0.4 * np.abs(p.w - 18.0), -24.0 - p.v - 0.5 * (p.w + 8.0), radius_mm=14.0)
    behind = smooth_max(smooth_max(wedge, p.w - 30.0, radius_mm=12.0), -p.w - 6.0, radius_mm=8.0)
    behind = smooth_max(behind, between, radius_mm=2.0)
    return Bones(
        sacrum=_sacrum(p, surface, slab, canal, holes) + roughness_mm,
        ilium=_ilium(p, inner, outer) + roughness_mm,
        lumbar=lumbar + roughness_mm,
        canal=canal,
        thecal_sac=sac,
        foramina=np.maximum(holes, np.maximum(front - 3.0 - p.w, p.w - back)),
        nerves=nerves,
        discs=discs,
        joint=extent,
        ligament_gap=behind,
        ilium_outer_au=outer,
        ilium_inner_au=inner,
        sacrum_front_w=front,
        sacrum_back_w=back,
    )
