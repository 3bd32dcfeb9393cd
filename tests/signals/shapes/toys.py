"""Solids of known measures on a grid of thick slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol

SPACING = (3.3, 0.6, 0.6)
SHAPE = (11, 121, 121)
GENERIC: Protocol = load_protocol("generic")
SHAPES = GENERIC.shapes


def coordinates() -> tuple[NDArray, NDArray, NDArray]:
    """Slice, row and column position from the middle, mm."""
    z, y, x = ((np.arange(n) - n // 2) * step for n, step in zip(SHAPE, SPACING, strict=True))
    return np.broadcast_arrays(z[:, None, None], y[None, :, None], x[None, None, :])


def radius() -> NDArray:
    z, y, x = coordinates()
    return np.sqrt(z**2 + y**2 + x**2)


def blurred_column(radius_mm: float, sd_mm: float) -> NDArray[np.float32]:
    """A cylinder along the slices, 1 inside and 0 outside, whose wall is an error function of SD `sd_mm`."""
    _, y, x = coordinates()
    return np.asarray(ndtr((radius_mm - np.hypot(y, x)) / sd_mm), np.float32)
