"""Coil shading: one smooth field for each series, from muscle and fat that both show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair, BiasModel
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.intensity.bias_cells import cut_into_cells
from marrowsignal.intensity.bias_fit import fit_shading
from marrowsignal.intensity.bias_spline import SplineSpace, evaluate
from marrowsignal.protocol.schema import BiasSettings

__all__ = ["correct_bias", "shading_fields"]

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]


def correct_bias(pair: AlignedPair, *, settings: BiasSettings) -> AlignedPair:
    """Remove coil shading from T1 and STIR.

    Parameters
    ----------
    pair : AlignedPair
        T1 and STIR on one grid, or a T1 alone. Tissue near metal, where it was looked for, has no say.
    settings : BiasSettings
        Smoothness of the fields, and what muscle and fat look like.

    Returns
    -------
    AlignedPair
        Corrected signals; the fields are kept in `bias`, geometric mean 1 in the body. A STIR whose registration failed
        has no say and stays as it is. What shading remains is measured on reference tissue by `find_references`.
    """
    sound = pair.body_mask if pair.metal_mask is None else pair.body_mask & ~pair.metal_mask
    stir = pair.comparable_stir
    volumes = (pair.t1,) if stir is None else (pair.t1, stir)
    fields = shading_fields(
        tuple(volume.array for volume in volumes),
        (sound, sound & pair.shared_mask)[: len(volumes)],
        pair.body_mask,
        spacing_mm=pair.t1.geometry.spacing_mm,
        settings=settings,
    )
    t1 = _without(pair.t1, fields[0])
    if stir is None:
        return replace(pair, t1=t1, bias=BiasModel(t1_field=fields[0], stir_field=None))
    bias = BiasModel(t1_field=fields[0], stir_field=fields[1])
    return replace(pair, t1=t1, stir=_without(stir, fields[1]), bias=bias)


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


def _without(volume: SignalVolume, field: Field) -> SignalVolume:
    return replace(volume, array=volume.array / field)
