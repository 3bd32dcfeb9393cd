"""Coil shading as one smooth field for each series, from muscle and fat that all of them show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import BiasSettings
from marrowsignal.shading.cells import cut_into_cells
from marrowsignal.shading.fit import fit_shading
from marrowsignal.shading.spline import Bases, SplineSpace, evaluate

__all__ = ["shading_fields"]

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]


def shading_fields(
    images: tuple[NDArray[np.float32], ...],
    tissue: tuple[Mask, ...],
    body: Mask,
    *,
    spacing_mm: tuple[float, float, float],
    settings: BiasSettings,
) -> tuple[Field, ...]:
    """Multiplicative shading of T1 and STIR.

    Parameters
    ----------
    images : tuple of ndarray of float32, shape (slice, row, column)
        T1, and STIR on the same grid if there is one.
    tissue : tuple of ndarray of bool, same shape
        Where each image may be used.
    body : ndarray of bool, same shape
        Patient.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : BiasSettings
        Smoothness of the fields, and what muscle and fat look like.

    Returns
    -------
    tuple of ndarray of float32, shape (slice, row, column)
        Acquired signal divided by corrected signal, one for each image; geometric mean 1 inside its `tissue`; 1
        everywhere where there is too little tissue to estimate it from. The method is told in `fit_shading`.
    """
    even = tuple(np.ones(body.shape, np.float32) for _ in images)
    cells = cut_into_cells(images, tissue, body, spacing_mm=spacing_mm)
    if cells is None:
        return even
    space = SplineSpace.over(body.shape, spacing_mm, knots_mm=settings.control_point_spacing.value)
    coefficients = fit_shading(cells, space, settings)
    if coefficients is None:
        return even
    z, y, x = (step * np.arange(n) for n, step in zip(body.shape, spacing_mm, strict=True))
    bases = space.bases((z, y, x))
    return tuple(_field(c, bases, mask) for c, mask in zip(coefficients, tissue, strict=True))


def _field(coefficients: NDArray[np.float64], bases: Bases, inside: Mask) -> Field:
    """Exponential of a log field, geometric mean 1 in a mask; slice after slice, for the double precision it needs."""
    field, total = np.empty(inside.shape, np.float32), 0.0
    for number, mask in enumerate(inside):
        plane = evaluate(coefficients, (bases[0][number : number + 1], *bases[1:]))[0]
        total += float(plane.sum(where=mask))
        field[number] = plane
    field -= np.float32(total / max(int(np.count_nonzero(inside)), 1))
    return np.exp(field, out=field)
