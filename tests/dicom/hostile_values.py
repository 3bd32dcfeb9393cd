"""Values that break rules, by tag: what a careless exporter, a bit error or a joker may have put there."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

__all__ = ["INTERESTING", "MISSING", "hostile_value"]

NUMBERS = (
    b"",
    b" ",
    b"NaN",
    b"inf",
    b"-inf",
    b"1e308",
    b"-1e308",
    b"1e400",
    b"1e-320",
    b"0",
    b"-0",
    b"-1",
    b"0.0000001",
    b"9" * 400,
    b"1" + b"0" * 5000,
    b"1,5",
    b"1.5.2",
    b"0x10",
    b"--1",
    b"1_0",
    b"\0\0",
    b"1e",
    "\u0661\u0662".encode(),
    b"\xff\xfe",
    b"4294967296",
    b"2147483647",
    b"-2147483648",
    b"100000",
    b"65535",
    b"7.23e75",
    b"\\",
    b"1\\2\\3\\4\\5\\6\\7",
)
TEXTS = (
    b"",
    b"<script>alert(1)</script>",
    b"=cmd|' /C calc'!A0",
    b"\x1b[2J\x1b]0;x\x07",
    b"\x1b$B\x1b(J\x1b$)C",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"\0" * 64,
    b"A" * 60_000,
    b"\\" * 3000,
    "\u202etxt.exe".encode(),
    b"../../../etc/passwd",
    b"%s%n{0}{__class__}",
    b"t1_tse T1 stir tirm",
    b"\r\nSet-Cookie: a",
    b"ISO 2022 IR 87\\ISO 2022 IR 149",
)
CHARACTER_SETS = (
    b"ISO_IR 999",
    b"ISO 2022 IR 87",
    b"\\ISO 2022 IR 149",
    b"UTF-8",
    b"GB18030\\GBK",
    b"utf_7",
    b"rot13",
    b"\xff",
)
SYNTAXES = (
    b"",
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.5",
    b"1.2.840.10008.1.2.4.50",
    b"1.2.840.10008.1.2.4.57",
    b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.80",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.102",
    b"1.2.840.10008.1.2.4.203",
    b"1.2.3.4.5",
    b"..",
    b"1.2.840.10008.1.2.1 ",
)
CLASSES = (
    b"",
    b"1.2.840.10008.5.1.4.1.1.4",
    b"1.2.840.10008.5.1.4.1.1.4.1",
    b"1.2.840.10008.5.1.4.1.1.4.4",
    b"1.2.840.10008.1.3.10",
    b"1.2.840.10008.5.1.4.1.1.7",
    b"1.2.840.10008.5.1.4.1.1.66.4",
)
WHOLE = (0, 1, 2, 3, 7, 8, 12, 13, 15, 16, 17, 24, 31, 32, 64, 255, 256, 4096, 32767, 32768, 65535)

_CODES = (
    b"",
    b"MONOCHROME1",
    b"MONOCHROME2",
    b"RGB",
    b"PALETTE COLOR",
    b"YBR_FULL_422",
    b"P",
    b"PHASE",
    b"MR",
    b"OT",
    b"YES",
    b"IR",
    b"EP",
)
_UIDS = (b"", b"1.2..3", b"1." + b"2" * 200, b"../../x", b"0", b"\0")

INTERESTING: dict[int, bytes] = {
    0x00020010: b"UI", 0x00020000: b"UL", 0x00080005: b"CS", 0x00080008: b"CS", 0x00080016: b"UI", 0x00080018: b"UI",
    0x00080031: b"TM", 0x00080060: b"CS", 0x00080070: b"LO", 0x0008103E: b"LO", 0x00089208: b"CS", 0x00101010: b"AS",
    0x00180020: b"CS", 0x00180022: b"CS", 0x00180024: b"SH", 0x00180050: b"DS", 0x00180080: b"DS", 0x00180081: b"DS",
    0x00180082: b"DS", 0x00180087: b"DS", 0x00180088: b"DS", 0x00180091: b"IS", 0x00189005: b"SH", 0x00189079: b"FD",
    0x00189082: b"FD", 0x0020000D: b"UI", 0x0020000E: b"UI", 0x00200011: b"IS", 0x00200013: b"IS", 0x00200032: b"DS",
    0x00200037: b"DS", 0x00200052: b"UI", 0x00200100: b"IS", 0x00209056: b"SH", 0x00209057: b"UL", 0x00209157: b"UL",
    0x00280002: b"US", 0x00280004: b"CS", 0x00280006: b"US", 0x00280008: b"IS", 0x00280010: b"US", 0x00280011: b"US",
    0x00280030: b"DS", 0x00280100: b"US", 0x00280101: b"US", 0x00280102: b"US", 0x00280103: b"US", 0x00281052: b"DS",
    0x00281053: b"DS", 0x00409212: b"IS", 0x00409224: b"FD", 0x00409225: b"FD", 0x2005100D: b"FL", 0x2005100E: b"FL",
    0x7FE00010: b"OW",
}  # fmt: skip
"""Tags that steer the reading, with their VR."""

MISSING: dict[int, bytes] = {
    **INTERESTING,
    0x00180010: b"LO", 0x00180025: b"CS", 0x00189087: b"FD", 0x0019100C: b"IS", 0x0019100A: b"US", 0x00200012: b"IS",
    0x00280120: b"US", 0x00280121: b"US", 0x00280301: b"CS", 0x00281101: b"US", 0x00282110: b"CS", 0x00283000: b"SQ",
    0x00289110: b"SQ", 0x00409096: b"SQ", 0x52009229: b"SQ", 0x52009230: b"SQ", 0x7FE00001: b"OV", 0x7FE00008: b"OF",
    0x7FE00009: b"OD", 0x20050010: b"LO", 0x00290010: b"LO", 0x00291010: b"OB", 0xFFFAFFFA: b"SQ", 0xFFFCFFFC: b"OB",
}  # fmt: skip
"""Tags that may be added where they are not."""


def hostile_value(tag: int, vr: bytes, order: str, chance: random.Random) -> bytes:
    """A value for an element, mostly of the right kind."""
    if chance.random() < 0.08:
        return chance.choice((b"", chance.randbytes(chance.choice((1, 2, 3, 8, 100))), *TEXTS, *NUMBERS))
    special = {0x00020010: SYNTAXES, 0x00080016: CLASSES, 0x00080005: CHARACTER_SETS}
    if tag in special:
        return chance.choice(special[tag])
    return _by_vr(vr, order, chance)


def _by_vr(vr: bytes, order: str, chance: random.Random) -> bytes:
    if vr in _MAKERS:
        return _MAKERS[vr](order, chance)
    return chance.choice(TEXTS)


def _decimals(order: str, chance: random.Random) -> bytes:
    count = chance.choice((1, 1, 2, 3, 6))
    return b"\\".join(chance.choice((*NUMBERS, b"1", b"0.5", b"10", b"-3.25")) for _ in range(count))


def _shorts(order: str, chance: random.Random) -> bytes:
    count = chance.choice((1, 1, 1, 1, 2, 0))
    return b"".join(struct.pack(order + "H", chance.choice(WHOLE)) for _ in range(count))


def _longs(order: str, chance: random.Random) -> bytes:
    return struct.pack(order + "I", chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1)))


def _singles(order: str, chance: random.Random) -> bytes:
    return struct.pack(order + "f", chance.choice(_FLOATS))


def _doubles(order: str, chance: random.Random) -> bytes:
    return struct.pack(order + "d", chance.choice(_FLOATS))


def _uids(order: str, chance: random.Random) -> bytes:
    return chance.choice(_UIDS)


def _codes(order: str, chance: random.Random) -> bytes:
    return b"\\".join(chance.choice((*_CODES, *TEXTS[:4])) for _ in range(chance.choice((1, 2, 5))))


def _raw(order: str, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 2, 8, 119, 121, 240, 241, 1000)))


_FLOATS = (0.0, -1.0, 1e30, 1e-30, float("nan"), float("inf"), float("-inf"), 0.5)
_MAKERS: dict[bytes, Callable[[str, random.Random], bytes]] = {
    **dict.fromkeys((b"DS", b"IS"), _decimals),
    **dict.fromkeys((b"US", b"SS"), _shorts),
    **dict.fromkeys((b"UL", b"SL", b"AT"), _longs),
    **dict.fromkeys((b"FL", b"OF"), _singles),
    **dict.fromkeys((b"FD", b"OD"), _doubles),
    **dict.fromkeys((b"OB", b"OW", b"UN", b"SQ", b"OV"), _raw),
    b"UI": _uids,
    b"CS": _codes,
}
