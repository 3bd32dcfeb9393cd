"""Fatty center and bright rim of a focus (SCIENCE D28, D29; Schweitzer, Radiology 1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.distance import distance_from, near_to
from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["bull_ratio", "halo_ratio", "without_holes"]

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]
_BULL = ("D28", "bull_ratio")
_HALO = ("D29", "halo_ratio")
# The inner quarter of the way from the center to the border, against the middle half.
_INNER, _MIDDLE = 0.75, 0.25
_YELLOW_PERCENTILE = 75.0
_MIN_VOXELS = 5
_IN_SLICE = ndimage.generate_binary_structure(3, 1) & (np.arange(3) == 1)[:, None, None]


def bull_ratio(
    t1: Image, focus: Mask, marrow: Mask, *, spacing_mm: tuple[float, float, float], settings: ShapeSettings
) -> Measurement:
    """D28: T1 of the focus' inner quarter over that of its middle shell.

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    focus : ndarray of bool, same shape
        One component; holes of a slice are filled, since a fatty center is one.
    marrow : ndarray of bool, same shape
        Marrow outside any lesion, whose brighter quarter is the local yellow marrow.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ShapeSettings
        Smallest focus, and how bright the center must be against yellow marrow.

    Returns
    -------
    Measurement
        A center darker than `bull_yellow_share` of the yellow marrow is no fatty center: its ratio is told as at
        most 1, with the reason.
    """
    filled = without_holes(focus)
    diameter = (6 * float(filled.sum()) * float(np.prod(spacing_mm)) / np.pi) ** (1 / 3)
    if diameter < settings.bull_min_diameter.value:
        return unmeasured(*_BULL, f"a focus of {diameter:.1f} mm is too small for shells")
    depth = _depth(filled, spacing_mm)
    inner = filled & (depth >= _INNER * depth.max())
    middle = filled & ~inner & (depth >= _MIDDLE * depth.max())
    yellow = marrow & ~filled
    if min(inner.sum(), middle.sum(), yellow.sum()) < _MIN_VOXELS:
        return unmeasured(*_BULL, "too few voxels for shells, or no marrow around to compare with")
    center, shell = float(np.median(t1[inner])), float(np.median(t1[middle]))
    around = float(np.percentile(t1[yellow], _YELLOW_PERCENTILE))
    if min(shell, around) <= 0:
        return unmeasured(*_BULL, "the middle shell or the marrow around has no signal")
    to_yellow = center / around
    if to_yellow < settings.bull_yellow_share.value:
        reason = f"the center is not fatty: {to_yellow:.2f} of the yellow marrow around"
        return Measurement(id=_BULL[0], name=_BULL[1], value=min(center / shell, 1.0), reason=reason)
    return Measurement(id=_BULL[0], name=_BULL[1], value=center / shell)


def without_holes(focus: Mask) -> Mask:
    """Mask with the holes of its slices filled."""
    filled = focus.copy()
    box = box_of(focus)
    if box is not None:
        framed = np.pad(focus[box], ((0, 0), (1, 1), (1, 1)))
        # Slices do not see each other: the frame of each is its outside.
        outside, _ = ndimage.label(~framed, _IN_SLICE)
        filled[box] = (outside != outside[:, :1, :1])[:, 1:-1, 1:-1]
    return filled


def _depth(focus: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Distance from the focus' border, mm; what touches the end of the box lies at a border too."""
    depth = np.zeros(focus.shape)
    tight = ndimage.find_objects(focus.view(np.uint8))[0]
    depth[tight] = distance_from(~np.pad(focus[tight], 1), spacing_mm=spacing_mm)[1:-1, 1:-1, 1:-1]
    return depth


def halo_ratio(
    stir: Image | None, focus: Mask, marrow: Mask, *, spacing_mm: tuple[float, float, float], settings: ShapeSettings
) -> Measurement:
    """D29: STIR of the rim just outside a focus over the brighter of its core and the marrow farther out.

    Parameters
    ----------
    stir : ndarray of float32, shape (slice, row, column), or None
        Bias-corrected.
    focus, marrow : ndarray of bool, same shape
        One component; marrow, other lesions included, since the halo is one.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ShapeSettings
        Rim and background.
    """
    if stir is None:
        return unmeasured(*_HALO, "no STIR series")
    outside = marrow & ~focus
    rim, background = (
        outside
        & near_to(focus, spacing_mm=spacing_mm, reach_mm=shell.high)
        & ~near_to(focus, spacing_mm=spacing_mm, reach_mm=shell.low)
        for shell in (settings.halo_rim, settings.halo_background)
    )
    if min(rim.sum(), background.sum(), focus.sum()) < _MIN_VOXELS:
        return unmeasured(*_HALO, "too little marrow around the focus")
    highest = max(float(np.median(stir[focus])), float(np.median(stir[background])))
    if highest <= 0:
        return unmeasured(*_HALO, "neither focus nor background has STIR signal")
    return Measurement(id=_HALO[0], name=_HALO[1], value=float(np.median(stir[rim])) / highest)
