"""Walk the elements of a data set: nothing converted, no recursion, no more memory than a window of the file."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from marrowsignal.dicom.headers.byte_window import Window

__all__ = ["ElementScan", "Encoding", "RawElement", "scan_elements", "scan_items"]

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

# No header the size of these is an image's; beyond them a file is hostile or damaged.
_LONGEST_VALUE_BYTES = 2**16
_MOST_ELEMENTS = 20_000
_DEEPEST = 64


class RawElement(NamedTuple):
    """One element as it stands in the file.

    `vr` is empty in implicit VR; `value` is None when it is longer than 64 KiB or a sequence of undefined length;
    `place` and `length` say where it lies.
    """

    tag: int
    vr: str
    value: bytes | None
    little_endian: bool
    place: int
    length: int


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


def scan_elements(
    window: Window,
    place: int,
    encoding: Encoding,
    *,
    stops: Container[int] = (),
    group: int | None = None,
    end: int | None = None,
) -> ElementScan:
    """Scan one level of a data set.

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
    end : int, optional
        Stop there; by default at the end of the file.

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
        if window.ends_at(place) or (end is not None and place >= end):
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
        elements[tag] = RawElement(tag, vr, value, little_endian, value_at, length)
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


def scan_items(window: Window, element: RawElement, encoding: Encoding, *, most: int) -> list[dict[int, RawElement]]:
    """Scan the items of a sequence.

    Parameters
    ----------
    window : Window
        The file, or its beginning.
    element : RawElement
        The sequence.
    encoding : Encoding
        How the data set around it is written.
    most : int
        Stop after this many items.

    Raises
    ------
    EOFError, ValueError
        If the sequence is damaged, or longer than in any image.
    """
    undefined = element.length == _UNDEFINED
    inner = _within_unknown(encoding) if undefined and element.vr == "UN" else encoding
    place = element.place
    items: list[dict[int, RawElement]] = []
    end = None if undefined else element.place + element.length
    while len(items) < most and (end is None or place < end):
        tag, _, length, place = _head(window, place, inner)
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM:
            raise ValueError("a sequence holds something else than items")
        if length == _UNDEFINED:
            scan = scan_elements(window, place, inner, stops=(_ITEM_END,))
            place = scan.place
        else:
            scan = scan_elements(window, place, inner, end=place + length)
            place += length
        items.append(scan.elements)
    return items


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
