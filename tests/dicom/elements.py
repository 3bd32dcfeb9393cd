"""Where each data element of a DICOM file lies, so that a mutation can hit a tag, a VR or a length.

Written for the tests alone and independent of pydicom and of the package: what is mutated must not be found by
the code under test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["UNDEFINED", "Element", "Layout", "encode", "layout_of", "replace_element"]

UNDEFINED = 0xFFFFFFFF
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = 0x7FE00010
_META_FROM = 132
_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Transfer syntax of a file, where its data set starts, and its elements."""

    explicit: bool
    order: str
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element, item or delimiter; `end` is behind its value, or behind its header when it holds others.

    `within` are the containers it lies in: where their length fields are.
    """

    tag: int
    vr: bytes
    start: int
    length_at: int
    length_size: int
    value_at: int
    end: int
    within: tuple[int, ...] = ()
    meta: bool = False


@dataclass
class _Walk:
    data: bytes
    at: int
    explicit: bool
    order: str
    meta: bool
    open: list[tuple[int, int]] = field(default_factory=list)


def layout_of(data: bytes) -> Layout:
    """Elements of a file with preamble; a damaged file gives those before the damage."""
    meta = list(_walk(_Walk(data, _META_FROM, explicit=True, order="<", meta=True)))
    syntax = next((data[e.value_at : e.end].rstrip(b"\0 ") for e in meta if e.tag == 0x00020010), b"")
    explicit, order = syntax != b"1.2.840.10008.1.2", ">" if syntax == b"1.2.840.10008.1.2.2" else "<"
    start = meta[-1].end if meta else _META_FROM
    body = _walk(_Walk(data, start, explicit=explicit, order=order, meta=False))
    return Layout(explicit=explicit, order=order, elements=(*meta, *body))


def _walk(walk: _Walk) -> Iterator[Element]:
    for _ in range(_MOST):
        while walk.open and walk.at >= walk.open[-1][0]:
            walk.open.pop()
        element = _element_at(walk)
        if element is None:
            return
        yield element
        length = struct.unpack_from(
            walk.order + ("H" if element.length_size == 2 else "I"), walk.data, element.length_at
        )
        walk.at = element.end
        if element.tag in (_ITEM_END, _SEQUENCE_END):
            if walk.open:
                walk.open.pop()
        elif _is_container(walk, element, length[0]):
            stop = len(walk.data) if length[0] == UNDEFINED else element.value_at + length[0]
            walk.open.append((stop, element.length_at))


def _element_at(walk: _Walk) -> Element | None:
    data, at = walk.data, walk.at
    if at + 8 > len(data):
        return None
    group, number = struct.unpack_from(walk.order + "HH", data, at)
    tag = group << 16 | number
    if walk.meta and group != 2:
        return None
    vr, length_at, size = b"", at + 4, 4
    if walk.explicit and group != 0xFFFE:
        vr = data[at + 4 : at + 6]
        length_at, size = (at + 8, 4) if vr in _LONG else (at + 6, 2)
    if length_at + size > len(data):
        return None
    (length,) = struct.unpack_from(walk.order + ("H" if size == 2 else "I"), data, length_at)
    value_at = length_at + size
    probe = Element(tag=tag, vr=vr, start=at, length_at=length_at, length_size=size, value_at=value_at, end=value_at)
    end = value_at if _is_container(walk, probe, length) else value_at + length
    if end > len(data):
        return None
    within = tuple(place for _, place in walk.open)
    return Element(
        tag=tag,
        vr=vr,
        start=at,
        length_at=length_at,
        length_size=size,
        value_at=value_at,
        end=end,
        within=within,
        meta=walk.meta,
    )


def _is_container(walk: _Walk, element: Element, length: int) -> bool:
    if element.tag == _ITEM:
        # An item of encapsulated pixels is a piece of a compressed frame, not a data set.
        outer = walk.open[-1][1] if walk.open else None
        return outer is None or walk.data[outer - 8 : outer - 4] != struct.pack(walk.order + "HH", 0x7FE0, 0x0010)
    if length == UNDEFINED or element.vr == b"SQ":
        return True
    start = struct.pack(walk.order + "HHI", 0xFFFE, 0xE000, 0)[:4]
    return not walk.explicit and length > 8 and walk.data[element.value_at : element.value_at + 4] == start


def encode(layout: Layout, tag: int, vr: bytes, value: bytes, *, meta: bool = False) -> bytes:
    """One element in the file's own encoding, its length true."""
    order, explicit = ("<", True) if meta else (layout.order, layout.explicit)
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not explicit or tag >> 16 == 0xFFFE:
        return head + struct.pack(order + "I", len(value)) + value
    if vr in _LONG:
        return head + vr + b"\0\0" + struct.pack(order + "I", len(value)) + value
    return head + vr + struct.pack(order + "H", len(value) & 0xFFFF) + value


def replace_element(data: bytes, layout: Layout, place: tuple[int, int], new: bytes, within: tuple[int, ...]) -> bytes:
    """Put `new` in place of a stretch, and make the lengths of the containers around it true again."""
    start, stop = place
    grown = len(new) - (stop - start)
    changed = bytearray(data[:start] + new + data[stop:])
    for at in within:
        (length,) = struct.unpack_from(layout.order + "I", changed, at)
        if length != UNDEFINED:
            struct.pack_into(layout.order + "I", changed, at, max(0, length + grown) & UNDEFINED)
    return bytes(changed)
