"""Level of a pure tissue among voxels that hold more and more of another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.intensity.first_peak import first_peak
from marrowsignal.intensity.mixture_fit import HistogramEnd, fit_mixtures

__all__ = ["PureLevel", "pure_level", "pure_levels"]

_BINS = 256
_SMOOTHING = 0.08
_LEAST_SMOOTHING_BINS = 2.0
_RANGE_PERCENT = (0.2, 99.0)
# a peak is at least this high, and stands out this far, against the highest
_MIN_HEIGHT = 0.35
_MIN_PROMINENCE = 0.05


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
    return pure_levels([values], max_spread_fraction=max_spread_fraction, mixed_is_brighter=mixed_is_brighter)[0]


def pure_levels(
    groups: Sequence[NDArray[np.floating]], *, max_spread_fraction: float, mixed_is_brighter: bool = True
) -> list[PureLevel | None]:
    """Find the level of a tissue in each group of voxels, as `pure_level` does in one; much faster than one by one."""
    sign = 1.0 if mixed_is_brighter else -1.0
    seen = [_Histogram.of(values if mixed_is_brighter else -np.asarray(values)) for values in groups]
    told = [histogram for histogram in seen if histogram is not None]
    fits = iter(fit_mixtures([histogram.clean_end(max_spread_fraction) for histogram in told]))
    return [None if histogram is None else histogram.level_of(next(fits), sign) for histogram in seen]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Histogram:
    """A smoothed histogram up to just beyond its first peak, at `mode`; `unit` is half the width of its clean side."""

    middles: NDArray[np.float64]
    density: NDArray[np.float64]
    mode: float
    unit: float

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Self | None:
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
        return cls(
            middles=middles[:last],
            density=density[:last] / density[peak],
            mode=float(middles[peak]),
            unit=float(half * step),
        )

    def clean_end(self, max_spread_fraction: float) -> HistogramEnd:
        return HistogramEnd(
            at=(self.middles - self.mode) / self.unit,
            density=self.density,
            max_spread=max_spread_fraction * abs(self.mode) / self.unit,
        )

    def level_of(self, fit: tuple[float, float] | None, sign: float) -> PureLevel | None:
        if fit is None:
            return None
        level, spread = fit
        return PureLevel(level=sign * (self.mode + level * self.unit), spread=spread * self.unit, mode=sign * self.mode)


def _first_peak(density: NDArray[np.float64]) -> int:
    found = first_peak(density, min_height=_MIN_HEIGHT, min_prominence=_MIN_PROMINENCE)
    return int(density.argmax()) if found is None else found
