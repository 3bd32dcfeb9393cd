"""Coil shading of T1 and STIR from what muscle and fat have in common everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from marrowsignal.protocol.schema import BiasSettings, Range
from marrowsignal.shading.cells import Cells
from marrowsignal.shading.mode import mode_of
from marrowsignal.shading.spline import Bases, SplineSpace, evaluate, normal_matrix, projection

__all__ = ["fit_shading"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MUSCLE, _FAT = 0, 1
_STEP_ROUNDS, _ROUNDS = 5, 20
# a larger step of log signal between neighbouring cells is an edge of anatomy; coils seldom make a third of it
_STEP = 0.05
# fat away from the skin joins last, and only where it looks like the fat under the skin
_DEEP_ROUNDS, _DEEP_WIDTH = 4, 0.6
_MEMBER, _SKIN_SHARE = 0.05, 0.02
_BRIGHT, _TOP_PERCENT, _NEAR_LEVEL = 0.5, 99.0, 0.15
# keeps the constant, and what no tissue tells, at bay; a field of this wavelength has slopes of its own size
_RIDGE = 1e-4
_WAVE_MM = 100.0
# equal bits, whatever the order in which the linear algebra has summed
_DIGITS = 7
_FEWEST_CELLS = 8
_IN_PLANE = np.zeros((3, 3, 3), bool)
_IN_PLANE[1, 1, :] = _IN_PLANE[1, :, 1] = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """What all rounds share, and where they are."""

    cells: Cells
    bases: Bases
    bending: Array
    square: Array
    width: Array
    settings: BiasSettings
    fields: Array
    levels: Array

    def residual(self) -> Array:
        """Log signal without the field, shape (series, slice, row, column)."""
        return self.cells.log_signal - np.stack([evaluate(field, self.bases) for field in self.fields])


def fit_shading(cells: Cells, space: SplineSpace, settings: BiasSettings) -> Array | None:
    """Fit a smooth log-field to each series.

    Parameters
    ----------
    cells : Cells
        T1, and STIR if there is one.
    space : SplineSpace
        Of the fields.
    settings : BiasSettings
        Smoothness, and what muscle and fat look like.

    Returns
    -------
    ndarray of float64, shape (series, functions), or None
        Coefficients, up to a constant; None where there is too little even tissue.

    Notes
    -----
    The start is a robust fit of each field's gradient to the steps between neighbouring cells of even tissue, where
    edges of anatomy are outliers (as Zheng et al., MICCAI 2009, who ask for sparse gradients). Then the field and the
    levels of muscle and fat are solved together, again and again, by weighted least squares with a penalty on
    bending. A cell weighs by how near it is to either tissue on T1 and STIR at once (weights of Holland and Welsch,
    Commun Stat A 1977); marrow, fluid and whatever else looks like neither has no say. Fat that is not connected with
    the fat under the skin may be yellow marrow: it joins in the end, and only where it has the same level.
    """
    if cells.even.sum() < _FEWEST_CELLS:
        return None
    series = len(cells.log_signal)
    bending, square = space.energies()
    widths = (settings.tissue_spread_t1.value, settings.tissue_spread_stir.value)[:series]
    fit = _Fit(
        cells=cells,
        bases=space.bases(cells.positions_mm),
        bending=bending,
        square=square,
        width=np.reshape(widths, (-1, 1, 1, 1)),
        settings=settings,
        fields=np.zeros((series, len(bending))),
        levels=np.zeros((2, series)),
    )
    fit = replace(fit, fields=np.stack([_from_steps(fit, index) for index in range(series)]))
    levels = _first_levels(fit.residual(), cells, settings.fat_to_muscle_t1)
    # logarithms from the level of fat on, so that a gain changes nothing
    shifted = np.where(cells.known, cells.log_signal - levels[_FAT].reshape(-1, 1, 1, 1), 0.0)
    fit = replace(fit, cells=replace(cells, log_signal=shifted), levels=levels - levels[_FAT])
    for number in range(_ROUNDS):
        weights = _tissue_weights(fit, number)
        solved = [_solve(fit, index, weights * cells.known[index]) for index in range(series)]
        fit = replace(
            fit,
            fields=np.stack([field for field, _ in solved]),
            levels=np.stack([level for _, level in solved], axis=1),
        )
    return fit.fields


def _from_steps(fit: _Fit, index: int) -> Array:
    """Field of one series from the steps between its neighbouring cells."""
    cells = fit.cells
    usable = cells.even & cells.known[index]
    steps = [
        _steps(cells.log_signal[index], usable, fit.bases, axis) for axis in range(3) if cells.even.shape[axis] > 1
    ]
    scale = [cells.volume_mm3 / (p[1] - p[0]) ** 2 for p in cells.positions_mm if len(p) > 1]
    smooth = fit.settings.finest_detail.value**2 * fit.bending + _RIDGE / _WAVE_MM**2 * fit.square
    field = fit.fields[index]
    for _ in range(_STEP_ROUNDS):
        matrix, right = smooth, np.zeros_like(field)
        for (step, both, bases), size in zip(steps, scale, strict=True):
            weight = size * both * _redescending(((step - evaluate(field, bases)) / _STEP) ** 2)
            matrix = matrix + normal_matrix(weight, bases)
            right = right + projection(weight * step, bases)
        field = _solution(matrix, right)
    return np.asarray(field)


def _steps(values: Array, usable: Mask, bases: Bases, axis: int) -> tuple[Array, Mask, Bases]:
    lower, upper = [slice(None)] * 3, [slice(None)] * 3
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    a, b = tuple(lower), tuple(upper)
    z, y, x = (np.diff(basis, axis=0) if i == axis else basis for i, basis in enumerate(bases))
    return values[b] - values[a], usable[b] & usable[a], (z, y, x)


def _first_levels(residual: Array, cells: Cells, fat_to_muscle: Range) -> Array:
    """Log levels of muscle and fat, shape (tissue, series): fat is the brightest tissue on T1, muscle as far below."""
    t1 = residual[0]
    values = t1[cells.even]
    fat = mode_of(values[values >= np.percentile(values, _TOP_PERCENT) - _BRIGHT])
    darker = values[(values <= fat - np.log(fat_to_muscle.low)) & (values >= fat - np.log(fat_to_muscle.high))]
    muscle = mode_of(darker) if darker.size else fat - np.log(fat_to_muscle.low * fat_to_muscle.high) / 2
    levels = np.array([[muscle], [fat]])
    for other, known in zip(residual[1:], cells.known[1:], strict=True):
        there = [other[cells.even & known & (np.abs(t1 - level) <= _NEAR_LEVEL)] for level in (muscle, fat)]
        found = [mode_of(values) if values.size else np.nan for values in there]
        level = np.nan_to_num(found, nan=float(np.nanmean(found)) if np.isfinite(found).any() else 0.0)
        levels = np.column_stack([levels, level])
    return levels


def _tissue_weights(fit: _Fit, number: int) -> Array:
    """Weight of each cell as muscle and as fat, shape (tissue, slice, row, column)."""
    cells, residual = fit.cells, fit.residual()
    muscle, fat = (_membership(cells, residual, level, fit.width) for level in fit.levels)
    candidates = fat > _MEMBER
    shallow = candidates & (cells.depth_mm <= fit.settings.skin_fat_depth.value)
    skin = ndimage.binary_propagation(shallow, structure=_IN_PLANE, mask=candidates)
    # where the picture lies inside the body there is no skin, and any fat serves
    if skin.sum() < _SKIN_SHARE * candidates.sum():
        return np.stack([muscle, fat])
    deep = np.zeros_like(fat)
    if number >= _ROUNDS - _DEEP_ROUNDS:
        deep = _membership(cells, residual, fit.levels[_FAT], _DEEP_WIDTH * fit.width)
    return np.stack([muscle, np.where(skin, fat, deep)])


def _membership(cells: Cells, residual: Array, level: Array, width: Array) -> Array:
    away = np.where(cells.known, (residual - level.reshape(-1, 1, 1, 1)) / width, 0.0)
    return np.where(cells.even, _redescending((away**2).sum(axis=0)), 0.0)


def _redescending(squared: Array) -> Array:
    """Weight of a squared distance in units of the width; without tails, or much marrow would draw the field to it."""
    return np.asarray(np.exp(-squared))


def _solve(fit: _Fit, index: int, weights: Array) -> tuple[Array, Array]:
    """Field and tissue levels of one series by penalized least squares."""
    weights = weights * fit.cells.volume_mm3
    values = fit.cells.log_signal[index]
    count = len(fit.bending)
    matrix = np.zeros((count + 2, count + 2))
    stiff = fit.settings.finest_detail.value**4 * fit.bending + _RIDGE * fit.square
    matrix[:count, :count] = normal_matrix(weights.sum(axis=0), fit.bases) + stiff
    right = np.zeros(count + 2)
    right[:count] = projection(weights.sum(axis=0) * values, fit.bases)
    for tissue, weight in enumerate(weights):
        column = projection(weight, fit.bases)
        matrix[count + tissue, :count] = matrix[:count, count + tissue] = column
        # a tissue that nobody has seen keeps some level
        matrix[count + tissue, count + tissue] = weight.sum() + _RIDGE * fit.cells.volume_mm3
        right[count + tissue] = (weight * values).sum() + _RIDGE * fit.cells.volume_mm3 * fit.levels[tissue, index]
    solution = _solution(matrix, right)
    return solution[:count], solution[count:]


def _solution(matrix: Array, right: Array) -> Array:
    return np.asarray(np.round(linalg.solve(matrix, right, assume_a="pos", check_finite=False), _DIGITS))
