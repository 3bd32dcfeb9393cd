"""Smooth shapes as signed distances in mm (negative inside), and smooth random fields in patient space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Points",
    "SmoothField",
    "capsule",
    "coverage",
    "curve",
    "ellipsoid",
    "ramp",
    "smooth_max",
    "smooth_min",
    "softplus",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Points in the sacral frame, mm from the middle of S2.

    Attributes
    ----------
    u : ndarray of float64
        To the patient's left.
    v : ndarray of float64
        Down along the sacrum.
    w : ndarray of float64
        To the back, square to the sacrum.
    x, y, z : ndarray of float64
        The same points in LPS, mm from the middle of S2.
    """

    u: Array
    v: Array
    w: Array
    x: Array
    y: Array
    z: Array

    @property
    def au(self) -> Array:
        """Distance from the midplane."""
        return np.abs(self.u)


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
    h = np.maximum(radius_mm - np.abs(a - b), 0.0) / radius_mm
    return np.asarray(np.maximum(a, b) + h * h * radius_mm * 0.25)


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


def ellipsoid(points: Points, *, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Array:
    """Approximate signed distance to an ellipsoid along the sacral axes (u, v, w)."""
    a = (points.u - centre[0]) / radii[0]
    b = (points.v - centre[1]) / radii[1]
    c = (points.w - centre[2]) / radii[2]
    k = np.sqrt(a * a + b * b + c * c) + 1e-9
    g = np.sqrt((a / radii[0]) ** 2 + (b / radii[1]) ** 2 + (c / radii[2]) ** 2) + 1e-9
    return np.asarray(k * (k - 1.0) / g)


def capsule(
    coordinates: tuple[Array, Array, Array],
    *,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius_mm: float,
    flatten_w: float = 1.0,
) -> Array:
    """Signed distance to a rounded rod; `flatten_w` > 1 makes it thin along the third axis."""
    axis = np.subtract(end, start)
    axis_f = axis * np.array([1.0, 1.0, flatten_w])
    d = [c - s for c, s in zip(coordinates, start, strict=True)]
    d[2] = d[2] * flatten_w
    t = np.clip(sum(di * ai for di, ai in zip(d, axis_f, strict=True)) / float(axis_f @ axis_f), 0.0, 1.0)
    gap = [di - t * ai for di, ai in zip(d, axis_f, strict=True)]
    return np.asarray(np.sqrt(sum(g * g for g in gap)) - radius_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoothField:
    """Random smooth function of a patient point: a sum of plane waves, so it exists without any grid.

    Attributes
    ----------
    waves : ndarray of float64, shape (n, 3)
        Wave vectors, rad/mm.
    phases : ndarray of float64, shape (n,)
        Phases, rad.
    """

    waves: Array
    phases: Array

    @classmethod
    def draw(cls, rng: np.random.Generator, *, wavelength_mm: tuple[float, float], count: int = 12) -> SmoothField:
        """Draw a field whose waves have lengths in the given range, in all directions."""
        direction = rng.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = rng.uniform(*wavelength_mm, size=(count, 1))
        return cls(waves=2.0 * np.pi / length * direction, phases=rng.uniform(0.0, 2.0 * np.pi, size=count))

    def __call__(self, x: Array, y: Array, z: Array) -> Array:
        """Value at LPS points, mean 0 and standard deviation about 1."""
        total = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(z)))
        wave, part = np.empty_like(total), np.empty_like(total)
        # buffers in place: this sum is half of the time a study takes
        for (kx, ky, kz), phase in zip(self.waves, self.phases, strict=True):
            np.multiply(x, kx, out=wave)
            wave += np.multiply(y, ky, out=part)
            wave += np.multiply(z, kz, out=part)
            wave += phase
            total += np.cos(wave, out=wave)
        total *= float(np.sqrt(2.0 / len(self.phases)))
        return total
