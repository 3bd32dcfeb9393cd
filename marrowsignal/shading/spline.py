"""Smooth fields on a grid of slices: tensor products of cubic B-splines with their bending energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

__all__ = ["Bases", "SplineSpace", "evaluate", "normal_matrix", "projection"]

Array = NDArray[np.float64]
Bases = tuple[Array, Array, Array]

_DEGREE = 3
# points of the quadrature within one knot interval; products of cubic pieces need four
_QUADRATURE = 8
# orders of differentiation along the three axes, and how often the pair occurs
_SECOND_DERIVATIVES = (
    *(((2, 0, 0), 1.0), ((0, 2, 0), 1.0), ((0, 0, 2), 1.0)),
    *(((1, 1, 0), 2.0), ((1, 0, 1), 2.0), ((0, 1, 1), 2.0)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplineSpace:
    """Cubic splines over a stack of slices, knots at equal distances.

    Attributes
    ----------
    extent_mm : tuple of float
        Distance from the first to the last voxel centre along slices, rows and columns.
    intervals : tuple of int
        Knot intervals along each.
    """

    extent_mm: tuple[float, float, float]
    intervals: tuple[int, int, int]

    @classmethod
    def over(cls, shape: tuple[int, ...], spacing_mm: tuple[float, float, float], *, knots_mm: float) -> SplineSpace:
        """Lay knots at most `knots_mm` apart over a grid."""
        extent = [max((n - 1) * s, s) for n, s in zip(shape, spacing_mm, strict=True)]
        intervals = [max(1, int(np.ceil(length / knots_mm))) for length in extent]
        return cls(extent_mm=(extent[0], extent[1], extent[2]), intervals=(intervals[0], intervals[1], intervals[2]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of basis functions along each axis."""
        a, b, c = self.intervals
        return a + _DEGREE, b + _DEGREE, c + _DEGREE

    def basis(self, axis: int, positions_mm: Array, *, order: int = 0) -> Array:
        """Basis functions of one axis, or their derivatives, at points.

        Parameters
        ----------
        axis : int
            0 slices, 1 rows, 2 columns.
        positions_mm : ndarray of float64, shape (points,)
            Distance from the first voxel centre.
        order : int
            Of the derivative, 0 to 2.

        Returns
        -------
        ndarray of float64, shape (points, functions)
            Values, per mm to the power of `order`.
        """
        step = self.extent_mm[axis] / self.intervals[axis]
        knots = step * np.arange(-_DEGREE, self.intervals[axis] + _DEGREE + 1)
        inside = np.clip(positions_mm, 0.0, self.extent_mm[axis])
        return np.asarray(BSpline(knots, np.eye(self.shape[axis]), _DEGREE)(inside, nu=order))

    def bases(self, positions_mm: tuple[Array, Array, Array]) -> Bases:
        """Basis functions of all axes at the points of a grid."""
        z, y, x = positions_mm
        return self.basis(0, z), self.basis(1, y), self.basis(2, x)

    def energies(self) -> tuple[Array, Array]:
        """Quadratic forms of a field's bending and of its square.

        Returns
        -------
        bending : ndarray of float64, shape (functions, functions)
            Integral of all squared second derivatives over the grid's box, mm^-1.
        square : ndarray of float64, same shape
            Integral of the squared field, mm^3.
        """
        grams = [[self._gram(axis, order) for order in (0, 1, 2)] for axis in range(3)]

        def form(orders: tuple[int, int, int]) -> Array:
            return np.kron(np.kron(grams[0][orders[0]], grams[1][orders[1]]), grams[2][orders[2]])

        bending = sum((often * form(orders) for orders, often in _SECOND_DERIVATIVES), np.zeros(()))
        return np.asarray(bending), form((0, 0, 0))

    def _gram(self, axis: int, order: int) -> Array:
        step = self.extent_mm[axis] / (self.intervals[axis] * _QUADRATURE)
        points = step * (np.arange(self.intervals[axis] * _QUADRATURE, dtype=np.float64) + 0.5)
        values = self.basis(axis, points, order=order)
        return values.T @ values * step


def normal_matrix(weight: Array, bases: Bases) -> Array:
    r"""Weighted normal matrix of a tensor product fit, :math:`\sum_v w_v b_v b_v^T`.

    Parameters
    ----------
    weight : ndarray of float64, shape (slice, row, column)
        Weight of each point of a grid.
    bases : tuple of ndarray of float64, shapes (slice, i), (row, j), (column, k)
        Basis functions at the grid's coordinates.

    Returns
    -------
    ndarray of float64, shape (i j k, i j k)
        Sum over the grid, one axis after the other, so that the design matrix is never formed (generalized linear
        array model; Currie, Durban and Eilers, J R Stat Soc B 2006).
    """
    z, y, x = (_row_products(basis) for basis in bases)
    total = np.tensordot(np.tensordot(np.tensordot(weight, x, (2, 0)), y, (1, 0)), z, (0, 0))
    i, j, k = (basis.shape[1] for basis in bases)
    return np.asarray(total.reshape(k, k, j, j, i, i).transpose(4, 2, 0, 5, 3, 1).reshape(i * j * k, i * j * k))


def projection(values: Array, bases: Bases) -> Array:
    r"""Right side of a tensor product fit, :math:`\sum_v y_v b_v`; shapes as in `normal_matrix`."""
    z, y, x = bases
    total = np.tensordot(np.tensordot(np.tensordot(values, x, (2, 0)), y, (1, 0)), z, (0, 0))
    return np.asarray(total.transpose(2, 1, 0).ravel())


def evaluate(coefficients: Array, bases: Bases) -> Array:
    """Values of a field on a grid.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (i j k,)
        Of the field.
    bases : tuple of ndarray of float64, shapes (slice, i), (row, j), (column, k)
        Basis functions at the grid's coordinates.

    Returns
    -------
    ndarray of float64, shape (slice, row, column)
        The field. Summed without BLAS, whose last digits may change with the number of threads.
    """
    z, y, x = bases
    cube = coefficients.reshape(z.shape[1], y.shape[1], x.shape[1])
    rows = np.einsum("yj,zjk->zyk", y, np.einsum("zi,ijk->zjk", z, cube))
    return np.asarray(np.einsum("zyk,kx->zyx", rows, np.ascontiguousarray(x.T)))


def _row_products(basis: Array) -> Array:
    return (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
