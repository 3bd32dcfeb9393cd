"""Medians of one region or reference, and what chance, shading, registration and borders may have made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from marrowsignal.alignment.records import NO_STIR
from marrowsignal.protocol.schema import SignalSettings
from marrowsignal.signals.statistics.bootstrap import blocked_voxels, median_draws, share_errors
from marrowsignal.signals.statistics.displaced import border_change, shift_spread

__all__ = ["Channels", "Images", "LevelErrors", "Levels", "measure_levels"]

Channels = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """What is measured, on one grid.

    Attributes
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected, contiguous.
    stir : ndarray of float32, same shape, or None
        The same of STIR.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    sector_mm : float
        Edge of the sectors over which residual shading was measured.
    """

    t1: NDArray[np.float32]
    stir: NDArray[np.float32] | None
    spacing_mm: tuple[float, float, float]
    sector_mm: float

    @property
    def channels(self) -> tuple[NDArray[np.float32], ...]:
        """T1, and STIR where there is one."""
        return (self.t1,) if self.stir is None else (self.t1, self.stir)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelErrors:
    """What resampled voxels cannot tell.

    Attributes
    ----------
    shading : tuple of float
        Residual coefficient of variation of T1 and STIR over sectors; a region that spans k sectors is moved by
        ``shading / sqrt(k)`` (SCIENCE 7.2: bias residual in quadrature).
    whole : tuple of float
        Standard deviation of the level itself, as a fraction, however large the tissue is: what was taken for a
        reference is not all pure, and shading inside bones is not that of muscle around them.
    whole_seed : int
        Levels of the same number share that error: it cancels between two regions of marrow.
    shift_mm : float
        By how much STIR may lie off T1, in a direction that is not known.
    """

    shading: tuple[float, float] = (0.0, 0.0)
    whole: tuple[float, float] = (0.0, 0.0)
    whole_seed: int = 0
    shift_mm: float = 0.0


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
        Medians of resampled voxels, widened by everything of `LevelErrors` and by a border one voxel off.
    stir_draws : ndarray of float64, shape (draw,), or None
        The same of STIR.
    voxels, slices : int
        What they rest on.
    volume_ml : float
        Their volume.
    t1_ordered : ndarray of float32, shape (voxel,)
        All values, ascending.
    stir_ordered : ndarray of float32, shape (voxel,), or None
        The same of STIR.
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
    t1_ordered: NDArray[np.float32]
    stir_ordered: NDArray[np.float32] | None
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


def measure_levels(  # noqa: PLR0913 - images, voxels, their border, and three sources of error
    images: Images,
    index: NDArray[np.int64],
    *,
    settings: SignalSettings,
    errors: LevelErrors,
    seed: int,
    borders: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    turned: bool = False,
) -> Levels | None:
    """Medians and their draws.

    Parameters
    ----------
    images : Images
        T1 and STIR.
    index : ndarray of int64, shape (voxel,)
        Flat index of the voxels measured, in any order.
    settings : SignalSettings
        Draws and block size.
    errors : LevelErrors
        Everything but chance and border.
    seed : int
        Of the random generator, so that a region's draws do not depend on the others.
    borders : tuple of ndarray of int64, shape (voxel,), optional
        Flat index of the voxels within a border one voxel farther in, and within one farther out: the ends of the
        same interval as that of `settings`. None where the border is not in question.
    turned : bool
        Draw the second half first. Two sides of one seed, one of them turned, are independent, and a mirrored patient
        has the mirrored draws.

    Returns
    -------
    Levels or None
        None without voxels. On the log scale the draws add up, each normal: sampling of blocks and slices (T1 and
        STIR together), residual shading, the level's own error, registration (STIR), and the border (T1 and STIR
        together: who takes in the cortex darkens one and may brighten the other).
    """
    if index.size == 0:
        return None
    voxels = blocked_voxels(
        images.channels,
        index,
        shape=images.t1.shape,
        spacing_mm=images.spacing_mm,
        block_mm=settings.bootstrap_block.value,
        sector_mm=images.sector_mm,
    )
    ordered = tuple(np.sort(values) for values in voxels.values)
    medians = tuple(_middle(values) for values in ordered)
    rng = np.random.default_rng(seed)
    draws = median_draws(ordered, *share_errors(voxels, medians), draws=int(settings.bootstrap_draws.value), rng=rng)
    own = np.asarray(errors.shading) / np.sqrt(voxels.sectors)
    if images.stir is not None:
        own[1] = np.hypot(own[1], shift_spread(images.stir, index, spacing_mm=images.spacing_mm, mm=errors.shift_mm))
    off = rng.standard_normal(draws.shape) * own[: len(draws), None]
    if borders is not None:
        inner, outer = borders
        # Of a thin region nothing is left a voxel farther in: one step out instead of half of two.
        change = border_change(images.channels, inner if inner.size else index, outer) * (1 if inner.size else 2)
        # One voxel either way is where the interval ends, not one standard deviation.
        reach = change / ndtri(0.5 + 0.5 * settings.interval_level.value)
        off += reach[:, None] * rng.standard_normal(draws.shape[1])
    draws = draws * np.exp(off)
    if turned:
        draws = np.roll(draws, draws.shape[1] // 2, axis=1)
    shared = np.random.default_rng(errors.whole_seed).standard_normal((2, draws.shape[1]))
    draws = draws * np.exp(shared * np.asarray(errors.whole)[:, None])[: len(draws)]
    plane = int(np.prod(images.t1.shape[1:]))
    return Levels(
        t1=medians[0],
        stir=None if images.stir is None else medians[1],
        t1_draws=draws[0],
        stir_draws=None if images.stir is None else draws[1],
        voxels=index.size,
        slices=int(np.count_nonzero(np.bincount(index // plane))),
        volume_ml=index.size * float(np.prod(images.spacing_mm)) / 1000,
        t1_ordered=ordered[0],
        stir_ordered=None if images.stir is None else ordered[1],
    )


def _middle(ordered: NDArray[np.float32]) -> float:
    half = len(ordered) // 2
    return float(0.5 * (float(ordered[half]) + float(ordered[-half - 1])))
