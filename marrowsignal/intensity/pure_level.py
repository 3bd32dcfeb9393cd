"""Level of a pure tissue among voxels that hold more and more of another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.special import ndtr

from marrowsignal.intensity.first_peak import first_peak

__all__ = ["PureLevel", "pure_level"]

_BINS = 256
_SMOOTHING = 0.08
_LEAST_SMOOTHING_BINS = 2.0
_RANGE_PERCENT = (0.2, 99.0)
# a peak is at least this high, and stands out this far, against the highest
_MIN_HEIGHT = 0.35
_MIN_PROMINENCE = 0.05
# in half widths of the peak's clean side: start, lowest and highest of level and spread, then of the three shares
_START = (-0.3, 0.7, 0.7, 0.2, 0.05)
_LOWEST = (-2.5, 0.05, 0.0, 0.0, 0.0)
_HIGHEST = (0.5, 2.0, 2.0, 2.0, 2.0)
_MAX_CALLS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PureLevel:
    """Where the pure tissue lies.

    Attributes
    ----------
    level : float
        Its signal.
    spread : float
        Its standard deviation: noise, grain and what is left of shading.
    mode : float
        Peak of the histogram nearest to it; far beyond `level` where hardly any voxel is pure.
    """

    level: float
    spread: float
    mode: float


def pure_level(
    values: NDArray[np.floating], *, max_spread_fraction: float, mixed_is_brighter: bool = True
) -> PureLevel | None:
    """Find the level of a tissue from the clean side of its histogram.

    Voxels that hold some of a brighter tissue pull mean, median and mode up; the dark side of the histogram holds
    the pure tissue alone. Counts up to just beyond the first peak are fitted by a Gaussian (pure voxels) plus a step
    and a ramp that begin at the same level (mixed ones), all blurred by the same spread.

    Parameters
    ----------
    values : ndarray of float
        Signal of the voxels.
    max_spread_fraction : float
        Largest spread of the pure tissue over its level; a broader histogram is made of mixed voxels.
    mixed_is_brighter : bool
        Whether what is mixed in is brighter than the tissue; False for the bright end.

    Returns
    -------
    PureLevel or None
        None for too few different values, or where the fit does not settle.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> share = np.where(rng.random(20000) < 0.3, 0.0, rng.uniform(0.0, 0.4, 20000))
    >>> values = 100.0 * (1.0 + 1.6 * share) + rng.normal(0.0, 3.0, 20000)
    >>> found = pure_level(values, max_spread_fraction=0.06)
    >>> bool(abs(found.level - 100.0) < 2.0), bool(np.median(values) > 115.0)
    (True, True)
    """
    if not mixed_is_brighter:
        return _mirrored(pure_level(-np.asarray(values), max_spread_fraction=max_spread_fraction))
    if values.size == 0:
        return None
    low, high = np.percentile(values, _RANGE_PERCENT)
    if high <= low:
        return None
    counts, edges = np.histogram(values, _BINS, (low, high))
    # the fewer voxels, the more chance roughens the histogram
    width = _BINS * _SMOOTHING * values.size**-0.2
    density = ndimage.gaussian_filter1d(counts.astype(float), max(width, _LEAST_SMOOTHING_BINS))
    density /= density.max()
    middles, step = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    peak = _first_peak(density)
    below = np.flatnonzero(density[: peak + 1] < 0.5 * density[peak])
    half = max(peak - (int(below[-1]) if below.size else 0), 2)
    last = min(peak + half + 1, _BINS)
    unit = half * step
    fit = _fitted(
        (middles[:last] - middles[peak]) / unit,
        density[:last] / density[peak],
        max_spread=max_spread_fraction * abs(middles[peak]) / unit,
    )
    if fit is None:
        return None
    level, spread = fit
    mode = float(middles[peak])
    return PureLevel(level=mode + level * unit, spread=spread * unit, mode=mode)


def _mirrored(found: PureLevel | None) -> PureLevel | None:
    return None if found is None else PureLevel(level=-found.level, spread=found.spread, mode=-found.mode)


def _first_peak(density: NDArray[np.float64]) -> int:
    found = first_peak(density, min_height=_MIN_HEIGHT, min_prominence=_MIN_PROMINENCE)
    return int(density.argmax()) if found is None else found


def _fitted(at: NDArray[np.float64], density: NDArray[np.float64], *, max_spread: float) -> tuple[float, float] | None:
    highest = (_HIGHEST[0], max(min(_HIGHEST[1], max_spread), 2 * _LOWEST[1]), *_HIGHEST[2:])
    start = (_START[0], min(_START[1], 0.9 * highest[1]), *_START[2:])
    found = optimize.least_squares(
        lambda shape: _pure_and_mixed(at, shape) - density,
        start,
        jac=lambda shape: _slopes(at, shape),
        bounds=(_LOWEST, highest),
        max_nfev=_MAX_CALLS,
    )
    return (float(found.x[0]), float(found.x[1])) if found.success else None


def _pure_and_mixed(at: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    level, spread, pure, mixed, more = shape
    z = (at - level) / spread
    bell, risen = np.exp(-0.5 * z * z), ndtr(z)
    return np.asarray(pure * bell + mixed * risen + more * spread * (z * risen + bell / np.sqrt(2.0 * np.pi)))


def _slopes(at: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differentiate `_pure_and_mixed` by each of its parameters, shape (places, 5)."""
    level, spread, pure, mixed, more = shape
    z = (at - level) / spread
    bell, risen = np.exp(-0.5 * z * z), ndtr(z)
    normal = bell / np.sqrt(2.0 * np.pi)
    along = mixed * normal - pure * z * bell
    by_level, by_spread = -along / spread - more * risen, more * normal - along * z / spread
    return np.stack([by_level, by_spread, bell, risen, spread * (z * risen + normal)], axis=1)
