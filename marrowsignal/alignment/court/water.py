"""Tissue whose place chemical shift leaves alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.court.matching import FINE
from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["Water", "water_of"]

_FAT_PERCENT = 95.0
_FAT_STRIDE = 13


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Water:
    """T1 without its fat.

    Attributes
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Cut off where grains of fat begin.
    mask : ndarray of bool, same shape
        Tissue that holds no fat.
    """

    signal: NDArray[np.float32]
    mask: NDArray[np.bool_]


def water_of(t1: SignalVolume, mask: NDArray[np.bool_], settings: AlignmentSettings) -> Water | None:
    """Find tissue without fat.

    Parameters
    ----------
    t1 : SignalVolume
        As acquired.
    mask : ndarray of bool, shape of T1
        Where to look.
    settings : AlignmentSettings
        The same cuts that registration has (`water_below_fat`, `water_ceiling`, `water_min_volume`).

    Returns
    -------
    Water or None
        None where there is too little of it. Fat is displaced by chemical shift, by another distance in each series
        (Hood et al., Radiographics 1999, doi:10.1148/radiographics.19.2.g99mr16357): its edges would ask for a shift
        of up to a pixel that no tissue made.
    """
    spacing = t1.geometry.spacing_mm
    sigma = [0.0, *(FINE.smoothing_mm / s for s in spacing[1:])]
    around = box_of(mask, margin=[0, *(round(4 * s) + 2 for s in sigma[1:])])
    if around is None:
        return None
    whole, mask = mask, mask[around]
    smooth = ndimage.gaussian_filter(t1.array[around], sigma, truncate=3.0)
    fat = smooth > settings.water_below_fat.value * float(np.percentile(smooth[mask][::_FAT_STRIDE], _FAT_PERCENT))
    reach = (1, *(2 * max(1, round(FINE.smoothing_mm / s)) + 1 for s in spacing[1:]))
    water = mask & (ndimage.maximum_filter(fat.view(np.uint8), reach) == 0)
    if np.count_nonzero(water) * t1.geometry.voxel_ml < settings.water_min_volume.value:
        return None
    top = settings.water_ceiling.value * float(np.median(smooth[water]))
    there = np.zeros_like(whole)
    there[around] = water
    return Water(signal=np.minimum(t1.array, np.float32(top)), mask=there)
