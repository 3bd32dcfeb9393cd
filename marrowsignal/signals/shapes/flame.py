"""Whether a patch of a long bone looks like a flame (SCIENCE D27)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["flame_score"]

_NAME = ("D27", "flame_score")
_SECTION_MM = 3.0
_MIN_SECTIONS = 5


def flame_score(
    patch: NDArray[np.bool_],
    points_mm: NDArray[np.float64],
    bone_mm: NDArray[np.float64],
    shaft: NDArray[np.float64],
    *,
    pixel_mm: tuple[float, float],
    settings: ShapeSettings,
) -> Measurement:
    """D27: how many of three signs of a flame a patch shows.

    Parameters
    ----------
    patch : ndarray of bool, shape (slice, row, column)
        Red-like marrow, or a lesion.
    points_mm : ndarray of float64, shape (voxel, 3)
        Patient points of its voxels.
    bone_mm : ndarray of float64, shape (voxel, 3)
        Patient points of all marrow of the bone.
    shaft : ndarray of float64, shape (3,)
        Unit vector from the growth plate along the shaft.
    pixel_mm : tuple of float
        Between rows, between columns.
    settings : ShapeSettings
        Cuts.

    Returns
    -------
    Measurement
        0 to 3: its long axis follows the shaft; its share of the bone's section, since bones taper of their own, falls
        away from the growth plate (Spearman); its outline is feathery (perimeter squared over 4 pi area, in the slice
        that shows most of it).
    """
    volume = float(len(points_mm)) * float(np.prod(pixel_mm))
    if volume <= 0 or np.ptp(points_mm, axis=0).max() < settings.flame_min_diameter.value:
        return unmeasured(*_NAME, f"smaller than {settings.flame_min_diameter.value:g} mm")
    centered = points_mm - points_mm.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    angle = float(np.degrees(np.arccos(min(abs(float(axes[0] @ shaft)), 1.0))))
    shares = _section_shares(points_mm @ shaft, bone_mm @ shaft)
    along = angle <= settings.flame_angle.value
    tapers = len(shares) >= _MIN_SECTIONS and _rank_correlation(shares) <= settings.flame_taper.value
    feathery = _outline_factor(patch, pixel_mm) >= settings.flame_outline.value
    return Measurement(id=_NAME[0], name=_NAME[1], value=float(along + tapers + feathery))


def _rank_correlation(values: NDArray[np.float64]) -> float:
    """Spearman's of values with their order, ties at their mean rank; 0 where all are alike."""
    _, which, times = np.unique(values, return_inverse=True, return_counts=True)
    if len(times) == 1:
        return 0.0
    ranks = (np.cumsum(times) - 0.5 * (times - 1))[which]
    return float(np.corrcoef(np.arange(len(values)), ranks)[0, 1])


def _section_shares(patch_mm: NDArray[np.float64], bone_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the bone's section that a patch takes, from where it takes most of it along the shaft."""
    origin = float(bone_mm.min())
    count = int((bone_mm.max() - origin) / _SECTION_MM) + 1
    patch, bone = (
        np.bincount(((along - origin) / _SECTION_MM).astype(int), minlength=count) for along in (patch_mm, bone_mm)
    )
    shares = patch / np.maximum(bone, 1)
    last = int(np.flatnonzero(patch)[-1])
    return np.asarray(shares[int(shares.argmax()) : last + 1])


def _outline_factor(patch: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> float:
    """Perimeter squared over 4 pi area of the largest section; 1 for a disc, larger for ragged outlines."""
    plane = patch[int(patch.sum(axis=(1, 2)).argmax())]
    labels, _ = ndimage.label(plane)
    largest = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    if pixel_mm[0] != pixel_mm[1]:
        largest = np.asarray(ndimage.zoom(largest.astype(np.uint8), (pixel_mm[0] / pixel_mm[1], 1.0), order=0) > 0)
    return float(measure.perimeter_crofton(largest, directions=4) ** 2 / (4 * np.pi * largest.sum()))
