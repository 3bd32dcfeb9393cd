"""Scan the top level of one DICOM file: raw elements up to the pixels, and where the pixels lie.

Nothing is converted here and nested sequences stay bytes, so ten thousand headers cost seconds.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from marrowsignal.dicom.headers.byte_window import Window
from marrowsignal.dicom.headers.element_scan import ElementScan, Encoding, RawElement, scan_elements
from marrowsignal.dicom.headers.header_values import RawValues

__all__ = ["DEFLATED", "ScannedHeader", "header_bytes", "inflated", "scan_header", "scan_study_uid"]

DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT = "1.2.840.10008.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_PREAMBLE_BYTES = 132
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_ITEM = b"\xfe\xff\x00\xe0"
# Frames may be cut into several fragments; the longest series have some thousand frames.
_MOST_FRAGMENTS = 100_000
_META_GROUP, _TRANSFER_SYNTAX_UID = 0x0002, 0x00020010
_SOP_CLASS_UID, _MODALITY, _STUDY_INSTANCE_UID = 0x00080016, 0x00080060, 0x0020000D

# A data set larger than this when inflated is hostile or damaged.
_MOST_INFLATED_BYTES = 128 * 2**20
_MOST_HEADER_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedHeader:
    """What stands before the pixels of one file.

    Attributes
    ----------
    elements : mapping of int to RawElement
        By tag.
    transfer_syntax : str
        Transfer syntax UID; guessed from the first element where the file has no meta information.
    pixel_tag : int or None
        Tag of the pixel element; None when there is none.
    pixel_offset : int
        Where its value begins in the file, bytes; in the inflated data set of a deflated file.
    pixel_bytes : int or None
        Length the element claims; None when undefined (encapsulated).
    bytes_left : int
        Bytes that really follow `pixel_offset`.
    bytes_missing : int
        Bytes that the fragments of encapsulated pixels claim beyond the end of the file.
    encoding : Encoding
        How the data set is written.
    """

    elements: Mapping[int, RawElement]
    transfer_syntax: str
    pixel_tag: int | None
    pixel_offset: int
    pixel_bytes: int | None
    bytes_left: int
    bytes_missing: int
    encoding: Encoding


def scan_header(path: Path, stream: BinaryIO | None = None) -> ScannedHeader:
    """Scan the header of one file.

    Parameters
    ----------
    path : Path
        A DICOM file, with or without preamble and file meta information.
    stream : file object, optional
        The same file, open already: on a share each opening is a wait.

    Raises
    ------
    Exception
        Any of `marrowsignal.dicom.headers.header_values.UNREADABLE` when the file is damaged.
    """
    with path.open("rb", buffering=0) if stream is None else nullcontext(stream) as file:
        size = os.fstat(file.fileno()).st_size
        window = Window(file, size)
        syntax, place = _transfer_syntax(window)
        if syntax != DEFLATED:
            return _scan(window, size, syntax, place)
        data = _inflate(file, place)
        return _scan(Window.over(data), len(data), syntax, 0)


class _BehindStudy:
    """Elements that come after StudyInstanceUID in a file that keeps their order."""

    def __contains__(self, tag: object) -> bool:
        return isinstance(tag, int) and tag > _STUDY_INSTANCE_UID


_BEHIND_STUDY = _BehindStudy()


def scan_study_uid(stream: BinaryIO, size: int, start: bytes = b"") -> str | None:
    """Return the StudyInstanceUID of one file, with no more of it read than stands before.

    Parameters
    ----------
    stream : file object
        A DICOM file, with or without preamble and file meta information, opened without a buffer.
    size : int
        Its length, bytes.
    start : bytes
        Its beginning, where that was read already.

    Returns
    -------
    str or None
        Empty where the file has none; None where it only begins like a data set.

    Raises
    ------
    Exception
        Any of `marrowsignal.dicom.headers.header_values.UNREADABLE` when the file is damaged before it.
    """
    window = Window(stream, size)
    window.data = start
    is_file = window.peek(128, 4) == b"DICM"
    syntax, place = _transfer_syntax(window)
    if syntax == DEFLATED:
        data = _inflate(stream, place)
        window, size, place = Window.over(data), len(data), 0
    encoding = Encoding(implicit=_really_implicit(window.peek(place, 6), syntax), little_endian=syntax != _BIG_ENDIAN)
    elements = scan_elements(window, place, encoding, stops=_BEHIND_STUDY).elements
    if _STUDY_INSTANCE_UID not in elements:
        # Some writers do not keep the order.
        elements = scan_elements(window, place, encoding, stops=_PIXELS).elements
    if _STUDY_INSTANCE_UID not in elements and _SOP_CLASS_UID not in elements and _MODALITY not in elements:
        if is_file:
            raise EOFError("the file ends before it says anything")
        return None
    return RawValues(elements).text("StudyInstanceUID")


def header_bytes(path: Path, header: ScannedHeader) -> Window:
    """Return everything before the pixels, for sequences whose items are asked for.

    Raises
    ------
    ValueError
        If that is more than 256 MiB.
    """
    if header.pixel_offset > _MOST_HEADER_BYTES:
        raise ValueError("the header is longer than that of any image")
    if header.transfer_syntax == DEFLATED:
        return Window.over(inflated(path))
    with path.open("rb") as stream:
        return Window.over(stream.read(header.pixel_offset))


def inflated(path: Path) -> bytes:
    """Return the data set of a deflated file.

    Raises
    ------
    EOFError
        If it unpacks to more than 128 MiB.
    """
    with path.open("rb", buffering=0) as stream:
        _, place = _transfer_syntax(Window(stream, os.fstat(stream.fileno()).st_size))
        return _inflate(stream, place)


def _inflate(stream: BinaryIO, place: int) -> bytes:
    stream.seek(place)
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpack.decompress(stream.read(_MOST_INFLATED_BYTES), _MOST_INFLATED_BYTES)
    except zlib.error as error:
        raise EOFError("a deflated data set is damaged") from error
    if unpack.unconsumed_tail:
        raise EOFError("a deflated data set unpacks to more than 128 MiB")
    return data


def _transfer_syntax(window: Window) -> tuple[str, int]:
    """Return the transfer syntax and where the data set begins."""
    place = _PREAMBLE_BYTES if window.peek(128, 4) == b"DICM" else 0
    syntax = ""
    if window.peek(place, 2) == b"\x02\x00":
        meta = scan_elements(window, place, Encoding(implicit=False, little_endian=True), group=_META_GROUP)
        place = meta.place
        named = meta.elements.get(_TRANSFER_SYNTAX_UID)
        if named is not None and named.value:
            syntax = named.value.rstrip(b"\0 ").decode("ascii", "replace")
    return syntax or _guessed(window.peek(place, 6)), place


def _guessed(start: bytes) -> str:
    if len(start) < 6:
        raise EOFError("there is no data set")
    if not start[4:6].isalpha() or not start[4:6].isupper():
        return _IMPLICIT
    return _BIG_ENDIAN if start[0] == 0 and start[1] else _EXPLICIT


def _scan(window: Window, size: int, syntax: str, place: int) -> ScannedHeader:
    encoding = Encoding(implicit=_really_implicit(window.peek(place, 6), syntax), little_endian=syntax != _BIG_ENDIAN)
    found = scan_elements(window, place, encoding, stops=_PIXELS)
    return ScannedHeader(
        elements=found.elements,
        transfer_syntax=syntax,
        pixel_tag=found.stopped_at,
        pixel_offset=found.place,
        pixel_bytes=found.length,
        bytes_left=max(0, size - found.place),
        bytes_missing=_missing_of_fragments(window, size, found),
        encoding=encoding,
    )


def _missing_of_fragments(window: Window, size: int, found: ElementScan) -> int:
    """Return how far the last fragment of encapsulated pixels reaches beyond the file, 0 when all are there."""
    if found.stopped_at is None or found.length is not None:
        return 0
    place = found.place
    for _ in range(_MOST_FRAGMENTS):
        head = window.peek(place, 8)
        # Some writers leave out the delimiter behind the last fragment.
        if len(head) < 8 or head[:4] != _ITEM:
            return 0
        place += 8 + int.from_bytes(head[4:], "little")
        if place > size:
            return place - size
    return 0


def _really_implicit(start: bytes, syntax: str) -> bool:
    """Whether the data set is implicit VR; some writers name one and write the other."""
    letters = start[4:6]
    return syntax in (_IMPLICIT, _EXPLICIT) and not (letters.isalpha() and letters.isupper())
