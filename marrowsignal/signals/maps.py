"""Maps over marrow: fat signal, STIR excess, fluid, red-like marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.lesions.candidates import ExcessMap, excess_map
from marrowsignal.signals.statistics.ratios import fat_signal_index

__all__ = ["RedLike", "fat_signal_map", "fluid_mask", "marrow_excess", "red_like_map"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RedLike:
    """Marrow that looks red on T1.

    Attributes
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Fat signal well below the middle of the band expected for region and age (D22).
    judged : ndarray of bool, same shape
        Voxels for which there is such a band.
    """

    mask: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def marrow_excess(pair: AlignedPair, marrow: NDArray[np.bool_], protocol: Protocol) -> ExcessMap | None:
    """D05 and D06 of every voxel against the most frequent signal in `marrow`; None without a STIR series."""
    if pair.stir is None:
        return None
    where = marrow if marrow.any() else np.ones_like(marrow)
    floor = protocol.marrow.core_void_to_marrow.value * float(np.median(pair.t1.array[where]))
    return excess_map(
        pair.t1.array,
        pair.stir.array,
        where,
        spacing_mm=pair.t1.geometry.spacing_mm,
        t1_floor=max(floor, float(np.finfo(np.float32).tiny)),
        exponent=protocol.signals.excess_exponent.value,
        smoothing_mm=protocol.lesions.smoothing.value,
    )


def fluid_mask(pair: AlignedPair, references: References, protocol: Protocol) -> NDArray[np.bool_]:
    """Fluid of D34: very bright on STIR, at or below muscle on T1; empty without STIR or a muscle reference."""
    muscle = references.muscle
    if pair.stir is None or muscle.t1 is None or muscle.stir is None:
        return np.zeros(pair.t1.array.shape, bool)
    bright = pair.stir.array >= protocol.lesions.fluid_ratio.value * muscle.stir
    return np.asarray(bright & (pair.t1.array <= protocol.lesions.fluid_t1_to_muscle.value * muscle.t1))


def fat_signal_map(pair: AlignedPair, marrow: LabelVolume, references: References) -> NDArray[np.float32] | None:
    """FSI in marrow, NaN elsewhere; None without muscle and fat."""
    muscle, fat = references.muscle.t1, references.fat.t1
    if muscle is None or fat is None:
        return None
    index = fat_signal_index(pair.t1.array, muscle=muscle, fat=fat)
    return np.where(marrow.mask, index, np.nan).astype(np.float32)


def red_like_map(
    fat_signal: NDArray[np.float32] | None,
    regions: RegionMap,
    *,
    age_y: float | None,
    protocol: Protocol,
) -> RedLike | None:
    """Red-like marrow; None without a fat-signal map or where no region has a band for the age."""
    if fat_signal is None:
        return None
    cut = np.full(fat_signal.shape, np.nan, np.float32)
    for region in regions.regions:
        band = protocol.expected_band(region.key, age_y)
        if band is not None:
            middle = 0.5 * (band.low + band.high)
            cut[regions.labels.array == region.label] = middle - protocol.signals.red_like_drop.value
    judged = np.isfinite(cut) & np.isfinite(fat_signal)
    if not judged.any():
        return None
    mask = np.zeros(cut.shape, bool)
    mask[judged] = fat_signal[judged] < cut[judged]
    return RedLike(mask=mask, judged=judged)
