"""Grey pictures as PNG: the same bytes for the same pixels."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["grey_png", "grey_png_uri"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PAETH = 4
_WINDOW_BITS, _MEMORY = 15, 9


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a grey image as PNG.

    Every row is predicted by Paeth's filter and what is left is coded without a search for repeats, of which noise
    has none: as small as what a searching encoder makes of an MR image, ten times as fast.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (row, column)
        The image.
    """
    rows, columns = pixels.shape
    filtered = np.empty((rows, columns + 1), np.uint8)
    filtered[:, 0] = _PAETH
    filtered[:, 1:] = pixels - _paeth_prediction(pixels)
    coder = zlib.compressobj(1, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, zlib.Z_RLE)
    data = coder.compress(filtered.tobytes()) + coder.flush()
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)  # 8 bits, grey, not interlaced
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def grey_png_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode a grey image as a ``data:`` URI."""
    return "data:image/png;base64," + base64.b64encode(grey_png(pixels)).decode("ascii")


def _paeth_prediction(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of the pixels to the left, above and above left the one nearest to left + above - above left (PNG, 2003, 9.4)."""
    around = np.zeros((pixels.shape[0] + 1, pixels.shape[1] + 1), np.int16)
    around[1:, 1:] = pixels
    left, above, corner = around[1:, :-1], around[:-1, 1:], around[:-1, :-1]
    to_left, to_above = np.abs(above - corner), np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    up_or_corner = np.where(to_above <= to_corner, above, corner)
    predicted = np.where((to_left <= to_above) & (to_left <= to_corner), left, up_or_corner)
    return predicted.astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
