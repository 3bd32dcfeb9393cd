"""JPEG Lossless, process 14, selection value 1 (ITU-T T.81 annex H): the usual archive compression of MR."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_jpeg_lossless"]

# Code lengths of the 17 difference categories: a valid prefix code that leaves the code of ones free.
_CODE_LENGTHS = (3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12)


def _codes() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Code and length by category, and the categories in the order of their codes (T.81 annex C)."""
    lengths = np.array(_CODE_LENGTHS)
    order = np.argsort(lengths, kind="stable")
    codes = np.zeros(len(lengths), dtype=np.int64)
    code, length = 0, int(lengths[order[0]])
    for category in order:
        code <<= int(lengths[category]) - length
        length = int(lengths[category])
        codes[category] = code
        code += 1
    return codes, lengths, order.astype(np.uint8)


def _differences(pixels: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Differences to the left neighbour; first column to the one above; first pixel to half the range."""
    difference = np.diff(pixels, axis=1, prepend=0)
    difference[1:, 0] = np.diff(pixels[:, 0])
    difference[0, 0] = pixels[0, 0] - (1 << (bits - 1))
    # differences count modulo 2**16, between -32767 and 32768
    return np.asarray((difference + 32767) % 65536 - 32767)


def _bit_stream(difference: NDArray[np.int64]) -> bytes:
    codes, lengths, _ = _codes()
    size = np.zeros(difference.shape, dtype=np.int64)
    magnitude = np.abs(difference)
    for bit in range(16):
        size[magnitude >= (1 << bit)] = bit + 1
    # category 16 (a difference of 32768) has no further bits
    extra = np.where(size == 16, 0, size)
    low = np.where(difference < 0, difference + (1 << size) - 1, difference) & ((1 << extra) - 1)
    word = (codes[size] << extra) | low
    count = lengths[size] + extra
    places = np.arange(28)
    # each word's bits, most significant first, without the places it does not use
    bits = (word[:, None] >> np.maximum(count[:, None] - 1 - places, 0)) & 1
    stream = bits[places < count[:, None]].astype(np.uint8)
    padding = np.ones(-len(stream) % 8, dtype=np.uint8)
    packed = np.packbits(np.concatenate([stream, padding])).tobytes()
    return packed.replace(b"\xff", b"\xff\x00")


def encode_jpeg_lossless(pixels: NDArray[np.generic], *, bits: int = 16) -> bytes:
    """Encode one grey image.

    Parameters
    ----------
    pixels : ndarray of unsigned int, shape (row, column)
        Stored values.
    bits : int
        Precision, 2 to 16.

    Returns
    -------
    bytes
        A whole JPEG stream of even length.

    Examples
    --------
    >>> encode_jpeg_lossless(np.zeros((2, 2), dtype=np.uint16))[:2].hex()
    'ffd8'
    """
    rows, columns = pixels.shape
    _, lengths, order = _codes()
    counts = bytes(int(np.sum(lengths == n)) for n in range(1, 17))
    frame = struct.pack(">BHHB3B", bits, rows, columns, 1, 1, 0x11, 0)
    table = b"\x00" + counts + order.tobytes()
    scan = struct.pack(">B2B3B", 1, 1, 0, 1, 0, 0)
    segments = b"".join(
        marker + struct.pack(">H", len(body) + 2) + body
        for marker, body in ((b"\xff\xc3", frame), (b"\xff\xc4", table), (b"\xff\xda", scan))
    )
    stream = b"\xff\xd8" + segments + _bit_stream(_differences(pixels.astype(np.int64), bits).ravel()) + b"\xff\xd9"
    return stream + b"\x00" * (len(stream) % 2)
