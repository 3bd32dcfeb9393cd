"""Coil shading: one smooth field for each series, from muscle and fat that both show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair, BiasModel
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.protocol.schema import BiasSettings
from marrowsignal.shading import shading_fields

__all__ = ["correct_bias"]

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


def _without(volume: SignalVolume, field: Field) -> SignalVolume:
    return replace(volume, array=volume.array / field)
