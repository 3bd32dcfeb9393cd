"""Read single header values without ever failing: what cannot be read is absent."""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import struct
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, private_dictionary_VR, tag_for_keyword
from pydicom.errors import BytesLengthException, InvalidDicomError

from marrowsignal.dicom.headers.byte_window import Window
from marrowsignal.dicom.headers.element_scan import Encoding, RawElement, scan_items

__all__ = ["UNREADABLE", "HeaderValues", "RawValues", "Surroundings", "quiet_pydicom"]

# What pydicom raises on damaged files; a blind `except` would hide our own mistakes.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

_MAX_TEXT = 256
_CHARACTER_SET = 0x00080005
_BINARY = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "OW": "H",
}  # fmt: skip
# Of a value with thousands of numbers only the first can matter here.
_MOST_NUMBERS = 64


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Switch off value validation and warnings: real headers break rules, and we judge them ourselves.

    Its log repeats header values, so it is silent too. The switches are the process's, so a caller sets them once
    around all its threads.
    """
    log = logging.getLogger("pydicom")
    level = log.level
    # Not `disabled`: that would leave the loggers of pydicom's modules as they are.
    log.setLevel(logging.CRITICAL + 1)
    try:
        with config.disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


@functools.cache
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag)


@functools.cache
def _standard_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@functools.cache
def _private_vr(tag: int, creator: str) -> str:
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"


class HeaderValues(ABC):
    """Values of one header by DICOM keyword, each forced into the type asked for.

    Subclasses say where the values come from by `parts` and `private_parts`.
    """

    __slots__ = ()

    @abstractmethod
    def parts(self, keyword: str) -> list[str]:
        """Return the values of an element as texts; empty when absent or unreadable."""

    @abstractmethod
    def private_parts(self, group: int, creator: str, element: int) -> list[str]:
        """Return the values of a private element of the block that `creator` reserved."""

    @abstractmethod
    def has(self, keyword: str) -> bool:
        """Whether the element is there and not empty."""

    def text(self, keyword: str) -> str:
        """Return one line of text without control characters; empty when absent."""
        return _line(self.parts(keyword))

    def private_text(self, group: int, creator: str, element: int) -> str:
        """Return one line of a private element; empty when absent."""
        return _line(self.private_parts(group, creator, element))

    def codes(self, keyword: str) -> tuple[str, ...]:
        """Return a multi-valued code string in upper case; empty values are dropped."""
        split = (piece for part in self.parts(keyword) for piece in part.split("\\"))
        cleaned = (_line([piece]).upper() for piece in split)
        return tuple(piece for piece in cleaned if piece)

    def floats(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return exactly `count` finite numbers, or None."""
        numbers = [_float(part) for part in self.parts(keyword)]
        if len(numbers) != count:
            return None
        finite = tuple(n for n in numbers if n is not None)
        return finite if len(finite) == count else None

    def number(self, keyword: str) -> float | None:
        """Return the first number of an element, or None."""
        return next((_float(part) for part in self.parts(keyword)), None)

    def private_number(self, group: int, creator: str, element: int) -> float | None:
        """Return the first number of a private element, or None."""
        return next((_float(part) for part in self.private_parts(group, creator, element)), None)

    def positive(self, keyword: str) -> float | None:
        """Return the first number of an element when it is above 0, else None."""
        number = self.number(keyword)
        return number if number is not None and number > 0 else None

    def whole(self, keyword: str) -> int | None:
        """Return the first whole number of an element, or None."""
        number = self.number(keyword)
        return None if number is None else int(number)


def _line(parts: list[str]) -> str:
    if not parts:
        return ""
    joined = parts[0] if len(parts) == 1 else "\\".join(parts)
    if joined.isascii() and joined.isprintable():
        return " ".join(joined.split())[:_MAX_TEXT] if " " in joined else joined[:_MAX_TEXT]
    # Control characters, lone surrogates, marks that turn the reading direction or show nothing.
    plain = "".join(letter if letter.isprintable() else " " for letter in joined[: 4 * _MAX_TEXT])
    return " ".join(plain.split())[:_MAX_TEXT]


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    # Philips writes 7.23e75 for "not set".
    return number if math.isfinite(number) and abs(number) < 1e30 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a header's sequences can be looked up, opened when first asked for, and its character set."""

    window: Callable[[], Window]
    encoding: Encoding
    character_set: list[str] | None = None


class RawValues(HeaderValues):
    """Values of raw, not yet converted elements.

    Parameters
    ----------
    elements : mapping of int to RawElement
        By tag.
    within : Surroundings, optional
        Needed by those who ask for items of sequences.
    """

    __slots__ = ("_elements", "_encodings", "_within")

    def __init__(self, elements: Mapping[int, RawElement], within: Surroundings | None = None) -> None:
        self._elements = elements
        self._within = within
        self._encodings = None if within is None else within.character_set

    def has(self, keyword: str) -> bool:  # noqa: D102 - as inherited
        element = self._elements.get(_tag(keyword))
        return element is not None and (element.value is None or bool(element.value))

    def parts(self, keyword: str) -> list[str]:  # noqa: D102 - as inherited
        element = self._elements.get(_tag(keyword))
        return [] if element is None else self._decoded(element)

    def private_parts(self, group: int, creator: str, element: int) -> list[str]:  # noqa: D102 - as inherited
        found = self._private(group, creator, element)
        return [] if found is None else self._decoded(found, creator)

    def items(self, keyword: str, *, most: int) -> tuple[RawValues, ...]:
        """Return the first `most` items of a sequence; none when it is absent.

        Raises
        ------
        EOFError, ValueError
            If the sequence is damaged.
        """
        return self._items(self._elements.get(_tag(keyword)), most)

    def item(self, keyword: str) -> RawValues | None:
        """Return the first item of a sequence, or None."""
        return self._first(self._elements.get(_tag(keyword)))

    def private_item(self, group: int, creator: str, element: int) -> RawValues | None:
        """Return the first item of a private sequence, or None."""
        return self._first(self._private(group, creator, element))

    def _first(self, element: RawElement | None) -> RawValues | None:
        try:
            return next(iter(self._items(element, 1)), None)
        except UNREADABLE:
            return None

    def _items(self, element: RawElement | None, most: int) -> tuple[RawValues, ...]:
        if element is None or self._within is None:
            return ()
        found = scan_items(self._within.window(), element, self._within.encoding, most=most)
        within = dataclasses.replace(self._within, character_set=self._character_set())
        return tuple(RawValues(elements, within) for elements in found)

    def _private(self, group: int, creator: str, element: int) -> RawElement | None:
        for block in range(0x10, 0x100):
            owner = self._elements.get(group << 16 | block)
            if owner is None:
                if block > 0x20:
                    break
            elif _line(self._decoded(owner)) == creator:
                # A creator may stand twice, the second time over an empty block or over the elements.
                found = self._elements.get(group << 16 | block << 8 | element)
                if found is not None:
                    return found
        return None

    def _decoded(self, element: RawElement, creator: str = "") -> list[str]:
        value, vr = element.value, element.vr
        if value is None:
            return []
        if not vr or vr == "UN":
            vr = _private_vr(element.tag, creator) if creator else _standard_vr(element.tag)
        vr = vr[:2]  # "US or SS" is read as US; a negative number there comes from an explicit SS
        if vr in _BINARY:
            return _numbers(value, vr, little_endian=element.little_endian)
        return self._split(value)

    def _split(self, value: bytes) -> list[str]:
        value = value[: 16 * _MAX_TEXT].rstrip(b"\0 ")
        if not value:
            return []
        # Japanese and Korean texts switch their character set by ASCII escapes.
        if value.isascii() and b"\x1b" not in value:
            return list(_ascii_parts(value))
        return _parts(self._in_character_set(value))

    def _in_character_set(self, value: bytes) -> str:
        try:
            return decode_bytes(value, self._character_set(), set(b"\\^=\r\n\t\f"))
        except UNREADABLE:
            return value.decode("latin-1")

    def _character_set(self) -> list[str]:
        if self._encodings is None:
            element = self._elements.get(_CHARACTER_SET)
            named = b"" if element is None else element.value or b""
            names = [name.strip(" \0") for name in named.decode("ascii", "replace").split("\\")]
            try:
                self._encodings = convert_encodings(names)
            except UNREADABLE:
                self._encodings = ["latin-1"]
        return self._encodings


@functools.lru_cache(maxsize=8192)
def _ascii_parts(value: bytes) -> tuple[str, ...]:
    """Return the parts of a plain text; most values stand in every file of a series."""
    return tuple(_parts(value.decode("ascii")))


def _parts(text: str) -> list[str]:
    return [part.strip("\0 ") for part in text.split("\\")]


def _numbers(value: bytes, vr: str, *, little_endian: bool) -> list[str]:
    code = _BINARY[vr]
    count = min(len(value) // struct.calcsize(f"<{code}"), _MOST_NUMBERS)
    if count == 0:
        # A number where a binary one belongs may be written out.
        return [value.decode("ascii", "replace")] if value else []
    size = struct.calcsize(f"<{count}{code}")
    return [repr(number) for number in struct.unpack(f"{'<' if little_endian else '>'}{count}{code}", value[:size])]
