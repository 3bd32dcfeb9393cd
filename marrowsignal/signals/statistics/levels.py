"""Medians of one region or reference, and what chance and shading may have made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import NO_STIR
from marrowsignal.protocol.schema import SignalSettings
from marrowsignal.signals.statistics.bootstrap import block_bootstrap_medians, blocked_voxels

__all__ = ["Channels", "Levels", "measure_levels"]

Channels = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """T1 and STIR level of a set of voxels; where STIR may not be measured `stir` and `stir_draws` are None.

    Attributes
    ----------
    t1 : float
        Median in bias-corrected signal.
    stir : float or None
        The same of STIR.
    t1_draws : ndarray of float64, shape (draw,)
        Medians of resampled voxels, widened by the residual shading.
    stir_draws : ndarray of float64, shape (draw,), or None
        The same of STIR.
    voxels, slices : int
        What they rest on.
    volume_ml : float
        Their volume.
    no_stir : str
        Why `stir` is None where it is.
    """

    t1: float
    stir: float | None
    t1_draws: NDArray[np.float64]
    stir_draws: NDArray[np.float64] | None
    voxels: int
    slices: int
    volume_ml: float
    no_stir: str = NO_STIR

    @property
    def point(self) -> Channels:
        """T1 and STIR level for a formula; NaN stands for STIR that is not there."""
        return np.asarray(self.t1), np.asarray(np.nan if self.stir is None else self.stir)

    @property
    def draws(self) -> Channels:
        """T1 and STIR draws for a formula; NaN stands for STIR that is not there."""
        stir = np.full_like(self.t1_draws, np.nan) if self.stir_draws is None else self.stir_draws
        return self.t1_draws, stir


def measure_levels(  # noqa: PLR0913 - two images, one mask, chance and shading
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    mask: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: SignalSettings,
    sector_mm: float,
    shading: tuple[float, float],
    seed: int,
) -> Levels | None:
    """Medians and their draws.

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    stir : ndarray of float32, same shape, or None
        The same of STIR.
    mask : ndarray of bool, same shape
        Voxels measured.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : SignalSettings
        Draws and block size.
    sector_mm : float
        Edge of the sectors over which shading was measured.
    shading : tuple of float
        Residual coefficient of variation of T1 and STIR over sectors; a region that spans k sectors is moved by
        ``shading / sqrt(k)`` (SCIENCE 7.2: bias residual in quadrature).
    seed : int
        Of the random generator, so that a region's draws do not depend on the others.

    Returns
    -------
    Levels or None
        None for an empty mask.
    """
    box = _bounding_box(mask)
    if box is None:
        return None
    inner = mask[box]
    channels = (t1[box],) if stir is None else (t1[box], stir[box])
    voxels = blocked_voxels(
        channels, inner, spacing_mm=spacing_mm, block_mm=settings.bootstrap_block.value, sector_mm=sector_mm
    )
    rng = np.random.default_rng(seed)
    draws = block_bootstrap_medians(voxels, draws=int(settings.bootstrap_draws.value), rng=rng)
    spread = np.asarray(shading)[: len(draws), None] / np.sqrt(voxels.sectors)
    draws = draws * np.exp(rng.normal(size=draws.shape) * spread)
    count = int(inner.sum())
    return Levels(
        t1=float(np.median(voxels.values[0])),
        stir=None if stir is None else float(np.median(voxels.values[1])),
        t1_draws=draws[0],
        stir_draws=None if stir is None else draws[1],
        voxels=count,
        slices=int(inner.any(axis=(1, 2)).sum()),
        volume_ml=count * float(np.prod(spacing_mm)) / 1000,
    )


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice] | None:
    if not mask.any():
        return None
    spans = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        where = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(int(where[0]), int(where[-1]) + 1))
    return spans[0], spans[1], spans[2]
