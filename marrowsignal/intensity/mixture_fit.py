"""Pure and mixed voxels told apart in many histograms at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["HistogramEnd", "fit_mixtures"]

# in half widths of the peak's clean side: start, lowest and highest of level and spread, then of the three shares
_START = (-0.3, 0.7, 0.7, 0.2, 0.05)
_LOWEST = (-2.5, 0.05, 0.0, 0.0, 0.0)
_HIGHEST = (0.5, 2.0, 2.0, 2.0, 2.0)
_MAX_STEPS = 500
_SETTLED = 1e-9
_DAMPING, _LEAST_DAMPING = 1e-2, 1e-9
_EASIER, _HARDER = 0.2, 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistogramEnd:
    """The clean end of a histogram, up to just beyond its first peak.

    Attributes
    ----------
    at : ndarray of float64, shape (bin,)
        Middles of the bins from the peak on, in half widths of its clean side.
    density : ndarray of float64, shape (bin,)
        Counts over those of the peak.
    max_spread : float
        Largest spread of the pure tissue, in half widths.
    """

    at: NDArray[np.float64]
    density: NDArray[np.float64]
    max_spread: float


def fit_mixtures(ends: Sequence[HistogramEnd]) -> list[tuple[float, float] | None]:
    """Fit each histogram by a Gaussian plus a step and a ramp that begin at its level, all blurred by its spread.

    Parameters
    ----------
    ends : sequence of HistogramEnd
        What is fitted; every one on its own.

    Returns
    -------
    list of (float, float) or None
        Level and spread of the Gaussian in half widths, of the least squares within bounds that a damped Gauss-Newton
        descent leads to (Levenberg-Marquardt, its steps cut at the bounds). None where it does not settle.
    """
    if not ends:
        return []
    curves = _Curves.of(ends)
    spreads = np.maximum(np.minimum(_HIGHEST[1], [end.max_spread for end in ends]), 2 * _LOWEST[1])
    highest = np.tile(_HIGHEST, (len(ends), 1))
    highest[:, 1] = spreads
    shapes = np.tile(_START, (len(ends), 1))
    shapes[:, 1] = np.minimum(_START[1], 0.9 * spreads)
    settled = _descend(curves, shapes, highest)
    return [(float(s[0]), float(s[1])) if done else None for s, done in zip(shapes, settled, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curves:
    """Histograms side by side, shape (curve, bin); what a shorter one lacks counts nothing."""

    at: NDArray[np.float64]
    density: NDArray[np.float64]
    known: NDArray[np.float64]

    @classmethod
    def of(cls, ends: Sequence[HistogramEnd]) -> Self:
        longest = max(end.at.size for end in ends)
        at, density, known = (np.zeros((len(ends), longest)) for _ in range(3))
        for row, end in enumerate(ends):
            at[row, : end.at.size], density[row, : end.at.size], known[row, : end.at.size] = end.at, end.density, 1.0
        return cls(at=at, density=density, known=known)

    def chosen(self, which: NDArray[np.intp]) -> Self:
        return type(self)(at=self.at[which], density=self.density[which], known=self.known[which])

    def misfit(self, shapes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Residuals, shape (curve, bin), and their slopes by each parameter, shape (5, curve, bin)."""
        level, spread, pure, mixed, more = shapes.T[:, :, None]
        z = (self.at - level) / spread
        bell, risen = np.exp(-0.5 * z * z), ndtr(z)
        normal = bell / np.sqrt(2.0 * np.pi)
        ramp = spread * (z * risen + normal)
        along = (mixed * normal - pure * z * bell) / spread
        slopes = np.stack([-along - more * risen, more * normal - along * z, bell, risen, ramp])
        return (pure * bell + mixed * risen + more * ramp - self.density) * self.known, slopes * self.known


def _descend(curves: _Curves, shapes: NDArray[np.float64], highest: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Move every shape to its best fit, in place; tell which have settled."""
    settled = np.zeros(len(shapes), bool)
    damping = np.full(len(shapes), _DAMPING)
    going = np.arange(len(shapes))
    residual, slopes = curves.misfit(shapes)
    for _ in range(_MAX_STEPS):
        steps = _steps(residual, slopes, shapes[going], highest[going], damping[going])
        tried = np.clip(shapes[going] + steps, _LOWEST, highest[going])
        new_residual, new_slopes = curves.misfit(tried)
        better = _squares(new_residual) < _squares(residual)
        moved = np.abs(tried - shapes[going]).max(axis=1)
        shapes[going[better]] = tried[better]
        residual[better], slopes[:, better] = new_residual[better], new_slopes[:, better]
        damping[going] = np.where(
            better, np.maximum(_EASIER * damping[going], _LEAST_DAMPING), _HARDER * damping[going]
        )
        on = moved > _SETTLED
        if not on.all():
            settled[going[~on]] = True
            going, curves = going[on], curves.chosen(np.flatnonzero(on))
            residual, slopes = residual[on], slopes[:, on]
        if not going.size:
            break
    return settled


def _steps(
    residual: NDArray[np.float64],
    slopes: NDArray[np.float64],
    shapes: NDArray[np.float64],
    highest: NDArray[np.float64],
    damping: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Damped Gauss-Newton steps; a parameter pushed against its bound rests."""
    pull = np.einsum("icp,cp->ci", slopes, residual)
    system = np.einsum("icp,jcp->cij", slopes, slopes)
    free = ~(((shapes <= _LOWEST) & (pull > 0)) | ((shapes >= highest) & (pull < 0)))
    system *= free[:, :, None] & free[:, None, :]
    own = np.arange(shapes.shape[1])
    scale = system[:, own, own]
    # a parameter that rests, or that nothing tells about, keeps an equation of its own
    system[:, own, own] = np.where(free & (scale > 0), scale * (1.0 + damping[:, None]), 1.0)
    return np.asarray(-np.linalg.solve(system, (pull * free)[:, :, None])[:, :, 0])


def _squares(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("cp,cp->c", residual, residual))
