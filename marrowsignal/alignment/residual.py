"""How far two images on one grid still are from each other, measured without interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.similarity import mutual_information

__all__ = ["Residual", "residual_shift", "vertex_of_parabola", "worst_residual"]

_STEP_MM = 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """Shift between two images on one grid.

    Attributes
    ----------
    shift_mm : tuple of float
        Along slices, rows and columns; where `bounded` is False, only a lower bound of its size.
    bounded : tuple of bool
        Whether the best shift lies within one step of where the images are.
    """

    shift_mm: tuple[float, float, float]
    bounded: tuple[bool, bool, bool]

    @property
    def length_mm(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift_mm))


def residual_shift(
    fixed: NDArray[np.floating],
    moving: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> Residual:
    """Shift of `moving` against `fixed` that mutual information prefers.

    Parameters
    ----------
    fixed, moving : ndarray of float, shape (slice, row, column)
        Two images on one grid, smoothed alike.
    mask : ndarray of bool, same shape
        Where they are compared.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    Residual
        Vertex of the parabola through mutual information at shifts of -k, 0 and +k whole voxels along each axis.
        Whole voxels need no interpolation, whose smoothing would pull the optimum off the grid
        (Pluim et al., CVIU 2000, doi:10.1006/cviu.1999.0816).
    """
    shifts, bounded = [], []
    for axis in range(3):
        step = max(1, round(_STEP_MM / spacing_mm[axis]))
        values = _shifted_information(fixed, moving, mask, axis=axis, step=step)
        vertex, inside = vertex_of_parabola(*values)
        shifts.append(vertex * step * spacing_mm[axis])
        bounded.append(inside)
    return Residual(shift_mm=(shifts[0], shifts[1], shifts[2]), bounded=(bounded[0], bounded[1], bounded[2]))


def worst_residual(
    fixed: NDArray[np.floating],
    moving: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> Residual:
    """Largest `residual_shift` of the whole mask and of its upper, lower, left and right halves in plane.

    A rotation about the middle shifts the halves against each other and leaves the whole where it is.
    Parameters as in `residual_shift`.
    """
    parts = [mask]
    for axis in (1, 2):
        where = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
        middle = int(where.mean()) if where.size else 0
        lower = np.arange(mask.shape[axis]).reshape([-1 if k == axis else 1 for k in range(3)]) < middle
        parts += [mask & lower, mask & ~lower]
    shifts = [residual_shift(fixed, moving, part, spacing_mm=spacing_mm) for part in parts if part.any()]
    unbounded = [shift for shift in shifts if not all(shift.bounded)]
    worst = max(unbounded or shifts, key=lambda shift: shift.length_mm, default=None)
    return worst or residual_shift(fixed, moving, mask, spacing_mm=spacing_mm)


def vertex_of_parabola(below: float, centre: float, above: float) -> tuple[float, bool]:
    """Vertex of the parabola through (-1, below), (0, centre), (1, above), and whether it is a peak within.

    Examples
    --------
    >>> vertex_of_parabola(0.0, 1.0, 0.0)
    (0.0, True)
    >>> vertex_of_parabola(0.0, 1.0, 2.0)
    (1.0, False)
    """
    curvature = 2 * centre - below - above
    if curvature > 0 and abs(above - below) <= 2 * curvature:
        return float(0.5 * (above - below) / curvature), True
    return (1.0 if above > below else -1.0), False


def _shifted_information(
    fixed: NDArray[np.floating],
    moving: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    axis: int,
    step: int,
) -> tuple[float, float, float]:
    # The same voxels of `fixed` are compared at every shift; those that would look outside are left out.
    length = fixed.shape[axis]
    if length <= 2 * step:
        return 0.0, 0.0, 0.0
    inner = np.moveaxis(mask, axis, 0)[step : length - step]
    reference = np.moveaxis(fixed, axis, 0)[step : length - step][inner]
    other = np.moveaxis(moving, axis, 0)
    if reference.size == 0:
        return 0.0, 0.0, 0.0
    below, centre, above = (
        mutual_information(reference, other[step + k : length - step + k][inner]) for k in (-step, 0, step)
    )
    return below, centre, above
