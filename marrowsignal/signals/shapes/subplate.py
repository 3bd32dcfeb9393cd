"""Dark band under the joint surface (SCIENCE D40; Malghem, Insights Imaging 2023)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.distance import near_to
from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["subplate_band"]

Mask = NDArray[np.bool_]
_NAMES = (("D40", "subplate_thickness"), ("D40", "subplate_length"))
_FULL = np.ones((3, 3, 3), bool)
_DEPTH_PERCENTILE = 95.0


def subplate_band(
    stir: NDArray[np.float32] | None,
    lesion: Mask,
    marrow: Mask,
    joint_mm: NDArray[np.float32] | None,
    *,
    spacing_mm: tuple[float, float, float],
    settings: ShapeSettings,
) -> tuple[Measurement, Measurement]:
    """D40: thickness and length of the dark STIR band between a lesion and the joint surface.

    Parameters
    ----------
    stir : ndarray of float32, shape (slice, row, column), or None
        Bias-corrected.
    lesion, marrow : ndarray of bool, same shape
        One component, and all marrow.
    joint_mm : ndarray of float32, same shape, or None
        Distance from the joint surface.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ShapeSettings
        How dark, how deep, how large.

    Returns
    -------
    tuple of Measurement
        Thickness is depth below the surface (95th percentile, mm), length the longest extent within a slice (mm).
    """
    if stir is None or joint_mm is None:
        reason = "no STIR series" if stir is None else "no joint surface of a weight-bearing bone is known here"
        return _none(reason)
    near = marrow & (joint_mm <= settings.subplate_band.value)
    level = float(np.median(stir[lesion]))
    hull = near_to(lesion, spacing_mm=spacing_mm, reach_mm=settings.line_from_cortex.value)
    dark = near & hull & (stir <= settings.subplate_stir_to_lesion.value * level)
    labels, count = ndimage.label(dark, _FULL)
    touches = np.unique(labels[dark & (joint_mm <= settings.rim_to_surface.value)])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[np.setdiff1d(np.arange(count + 1), touches)] = 0
    sizes[0] = 0
    if sizes.max() * float(np.prod(spacing_mm)) / 1000 < settings.subplate_min_volume.value:
        return _none("no dark band between the lesion and the joint surface")
    band = labels == int(sizes.argmax())
    thickness = float(np.percentile(joint_mm[band], _DEPTH_PERCENTILE) - joint_mm[band].min()) + min(spacing_mm)
    values = (thickness, _longest(band, spacing_mm[1:]))
    first, second = (
        Measurement(id=d, name=name, value=value, unit="mm") for (d, name), value in zip(_NAMES, values, strict=True)
    )
    return first, second


def _longest(band: Mask, pixel_mm: tuple[float, float]) -> float:
    """Longest extent within a slice along the band's own axis there, mm."""
    plane = band[int(band.sum(axis=(1, 2)).argmax())]
    points = np.argwhere(plane) * np.asarray(pixel_mm)
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    return float(np.ptp(centered @ axes[0])) + float(np.mean(pixel_mm))


def _none(reason: str) -> tuple[Measurement, Measurement]:
    first, second = (unmeasured(d, name, reason, "mm") for d, name in _NAMES)
    return first, second
