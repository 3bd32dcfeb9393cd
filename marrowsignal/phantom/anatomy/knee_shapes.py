"""Distance tables: outlines that are too rich for formulas are worked out once on a grid and looked up after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Vector, polygon, ramp

__all__ = ["Table", "at_sections", "bake", "flattened", "grid", "outline", "redistanced", "surface_distance"]

Array = NDArray[np.float64]
At = tuple[Array, Array, Array]
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A function of space on a regular grid, read by trilinear interpolation.

    Outside its box it has the value of the nearest point of the border, so that what leaves the box at an end,
    such as a shaft, goes on.

    Attributes
    ----------
    origin_mm : tuple of float
        Corner of the box.
    step_mm : float
        Distance of grid points; a surface of radius r is off by at most step**2 / 8 r.
    values : ndarray of float32, shape (x, y, z)
        The function.
    """

    origin_mm: tuple[float, float, float]
    step_mm: float
    values: NDArray[np.float32]

    def __call__(self, at: At) -> Array:
        """Value at points x, y, z."""
        _, ny, nz = self.values.shape
        flat = self.values.reshape(-1)
        index, share = zip(*(self._cell(axis, at[axis]) for axis in range(3)), strict=True)
        base = (index[0] * ny + index[1]) * nz + index[2]

        def along_z(offset: int) -> Array:
            low = flat.take(base + offset)
            return np.asarray(low + (flat.take(base + (offset + 1)) - low) * share[2])

        near, far = along_z(0), along_z(ny * nz)
        near += (along_z(nz) - near) * share[1]
        far += (along_z(ny * nz + nz) - far) * share[1]
        return np.asarray(near + (far - near) * share[0], np.float64)

    def _cell(self, axis: int, position_mm: Array) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        last = self.values.shape[axis] - 1
        place = np.clip((position_mm - self.origin_mm[axis]) / self.step_mm, 0.0, last)
        index = np.minimum(place.astype(np.intp), last - 1)
        return index, (place - index).astype(np.float32)

    def points(self) -> Array:
        """Grid points, shape (x, y, z, 3)."""
        axes = (low + self.step_mm * np.arange(n) for low, n in zip(self.origin_mm, self.values.shape, strict=True))
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)

    def surface_from(self, inside_mm: Vector, direction: Vector) -> Vector:
        """Point where a ray that starts inside leaves a solid, looked for over 80 mm."""
        way = np.linspace(0.0, 80.0, 801)
        ray = np.asarray(inside_mm)[:, None] + np.asarray(direction)[:, None] / np.linalg.norm(direction) * way
        outside = self((ray[0], ray[1], ray[2])) > 0.0
        x, y, z = ray[:, int(np.argmax(outside))]
        return float(x), float(y), float(z)

    def ball(self) -> Ball:
        """Ball that holds all of a solid."""
        spans = []
        for axis in range(3):
            inside = np.flatnonzero((self.values < self.step_mm).any(axis=tuple(i for i in range(3) if i != axis)))
            spans.append(self.origin_mm[axis] + self.step_mm * np.array([inside[0] - 1.0, inside[-1] + 1.0]))
        x, y, z = (float(span.mean()) for span in spans)
        return Ball(centre_mm=(x, y, z), radius_mm=float(0.5 * np.linalg.norm([np.ptp(span) for span in spans])))


def grid(box: Box, step_mm: float) -> At:
    """Open grid of a box, its ends included."""
    x, y, z = (np.arange(low, high + 0.5 * step_mm, step_mm) for low, high in box)
    return x[:, None, None], y[None, :, None], z[None, None, :]


def bake(shape: Callable[[At], Array], *, box: Box, step_mm: float = 2.0) -> Table:
    """Table of a shape; its values are divided by their slope, which makes them true distances near the surface.

    Parameters
    ----------
    shape : callable
        Any smooth function, negative inside.
    box : tuple of tuple of float
        Bounds along x, y, z.
    step_mm : float
        Distance of grid points.

    Returns
    -------
    Table
        Signed distance.
    """
    at = grid(box, step_mm)
    values = np.broadcast_to(shape(at), tuple(len(a.ravel()) for a in at))
    slope = np.sqrt(sum(g * g for g in np.gradient(values, step_mm)))
    return Table(
        origin_mm=(box[0][0], box[1][0], box[2][0]),
        step_mm=step_mm,
        values=np.ascontiguousarray(values / np.clip(slope, 0.5, 4.0), np.float32),
    )


def outline(a: Array, b: Array, points: Corners) -> Array:
    """Signed distance in a plane to a smooth closed curve through a few points."""
    closed = np.array([*points, points[0]], float)
    chord = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(closed, axis=0), axis=1)))])
    smooth = CubicSpline(chord, closed, bc_type="periodic")(np.linspace(0.0, chord[-1], 65)[:-1])
    return polygon(a, b, tuple((float(u), float(v)) for u, v in smooth))


def at_sections(at: At, sections: tuple[tuple[float, Corners], ...]) -> Array:
    """Distance to a body drawn as outlines in x and y at heights z, blended between them."""
    x, y, z = at
    upward = sorted(sections)
    heights = [height for height, _ in upward]
    total: Array | float = 0.0
    for i, (_, points) in enumerate(upward):
        weight = np.interp(z, heights, np.eye(len(heights))[i])
        total = total + weight * outline(x, y, points)
    return np.asarray(total)


def flattened(at: At, *, path: tuple[tuple[float, float, float], ...], half: tuple[float, float], across: int) -> Array:
    """Distance to a band along a path: `half` thickness and half width, the width along axis `across`."""
    thick, wide = half
    best: Array | None = None
    for start, end in pairwise(path):
        line = np.subtract(end, start)
        scale = np.ones(3)
        scale[across] = thick / wide
        d = [(c - s) * k for c, s, k in zip(at, start, scale, strict=True)]
        e = line * scale
        t = np.clip(sum(di * ei for di, ei in zip(d, e, strict=True)) / float(e @ e), 0.0, 1.0)
        gap = np.sqrt(sum((di - t * ei) ** 2 for di, ei in zip(d, e, strict=True)))
        best = gap if best is None else np.minimum(best, gap)
    if best is None:
        raise ValueError("a band needs two points or more")
    return best - thick


def _surface(solid: Table) -> tuple[Array, Array]:
    """Points where a solid's surface crosses the lines of the grid, and the normals there."""
    values, where = solid.values.astype(np.float64), solid.points()
    slope = np.stack(list(np.gradient(values, solid.step_mm)), axis=-1)
    points: list[Array] = []
    normals: list[Array] = []
    for axis in range(3):
        low, high = (tuple(s if i == axis else slice(None) for i in range(3)) for s in (slice(-1), slice(1, None)))
        crossing = (values[low] < 0.0) != (values[high] < 0.0)
        start, end = values[low][crossing], values[high][crossing]
        share = (start / (start - end))[:, None]
        for found, field in ((points, where), (normals, slope)):
            found.append((1.0 - share) * field[low][crossing] + share * field[high][crossing])
    normal = np.concatenate(normals)
    return np.concatenate(points), normal / np.linalg.norm(normal, axis=1, keepdims=True)


def redistanced(solid: Table) -> Table:
    """Table with true distances up to 25 mm from the surface, for solids whose slope varies much.

    Close to the surface the distance is measured to the tangent plane of the nearest surface point, further off
    to the point itself.
    """
    points, normals = _surface(solid)
    band = np.abs(solid.values) < 25.0
    where = solid.points()[band]
    distance, index = cKDTree(points).query(where)
    plane = np.sum((where - points[index]) * normals[index], axis=1)
    share = ramp(distance, 2.0 * solid.step_mm, 4.0 * solid.step_mm)
    values = solid.values.copy()
    values[band] = (1.0 - share) * plane + share * np.sign(solid.values[band]) * distance
    return Table(origin_mm=solid.origin_mm, step_mm=solid.step_mm, values=values)


def surface_distance(solid: Table, region: Callable[[At], Array], *, step_mm: float = 3.0) -> Table:
    """Distance of every point to the part of a solid's surface where `region` is negative."""
    points, _ = _surface(solid)
    points = points[region((points[:, 0], points[:, 1], points[:, 2])) < 0.0]
    spans = zip(solid.origin_mm, solid.values.shape, strict=True)
    x, y, z = ((low, low + solid.step_mm * (n - 1)) for low, n in spans)
    coarse = grid((x, y, z), step_mm)
    shape = tuple(a.size for a in coarse)
    where = np.stack([np.broadcast_to(a, shape) for a in coarse], axis=-1)
    distance, _ = cKDTree(points).query(where.reshape(-1, 3), distance_upper_bound=80.0)
    values = np.minimum(distance, 80.0).reshape(shape)
    return Table(origin_mm=solid.origin_mm, step_mm=step_mm, values=values.astype(np.float32))
