"""Coil shading as one smooth field for each series, from muscle and fat that all of them show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import BiasSettings
from marrowsignal.shading.cells import cut_into_cells
from marrowsignal.shading.fit import fit_shading
from marrowsignal.shading.spline import SplineSpace, evaluate

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
    return tuple(_field(evaluate(c, bases), mask) for c, mask in zip(coefficients, tissue, strict=True))


def _field(log_field: NDArray[np.float64], inside: Mask) -> Field:
    middle = log_field[inside].mean() if inside.any() else 0.0
    return np.asarray(np.exp((log_field - middle).astype(np.float32)))
