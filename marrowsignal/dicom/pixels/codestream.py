"""The matrix that a compressed image itself claims, read before any decoder asks for memory."""

from __future__ import annotations

import struct

__all__ = ["codestream_size"]

_JPEG_2000 = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
# Start-of-frame markers of JPEG (all processes) and of JPEG-LS; DHT, JPG and DAC share their range.
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a JPEG, JPEG-LS or JPEG 2000 image claims; None for others.

    Parameters
    ----------
    frame : bytes
        One compressed frame.

    Raises
    ------
    ValueError
        If its markers are damaged.

    Examples
    --------
    >>> codestream_size(bytes.fromhex("ffd8ffc3000b0c0003000501011100"))
    (3, 5)
    """
    if frame[:4] == _JPEG_2000:
        return _jpeg_2000_size(frame)
    return _jpeg_size(frame) if frame[:2] == _JPEG else None


def _jpeg_2000_size(frame: bytes) -> tuple[int, int]:
    if len(frame) < 24:
        raise ValueError("a JPEG 2000 image ends in its header")
    width, height, left, top = struct.unpack(">4I", frame[8:24])
    return height - top, width - left


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 <= len(frame):
        if frame[place] != 0xFF:
            break
        marker = frame[place + 1]
        if marker in _FRAME_MARKERS:
            rows, columns = struct.unpack(">HH", frame[place + 5 : place + 9])
            return rows, columns
        if marker == 0xFF:  # filling
            place += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a segment
            place += 2
        else:
            place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    raise ValueError("a JPEG image has no start of frame")
