"""Signals of fat and muscle that a mask is compared with, whatever the mask holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from marrowsignal.alignment.records import AlignedPair

__all__ = ["Levels", "find_levels"]

_CLASSES = 3
_BINS = 256
_TOP_PERCENT = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Signals of tissue outside the mask.

    Attributes
    ----------
    fat_t1, muscle_t1 : float
        On T1.
    muscle_stir : float or None
        On STIR, where there is one.
    """

    fat_t1: float
    muscle_t1: float
    muscle_stir: float | None


def find_levels(pair: AlignedPair, mask: NDArray[np.bool_]) -> Levels | None:
    """Find the levels of fat and of muscle-like tissue outside a mask.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    mask : ndarray of bool, shape (slice, row, column)
        Marrow.

    Returns
    -------
    Levels or None
        Medians of the upper and the middle of three Otsu classes of the body on T1 (Liao et al., J Inf Sci Eng 2001).
        The references of the ratios ask for more and may be refused; a check has to see the studies where they are.
        None where T1 has no three classes.
    """
    t1, body = pair.t1.array, pair.body_mask
    values = t1[body]
    if values.size == 0:
        return None
    values = np.minimum(values, np.percentile(values, _TOP_PERCENT))
    counts, edges = np.histogram(values, _BINS)
    if np.count_nonzero(counts) < _CLASSES:
        return None
    shares, middles = counts / counts.sum(), 0.5 * (edges[:-1] + edges[1:])
    low, high = (float(v) for v in threshold_multiotsu(classes=_CLASSES, hist=(shares, middles)))
    other = body & ~mask
    grey, bright = other & (t1 > low) & (t1 <= high), other & (t1 > high)
    if not grey.any() or not bright.any():
        return None
    stir = pair.comparable_stir
    grey_seen = grey & pair.covered_mask
    return Levels(
        fat_t1=float(np.median(t1[bright])),
        muscle_t1=_mode(t1[grey]),
        muscle_stir=None if stir is None or not grey_seen.any() else _mode(stir.array[grey_seen]),
    )


def _mode(values: NDArray[np.float32]) -> float:
    # Muscle is the most frequent of the grey tissues; organs, fluid and red marrow lie beside its peak.
    low, high = np.percentile(values, (1, 99))
    if high <= low:
        return float(low)
    counts, edges = np.histogram(values, 64, range=(float(low), float(high)))
    peak = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(np.float64), 2.0)))
    return float(0.5 * (edges[peak] + edges[peak + 1]))
