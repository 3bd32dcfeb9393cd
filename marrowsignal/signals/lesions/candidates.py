"""Connected voxels that stand out from the patient's own marrow: seeds and what grows from them (SCIENCE 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import LesionSettings
from marrowsignal.signals.lesions.excess import ExcessMap

__all__ = ["SeedRule", "by_size", "connected_candidates", "seeds_and_growth"]

_FULL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeedRule:
    """What a seed must show besides its excess over own marrow; None where the study cannot tell.

    Attributes
    ----------
    stir_to_muscle : ndarray of float32 or None, shape (slice, row, column)
        D04 per voxel.
    excess_water : ndarray of float32 or None, same shape
        D07 per voxel, against own normal marrow.
    """

    stir_to_muscle: NDArray[np.float32] | None = None
    excess_water: NDArray[np.float32] | None = None


def seeds_and_growth(
    excess: ExcessMap, allowed: NDArray[np.bool_], rule: SeedRule, *, settings: LesionSettings
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Voxels that start a lesion and voxels that may belong to one.

    Parameters
    ----------
    excess : ExcessMap
        D05 and D06 of every voxel.
    allowed : ndarray of bool, shape (slice, row, column)
        Marrow without fluid.
    rule : SeedRule
        D04 and D07, which red marrow does not pass (D06 alone does not tell it from edema).
    settings : LesionSettings
        Cuts.

    Returns
    -------
    seeds, growth : ndarray of bool, same shape
        Seeds are part of the growth.
    """
    growth = allowed & (excess.d >= max(1 + settings.grow_spread.value * excess.spread, settings.grow_excess.value))
    growth &= excess.stir_to_normal >= settings.grow_ratio.value
    seeds = growth & (excess.d >= 1 + settings.seed_spread.value * excess.spread)
    seeds &= excess.stir_to_normal >= settings.seed_ratio.value
    if rule.stir_to_muscle is not None:
        seeds &= rule.stir_to_muscle >= settings.seed_stir_to_muscle.value
    if rule.excess_water is not None:
        seeds &= rule.excess_water >= settings.seed_excess_water.value
    return seeds, growth


def connected_candidates(
    seeds: NDArray[np.bool_],
    growth: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: LesionSettings,
) -> NDArray[np.int32]:
    """Join voxels that hang together with a seed (hysteresis), and drop what is too small to be told from noise.

    Parameters
    ----------
    seeds, growth : ndarray of bool, shape (slice, row, column)
        Voxels that start a candidate, and voxels that may belong to it.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : LesionSettings
        Sizes.

    Returns
    -------
    ndarray of int32, same shape
        0 background, 1 the largest component (26-connected). Specks within a slice are taken out before; components
        too small, within too few slices or of too few seeds after.
    """
    pixel_mm2, voxel_ml = spacing_mm[1] * spacing_mm[2], float(np.prod(spacing_mm)) / 1000
    growth = np.stack([_without_specks(plane, settings.min_slice_area.value / pixel_mm2) for plane in growth])
    labels, count = ndimage.label(growth, _FULL)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    seeds_ml = np.bincount(labels[seeds & growth], minlength=count + 1) * voxel_ml
    slices = np.array([0, *(box[0].stop - box[0].start for box in ndimage.find_objects(labels))])
    keep = (sizes * voxel_ml >= settings.min_volume.value) & (slices >= settings.min_slices.value)
    keep &= seeds_ml >= settings.min_seed_volume.value
    return by_size(labels, keep)


def by_size(labels: NDArray[np.integer], keep: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Renumber the labels for which `keep` holds from the largest on; others, and 0, become 0."""
    sizes = np.bincount(labels.ravel(), minlength=keep.size)
    kept = np.flatnonzero(keep)
    kept = kept[kept > 0]
    order = kept[np.argsort(-sizes[kept], kind="stable")]
    renumber = np.zeros(keep.size, np.int32)
    renumber[order] = np.arange(1, order.size + 1)
    return np.asarray(renumber[labels])


def _without_specks(plane: NDArray[np.bool_], min_pixels: float) -> NDArray[np.bool_]:
    labels, count = ndimage.label(plane)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= min_pixels
    keep[0] = False
    return np.asarray(keep[labels])
