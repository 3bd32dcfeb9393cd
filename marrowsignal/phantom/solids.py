"""Smooth shapes as signed distances in mm, negative inside, at given body points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.sheet import Ball, Sheet
from marrowsignal.phantom.subject import Subject

__all__ = [
    "Frame",
    "Points",
    "box",
    "capsule",
    "coverage",
    "curve",
    "ellipsoid",
    "locate",
    "polygon",
    "ramp",
    "rod",
    "smooth_max",
    "smooth_min",
    "softplus",
    "tube",
]

Array = NDArray[np.float64]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Body points of a sheet, mm in the standard body: x to the left, y to the back, z up.

    Attributes
    ----------
    x, y, z : ndarray of float64, shape (rows, columns)
        Standard body coordinates: after removal of size, pose and the person's coarse wobble.
    sheet : Sheet
        The flat grid they come from, before the wobble; random fields are evaluated on it.
    """

    x: Array
    y: Array
    z: Array
    sheet: Sheet

    @property
    def ax(self) -> Array:
        """Distance from the midplane."""
        return np.abs(self.x)

    def within(self, ball: Ball) -> tuple[tuple[slice, slice], Points] | None:
        """Window of the sheet that a ball may touch, and the points in it."""
        # the wobble moves points by a few mm at most
        window = self.sheet.window(Ball(centre_mm=ball.centre_mm, radius_mm=ball.radius_mm + 6.0))
        return None if window is None else (window, self.crop(window))

    def crop(self, window: tuple[slice, slice]) -> Points:
        """Return the points in a block of rows and columns."""
        return Points(x=self.x[window], y=self.y[window], z=self.z[window], sheet=self.sheet.crop(window))


def locate(subject: Subject, sheet: Sheet) -> Points:
    """Bring a sheet of body points (mm, LPS about the body's origin) into the standard body.

    Parameters
    ----------
    subject : Subject
        The person; size and side are taken out first, then a smooth displacement of 1.5 mm (SD) along each
        axis, which keeps left and right alike but never equal.
    sheet : Sheet
        Where.

    Returns
    -------
    Points
        Standard points, in which all shapes are written.
    """
    matrix = np.diag([-1.0 if subject.mirrored else 1.0, 1.0, 1.0, subject.scale]) / subject.scale
    flat = sheet.transformed(matrix)
    moved = [
        flat.axis(i) + 1.5 * subject.field(f"wobble {i}", wavelength_mm=(70.0, 160.0), count=10).on(flat)
        for i in range(3)
    ]
    return Points(x=moved[0], y=moved[1], z=moved[2], sheet=flat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A local frame of axes: origin and three orthonormal axes in the standard body.

    Attributes
    ----------
    origin_mm : tuple of float
        Origin.
    axes : tuple of tuple of float
        Unit vectors of the local coordinates.
    """

    origin_mm: Vector
    axes: tuple[Vector, Vector, Vector]

    @classmethod
    def along(cls, origin_mm: Vector, *, main: Vector, hint: Vector) -> Frame:
        """Frame whose third axis is `main`, whose first axis lies in the plane of `main` and `hint`."""
        third = np.asarray(main, float) / np.linalg.norm(main)
        first = np.asarray(hint, float) - np.dot(hint, third) * third
        first /= np.linalg.norm(first)
        second = np.cross(third, first)
        a, b, c = ((float(v[0]), float(v[1]), float(v[2])) for v in (first, second, third))
        return cls(origin_mm=origin_mm, axes=(a, b, c))

    def of(self, p: Points, *, mirror: bool = False) -> tuple[Array, Array, Array]:
        """Local coordinates of points; `mirror` takes -x for x, for the other side of the body."""
        x = (-p.x if mirror else p.x) - self.origin_mm[0]
        y, z = p.y - self.origin_mm[1], p.z - self.origin_mm[2]
        a, b, c = (x * ax[0] + y * ax[1] + z * ax[2] for ax in self.axes)
        return a, b, c

    def point(self, a: float, b: float, c: float) -> Vector:
        """Body point of local coordinates."""
        at = np.asarray(self.origin_mm) + np.array([a, b, c]) @ np.asarray(self.axes)
        return float(at[0]), float(at[1]), float(at[2])


def coverage(distance_mm: Array, *, width_mm: float) -> Array:
    """Share of a sample of size `width_mm` that lies inside, from the signed distance of its centre.

    Examples
    --------
    >>> coverage(np.array([-2.0, 0.0, 2.0]), width_mm=1.0).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.clip(0.5 - distance_mm / width_mm, 0.0, 1.0)


def smooth_max(a: Array, b: Array, *, radius_mm: float) -> Array:
    """Intersection of two shapes with the edge rounded over `radius_mm` (polynomial blend)."""
    # in place: half of the time a body takes goes into blends
    h = np.subtract(a, b)
    np.abs(h, out=h)
    np.subtract(radius_mm, h, out=h)
    np.maximum(h, 0.0, out=h)
    h *= h
    h *= 0.25 / radius_mm
    h += np.maximum(a, b)
    return h


def smooth_min(a: Array, b: Array, *, radius_mm: float) -> Array:
    """Union of two shapes with the groove filled over `radius_mm`."""
    return -smooth_max(-a, -b, radius_mm=radius_mm)


def softplus(t: Array, *, width: float) -> Array:
    """Smooth version of ``max(t, 0)``."""
    return np.asarray(0.5 * (t + np.sqrt(t * t + width * width)))


def ramp(t: Array, start: float, end: float) -> Array:
    """Smooth step from 0 at `start` to 1 at `end`.

    Examples
    --------
    >>> ramp(np.array([0.0, 5.0, 10.0]), 0.0, 10.0).tolist()
    [0.0, 0.5, 1.0]
    """
    s = np.clip((t - start) / (end - start), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


def curve(t: Array, knots: tuple[float, ...], values: tuple[float, ...]) -> Array:
    """Piecewise linear curve through the knots, constant outside; rounded edges come from the blends."""
    return np.asarray(np.interp(t, knots, values))


def ellipsoid(at: tuple[Array, Array, Array], *, centre: Vector, radii: Vector) -> Array:
    """Approximate signed distance to an ellipsoid along the axes of the coordinates given."""
    d = [(c - m) / r for c, m, r in zip(at, centre, radii, strict=True)]
    k = np.sqrt(sum(v * v for v in d)) + 1e-9
    # at the very centre the quotient goes to the smallest radius
    g = np.sqrt(sum((v / r) ** 2 for v, r in zip(d, radii, strict=True))) + 1e-9 / min(radii)
    return np.asarray(k * (k - 1.0) / g)


def box(at: tuple[Array, Array, Array], *, centre: Vector, half: Vector, rounding_mm: float) -> Array:
    """Signed distance to a box with rounded edges."""
    d = [np.abs(c - m) - (h - rounding_mm) for c, m, h in zip(at, centre, half, strict=True)]
    outside = np.sqrt(sum(np.maximum(v, 0.0) ** 2 for v in d))
    inside = np.minimum(np.maximum(np.maximum(d[0], d[1]), d[2]), 0.0)
    return np.asarray(outside + inside - rounding_mm)


def rod(at: tuple[Array, Array, Array], *, start: Vector, end: Vector, radii: tuple[float, float]) -> Array:
    """Signed distance to a rounded rod whose radius changes evenly from `start` to `end`."""
    ax, ay, az = (float(e - s) for s, e in zip(start, end, strict=True))
    dx, dy, dz = (c - s for c, s in zip(at, start, strict=True))
    t = np.clip((dx * ax + dy * ay + dz * az) / (ax * ax + ay * ay + az * az), 0.0, 1.0)
    gap = np.sqrt((dx - t * ax) ** 2 + (dy - t * ay) ** 2 + (dz - t * az) ** 2)
    return np.asarray(gap - (radii[0] + (radii[1] - radii[0]) * t))


def capsule(at: tuple[Array, Array, Array], *, start: Vector, end: Vector, radius_mm: float) -> Array:
    """Signed distance to a rounded rod."""
    return rod(at, start=start, end=end, radii=(radius_mm, radius_mm))


def tube(
    at: tuple[Array, Array, Array], *, path: tuple[Vector, ...], radii: tuple[float, ...], blend_mm: float = 2.0
) -> Array:
    """Signed distance to a bent tube through the points of `path`, each with its radius."""
    total: Array | None = None
    for i in range(len(path) - 1):
        part = rod(at, start=path[i], end=path[i + 1], radii=(radii[i], radii[i + 1]))
        total = part if total is None else smooth_min(total, part, radius_mm=blend_mm)
    if total is None:
        raise ValueError("a tube needs two points or more")
    return total


def polygon(a: Array, b: Array, corners: tuple[tuple[float, float], ...]) -> Array:
    """Signed distance in a plane to a closed polygon (Quilez 2020), negative inside."""
    nearest = np.full(np.broadcast_shapes(a.shape, b.shape), np.inf)
    sign = np.ones(nearest.shape)
    for i, (ax, ay) in enumerate(corners):
        bx, by = corners[i - 1]
        ex, ey = bx - ax, by - ay
        wx, wy = a - ax, b - ay
        t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        nearest = np.minimum(nearest, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        up, down, left = b >= ay, b < by, ex * wy > ey * wx
        sign = np.where((up & down & left) | (~up & ~down & ~left), -sign, sign)
    return np.asarray(sign * np.sqrt(nearest))
