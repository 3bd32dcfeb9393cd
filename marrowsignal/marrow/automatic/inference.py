"""The network's answer for a whole study: every slice with its neighbours, seen in several ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from marrowsignal.marrow.automatic.appearance import (
    NETWORK_PIXEL_MM,
    STIR_NEIGHBOURS,
    T1_NEIGHBOURS,
    appearance,
)
from marrowsignal.marrow.automatic.slices import Display, resampled

__all__ = ["ALL_VIEWS", "STRAIGHT_AND_MIRRORED", "Belief", "View", "believe"]

Images = NDArray[np.float32]
Network = Callable[[Images], Images]
# size against the network's own, and whether left and right are swapped
View = tuple[float, bool]
STRAIGHT_AND_MIRRORED: tuple[View, ...] = ((1.0, False), (1.0, True))
ALL_VIEWS: tuple[View, ...] = (*STRAIGHT_AND_MIRRORED, (0.87, False), (1.15, True))
# the network has seen slices 3 to 6 mm apart
_NEIGHBOUR_MM = 4.2
_BRIGHT_PERCENTILE = 97.0
_MULTIPLE = 16
_BATCH = 8
_SAGITTAL = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Belief:
    """What the network takes a study for.

    Attributes
    ----------
    shares : ndarray of float32, shape (class, slice, row, column)
        Mean probability of each class, on display at `pixel_mm`.
    views : ndarray of uint8, shape (view, slice, row, column)
        The most likely class as seen in each way.
    pixel_mm : float
        Distance of rows and of columns.
    """

    shares: Images
    views: NDArray[np.uint8]
    pixel_mm: float

    @property
    def agreement(self) -> float:
        """Mean Dice of bone in each view against bone in the mean of all; 0 where there is none."""
        bone = self.shares.argmax(axis=0) > 0
        seen = self.views > 0
        both = (seen & bone).sum(axis=(1, 2, 3), dtype=np.float64)
        sizes = seen.sum(axis=(1, 2, 3), dtype=np.float64) + bone.sum()
        return float(np.mean(2.0 * both / np.maximum(sizes, 1.0)))


def believe(
    network: Network, t1: Images, stir: Images | None, *, display: Display, views: tuple[View, ...] = ALL_VIEWS
) -> Belief:
    """Ask the network about a study, straight and mirrored, at several sizes.

    Parameters
    ----------
    network : callable
        Takes images (batch, channel, row, column) to probabilities (batch, class, row, column).
    t1 : ndarray of float32, shape (slice, row, column)
        T1 on display.
    stir : ndarray of float32 or None
        STIR on the same grid.
    display : Display
        Spacing and plane.
    views : tuple of View
        Ways of seeing it: sizes, straight or mirrored.

    Returns
    -------
    Belief
        Mean over the ways of seeing it, and each of them.
    """
    extent = [n * mm for n, mm in zip(t1.shape[1:], display.spacing_mm[1:], strict=True)]
    base = _pixels(extent, NETWORK_PIXEL_MM)
    together: Images = np.zeros(1, np.float32)
    likeliest = []
    for scale, of_scale in groupby(views, key=itemgetter(0)):
        pixel = NETWORK_PIXEL_MM * scale
        images = _images(t1, stir, display=display, pixel_mm=pixel, shape=_pixels(extent, pixel))
        for _, mirrored in of_scale:
            seen = _ask(network, _mirror(images, display) if mirrored else images, display)
            seen = _mirror(seen, display) if mirrored else seen
            if pixel != NETWORK_PIXEL_MM:
                new_mm = (NETWORK_PIXEL_MM, NETWORK_PIXEL_MM)
                seen = resampled(seen, pixel_mm=(pixel, pixel), new_mm=new_mm, shape=base)
            together = np.asarray(together + seen)
            likeliest.append(seen.argmax(axis=1).astype(np.uint8))
    return Belief(
        shares=np.moveaxis(together / np.float32(len(views)), 1, 0),
        views=np.stack(likeliest),
        pixel_mm=NETWORK_PIXEL_MM,
    )


def _pixels(extent_mm: list[float], pixel_mm: float) -> tuple[int, int]:
    return max(1, round(extent_mm[0] / pixel_mm)), max(1, round(extent_mm[1] / pixel_mm))


def _mirror(images: Images, display: Display) -> Images:
    """Swap the patient's left and right: the slices of a sagittal stack, the columns of any other."""
    return images[::-1] if display.plane == _SAGITTAL else images[..., ::-1]


def _ask(network: Network, images: Images, display: Display) -> Images:
    """Ask slice by slice, each with its neighbours, padded to what the network can halve."""
    count, _, rows, columns = images.shape
    margin = [(0, 0), (0, 0), (0, -rows % _MULTIPLE), (0, -columns % _MULTIPLE)]
    padded = np.pad(images, margin, constant_values=0.0)
    answers = []
    for first in range(0, count, _BATCH):
        middles = np.arange(first, min(first + _BATCH, count))
        answers.append(network(_with_neighbours(padded, middles, display)))
    return np.asarray(np.concatenate(answers)[..., :rows, :columns])


def _with_neighbours(images: Images, middles: NDArray[np.int64], display: Display) -> Images:
    """Channels of some slices: T1 of the slice and its neighbours, STIR of the same, direction of the normal."""
    step = max(1, round(_NEIGHBOUR_MM / display.spacing_mm[0]))
    last = len(images) - 1
    parts = []
    for (low, high), offsets in zip(((0, 2), (2, 4)), (T1_NEIGHBOURS, STIR_NEIGHBOURS), strict=True):
        parts += [images[np.clip(middles + step * offset, 0, last), low:high] for offset in offsets]
    normal = np.abs(np.asarray(display.normal_lps, np.float32))[None, :, None, None]
    parts.append(np.broadcast_to(normal, (len(middles), 3, *images.shape[2:])))
    return np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)


def _images(t1: Images, stir: Images | None, *, display: Display, pixel_mm: float, shape: tuple[int, int]) -> Images:
    """Appearance of T1 and STIR at one size, shape (slice, 4, row, column); STIR is 0 where there is none."""
    both = [_seen(t1, display, pixel_mm, shape)]
    both.append(np.zeros_like(both[0]) if stir is None else _seen(stir, display, pixel_mm, shape))
    return np.concatenate(both, axis=1)


def _seen(stack: Images, display: Display, pixel_mm: float, shape: tuple[int, int]) -> Images:
    small = resampled(
        stack, pixel_mm=(display.spacing_mm[1], display.spacing_mm[2]), new_mm=(pixel_mm, pixel_mm), shape=shape
    )
    level = max(float(np.percentile(small, _BRIGHT_PERCENTILE)), float(np.finfo(np.float32).tiny))
    return appearance(small, level=level, pixel_mm=NETWORK_PIXEL_MM)
