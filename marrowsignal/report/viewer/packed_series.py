"""Every slice of the series as PNG, small enough for a page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.report.pictures.figures import Crop
from marrowsignal.report.pictures.orientation import DisplayOrientation
from marrowsignal.report.pictures.png import grey_png, grey_png_uri
from marrowsignal.report.viewer.grey_levels import LEVELS, LevelScale, level_scale

__all__ = ["PackedSeries", "Shown", "SourceSeries", "pack_series"]

_STATED_STEPS = 200  # of the body's range, where noise was not measured
_PROBED_SLICES = 6
_BASE64 = 4 / 3
# Voxels to a side averaged into one, and the least step as a share of a voxel's noise: the first that fits.
_LADDER = ((1, 0.5), (1, 1.0), (1, 1.5), (2, 1.0), (3, 1.0), (4, 1.0), (6, 1.0), (8, 1.0), (16, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How stored slices are shown: turned, then cropped."""

    orientation: DisplayOrientation
    crop: Crop

    def apply(self, plane: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return one stored slice as the viewer shows it."""
        crop = self.crop
        return self.orientation.apply(plane)[crop.top : crop.bottom, crop.left : crop.right]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSeries:
    """A series to be packed.

    Attributes
    ----------
    array : ndarray of float32, shape (slice, row, column)
        Signal.
    known : ndarray of bool, same shape
        Where it holds a signal.
    body_range : tuple of float
        Low and high signal of the body.
    noise : float or None
        Noise SD in the same units; None when it was not measured.
    """

    array: NDArray[np.float32]
    known: NDArray[np.bool_]
    body_range: tuple[float, float]
    noise: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedSeries:
    """A series as the page holds it.

    Attributes
    ----------
    scale : LevelScale
        What grey levels mean.
    factor : int
        Voxels to a side of a slice that were averaged into one pixel.
    noise_share : float or None
        Finest step as a share of the noise of a voxel; None when noise was not measured.
    uris : tuple of str
        One PNG a slice.
    """

    scale: LevelScale
    factor: int
    noise_share: float | None
    uris: tuple[str, ...]


def pack_series(sources: tuple[SourceSeries, ...], shown: Shown, *, budget_bytes: int) -> tuple[PackedSeries, ...]:
    """Pack series together so that they fit a number of bytes.

    Full resolution with steps of half the noise, then of the whole noise; only then voxels are averaged in plane, in
    all series alike.

    Parameters
    ----------
    sources : tuple of SourceSeries
        Series on one grid.
    shown : Shown
        How their slices are shown.
    budget_bytes : int
        For all together. Held within a few percent, or by the coarsest pixels there are.

    Returns
    -------
    tuple of PackedSeries
        In the same order.
    """
    factor, share = next((s for s in _LADDER if _expected(sources, shown, s) <= budget_bytes), _LADDER[-1])
    return tuple(_packed(source, shown, factor, share) for source in sources)


def _expected(sources: tuple[SourceSeries, ...], shown: Shown, setting: tuple[int, float]) -> float:
    """Bytes that all slices will take, from some of them."""
    slices = sources[0].array.shape[0]
    probed = np.unique(((np.arange(_PROBED_SLICES) + 0.5) * slices / _PROBED_SLICES).astype(int))
    size = 0.0
    for source in sources:
        scale = _scale(source, setting[1])
        size += sum(len(grey_png(_pixels(source, shown, int(i), setting[0], scale))) for i in probed)
    return float(size * _BASE64 * slices / len(probed))


def _packed(source: SourceSeries, shown: Shown, factor: int, share: float) -> PackedSeries:
    scale = _scale(source, share)
    return PackedSeries(
        scale=scale,
        factor=factor,
        noise_share=None if source.noise is None else scale.step / source.noise,
        uris=tuple(grey_png_uri(_pixels(source, shown, i, factor, scale)) for i in range(source.array.shape[0])),
    )


def _scale(source: SourceSeries, share: float) -> LevelScale:
    low, high = source.body_range
    noise = source.noise or 2 * (high - low) / _STATED_STEPS
    lowest, highest = _extremes(source.array)
    highest = max(highest, lowest + noise)
    even = (highest - lowest) / (LEVELS - 1)
    # Even steps as long as they are finer than the noise; only a wider range gets coarser ones in bright signal.
    step = max(share * noise, even) if even <= noise else max(share, 1.0) * noise
    return level_scale(lowest, highest, step=step)


def _extremes(array: NDArray[np.float32]) -> tuple[float, float]:
    lowest, highest = float(array.min()), float(array.max())
    if np.isfinite(lowest) and np.isfinite(highest):
        return lowest, highest
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _pixels(source: SourceSeries, shown: Shown, index: int, factor: int, scale: LevelScale) -> NDArray[np.uint8]:
    signal = np.asarray(shown.apply(source.array[index]), np.float32)
    known = np.asarray(shown.apply(source.known[index]), bool)
    if factor > 1:
        signal, known = _averaged(np.where(known & np.isfinite(signal), signal, np.nan), factor)
    return scale.levels(signal, known=known)


def _averaged(signal: NDArray[np.float32], factor: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean of the known voxels of each block; blocks at the far edges may be partly outside."""
    rows, columns = (-(-n // factor) * factor for n in signal.shape)
    padded = np.full((rows, columns), np.nan, np.float32)
    padded[: signal.shape[0], : signal.shape[1]] = signal
    blocks = padded.reshape(rows // factor, factor, columns // factor, factor)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, np.float32(0)).sum(axis=(1, 3))
    return np.asarray(total / np.maximum(count, 1), np.float32), count > 0
