"""Where lean muscle and subcutaneous fat are, from the bias-corrected pair alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from marrowsignal.geometry.depth import deeper_in_slices, deeper_than
from marrowsignal.geometry.windows import largest_in_slices
from marrowsignal.intensity.sectors import Cut, pure_tissue
from marrowsignal.protocol.schema import ReferenceSettings

__all__ = ["Tissues", "fat_level", "fat_threshold", "find_tissues"]

_CLASSES = 3
_SOME = 1000
_TOP_PERCENT = 99.0
_EDGE_MM = 2.0
_TEXTURE_MM = 2.0
_LEVEL_MM = 1.0
_MIN_SUBCUTANEOUS_SHARE = 0.05
# joint histogram of log T1 and log STIR
_PEAK_BINS = (0.02, 0.04)
_PEAK_SMOOTHING_BINS = 2.0
_PEAK_REACH_BINS = 4
_PEAK_MIN_HEIGHT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tissues:
    """Masks of reference tissue, shape (slice, row, column).

    Attributes
    ----------
    muscle : ndarray of bool
        Homogeneous tissue of muscle's signal, any fat content below the cut.
    lean : ndarray of bool
        The part of it at the dark end of T1 and, where there is one, of STIR.
    fat : ndarray of bool
        Homogeneous fat near the skin, between its septa.
    local_lean, local_fat : ndarray of bool
        The same where each sector of the field of view keeps a level of its own: what tells of shading.
    stir_apart : ndarray of bool
        As lean muscle on T1 and far from it on STIR: edema, organs and fluid, or muscle in uneven shading.
    """

    muscle: NDArray[np.bool_]
    lean: NDArray[np.bool_]
    fat: NDArray[np.bool_]
    local_lean: NDArray[np.bool_]
    local_fat: NDArray[np.bool_]
    stir_apart: NDArray[np.bool_]

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> Tissues:
        """No tissue at all."""
        nothing = np.zeros(shape, bool)
        return cls(muscle=nothing, lean=nothing, fat=nothing, local_lean=nothing, local_fat=nothing, stir_apart=nothing)


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
        return Tissues.none(t1.shape)
    inside = body & deeper_than(~exclude, spacing_mm=spacing_mm, depth_mm=_EDGE_MM)
    mean = _smoothed(t1, _TEXTURE_MM, spacing_mm)
    deviation = np.sqrt(np.maximum(_smoothed(t1 * t1, _TEXTURE_MM, spacing_mm) - mean * mean, 0))
    inside &= deviation <= settings.muscle_texture_max.value * np.maximum(mean, 1e-6)
    search = _Search(
        t1=_smoothed(t1, _LEVEL_MM, spacing_mm),
        stir=None if stir is None else _smoothed(stir, _TEXTURE_MM, spacing_mm),
        spacing_mm=spacing_mm,
        settings=settings,
    )
    fat = _subcutaneous(inside & (mean > fat_from), search.t1 > fat_from, body, spacing_mm, settings)
    fat, local_fat = search.plain_fat(fat)
    if not fat.any():
        return Tissues.none(t1.shape)
    fat_level = float(np.median(t1[fat]))
    window = settings.muscle_t1_to_fat
    muscle = inside & (mean > window.low * fat_level) & (mean < window.high * fat_level)
    # Fat far from the coil may be as dark as muscle near it, but then nothing around it is brighter.
    muscle &= mean < window.high * _brightest_around(mean, settings.brighter_within.value, spacing_mm)
    grey = _eroded_in_plane(muscle, spacing_mm)
    muscle = search.without_others(grey)
    lean, local_lean = search.lean(muscle)
    apart = search.like_on_t1(lean, grey & ~muscle)
    return Tissues(muscle=muscle, lean=lean, fat=fat, local_lean=local_lean, local_fat=local_fat, stir_apart=apart)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Search:
    """Smoothed images and how lean muscle and plain fat are cut out of them."""

    t1: NDArray[np.float32]
    stir: NDArray[np.float32] | None
    spacing_mm: tuple[float, float, float]
    settings: ReferenceSettings

    def without_others(self, muscle: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Leave out what is as grey as muscle on T1 alone: edema, organs, fluid, red marrow, tendon, dry disc."""
        if self.stir is None:
            return muscle
        found = _darkest_peak(self.t1[muscle], self.stir[muscle], min_share=self.settings.muscle_min_share.value)
        if found is None:
            return np.zeros_like(muscle)
        t1, stir = found
        window = self.settings.muscle_stir_to_lean
        near = (self.stir > window.low * stir) & (self.stir < window.high * stir)
        return np.asarray(muscle & near & (self.t1 > window.low * t1))

    def like_on_t1(self, tissue: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return those of the others that T1 alone does not tell from the tissue."""
        if not tissue.any():
            return np.zeros_like(others)
        ratio = self.t1 / np.median(self.t1[tissue])
        return np.asarray(others & (np.abs(ratio - 1) <= self.settings.t1_sector_tolerance.value))

    def lean(self, muscle: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Muscle at the dark end of T1, and of STIR where there is one; the same sector by sector."""
        return self._pure(muscle, share=self.settings.lean_share.value, mixed_is_brighter=True)

    def plain_fat(self, fat: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Fat between its septa, at the bright end of T1, and suppressed on STIR; the same sector by sector."""
        return self._pure(fat, share=0.5, mixed_is_brighter=False)

    def _pure(
        self, tissue: NDArray[np.bool_], *, share: float, mixed_is_brighter: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        settings = self.settings
        on_t1 = Cut(
            sector_mm=settings.sector_size.value,
            sector_min_ml=settings.sector_min_volume.value,
            max_spread_fraction=settings.t1_max_pure_spread.value,
            tolerance_fraction=settings.t1_sector_tolerance.value,
            share=share,
            widths=1.0,
            mixed_is_brighter=mixed_is_brighter,
        )
        first = pure_tissue(self.t1, tissue, spacing_mm=self.spacing_mm, cut=on_t1)
        if first is None:
            return np.zeros_like(tissue), np.zeros_like(tissue)
        if self.stir is None:
            return first.mask, first.local_mask
        on_stir = replace(
            on_t1,
            max_spread_fraction=settings.stir_max_pure_spread.value,
            tolerance_fraction=settings.stir_sector_tolerance.value,
            share=settings.stir_lean_share.value,
            widths=2.0,
            mixed_is_brighter=True,
        )
        second = pure_tissue(self.stir, first.mask, spacing_mm=self.spacing_mm, cut=on_stir)
        return np.zeros_like(tissue) if second is None else second.mask, first.local_mask


def fat_threshold(t1: NDArray[np.float32], body: NDArray[np.bool_]) -> float | None:
    """T1 signal that parts fat from other tissue: the upper of two Otsu thresholds in the body.

    Values are cut at their 99th percentile first: a surface coil's rim of very bright fat would be a class of its
    own. None where the body is empty or has too few grey values to part.
    """
    values = t1[body]
    if values.size == 0:
        return None
    values = np.minimum(values, np.percentile(values, _TOP_PERCENT))
    # Few values are rare: most images are told by some of their voxels.
    if np.unique(values[:_SOME]).size <= _CLASSES and np.unique(values).size <= _CLASSES:
        return None
    return float(threshold_multiotsu(values, classes=_CLASSES)[1])


def fat_level(t1: NDArray[np.float32], body: NDArray[np.bool_]) -> float | None:
    """T1 level of fat: median of the body above `fat_threshold`; None where there is no such threshold."""
    threshold = fat_threshold(t1, body)
    if threshold is None:
        return None
    values = t1[body]
    return float(np.median(values[values > threshold]))


def _darkest_peak(
    t1: NDArray[np.float32], stir: NDArray[np.float32], *, min_share: float
) -> tuple[float, float] | None:
    """T1 and STIR of the darkest homogeneous tissue that makes up a share of the voxels."""
    seen = (t1 > 0) & (stir > 0)
    if not seen.any():
        return None
    values = np.log(np.stack([t1[seen], stir[seen]], axis=1, dtype=np.float64))
    ranges = [np.percentile(column, (0.5, 99.5)) for column in values.T]
    bins = [max(int((high - low) / step), 1) for (low, high), step in zip(ranges, _PEAK_BINS, strict=True)]
    counts, edges = np.histogramdd(values, bins, range=[(low, max(high, low + 1e-6)) for low, high in ranges])
    density = ndimage.gaussian_filter(counts, _PEAK_SMOOTHING_BINS, mode="constant")
    size = 2 * _PEAK_REACH_BINS + 1
    tall = density >= _PEAK_MIN_HEIGHT * density.max()
    peaks = np.argwhere(tall & (density == ndimage.maximum_filter(density, size)))
    share = ndimage.uniform_filter(counts, size, mode="constant") * size**2 / len(values)
    peaks = peaks[share[tuple(peaks.T)] >= min_share]
    if len(peaks) == 0:
        return None
    at = np.stack([0.5 * (e[1:] + e[:-1])[index] for e, index in zip(edges, peaks.T, strict=True)])
    first, second = np.exp(at[:, at.sum(axis=0).argmin()])
    return float(first), float(second)


def _brightest_around(
    mean: NDArray[np.float32], reach_mm: float, spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    rows, columns = (2 * int(reach_mm / step) + 1 for step in spacing_mm[1:])
    return largest_in_slices(mean, (rows, columns))


def _subcutaneous(
    fat: NDArray[np.bool_],
    bright: NDArray[np.bool_],
    body: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    settings: ReferenceSettings,
) -> NDArray[np.bool_]:
    """Fat within reach of the skin that no dark line parts from it; any fat where there is no skin to be seen."""
    fat = _eroded_in_plane(fat, spacing_mm)
    window = settings.fat_depth
    # A whole slice of body has no skin. Depths are from the lowest one on.
    skinned = body & ~body.all(axis=(1, 2), keepdims=True)
    below, first, layer = (
        deeper_in_slices(skinned, spacing_mm=spacing_mm, depth_mm=mm)
        for mm in (np.nextafter(window.low, 0.0), 2 * window.low, window.high)
    )
    near_skin = fat & below & ~layer
    for shine, inside, outermost, chosen in zip(bright, body, below & ~first, near_skin, strict=True):
        if chosen.any():
            layers, count = ndimage.label(shine & inside)
            reached = np.bincount(layers[outermost], minlength=count + 1) > 0
            reached[0] = False
            np.logical_and(chosen, reached[layers], out=chosen)
    return near_skin if near_skin.sum() >= _MIN_SUBCUTANEOUS_SHARE * fat.sum() else fat


def _eroded_in_plane(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    return deeper_in_slices(mask, spacing_mm=spacing_mm, depth_mm=_EDGE_MM / 2)


def _smoothed(
    image: NDArray[np.float32], sigma_mm: float, spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(image, [0.0, sigma_mm / spacing_mm[1], sigma_mm / spacing_mm[2]]))
