"""Where STIR stands out from the patient's own marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import LesionSettings
from marrowsignal.signals.statistics.ratios import excess_index

__all__ = ["ExcessMap", "excess_map", "lesion_components", "lower_side_spread"]

_MAD_TO_SD = 1.4826
_BINS = 400
_SMOOTHING_BINS = 8.0
_FULL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExcessMap:
    """STIR excess of marrow in units of the patient's own normal marrow.

    Attributes
    ----------
    d : ndarray of float32, shape (slice, row, column)
        D06, 1 for normal marrow; defined everywhere, meaningful in marrow.
    spread : float
        Robust SD of `d` in normal marrow; infinite where STIR of marrow has no level to compare with, `d` then NaN.
    stir_to_normal : ndarray of float32, same shape
        D05 per voxel.
    """

    d: NDArray[np.float32]
    spread: float
    stir_to_normal: NDArray[np.float32]


def lower_side_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mode of a signal, and the robust SD of the side below it.

    Parameters
    ----------
    values : ndarray of float
        Signals of marrow, some of it diseased: disease fills the bright side only.

    Returns
    -------
    mode, spread : float
        Peak of the smoothed histogram; ``1.4826 median(mode - x)`` over ``x < mode``.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(10.0, 1.0, 50_000)
    >>> mode, spread = lower_side_spread(np.r_[x, np.full(5_000, 18.0)])
    >>> bool(abs(mode - 10) < 0.2 and abs(spread - 1) < 0.15)
    True
    """
    if values.size == 0:
        raise ValueError("no marrow, no spread")
    low, high = np.percentile(values, [0.5, 99.0])
    if high <= low:
        return float(low), 0.0
    counts, edges = np.histogram(values, _BINS, (low, high))
    peak = int(ndimage.gaussian_filter1d(counts.astype(float), _SMOOTHING_BINS).argmax())
    mode = float(0.5 * (edges[peak] + edges[peak + 1]))
    below = values[values < mode]
    return mode, float(_MAD_TO_SD * np.median(mode - below)) if below.size else 0.0


def excess_map(  # noqa: PLR0913 - two images, one mask, scales
    t1: NDArray[np.float32],
    stir: NDArray[np.float32],
    marrow: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    t1_floor: float,
    exponent: float,
    smoothing_mm: float,
) -> ExcessMap:
    """STIR excess of every voxel over the patient's most frequent marrow (D05, D06).

    Parameters
    ----------
    t1, stir : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    marrow : ndarray of bool, same shape
        Mask whose mode is the patient's normal marrow; at least one voxel.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    t1_floor : float
        T1 of signal voids, at which the division stops.
    exponent : float
        Of T1 in D06.
    smoothing_mm : float
        SD of an in-plane Gaussian that tames noise before thresholds.
    """
    sigma = [0.0, smoothing_mm / spacing_mm[1], smoothing_mm / spacing_mm[2]]
    t, s = (np.asarray(ndimage.gaussian_filter(image, sigma)) for image in (t1, stir))
    raw = excess_index(s, t, normal_level=1.0, exponent=exponent, t1_floor=t1_floor)
    level, spread = lower_side_spread(raw[marrow])
    normal_stir, _ = lower_side_spread(s[marrow])
    if level <= 0 or spread <= 0 or normal_stir <= 0:
        nothing = np.full(t.shape, np.nan, np.float32)
        return ExcessMap(d=nothing, spread=float("inf"), stir_to_normal=nothing)
    return ExcessMap(
        d=(raw / level).astype(np.float32),
        spread=spread / level,
        stir_to_normal=(s / np.float32(normal_stir)).astype(np.float32),
    )


def lesion_components(
    excess: ExcessMap,
    allowed: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: LesionSettings,
) -> NDArray[np.uint16]:
    """Find connected components that stand out from normal marrow.

    Parameters
    ----------
    excess : ExcessMap
        D05 and D06 of every voxel.
    allowed : ndarray of bool, shape (slice, row, column)
        Marrow without fluid.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : LesionSettings
        Cuts.

    Returns
    -------
    ndarray of uint16, same shape
        0 background, 1 the largest component (SCIENCE 3.3). Voxels above the lower cut that hang together with a
        seed above both higher cuts (hysteresis); specks within a slice and components too small or within too
        few slices are dropped.
    """
    low = allowed & (excess.d >= 1 + settings.grow_spread.value * excess.spread)
    low &= excess.stir_to_normal >= settings.grow_ratio.value
    seed = low & (excess.d >= 1 + settings.seed_spread.value * excess.spread)
    seed &= excess.stir_to_normal >= settings.seed_ratio.value
    pixel_mm2 = spacing_mm[1] * spacing_mm[2]
    low = np.stack([_without_specks(plane, settings.min_slice_area.value / pixel_mm2) for plane in low])
    labels, count = ndimage.label(low, _FULL)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    seeds_ml = np.bincount(labels[seed], minlength=count + 1) * voxel_ml
    slices = np.array([0, *(box[0].stop - box[0].start for box in ndimage.find_objects(labels))])
    keep = (sizes * voxel_ml >= settings.min_volume.value) & (slices >= settings.min_slices.value)
    keep &= seeds_ml >= settings.min_seed_volume.value
    keep[0] = False
    order = np.flatnonzero(keep)[np.argsort(-sizes[keep], kind="stable")]
    renumber = np.zeros(count + 1, np.uint16)
    renumber[order] = np.arange(1, order.size + 1)
    return np.asarray(renumber[labels])


def _without_specks(plane: NDArray[np.bool_], min_pixels: float) -> NDArray[np.bool_]:
    labels, count = ndimage.label(plane)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= min_pixels
    keep[0] = False
    return np.asarray(keep[labels])
