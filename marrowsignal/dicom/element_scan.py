"""Walk the elements of a data set: nothing converted, no recursion, no more memory than a window of the file."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

__all__ = ["ElementScan", "Encoding", "RawElement", "Window", "scan_elements"]

# fmt: off
_SHORT_HEADER = {vr.encode(): vr for vr in (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI",
    "UL", "US",
)}
_LONG_HEADER = {vr.encode(): vr for vr in (
    "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV",
)}
# fmt: on
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_WINDOW_BYTES = 2**14

# No header the size of these is an image's; beyond them a file is hostile or damaged.
_LONGEST_VALUE_BYTES = 2**16
_MOST_ELEMENTS = 20_000
_MOST_NESTED = 1_000_000
_DEEPEST = 64


class RawElement(NamedTuple):
    """One element as it stands in the file.

    `vr` is empty in implicit VR; `value` is None when it is longer than 64 KiB or a sequence of undefined length.
    """

    tag: int
    vr: str
    value: bytes | None
    little_endian: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Whether VRs are left out, and the byte order."""

    implicit: bool
    little_endian: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementScan:
    """What stands before the element at which a scan stopped.

    Attributes
    ----------
    elements : dict of int to RawElement
        By tag.
    stopped_at : int or None
        Tag of that element; None at the end of the file.
    place : int
        Where its value begins; where it begins itself when the scan left its group.
    length : int or None
        Length it claims; None when undefined.
    """

    elements: dict[int, RawElement]
    stopped_at: int | None
    place: int
    length: int | None


class Window:
    """The stretch of a file that is in memory, moved on when what is asked for lies beyond.

    Parameters
    ----------
    stream : file object
        The file, opened without a buffer.
    size : int
        Its length, bytes.
    """

    __slots__ = ("_size", "_stream", "data", "nested_left", "start")

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size
        self.data, self.start = stream.read(_WINDOW_BYTES), 0
        self.nested_left = _MOST_NESTED

    def index(self, place: int, count: int) -> int:
        """Return where `place` is in `data`, behind which `count` bytes must be in the file.

        Raises
        ------
        EOFError
            If they are not.
        """
        index = place - self.start
        if index < 0 or index + count > len(self.data):
            self.check(place + count)
            self._stream.seek(place)
            self.data, self.start, index = self._stream.read(max(count, _WINDOW_BYTES)), place, 0
            if len(self.data) < count:
                raise EOFError("the file has become shorter")
        return index

    def check(self, place: int) -> None:
        """Raise EOFError when the file ends before `place`."""
        if place > self._size:
            raise EOFError("the file ends within its header")

    def peek(self, place: int, count: int) -> bytes:
        """Return the bytes from `place` on, fewer than `count` at the end of the file."""
        count = max(0, min(count, self._size - place))
        index = self.index(place, count) if count else 0
        return self.data[index : index + count]

    def ends_at(self, place: int) -> bool:
        """Whether no further element fits."""
        return place + 8 > self._size


def scan_elements(
    window: Window, place: int, encoding: Encoding, *, stops: Container[int] = (), group: int | None = None
) -> ElementScan:
    """Scan the top level of a data set.

    Parameters
    ----------
    window : Window
        The file.
    place : int
        Where its first element begins.
    encoding : Encoding
        How elements are written.
    stops : container of int
        Tags at which to stop.
    group : int, optional
        Stop at the first element of another group.

    Raises
    ------
    EOFError
        If the file ends within an element.
    ValueError
        If there are more elements, or deeper sequences, than any image has.
    """
    elements: dict[int, RawElement] = {}
    little_endian = encoding.little_endian
    for _ in range(_MOST_ELEMENTS):
        if window.ends_at(place):
            return ElementScan(elements=elements, stopped_at=None, place=place, length=None)
        tag, vr, length, value_at = _head(window, place, encoding)
        if tag in stops:
            claimed = None if length == _UNDEFINED else length
            return ElementScan(elements=elements, stopped_at=tag, place=value_at, length=claimed)
        if group is not None and tag >> 16 != group:
            return ElementScan(elements=elements, stopped_at=tag, place=place, length=None)
        start = value_at - window.start
        place = value_at + length
        if start + length <= len(window.data):
            value: bytes | None = window.data[start : start + length]
        else:
            value, place = _far_value(window, (vr, length, value_at), encoding)
        elements[tag] = RawElement(tag, vr, value, little_endian)
    raise ValueError("there are more elements than any image has")


_LITTLE = struct.Struct("<HH2sH"), struct.Struct("<I")
_BIG = struct.Struct(">HH2sH"), struct.Struct(">I")


def _head(window: Window, place: int, encoding: Encoding) -> tuple[int, str, int, int]:
    """Return tag, VR, length and where the value begins."""
    index = place - window.start
    if index + 8 > len(window.data):
        index = window.index(place, 8)
    head, whole = _LITTLE if encoding.little_endian else _BIG
    group, number, vr, short = head.unpack_from(window.data, index)
    tag = group << 16 | number
    if not encoding.implicit and group != 0xFFFE:
        known = _SHORT_HEADER.get(vr)
        if known is not None:
            return tag, known, short, place + 8
        known = _LONG_HEADER.get(vr)
        if known is not None:
            index = window.index(place, 12)
            return tag, known, whole.unpack_from(window.data, index + 8)[0], place + 12
        if vr.isalpha() and vr.isupper():
            return tag, "UN", short, place + 8
    # Some writers leave the VR out of single elements.
    return tag, "", whole.unpack_from(window.data, index + 4)[0], place + 8


def _far_value(window: Window, head: tuple[str, int, int], encoding: Encoding) -> tuple[bytes | None, int]:
    """Return a value that is not in the window, and where the next element begins."""
    vr, length, place = head
    if length == _UNDEFINED:
        behind = _behind_sequence(window, place, encoding if vr != "UN" else _within_unknown(encoding))
        return (b"" if behind == place + 8 else None), behind
    if length > _LONGEST_VALUE_BYTES:
        window.check(place + length)
        return None, place + length
    index = window.index(place, length)
    return window.data[index : index + length], place + length


def _within_unknown(encoding: Encoding) -> Encoding:
    """Return how a sequence of VR UN and undefined length is written: without VRs (PS3.5 6.2.2)."""
    return Encoding(implicit=True, little_endian=encoding.little_endian)


def _behind_sequence(window: Window, place: int, encoding: Encoding) -> int:
    """Return the place behind the delimiter of a sequence of undefined length."""
    open_sequences = [encoding]
    while window.nested_left and len(open_sequences) <= _DEEPEST:
        window.nested_left -= 1
        tag, vr, length, place = _head(window, place, open_sequences[-1])
        if tag == _SEQUENCE_END:
            open_sequences.pop()
            if not open_sequences:
                return place
        elif length != _UNDEFINED:
            place += 0 if tag == _ITEM_END else length
        elif tag != _ITEM:
            open_sequences.append(_within_unknown(encoding) if vr == "UN" else open_sequences[-1])
    raise ValueError("sequences are nested deeper or are longer than in any image")
