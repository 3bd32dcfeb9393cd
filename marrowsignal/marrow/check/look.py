"""Everything seen of a mask, without a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.marrow.check.border import BorderLook, look_at_border
from marrowsignal.marrow.check.levels import Levels, find_levels
from marrowsignal.marrow.check.shape import ShapeLook, look_at_shape
from marrowsignal.marrow.check.tissue import TissueLook, look_at_tissue
from marrowsignal.protocol.schema import MaskCheckSettings

__all__ = ["MaskLook", "look_at_mask"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskLook:
    """What is seen of one mask that is not empty.

    Attributes
    ----------
    shape : ShapeLook
        The mask by itself.
    levels : Levels or None
        Fat and muscle outside of it; None where T1 shows none.
    border : BorderLook or None
        T1 across its border; None without levels or border.
    tissue : TissueLook or None
        Signal inside; None without levels or inside.
    """

    shape: ShapeLook
    levels: Levels | None
    border: BorderLook | None
    tissue: TissueLook | None


def look_at_mask(pair: AlignedPair, mask: NDArray[np.bool_], *, settings: MaskCheckSettings) -> MaskLook:
    """Look at a mask in its image.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    mask : ndarray of bool, shape (slice, row, column)
        Marrow, not empty.
    settings : MaskCheckSettings
        What counts as a dark line, a step and which tissue.
    """
    geometry, t1 = pair.t1.geometry, pair.t1.array
    shape = look_at_shape(mask, pair.body_mask, geometry=geometry)
    levels = find_levels(pair, mask)
    if levels is None:
        return MaskLook(shape=shape, levels=None, border=None, tissue=None)
    stir = pair.comparable_stir
    spacing = geometry.spacing_mm
    return MaskLook(
        shape=shape,
        levels=levels,
        border=look_at_border(t1 / np.float32(levels.fat_t1), mask, spacing_mm=spacing, settings=settings),
        tissue=look_at_tissue(
            t1,
            None if stir is None else stir.array,
            mask,
            levels=levels,
            spacing_mm=spacing,
            settings=settings,
        ),
    )
