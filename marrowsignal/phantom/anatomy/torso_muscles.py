"""Muscles of the back, the abdominal wall and the loins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.muscle import Grain, Muscle, View, column
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import curve, ramp, smooth_max
from marrowsignal.phantom.subject import Subject

__all__ = ["torso_muscles"]

Array = NDArray[np.float64]


def _front_of_back(view: View) -> Array:
    """Plane of the transverse processes, and of the sacrum's middle below."""
    return curve(view.z, (-60.0, -10.0, 25.0, 60.0, 110.0, 200.0, 300.0), (45.0, 12.0, -6.0, -20.0, -28.0, -22.0, 10.0))


def _multifidus_edge(view: View) -> Array:
    wave = 1.5 * np.sin(view.z / 13.0 + view.y / 9.0)
    return curve(view.z, (-55.0, -20.0, 15.0, 60.0, 120.0, 220.0), (9.0, 22.0, 33.0, 27.0, 19.0, 14.0)) + wave


def _back(view: View, *, inner: Array, outer: Array) -> Array:
    slab = smooth_max(1.2 - view.depth, _front_of_back(view) - view.y, radius_mm=12.0)
    # the lateral edge is round
    return smooth_max(smooth_max(slab, view.x - outer, radius_mm=26.0), inner - view.x, radius_mm=5.0)


def _multifidus(view: View) -> Array:
    shape = _back(view, inner=np.full(view.x.shape, 2.5), outer=_multifidus_edge(view))
    return smooth_max(shape, -58.0 - view.z, radius_mm=14.0)


def _erector(view: View) -> Array:
    outer = curve(view.z, (-15.0, 20.0, 60.0, 110.0, 200.0, 320.0), (14.0, 38.0, 58.0, 70.0, 74.0, 66.0))
    shape = _back(view, inner=_multifidus_edge(view) + 1.0, outer=outer)
    return smooth_max(shape, -12.0 - view.z, radius_mm=14.0)


def _erector_split(view: View) -> Array:
    edge = curve(view.z, (20.0, 60.0, 110.0, 200.0, 320.0), (60.0, 50.0, 47.0, 48.0, 44.0))
    return np.asarray(view.x - edge - 0.25 * view.y - 2.0 * np.sin(view.z / 19.0))


def _latissimus(view: View) -> Array:
    thick = curve(view.z, (90.0, 140.0, 200.0, 320.0), (0.5, 3.0, 6.5, 9.0)) * ramp(view.x, 20.0, 90.0)
    shell = smooth_max(0.4 - view.depth, view.depth - thick, radius_mm=2.0)
    return smooth_max(shell, np.maximum(-view.y - 35.0, 90.0 - view.z), radius_mm=6.0)


def _quadratus(view: View) -> Array:
    dx = view.x - np.interp(view.z, (70.0, 215.0), (84.0, 50.0))
    dy = view.y - np.interp(view.z, (70.0, 120.0, 215.0), (-14.0, -30.0, -22.0))
    lean = 0.35 * dx
    flat = np.sqrt((dx / 25.0) ** 2 + ((dy + lean) / 10.0) ** 2)
    return smooth_max((flat - 1.0) * 11.0, np.abs(view.z - 140.0) - 72.0, radius_mm=12.0)


_PSOAS_Z = (-150.0, -118.0, -85.0, -50.0, -10.0, 35.0, 80.0, 125.0, 165.0, 200.0, 225.0)
_PSOAS_X = (92.0, 92.0, 86.0, 78.0, 67.0, 58.0, 52.0, 46.0, 39.0, 33.0, 29.0)
_PSOAS_Y = (-48.0, -66.0, -94.0, -94.0, -78.0, -60.0, -52.0, -52.0, -50.0, -46.0, -42.0)
_PSOAS_R = (3.0, 12.0, 16.0, 17.0, 19.0, 22.0, 23.0, 20.0, 14.0, 8.0, -3.0)


def _psoas(view: View) -> Array:
    shape = column(view, heights=_PSOAS_Z, x=_PSOAS_X, y=_PSOAS_Y, radii=_PSOAS_R)
    return np.maximum(shape, -152.0 - view.z)


def _rim_of_wall(view: View) -> Array:
    """Above the iliac crest in the flank, above the inguinal ligament in front."""
    crest = 62.0 - view.z
    groin = (1.15 * (view.x - 8.0) - (view.z + 92.0)) / 1.52
    return np.where(view.y > -60.0, crest, np.minimum(crest, groin))


def _wall(view: View) -> Array:
    front = ramp(view.y, -95.0, -125.0)
    thick = 18.0 - 7.0 * front - 6.0 * ramp(view.z, 30.0, -30.0)
    shell = smooth_max(0.6 - view.depth, view.depth - thick, radius_mm=5.0)
    inner = np.where(view.y < -70.0, 63.0 - 0.12 * (view.z - 80.0), 40.0) - view.x
    ends = smooth_max(inner, view.y - 4.0 - 0.05 * view.z, radius_mm=10.0)
    return smooth_max(shell, np.maximum(ends, _rim_of_wall(view)), radius_mm=8.0)


def _wall_split(view: View) -> Array:
    wave = 0.9 * np.sin(view.z / 15.0 + view.x / 11.0) + 0.6 * np.sin(view.y / 9.0 - view.z / 22.0)
    outer = np.abs(view.depth - 6.2 - wave)
    return np.asarray(np.minimum(outer, np.abs(view.depth - 13.0 + wave)) - 0.1)


def _rectus(view: View) -> Array:
    half = curve(view.z, (-95.0, -40.0, 40.0, 130.0, 260.0), (18.0, 34.0, 52.0, 60.0, 66.0))
    shell = smooth_max(0.8 - view.depth, view.depth - 12.0, radius_mm=5.0)
    line = curve(view.z, (-60.0, 10.0, 70.0, 200.0), (0.8, 2.0, 4.5, 7.0))
    band = smooth_max(line - view.x, view.x - half, radius_mm=8.0)
    return smooth_max(smooth_max(shell, band, radius_mm=6.0), np.maximum(view.y + 70.0, -97.0 - view.z), radius_mm=5.0)


def _crus(view: View) -> Array:
    return column(
        view,
        heights=(110.0, 140.0, 200.0, 270.0, 320.0),
        x=(11.0, 13.0, 16.0, 18.0, 20.0),
        y=(-76.0, -76.0, -66.0, -48.0, -38.0),
        radii=(-2.0, 3.0, 5.0, 5.5, 5.0),
    )


def _more_below(view: View) -> Array:
    return 1.0 + 1.6 * ramp(view.z, 90.0, -20.0)


def torso_muscles(subject: Subject) -> tuple[Muscle, ...]:
    """Muscles of the torso, in painting order."""
    streaky = subject.uniform("multifidus_fat", 0.5, 1.0)
    return (
        Muscle(
            name="latissimus_dorsi",
            shape=_latissimus,
            within=Ball(centre_mm=(85.0, 10.0, 215.0), radius_mm=150.0),
            grain=Grain(along=(0.6, 0.0, 0.8), spacing_mm=7.0, amount=0.4),
            gap_mm=1.2,
        ),
        Muscle(
            name="multifidus",
            shape=_multifidus,
            within=Ball(centre_mm=(18.0, 8.0, 130.0), radius_mm=215.0),
            grain=Grain(
                along=(0.18, 0.1, -0.97), sheets=(0.5, 0.85, 0.0), spacing_mm=5.0, amount=streaky, half_width_mm=0.52
            ),
            gap_mm=1.5,
            gain=_more_below,
        ),
        Muscle(
            name="erector_spinae",
            shape=_erector,
            within=Ball(centre_mm=(42.0, 8.0, 155.0), radius_mm=185.0),
            grain=Grain(
                along=(0.06, 0.05, -1.0), sheets=(-0.3, 1.0, 0.0), spacing_mm=7.5, amount=0.75, half_width_mm=0.5
            ),
            gap_mm=2.0,
            gain=_more_below,
            split=_erector_split,
        ),
        Muscle(
            name="psoas",
            shape=_psoas,
            within=Ball(centre_mm=(60.0, -66.0, 38.0), radius_mm=195.0),
            grain=Grain(along=(0.2, -0.1, -0.97), spacing_mm=13.0, amount=0.45, half_width_mm=0.35),
        ),
        Muscle(
            name="quadratus_lumborum",
            shape=_quadratus,
            within=Ball(centre_mm=(67.0, -22.0, 140.0), radius_mm=85.0),
            grain=Grain(along=(-0.25, 0.0, 0.95), spacing_mm=9.0, amount=0.5),
        ),
        Muscle(
            name="rectus_abdominis",
            shape=_rectus,
            within=Ball(centre_mm=(30.0, -135.0, 110.0), radius_mm=222.0),
            grain=Grain(along=(0.0, 0.0, 1.0), spacing_mm=8.0, amount=0.5),
        ),
        Muscle(
            name="abdominal_wall",
            shape=_wall,
            within=Ball(centre_mm=(90.0, -75.0, 165.0), radius_mm=205.0),
            grain=Grain(along=(-0.4, -0.3, 0.7), spacing_mm=10.0, amount=0.4, half_width_mm=0.35),
            split=_wall_split,
        ),
        Muscle(
            name="diaphragm",
            shape=_crus,
            within=Ball(centre_mm=(16.0, -58.0, 215.0), radius_mm=112.0),
            grain=Grain(along=(0.0, 0.2, 1.0), amount=0.2),
            gap_mm=1.0,
        ),
    )
