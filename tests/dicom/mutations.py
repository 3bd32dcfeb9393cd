"""Mutated copies of small synthetic studies: a case is a few numbers, and the same case is the same bytes."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.dicom.elements import UNDEFINED, Element, Layout, encode, layout_of, replace_element
from tests.dicom.hostile_values import INTERESTING, MISSING, TEXTS, hostile_value
from tests.dicom.sample_studies import SAMPLES, sample_study

__all__ = ["KINDS", "SCOPES", "Case", "Mutation", "case_of", "write_case"]

SCOPES = ("file", "some files", "series", "study")
_DEFLATED = b"1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What is done to a file; `seed` decides where and with what."""

    kind: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A study of `SAMPLES`, what is done to it, and to which of its files.

    On a series or a study all files get the same mutation in the same place, so that what is wrong is wrong
    throughout and the reading comes further.
    """

    sample: str
    scope: str
    mutations: tuple[Mutation, ...]
    seed: int = 0


def case_of(seed: int) -> Case:
    """The case of a number."""
    chance = random.Random(seed)
    return Case(
        sample=chance.choice(tuple(SAMPLES)),
        scope=chance.choice(SCOPES),
        mutations=tuple(
            Mutation(kind=chance.choice(KINDS), seed=chance.randrange(2**31))
            for _ in range(chance.choice((1, 1, 1, 2, 3)))
        ),
        seed=seed,
    )


def write_case(case: Case, folder: Path) -> int:
    """Write the study with its mutations below `folder` and return how many of its files differ."""
    study = sample_study(case.sample)
    chosen = _chosen(case, tuple(study))
    donors = _donors()
    changed = 0
    for name, whole in study.items():
        data = whole
        if name in chosen:
            for mutation in case.mutations:
                data = _mutated(data, mutation, donors)
        changed += data != whole
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return changed


def _chosen(case: Case, names: tuple[str, ...]) -> frozenset[str]:
    chance = random.Random(case.seed)
    one = chance.choice(names)
    if case.scope == "file":
        return frozenset({one})
    if case.scope == "some files":
        return frozenset(chance.sample(names, k=min(3, len(names))))
    if case.scope == "series":
        return frozenset(name for name in names if name.split("/")[0] == one.split("/")[0])
    return frozenset(names)


@cache
def _donors() -> tuple[bytes, ...]:
    return tuple(next(iter(sample_study(name).values())) for name in SAMPLES)


def _mutated(data: bytes, mutation: Mutation, donors: tuple[bytes, ...]) -> bytes:
    chance = random.Random(mutation.seed)
    if mutation.kind == "splice":
        return _spliced(data, chance, donors)
    # What is deflated is mutated inside, half of the time: a bit error outside ends the stream at once.
    if _DEFLATED in data[:400] and chance.random() < 0.5:
        try:
            return _deflated(data, mutation, chance)
        except zlib.error:
            pass
    return _MUTATORS[mutation.kind](data, layout_of(data), chance)


def _deflated(data: bytes, mutation: Mutation, chance: random.Random) -> bytes:
    start = max((e.end for e in layout_of(data).elements if e.meta), default=132)
    plain = data[:start].replace(_DEFLATED, b"1.2.840.10008.1.2.1\0\0\0") + zlib.decompress(
        data[start:], -zlib.MAX_WBITS
    )
    changed = _MUTATORS[mutation.kind](plain, layout_of(plain), chance)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return data[:start] + packer.compress(changed[start:]) + packer.flush()


def _spliced(data: bytes, chance: random.Random, donors: tuple[bytes, ...]) -> bytes:
    other = chance.choice(donors)
    if chance.random() < 0.5:
        return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]
    mine, theirs = layout_of(data).elements, layout_of(other).elements
    if not mine or not theirs:
        return other
    return data[: chance.choice(mine).start] + other[chance.choice(theirs).start :]


def _picked(layout: Layout, chance: random.Random) -> Element | None:
    """An element, mostly one that steers the reading."""
    steering = [e for e in layout.elements if e.tag in INTERESTING]
    if steering and chance.random() < 0.75:
        tag = chance.choice(sorted({e.tag for e in steering}))
        return chance.choice([e for e in steering if e.tag == tag])
    return chance.choice(layout.elements) if layout.elements else None


def _flip(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20, 100))):
        at = min(int(chance.random() ** 2 * len(changed)), len(changed) - 1)
        if changed:
            changed[at] = chance.choice((changed[at] ^ 1 << chance.randrange(8), 0, 0xFF, chance.randrange(256)))
    return bytes(changed)


def _truncate(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is not None and chance.random() < 0.5:
        return data[: chance.choice((element.start, element.length_at, element.value_at, max(0, element.end - 1)))]
    return data[: chance.randrange(len(data) + 1)]


def _insert(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    filler = chance.choice(
        (b"\0", b"\xff", b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\xdd\xe0\0\0\0\0", chance.randbytes(7))
    )
    return data[:at] + filler * chance.choice((1, 2, 3, 50)) + data[at:]


def _cut(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.choice((1, 2, 3, 8, 100)) :]


def _wipe(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    at, count = chance.randrange(len(data) + 1), chance.choice((4, 16, 200))
    return data[:at] + chance.choice((b"\0", b"\xff", b" ")) * len(data[at : at + count]) + data[at + count :]


def _lie_about_length(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is None:
        return data
    true = element.end - element.value_at
    lie = chance.choice(
        (0, 1, true + 1, true - 1, true + 2, 2 * true, 0xFFFF, 0x10000, 2**31 - 1, 2**31, UNDEFINED - 1, UNDEFINED)
    )
    order = "<" if element.meta else layout.order
    changed = bytearray(data)
    kind, largest = ("H", 0xFFFF) if element.length_size == 2 else ("I", UNDEFINED)
    struct.pack_into(order + kind, changed, element.length_at, lie & largest)
    return bytes(changed)


def _change_value(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is None:
        return data
    order = "<" if element.meta else layout.order
    vr = element.vr or INTERESTING.get(element.tag, b"LO")
    value = hostile_value(element.tag, vr, order, chance)
    if len(value) % 2 and chance.random() < 0.9:
        value += b" "
    new = encode(layout, element.tag, element.vr, value, meta=element.meta)
    return replace_element(data, layout, (element.start, element.end), new, element.within)


def _change_vr(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is None or not element.vr:
        return _flip(data, layout, chance)
    vr = chance.choice((b"SQ", b"UN", b"OB", b"US", b"FD", b"DS", b"PN", b"UT", b"AT", b"OV", b"??", b"\0\0"))
    return data[: element.start + 4] + vr + data[element.start + 6 :]


def _remove(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is None:
        return data
    return replace_element(data, layout, (element.start, element.end), b"", element.within)


def _double(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    element = _picked(layout, chance)
    if element is None:
        return data
    again = data[element.start : element.end] * chance.choice((2, 2, 3, 500))
    return replace_element(data, layout, (element.start, element.end), again, element.within)


def _swap(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    one, two = _picked(layout, chance), _picked(layout, chance)
    if one is None or two is None or one.start == two.start:
        return data
    first, second = sorted((one, two), key=lambda e: e.start)
    if first.end > second.start:
        return data
    middle = data[first.end : second.start]
    return (
        data[: first.start]
        + data[second.start : second.end]
        + middle
        + data[first.start : first.end]
        + data[second.end :]
    )


def _swap_values(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    one, two = _picked(layout, chance), _picked(layout, chance)
    if one is None or two is None or one.meta:
        return data
    new = encode(layout, one.tag, one.vr, data[two.value_at : two.end])
    return replace_element(data, layout, (one.start, one.end), new, one.within)


def _add(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    tag = chance.choice(tuple(MISSING))
    new = encode(layout, tag, MISSING[tag], hostile_value(tag, MISSING[tag], layout.order, chance))
    return _put_in_order(data, layout, tag, new)


def _nest(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    tag = chance.choice((0x00081140, 0x00289110, 0x00409096, 0x00291010, 0x52009229))
    open_sequence = encode(layout, tag, b"SQ", b"")[:-4] + b"\xff" * 4
    open_item = encode(layout, 0xFFFEE000, b"", b"")[:-4] + b"\xff" * 4
    return _put_in_order(data, layout, tag, (open_sequence + open_item) * chance.choice((2, 60, 400, 1200)))


def _put_in_order(data: bytes, layout: Layout, tag: int, new: bytes) -> bytes:
    at = next((e.start for e in layout.elements if not e.meta and not e.within and e.tag >= tag), len(data))
    return data[:at] + new + data[at:]


def _change_text(data: bytes, layout: Layout, chance: random.Random) -> bytes:
    texts = [e for e in layout.elements if e.vr in (b"LO", b"SH", b"PN", b"LT", b"ST", b"CS") and not e.meta]
    if not texts:
        return _change_value(data, layout, chance)
    element = chance.choice(texts)
    new = encode(layout, element.tag, element.vr, chance.choice(TEXTS))
    return replace_element(data, layout, (element.start, element.end), new, element.within)


_MUTATORS: dict[str, Callable[[bytes, Layout, random.Random], bytes]] = {
    "change value": _change_value,
    "lie about length": _lie_about_length,
    "flip": _flip,
    "truncate": _truncate,
    "insert": _insert,
    "cut": _cut,
    "wipe": _wipe,
    "change VR": _change_vr,
    "change text": _change_text,
    "remove": _remove,
    "double": _double,
    "swap": _swap,
    "swap values": _swap_values,
    "add": _add,
    "nest": _nest,
}

KINDS = (*_MUTATORS, "splice")
