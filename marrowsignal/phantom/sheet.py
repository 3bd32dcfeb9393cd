"""Flat grids of sample points in space, and random smooth fields that are cheap to evaluate on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ball", "Sheet", "SmoothField", "Window", "extent", "nested"]

Array = NDArray[np.float64]
Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """Where a part of the body can lie at most: it is drawn nowhere else.

    Attributes
    ----------
    centre_mm : tuple of float
        Body point x, y, z.
    radius_mm : float
        Reach.
    """

    centre_mm: tuple[float, float, float]
    radius_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """A flat, regular grid of points.

    Attributes
    ----------
    origin_mm : ndarray of float64, shape (3,)
        First point.
    row_step_mm, column_step_mm : ndarray of float64, shape (3,)
        To the next row and to the next column.
    shape : tuple of int
        Rows, columns.
    """

    origin_mm: Array
    row_step_mm: Array
    column_step_mm: Array
    shape: tuple[int, int]

    @property
    def width_mm(self) -> float:
        """Mean distance of neighbouring points."""
        return float(0.5 * (np.linalg.norm(self.row_step_mm) + np.linalg.norm(self.column_step_mm)))

    def axis(self, index: int) -> Array:
        """Coordinate x (0), y (1) or z (2) of every point, shape (rows, columns)."""
        rows = self.origin_mm[index] + self.row_step_mm[index] * np.arange(self.shape[0])
        return np.asarray(rows[:, None] + self.column_step_mm[index] * np.arange(self.shape[1])[None, :])

    def transformed(self, matrix: Array) -> Sheet:
        """Sheet moved by a 4x4 affine matrix."""
        linear, shift = matrix[:3, :3], matrix[:3, 3]
        return Sheet(
            origin_mm=linear @ self.origin_mm + shift,
            row_step_mm=linear @ self.row_step_mm,
            column_step_mm=linear @ self.column_step_mm,
            shape=self.shape,
        )

    def window(self, ball: Ball) -> Window | None:
        """Smallest block of rows and columns that holds all points in the ball; None when there are none."""
        # plain floats: this is asked for hundreds of parts on every sheet
        ox, oy, oz = (float(c - o) for c, o in zip(ball.centre_mm, self.origin_mm, strict=True))
        rx, ry, rz = self.row_step_mm.tolist()
        cx, cy, cz = self.column_step_mm.tolist()
        nx, ny, nz = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
        depth = (ox * nx + oy * ny + oz * nz) / math.sqrt(nx * nx + ny * ny + nz * nz)
        if abs(depth) >= ball.radius_mm:
            return None
        reach = math.sqrt(ball.radius_mm**2 - depth**2)
        rows = _span((ox * rx + oy * ry + oz * rz), math.sqrt(rx * rx + ry * ry + rz * rz), reach, self.shape[0])
        columns = _span((ox * cx + oy * cy + oz * cz), math.sqrt(cx * cx + cy * cy + cz * cz), reach, self.shape[1])
        return None if rows is None or columns is None else (rows, columns)

    def crop(self, window: Window) -> Sheet:
        """Return the block of the sheet that a window names."""
        rows, columns = window
        return Sheet(
            origin_mm=self.origin_mm + rows.start * self.row_step_mm + columns.start * self.column_step_mm,
            row_step_mm=self.row_step_mm,
            column_step_mm=self.column_step_mm,
            shape=(rows.stop - rows.start, columns.stop - columns.start),
        )


def extent(share: Array) -> Window | None:
    """Smallest block of rows and columns that holds all of a share; None when it is 0 everywhere."""
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def nested(window: Window, block: Window) -> Window:
    """Return a block of a window as a block of what the window was cut from."""
    rows, columns = (
        slice(outer.start + inner.start, outer.start + inner.stop) for outer, inner in zip(window, block, strict=True)
    )
    return rows, columns


def _span(along: float, step_mm: float, reach_mm: float, count: int) -> slice | None:
    """Find the indices within reach of a point, whose product with the step vector is `along`."""
    middle = along / step_mm
    first = max(math.floor((middle - reach_mm) / step_mm), 0)
    last = min(math.ceil((middle + reach_mm) / step_mm) + 1, count)
    return slice(first, last) if first < last else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoothField:
    """Random smooth function of a body point: a sum of plane waves, so it exists without any grid.

    Attributes
    ----------
    waves : ndarray of float64, shape (n, 3)
        Wave vectors, rad/mm.
    phases : ndarray of float64, shape (n,)
        Phases, rad.
    """

    waves: Array
    phases: Array
    _tables: dict[bytes, tuple[Array, Array]] = field(init=False, repr=False, default_factory=dict)

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        wavelength_mm: tuple[float, float],
        count: int = 16,
        stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> SmoothField:
        """Draw waves of lengths in the given range, in all directions.

        `stretch` lengthens the texture along x, y, z: fibres are long along one axis.
        """
        direction = rng.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = rng.uniform(*wavelength_mm, size=(count, 1))
        waves = 2.0 * np.pi / length * direction / np.asarray(stretch)
        return cls(waves=waves, phases=rng.uniform(0.0, 2.0 * np.pi, size=count))

    def on(self, sheet: Sheet) -> Array:
        """Value on a sheet, mean 0 and standard deviation about 1.

        On a flat grid ``cos(row + column)`` splits into products, so that all waves are one matrix product.
        """
        start = self.waves @ sheet.origin_mm + self.phases
        # cos(start + row) from tables of cos(row): windows of one stack share their steps, and cosines cost most
        cosine, sine = self._along(sheet.row_step_mm, sheet.shape[0])
        c, s = np.cos(start), np.sin(start)
        left = np.concatenate([cosine * c - sine * s, -(sine * c + cosine * s)], axis=1)
        right = np.concatenate(self._along(sheet.column_step_mm, sheet.shape[1]), axis=1)
        return np.asarray(_product(left, right.T) * np.sqrt(2.0 / len(self.phases)))

    def _along(self, step_mm: Array, count: int) -> tuple[Array, Array]:
        """Cosine and sine of each wave after 0, 1, ... steps."""
        key = step_mm.tobytes()
        table = self._tables.get(key)
        if table is None or table[0].shape[0] < count:
            angle = np.arange(max(count, _TABLE))[:, None] * (self.waves @ step_mm)
            table = self._tables[key] = (np.cos(angle), np.sin(angle))
        return table[0][:count], table[1][:count]


_TABLE = 400
# OpenBLAS splits larger products among threads of its own, which then fight those that paint slices
_SINGLE_THREADED = 250_000


def _product(left: Array, right: Array) -> Array:
    """Matrix product in blocks of rows that stay on the calling thread."""
    block = max(_SINGLE_THREADED // max(right.size, 1), 1)
    total = np.empty((left.shape[0], right.shape[1]))
    for start in range(0, left.shape[0], block):
        np.matmul(left[start : start + block], right, out=total[start : start + block])
    return total
