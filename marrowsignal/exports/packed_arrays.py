"""Arrays made small without loss, before they are compressed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["packed_field", "packed_mask", "unpacked_field", "unpacked_mask"]


def packed_mask(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return one bit a voxel."""
    return np.packbits(mask)


def unpacked_mask(packed: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return what `packed_mask` was given."""
    count = int(np.prod(shape))
    return np.unpackbits(np.asarray(packed, np.uint8), count=count).astype(bool).reshape(shape)


def packed_field(field: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the bytes of a smooth field, ordered so that they compress.

    Neighbours of a smooth field differ in the last bits only: what is kept are second differences of the bit
    patterns along rows, modulo 2**32, their bytes sorted by significance.

    Examples
    --------
    >>> field = np.linspace(0.8, 1.3, 24, dtype=np.float32).reshape(2, 3, 4)
    >>> bool(np.array_equal(unpacked_field(packed_field(field), field.shape), field))
    True
    """
    bits = np.ascontiguousarray(field, np.float32).view(np.uint32).reshape(-1)
    for _ in range(2):
        bits = np.diff(bits, prepend=np.uint32(0))
    return np.ascontiguousarray(bits.astype("<u4").view(np.uint8).reshape(-1, 4).T).reshape(-1)


def unpacked_field(packed: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return what `packed_field` was given."""
    planes = np.asarray(packed, np.uint8).reshape(4, -1)
    bits = np.ascontiguousarray(planes.T).reshape(-1).view("<u4").astype(np.uint32)
    for _ in range(2):
        bits = np.cumsum(bits, dtype=np.uint32)
    return bits.view(np.float32).reshape(shape)
