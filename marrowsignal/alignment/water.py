"""The part of a match that chemical shift cannot mislead: edges of water far from fat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.engine import prepare_finest, register_shift
from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["settled_on_water"]

_SMOOTHING_MM = 0.7
_FAT_PERCENT = 95.0
_FAT_STRIDE = 13


def settled_on_water(
    t1: SignalVolume,
    stir: SignalVolume,
    *,
    mask: NDArray[np.bool_],
    matrix: NDArray[np.float64],
    settings: AlignmentSettings,
) -> NDArray[np.float64]:
    """Shift a rigid match in the plane of T1 so that water meets water.

    Fat is displaced along the frequency direction by up to a pixel and more, by another distance in each series
    (Hood et al., Radiographics 1999, doi:10.1148/radiographics.19.2.g99mr16357), and most of what both series show is
    edges of fat. Far from fat, dark structures in muscle and fluid are where they seem to be.

    Parameters
    ----------
    t1 : SignalVolume
        As read.
    stir : SignalVolume
        As read.
    mask : ndarray of bool, shape of T1
        Where the match was made.
    matrix : ndarray of float64, shape (4, 4)
        That match, T1 to STIR, LPS mm.
    settings : AlignmentSettings
        What holds fat (`water_below_fat`), how far to stay from it (`water_margin`), which share of the median signal
        left is the brightest that counts, so that grains of fat in muscle are unseen (`water_ceiling`), the volume
        without which the match stays as it is (`water_min_volume`), and the longest shift that chemical shift
        explains (`water_max_shift`).

    Returns
    -------
    ndarray of float64, shape (4, 4)
        `matrix` and a shift along T1's rows and columns.
    """
    spacing = t1.geometry.spacing_mm
    reach = [max(1, round(settings.water_margin.value / s)) for s in spacing[1:]]
    around = box_of(
        mask, margin=[0, *(r + round(4 * _SMOOTHING_MM / s) + 2 for r, s in zip(reach, spacing[1:], strict=True))]
    )
    if around is None:
        return matrix
    sigma = [0.0, *(_SMOOTHING_MM / s for s in spacing[1:])]
    smooth = ndimage.gaussian_filter(t1.array[around], sigma, truncate=3.0)
    fat = float(np.percentile(smooth[mask[around]][::_FAT_STRIDE], _FAT_PERCENT))
    water = np.zeros_like(mask)
    water[around] = mask[around] & ~_near(smooth > settings.water_below_fat.value * fat, reach)
    if np.count_nonzero(water) * t1.geometry.voxel_ml < settings.water_min_volume.value:
        return matrix
    top = settings.water_ceiling.value * float(np.median(smooth[water[around]]))
    dark = SignalVolume(array=np.minimum(t1.array, np.float32(top)), geometry=t1.geometry, acquisition=t1.acquisition)
    shifted = register_shift(prepare_finest(dark), prepare_finest(stir), mask=water, initial=matrix)
    too_far = np.linalg.norm((shifted - matrix)[:3, 3]) > settings.water_max_shift.value
    return matrix if too_far else shifted


def _near(fat: NDArray[np.bool_], reach: list[int]) -> NDArray[np.bool_]:
    near = fat.astype(np.uint8)
    for axis, steps in zip((1, 2), reach, strict=True):
        near = ndimage.maximum_filter1d(near, 2 * steps + 1, axis=axis)
    return np.asarray(near > 0)
