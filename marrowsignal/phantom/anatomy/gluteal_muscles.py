"""Muscles on the ilium and in the lesser pelvis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.muscle import Grain, Muscle, View
from marrowsignal.phantom.scene import Bone
from marrowsignal.phantom.sheet import Ball, Sheet
from marrowsignal.phantom.solids import Points, curve, ramp, rod, smooth_max
from marrowsignal.phantom.subject import Subject

__all__ = ["Wing", "fit_wing", "gluteal_muscles"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wing:
    """Middle surface of the left iliac wing as a quadratic function of y and z.

    Attributes
    ----------
    coefficients : tuple of float
        Of 1, y, z, y y, y z, z z with y and z in units of 50 mm; gives x in mm.
    """

    coefficients: tuple[float, ...] = (69.0, -27.0, 34.0, 0.0, 0.0, 0.0)

    def outside(self, view: View) -> Array:
        """Distance to the outer side of the wing, negative inside the pelvis."""
        # beyond the bone the fit has no meaning
        y, z = np.clip(view.y, -95.0, 40.0) / 50.0, np.clip(view.z, -60.0, 75.0) / 50.0
        c = self.coefficients
        surface = c[0] + c[1] * y + c[2] * z + c[3] * y * y + c[4] * y * z + c[5] * z * z
        return np.asarray((view.x - surface) * 0.8)


def fit_wing(bone: Bone) -> Wing:
    """Fit the middle surface to a left hip bone.

    Parameters
    ----------
    bone : Bone
        The left hip bone of a person.

    Returns
    -------
    Wing
        Least-squares surface through the middle of the bone above the acetabulum.
    """
    rows: list[Array] = []
    middles: list[float] = []
    for y in np.arange(-90.0, 31.0, 15.0):
        sheet = Sheet(
            origin_mm=np.array([20.0, y, -35.0]),
            row_step_mm=np.array([0.0, 0.0, 8.0]),
            column_step_mm=np.array([1.5, 0.0, 0.0]),
            shape=(14, 90),
        )
        p = Points(x=sheet.axis(0), y=sheet.axis(1), z=sheet.axis(2), sheet=sheet)
        inside = bone.shape(p) < 0.0
        count = inside.sum(axis=1)
        hit = count > 0
        middles.extend((p.x * inside).sum(axis=1)[hit] / count[hit])
        u, v = y / 50.0, p.z[hit, 0] / 50.0
        rows.extend(np.stack([np.ones_like(v), np.full_like(v, u), v, np.full_like(v, u * u), u * v, v * v], axis=1))
    if len(rows) < 20:
        return Wing()
    solved = np.linalg.lstsq(np.asarray(rows), np.asarray(middles), rcond=None)[0]
    return Wing(coefficients=tuple(float(c) for c in solved))


def _maximus(view: View) -> Array:
    x, z = view.x, view.z
    thick = curve(z, (-150.0, -105.0, -80.0, -30.0, 10.0), (34.0, 34.0, 46.0, 52.0, 30.0))
    thick = 10.0 + (thick - 10.0) * ramp(x, 2.0, 50.0)
    shell = smooth_max(0.8 - view.depth, view.depth - thick, radius_mm=8.0)
    upper = 0.46 * (x - 42.0) + 0.89 * (z - 28.0)
    lower = -0.45 * (x - 18.0) - 0.89 * (z + 112.0)
    edge = smooth_max(upper, lower, radius_mm=10.0)
    middle = 12.0 + 18.0 * ramp(z, -50.0, 15.0) - x
    edge = smooth_max(edge, smooth_max(middle, -view.y - 24.0 - 0.15 * z, radius_mm=10.0), radius_mm=16.0)
    return smooth_max(shell, edge, radius_mm=14.0)


def _more_at_origin(view: View) -> Array:
    return 0.7 + 0.6 * ramp(view.x, 95.0, 35.0)


def _medius(wing: Wing) -> Callable[[View], Array]:
    def shape(view: View) -> Array:
        off, z = wing.outside(view), view.z
        reach = curve(z, (-78.0, -50.0, -22.0, 15.0, 45.0, 72.0), (20.0, 40.0, 50.0, 40.0, 26.0, 4.0))
        reach = reach * (0.55 + 0.45 * np.sin(np.pi * np.clip((view.y + 88.0) / 118.0, 0.0, 1.0)))
        plate = smooth_max(-off, off - reach, radius_mm=6.0)
        ends = smooth_max(np.maximum(-86.0 - view.y, view.y - 26.0 - 0.1 * z), -74.0 - z, radius_mm=16.0)
        return smooth_max(smooth_max(plate, ends, radius_mm=12.0), 1.2 - view.depth, radius_mm=5.0)

    return shape


def _minimus(wing: Wing) -> Callable[[View], Array]:
    def shape(view: View) -> Array:
        off, z = wing.outside(view), view.z
        reach = curve(z, (-72.0, -45.0, -15.0, 20.0), (24.0, 24.0, 17.0, 5.0))
        plate = smooth_max(-off, off - reach, radius_mm=5.0)
        ends = smooth_max(np.maximum(-78.0 - view.y, view.y + 4.0), np.maximum(-70.0 - z, z - 24.0), radius_mm=14.0)
        return smooth_max(plate, ends, radius_mm=10.0)

    return shape


def _iliacus(wing: Wing) -> Callable[[View], Array]:
    def shape(view: View) -> Array:
        off, z = -wing.outside(view), view.z
        reach = curve(z, (-60.0, -20.0, 20.0, 55.0, 74.0), (24.0, 26.0, 21.0, 14.0, 4.0))
        plate = smooth_max(-off, off - reach, radius_mm=6.0)
        # its origin stops in front of the sacroiliac joint
        ends = smooth_max(-98.0 - view.y, view.y + 14.0 - 0.3 * z, radius_mm=14.0)
        ends = smooth_max(ends, np.maximum(-62.0 - z, z - 72.0), radius_mm=12.0)
        return smooth_max(plate, ends, radius_mm=10.0)

    return shape


def _piriformis(view: View) -> Array:
    at = (view.x, view.y, view.z)
    root = rod(at, start=(24.0, 16.0, -34.0), end=(72.0, 22.0, -50.0), radii=(13.0, 13.0))
    return np.minimum(root, rod(at, start=(72.0, 22.0, -50.0), end=(128.0, -28.0, -60.0), radii=(13.0, 5.0)))


def _obturator(view: View) -> Array:
    y, z = view.y, view.z
    # the wall of the lesser pelvis turns to the middle in front
    plate = 0.9 * np.abs(view.x - 55.0 - 0.1 * (z + 90.0) - 0.5 * np.minimum(y + 42.0, 0.0)) - 8.5
    rim = np.sqrt(((y + 38.0) / 48.0) ** 2 + ((z + 98.0) / 36.0) ** 2) * 36.0 - 36.0
    return smooth_max(plate, rim, radius_mm=8.0)


def _levator(view: View) -> Array:
    # a funnel about the anal canal, open in front
    around = np.sqrt(view.x**2 + (0.62 * (view.y - 8.0)) ** 2)
    sheet = np.abs(0.62 * (around - 10.0) - 0.78 * (view.z + 124.0)) - 1.7
    rim = np.maximum(np.maximum(around - 48.0, 9.0 - around), np.maximum(-78.0 - view.y, view.y - 48.0))
    return smooth_max(sheet, rim, radius_mm=3.0)


def gluteal_muscles(subject: Subject, wing: Wing) -> tuple[Muscle, ...]:
    """Muscles of the buttock and the lesser pelvis, deep ones first.

    Parameters
    ----------
    subject : Subject
        Whose.
    wing : Wing
        Where the ilium is.

    Returns
    -------
    tuple of Muscle
        In painting order.
    """
    coarse = subject.uniform("gluteus_maximus_streaks", 0.55, 0.9)
    return (
        Muscle(
            name="piriformis",
            shape=_piriformis,
            within=Ball(centre_mm=(76.0, 0.0, -48.0), radius_mm=72.0),
            grain=Grain(along=(0.9, -0.2, -0.25)),
            gap_mm=2.5,
        ),
        Muscle(
            name="gluteus_minimus",
            shape=_minimus(wing),
            within=Ball(centre_mm=(110.0, -40.0, -25.0), radius_mm=75.0),
            grain=Grain(along=(0.45, -0.15, -0.85), spacing_mm=7.0, amount=0.7),
            gap_mm=2.0,
        ),
        Muscle(
            name="gluteus_medius",
            shape=_medius(wing),
            within=Ball(centre_mm=(115.0, -30.0, -2.0), radius_mm=105.0),
            grain=Grain(along=(0.35, -0.15, -0.9), sheets=(0.8, 0.5, 0.2), spacing_mm=9.0, amount=0.6),
            gap_mm=2.5,
        ),
        Muscle(
            name="gluteus_maximus",
            shape=_maximus,
            within=Ball(centre_mm=(80.0, 30.0, -72.0), radius_mm=135.0),
            grain=Grain(
                along=(0.72, -0.25, -0.62), sheets=(0.3, 0.9, 0.1), spacing_mm=4.0, amount=coarse, half_width_mm=0.27
            ),
            gap_mm=2.6,
            gain=_more_at_origin,
        ),
        Muscle(
            name="iliacus",
            shape=_iliacus(wing),
            within=Ball(centre_mm=(85.0, -45.0, 5.0), radius_mm=100.0),
            grain=Grain(along=(-0.3, -0.4, -0.85), sheets=(0.8, 0.3, -0.4), spacing_mm=10.0, amount=0.5),
            gap_mm=1.5,
        ),
        Muscle(
            name="obturator_internus",
            shape=_obturator,
            within=Ball(centre_mm=(53.0, -35.0, -98.0), radius_mm=60.0),
            grain=Grain(along=(0.1, 0.9, -0.3), spacing_mm=9.0, amount=0.5),
        ),
        Muscle(
            name="levator_ani",
            shape=_levator,
            within=Ball(centre_mm=(30.0, -15.0, -105.0), radius_mm=66.0),
            grain=Grain(along=(0.6, 0.4, 0.6), spacing_mm=8.0, amount=0.3),
            gap_mm=1.0,
        ),
    )
