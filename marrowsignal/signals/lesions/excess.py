"""Where STIR stands out from the patient's own marrow, voxel by voxel (D05, D06)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.statistics.quantiles import median, percentile
from marrowsignal.signals.statistics.ratios import excess_index

__all__ = ["ExcessMap", "excess_map", "lower_side_spread", "marrow_excess"]

_MAD_TO_SD = 1.4826
_BINS = 400
_SMOOTHING_BINS = 8.0


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
    # As a plain float a range would make the edges of bins as coarse as the values are.
    low, high = (np.float64(percentile(values, percent)) for percent in (0.5, 99.0))
    if high <= low:
        return float(low), 0.0
    counts, edges = np.histogram(values, _BINS, (low, high))
    peak = int(ndimage.gaussian_filter1d(counts.astype(float), _SMOOTHING_BINS).argmax())
    mode = float(0.5 * (edges[peak] + edges[peak + 1]))
    below = values[values < mode]
    return mode, _MAD_TO_SD * median(mode - below) if below.size else 0.0


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
