"""Marrow that looks red on T1 for its place and age: where it is, and where that can be judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap

__all__ = ["NO_BAND", "RedLike", "red_like_map"]

NO_BAND = "no band is expected for this region and age, or no muscle and fat reference"


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
