"""Where lean muscle and subcutaneous fat are, from the bias-corrected pair alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from marrowsignal.protocol.schema import ReferenceSettings

__all__ = ["Tissues", "fat_level", "fat_threshold", "find_tissues", "mode_of"]

_CLASSES = 3
_TOP_PERCENT = 99.0
_EDGE_MM = 2.0
_TEXTURE_MM = 2.0
_BINS = 256
_SMOOTHING_BINS = 4.0
_MODE_WINDOW = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tissues:
    """Masks of reference tissue, shape (slice, row, column).

    Attributes
    ----------
    muscle : ndarray of bool
        Homogeneous tissue of muscle's signal, any fat content below the cut.
    lean : ndarray of bool
        The part of it at the mode of T1 and, where there is one, of STIR.
    fat : ndarray of bool
        Homogeneous fat near the skin.
    """

    muscle: NDArray[np.bool_]
    lean: NDArray[np.bool_]
    fat: NDArray[np.bool_]


def find_tissues(
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    *,
    body: NDArray[np.bool_],
    exclude: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    settings: ReferenceSettings,
) -> Tissues:
    """Find muscle and fat.

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected signal.
    stir : ndarray of float32, same shape, or None
        The same of STIR; without it muscle is told from disc, bowel and vessel by texture alone.
    body, exclude : ndarray of bool, same shape
        Patient; marrow, which is never a reference for itself.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ReferenceSettings
        Ranges and cuts.

    Returns
    -------
    Tissues
        Three-class Otsu on T1 splits void, soft tissue and fat (Liao et al., J Inf Sci Eng 2001); edges and
        textured places are left out; lean muscle is the joint mode, not the mean, since fatty muscle is brighter
        on T1 (SCIENCE 1.6).
    """
    fat_from = fat_threshold(t1, body)
    if fat_from is None:
        nothing = np.zeros_like(body)
        return Tissues(muscle=nothing, lean=nothing, fat=nothing)
    inside = body & (ndimage.distance_transform_edt(~exclude, sampling=spacing_mm) > _EDGE_MM)
    sigma = [0.0, _TEXTURE_MM / spacing_mm[1], _TEXTURE_MM / spacing_mm[2]]
    mean = ndimage.gaussian_filter(t1, sigma)
    deviation = np.sqrt(np.maximum(ndimage.gaussian_filter(t1 * t1, sigma) - mean * mean, 0))
    smooth = deviation <= settings.muscle_texture_max.value * np.maximum(mean, 1e-6)
    fat = _subcutaneous(smooth & inside & (mean > fat_from), body, spacing_mm, settings)
    if not fat.any():
        empty = np.zeros_like(body)
        return Tissues(muscle=empty, lean=empty, fat=empty)
    fat_level = float(np.median(t1[fat]))
    window = settings.muscle_t1_to_fat
    muscle = smooth & inside & (mean > window.low * fat_level) & (mean < window.high * fat_level)
    muscle = _eroded_in_plane(muscle, spacing_mm)
    return Tissues(muscle=muscle, lean=_lean(t1, stir, muscle), fat=fat)


def fat_threshold(t1: NDArray[np.float32], body: NDArray[np.bool_]) -> float | None:
    """T1 signal that parts fat from other tissue: the upper of two Otsu thresholds in the body.

    Values are cut at their 99th percentile first: a surface coil's rim of very bright fat would be a class of its
    own. None where the body is empty or has too few grey values to part.
    """
    values = t1[body]
    if values.size == 0:
        return None
    values = np.minimum(values, np.percentile(values, _TOP_PERCENT))
    if np.unique(values).size <= _CLASSES:
        return None
    return float(threshold_multiotsu(values, classes=_CLASSES)[1])


def fat_level(t1: NDArray[np.float32], body: NDArray[np.bool_]) -> float | None:
    """T1 level of fat: median of the body above `fat_threshold`; None where there is no such threshold."""
    threshold = fat_threshold(t1, body)
    if threshold is None:
        return None
    values = t1[body]
    return float(np.median(values[values > threshold]))


def mode_of(values: NDArray[np.floating]) -> float:
    """Most frequent value: peak of a smoothed histogram between the 0.5th and 99th percentile.

    Raises
    ------
    ValueError
        If there is no value.

    Examples
    --------
    >>> bool(abs(mode_of(np.r_[np.random.default_rng(0).normal(5, 1, 9999), np.full(99, 50.0)]) - 5) < 0.5)
    True
    """
    if values.size == 0:
        raise ValueError("no value has no mode")
    low, high = np.percentile(values, [0.5, 99.0])
    if high <= low:
        return float(low)
    counts, edges = np.histogram(values, _BINS, (low, high))
    peak = int(ndimage.gaussian_filter1d(counts.astype(float), _SMOOTHING_BINS).argmax())
    return float(0.5 * (edges[peak] + edges[peak + 1]))


def _lean(t1: NDArray[np.float32], stir: NDArray[np.float32] | None, muscle: NDArray[np.bool_]) -> NDArray[np.bool_]:
    lean = muscle
    # T1 first, then STIR among what is left: bowel, disc and vessel share muscle's T1 but not its STIR.
    for image in (t1, t1) if stir is None else (t1, stir, t1, stir):
        if not lean.any():
            return lean
        mode = mode_of(image[lean])
        lean = muscle & lean & (np.abs(image - mode) <= max(_MODE_WINDOW, _spread(image[lean], mode)) * mode)
    return lean


def _spread(values: NDArray[np.floating], mode: float) -> float:
    # Noise widens the mode on its own: the darker side, free of fat, tells by how much.
    below = values[values < mode]
    return float(2 * 1.4826 * np.median(mode - below) / mode) if below.size and mode > 0 else 0.0


def _subcutaneous(
    fat: NDArray[np.bool_],
    body: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    settings: ReferenceSettings,
) -> NDArray[np.bool_]:
    fat = _eroded_in_plane(fat, spacing_mm)
    # Depth below skin in each slice; where the body fills the picture there is no skin, and any fat serves.
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing_mm[1:]) for plane in body])
    window = settings.fat_depth
    near_skin = fat & (depth >= window.low) & (depth <= window.high)
    return near_skin if near_skin.sum() >= 0.05 * fat.sum() else fat


def _eroded_in_plane(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    distances = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing_mm[1:]) for plane in mask])
    return np.asarray(distances > _EDGE_MM / 2)
