"""Files that lie: each ends in a reason, soon, and without asking for the memory it claims."""

from __future__ import annotations

import math
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from marrowsignal.dicom import SeriesIdentity, find_series, read_volume
from marrowsignal.errors import MarrowSignalError
from tests.dicom.elements import UNDEFINED, Element, encode, layout_of, replace_element
from tests.dicom.sample_studies import sample_study
from tests.dicom.whole_way import go, inspect

Edit = Callable[[bytes], bytes]

MOST_SECONDS = 5.0
MOST_MB = 500
DEFLATED = b"1.2.840.10008.1.2.1.99"
PIXELS = 0x7FE00010


def put(tag: int, vr: bytes, value: bytes) -> Edit:
    """Set an element, wherever the file has it, or add it."""

    def edit(data: bytes) -> bytes:
        layout = layout_of(data)
        found = [e for e in layout.elements if e.tag == tag]
        padded = value + (b"\0" if vr in (b"UI", b"OB", b"UN") else b" ") * (len(value) % 2)
        new = encode(layout, tag, vr, padded, meta=tag >> 16 == 2)
        for element in reversed(found):
            data = replace_element(data, layout, (element.start, element.end), new, element.within)
        return data if found else insert_before(tag, new)(data)

    return edit


def insert_before(tag: int, new: bytes) -> Edit:
    """Put bytes before the first element of at least this tag."""

    def edit(data: bytes) -> bytes:
        elements = [e for e in layout_of(data).elements if not e.meta and not e.within]
        at = next((e.start for e in elements if e.tag >= tag), len(data))
        return data[:at] + new + data[at:]

    return edit


def remove(tag: int) -> Edit:
    """Take an element away."""

    def edit(data: bytes) -> bytes:
        layout = layout_of(data)
        for element in reversed([e for e in layout.elements if e.tag == tag]):
            data = replace_element(data, layout, (element.start, element.end), b"", element.within)
        return data

    return edit


def claim(tag: int, length: int) -> Edit:
    """Let an element claim a length."""

    def edit(data: bytes) -> bytes:
        layout = layout_of(data)
        changed = bytearray(data)
        for element in (e for e in layout.elements if e.tag == tag):
            kind = "H" if element.length_size == 2 else "I"
            largest = 0xFFFF if element.length_size == 2 else UNDEFINED
            struct.pack_into(layout.order + kind, changed, element.length_at, length & largest)
        return bytes(changed)

    return edit


def whole(*edits: Edit) -> Edit:
    """Several edits, one after the other."""

    def edit(data: bytes) -> bytes:
        for one in edits:
            data = one(data)
        return data

    return edit


def pixels_of(data: bytes) -> Element:
    """Where the pixels are."""
    return next(e for e in layout_of(data).elements if e.tag == PIXELS)


def short(number: int) -> bytes:
    """A US value."""
    return struct.pack("<H", number)


def nested(depth: int, *, explicit: bool) -> bytes:
    """Sequences of undefined length within each other, never closed."""
    open_sequence = struct.pack("<HH", 0x0008, 0x1140) + (b"SQ\0\0" if explicit else b"") + b"\xff" * 4
    return (open_sequence + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)) * depth


def deflate(make: Callable[[], Iterator[bytes]]) -> Edit:
    """Say that the data set is deflated, and make it what `make` yields."""

    def edit(data: bytes) -> bytes:
        named = put(0x00020010, b"UI", DEFLATED)(data)
        start = [e for e in layout_of(named).elements if e.meta][-1].end
        packer = zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS)
        return named[:start] + b"".join(packer.compress(piece) for piece in make()) + packer.flush()

    return edit


def gigabyte_of_zeros() -> Iterator[bytes]:
    """What unpacks a thousandfold."""
    for _ in range(1024):
        yield bytes(2**20)


DECIMALS: dict[str, bytes] = {
    "NaN": b"NaN\\NaN\\NaN",
    "infinite": b"inf\\0\\0",
    "1e308": b"1e308\\-1e308\\1e308",
    "empty": b"",
    "overlong": b"9" * 5000,
    "letters": b"left\\right\\up",
    "two numbers": b"0\\0",
    "seven numbers": b"1\\2\\3\\4\\5\\6\\7",
    "comma": b"1,5\\2,5\\3,5",
    "zero bytes": b"\0\0\0\0",
}
TIMES = {"NaN": b"NaN", "infinite": b"1e400", "garbage": b"\xff\xfe", "overlong": b"5" * 4000, "negative": b"-550"}

# What may become of a T1 of which every file is hostile, and a word of its reason.
NOT_USABLE: dict[str, tuple[Edit, str]] = {
    **{
        f"position {name}": (put(0x00200032, b"DS", value), "position|grid|evenly|slice")
        for name, value in DECIMALS.items()
    },
    "orientation of zeros": (put(0x00200037, b"DS", b"0\\0\\0\\0\\0\\0"), "position|orientation|grid"),
    "orientation parallel": (put(0x00200037, b"DS", b"1\\0\\0\\1\\0\\0"), "position|orientation|grid"),
    "orientation huge": (put(0x00200037, b"DS", b"1e308\\0\\0\\0\\1e308\\0"), "position|orientation|grid"),
    "spacing zero": (put(0x00280030, b"DS", b"0\\0"), "spacing|grid"),
    "spacing negative": (put(0x00280030, b"DS", b"-1\\-1"), "spacing|grid"),
    "spacing NaN": (put(0x00280030, b"DS", b"NaN\\NaN"), "spacing|grid"),
    "spacing 1e308": (put(0x00280030, b"DS", b"1e308\\1e308"), "spacing|grid"),
    "spacing 1e-300": (put(0x00280030, b"DS", b"1e-300\\1e-300"), "spacing|grid"),
    "one spacing": (put(0x00280030, b"DS", b"1"), "spacing|grid"),
    "no rows": (put(0x00280010, b"US", short(0)), "."),
    "rows as text": (put(0x00280010, b"IS", b"many"), "."),
    "65535 x 65535": (whole(put(0x00280010, b"US", short(65535)), put(0x00280011, b"US", short(65535))), "."),
    "100000 x 100000": (
        whole(put(0x00280010, b"UL", struct.pack("<I", 100_000)), put(0x00280011, b"UL", struct.pack("<I", 100_000))),
        ".",
    ),
    "2^31 - 1 frames": (put(0x00280008, b"IS", b"2147483647"), "."),
    "no UIDs": (whole(remove(0x0020000D), remove(0x0020000E)), "UID"),
    "three samples a pixel": (put(0x00280002, b"US", short(3)), "."),
    "RGB": (whole(put(0x00280002, b"US", short(3)), put(0x00280004, b"CS", b"RGB")), "."),
    "no pixels": (remove(PIXELS), "."),
    **{f"TR {name}": (put(0x00180080, b"DS", value), ".") for name, value in TIMES.items()},
    **{f"TE {name}": (put(0x00180081, b"DS", value), ".") for name, value in TIMES.items()},
}

# It may look like a T1, but reading it must say why not: an error of ours at the latest.
NEVER_READ: dict[str, Edit] = {
    "pixels one byte short": lambda data: data[:-1],
    "pixels half there": lambda data: data[:-120],
    "pixels cut at their length": lambda data: data[: pixels_of(data).value_at],
    "pixels of odd length": claim(PIXELS, 239),
    "empty pixels": put(PIXELS, b"OW", b""),
    "pixels claim 4 GB": claim(PIXELS, UNDEFINED - 1),
    "pixels of undefined length": claim(PIXELS, UNDEFINED),
    "1 bit a pixel": put(0x00280100, b"US", short(1)),
    "24 bits a pixel": put(0x00280100, b"US", short(24)),
    "64 bits a pixel": put(0x00280100, b"US", short(64)),
    "0 bits a pixel": put(0x00280100, b"US", short(0)),
    "unknown transfer syntax": put(0x00020010, b"UI", b"1.2.3.4.5"),
    "MPEG": put(0x00020010, b"UI", b"1.2.840.10008.1.2.4.102"),
    "JPEG in name only": put(0x00020010, b"UI", b"1.2.840.10008.1.2.4.70"),
    "JPEG 2000 in name only": put(0x00020010, b"UI", b"1.2.840.10008.1.2.4.90"),
    "JPEG-LS in name only": put(0x00020010, b"UI", b"1.2.840.10008.1.2.4.80"),
    "RLE in name only": put(0x00020010, b"UI", b"1.2.840.10008.1.2.5"),
    "deflated in name only": put(0x00020010, b"UI", DEFLATED),
    "palette": put(0x00280004, b"CS", b"PALETTE COLOR"),
    "slope NaN": put(0x00281053, b"DS", b"NaN"),
    "slope 1e308": put(0x00281053, b"DS", b"1e308"),
    "intercept infinite": put(0x00281052, b"DS", b"inf"),
    "matrix of another size": put(0x00280010, b"US", short(13)),
}

# Whatever becomes of it, it is told and it takes no time.
TOLD: dict[str, Edit] = {
    "empty file": lambda data: b"",
    "one byte": lambda data: b"D",
    "preamble alone": lambda data: data[:132],
    "meta group alone": lambda data: data[: [e for e in layout_of(data).elements if e.meta][-1].end],
    "meta group length 4 GB": claim(0x00020000, UNDEFINED),
    "meta length value 4 GB": put(0x00020000, b"UL", b"\xff\xff\xff\xff"),
    "nested 10,000 deep": insert_before(0x00081140, nested(10_000, explicit=True)),
    "nested 10,000 deep, implicit in explicit": insert_before(0x00081140, nested(10_000, explicit=False)),
    "nested 10,000 deep in a private element": insert_before(
        0x00290000, struct.pack("<HH", 0x0029, 0x1010) + b"UN\0\0" + b"\xff" * 4 + nested(10_000, explicit=False)
    ),
    "description claims 65535": claim(0x0008103E, 65535),
    "patient name of odd length": claim(0x00100010, 11),
    "rows claim no length": claim(0x00280010, 0),
    "undefined length of a UID": insert_before(0x00080017, struct.pack("<HH", 8, 0x17) + b"UN\0\0" + b"\xff" * 4),
    "private element claims 4 GB": insert_before(
        0x00290000, struct.pack("<HHHHI", 0x29, 0x1010, 0x424F, 0, UNDEFINED - 1)
    ),
    "65,535 private creators": insert_before(
        0x00290000, b"".join(struct.pack("<HH2sH", 0x29, n % 0xFFFF, b"LO", 2) + b"A " for n in range(65_535))
    ),
    "no SOP class": remove(0x00080016),
    "unknown VR": lambda data: data.replace(b"DS", b"??"),
    "numbers as sequences": lambda data: data.replace(b"\x80\0DS", b"\x80\0SQ"),
    "character set unknown": put(0x00080005, b"CS", b"ISO_IR 999"),
    "character set that escapes": whole(
        put(0x00080005, b"CS", b"ISO 2022 IR 87\\ISO 2022 IR 149"), put(0x0008103E, b"LO", b"\x1b$B\xff\x1b$)C\xfe")
    ),
    "character set a codec that runs": put(0x00080005, b"CS", b"rot13\\zlib\\hex"),
    "padding range over everything": whole(put(0x00280120, b"US", short(0)), put(0x00280121, b"US", short(65535))),
    "padding out of range": put(0x00280120, b"SL", b"\xff\xff\xff\x7f"),
    "more bits stored than allocated": put(0x00280101, b"US", short(32)),
    "65535 bits stored": put(0x00280101, b"US", short(65535)),
    "no bits stored": put(0x00280101, b"US", short(0)),
    "high bit 65535": put(0x00280102, b"US", short(65535)),
    "representation 7": put(0x00280103, b"US", short(7)),
    "-2 frames": put(0x00280008, b"IS", b"-2"),
    "b-value infinite": put(0x00189087, b"FD", struct.pack("<d", float("inf"))),
    "slice number overlong": put(0x00200013, b"IS", b"9" * 3000),
    "markup in every text": put(0x0008103E, b"LO", b"<script>alert(1)</script>"),
    "escape sequences": put(0x0008103E, b"LO", b"\x1b[2J\x1b]0;owned\x07"),
    "transfer syntax with blanks": put(0x00020010, b"UI", b"1.2.840.10008.1.2.1 "),
    "float pixels": lambda data: put(0x7FE00008, b"OF", struct.pack("<120f", *[1.0] * 120))(remove(PIXELS)(data)),
    "pixels twice": lambda data: data + data[pixels_of(data).start :],
}


@contextmanager
def bounded() -> Iterator[None]:
    """Hold what runs inside to the time and the memory that are promised."""
    before, start = _start_of_peak(), time.perf_counter()
    yield
    assert time.perf_counter() - start < MOST_SECONDS
    assert _peak_mb() - before < MOST_MB


def _start_of_peak() -> float:
    """Begin a new peak of this process's memory and return where it begins, MB."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    """Largest resident size of this process, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def write(folder: Path, edit: Edit, *, sample: str = "classic explicit") -> None:
    """A study of which each file of the T1 is edited."""
    for name, data in sample_study(sample).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(edit(data) if name.startswith("T1") else data)


def why_not(folder: Path) -> str:
    """Everything said about what is no STIR: reasons, findings, and what `read_volume` refuses."""
    catalog = find_series(folder)
    said = [finding.message for finding in catalog.findings]
    for series in catalog.series:
        if series.identity is SeriesIdentity.STIR and series.usable:
            continue
        said += [*series.reasons, *(finding.message for finding in series.findings)]
        if not series.usable:
            continue
        try:
            read_volume(series)
        except MarrowSignalError as error:
            said.append(str(error))
        else:
            return ""
    return " ".join(said)


@pytest.mark.parametrize("name", NOT_USABLE)
def test_a_series_that_is_no_volume_is_not_usable_and_says_why(tmp_path: Path, name: str) -> None:
    edit, words = NOT_USABLE[name]
    write(tmp_path, edit)
    with bounded():
        catalog = find_series(tmp_path)
    assert [s.identity for s in catalog.series if s.usable] == [SeriesIdentity.STIR]
    assert re.search(words, why_not(tmp_path))
    assert go(tmp_path).code == "no_usable_pair"
    assert inspect(tmp_path) == 3


@pytest.mark.parametrize("name", NEVER_READ)
def test_pixels_that_cannot_be_are_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    write(tmp_path, NEVER_READ[name])
    with bounded():
        assert why_not(tmp_path)
    inspect(tmp_path)


@pytest.mark.parametrize("name", TOLD)
def test_nothing_foreign_comes_out(tmp_path: Path, name: str) -> None:
    write(tmp_path, TOLD[name])
    with bounded():
        go(tmp_path)
    inspect(tmp_path)


@pytest.mark.parametrize("sample", ["Enhanced Siemens", "Enhanced Philips RLE", "classic RLE", "classic JPEG lossless"])
@pytest.mark.parametrize(
    "edit",
    [
        whole(put(0x00280010, b"US", short(65535)), put(0x00280011, b"US", short(65535))),
        put(0x00280008, b"IS", b"2147483647"),
        put(0x00280100, b"US", short(64)),
        claim(PIXELS, 0),
    ],
    ids=["65535 x 65535", "2^31 - 1 frames", "64 bits", "no pixels"],
)
def test_compressed_and_enhanced_claims_are_refused_before_memory_is_asked_for(
    tmp_path: Path, sample: str, edit: Edit
) -> None:
    write(tmp_path, edit, sample=sample)
    with bounded():
        said = why_not(tmp_path)
    assert said


@pytest.mark.parametrize("frames", [8, 100_000])
def test_a_million_frames_of_nothing_end_soon(tmp_path: Path, frames: int) -> None:
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_000
    lie = whole(put(0x00280008, b"IS", str(frames).encode()), put(0x52009230, b"SQ", items))
    write(tmp_path, lie, sample="Enhanced Siemens")
    with bounded():
        assert "frames" in why_not(tmp_path)


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    """An element in Explicit VR Little Endian; a sequence of one item for SQ."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr != b"SQ":
        return head + struct.pack("<H", len(value)) + value
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
    return head + struct.pack("<HI", 0, len(item)) + item


def frame_of_its_own(number: int, kind: str) -> bytes:
    """Functional groups of a frame that fits no other frame."""
    turn = number * 0.7 if kind == "orientations" else 0.0
    tilt = number * 0.3 if kind == "orientations" else 0.0
    row = f"{math.cos(turn):.6f}\\{math.sin(turn):.6f}\\0"
    column = f"{-math.sin(turn) * math.cos(tilt):.6f}\\{math.cos(turn) * math.cos(tilt):.6f}\\{math.sin(tilt):.6f}"
    echo_ms = 11.0 + (0.2 * number if kind == "echoes" else 0.0)
    groups = (
        explicit(0x00189114, b"SQ", explicit(0x00189082, b"FD", struct.pack("<d", echo_ms))),
        explicit(0x00209113, b"SQ", explicit(0x00200032, b"DS", b"0\\0\\0 ")),
        explicit(0x00209116, b"SQ", explicit(0x00200037, b"DS", f"{row}\\{column}".ljust(80).encode())),
    )
    whole_frame = b"".join(groups)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(whole_frame)) + whole_frame


@pytest.mark.parametrize("kind", ["orientations", "echoes", "places"])
def test_a_thousand_stacks_of_one_slice_end_soon(tmp_path: Path, kind: str) -> None:
    frames = b"".join(frame_of_its_own(number, kind) for number in range(1000))
    lie = whole(put(0x00280008, b"IS", b"1000"), put(0x52009230, b"SQ", frames))
    write(tmp_path, lie, sample="Enhanced Siemens")
    with bounded():
        catalog = find_series(tmp_path)
    assert (len(catalog.series) > 200) == (kind != "places")
    assert [series.identity for series in catalog.series if series.usable] == [SeriesIdentity.STIR]


def test_a_data_set_that_inflates_to_a_gigabyte_is_damaged(tmp_path: Path) -> None:
    write_one(tmp_path, deflate(gigabyte_of_zeros))
    with bounded():
        catalog = find_series(tmp_path)
    assert catalog.files_unreadable == 1


def test_a_million_elements_end_soon(tmp_path: Path) -> None:
    head = struct.pack("<HHHHI", 0x0009, 0, 0x4E55, 0, 0)
    many = bytearray(head * 1_000_000)
    for at in range(0, len(many), 12 * 16):
        struct.pack_into("<H", many, at, 0x0009 + 2 * (at // (12 * 16 * 4096)))
    write_one(tmp_path, insert_before(0x00090000, bytes(many)))
    with bounded():
        go(tmp_path)


def test_a_private_element_of_200_mb_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, lambda data: data)
    file = min((tmp_path / "T1").iterdir())
    data = file.read_bytes()
    layout = layout_of(data)
    at = next(e.start for e in layout.elements if e.tag > 0x00290000)
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(struct.pack("<HH2sHI", 0x0029, 0x1010, b"OB", 0, 200 * 2**20))
        stream.seek(200 * 2**20, 1)
        stream.write(data[at:])
    with bounded():
        ending = go(tmp_path)
    assert (ending.code, ending.volumes) == ("pair read", 2)


def write_one(folder: Path, edit: Edit) -> None:
    """A study of which one file is edited."""
    write(folder, lambda data: data)
    file = min((folder / "T1").iterdir())
    file.write_bytes(edit(file.read_bytes()))


def test_a_folder_named_like_a_file_and_an_empty_file_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, lambda data: data)
    (tmp_path / "T1" / "folder.dcm").mkdir()
    (tmp_path / "T1" / "empty.dcm").touch()
    (tmp_path / "DICOMDIR").mkdir()
    ending = go(tmp_path)
    assert (ending.code, ending.volumes) == ("pair read", 2)
    catalog = find_series(tmp_path)
    assert catalog.files_unreadable <= 1


def test_one_damaged_slice_costs_no_other_series(tmp_path: Path) -> None:
    write_one(tmp_path, lambda data: data[:200])
    catalog = find_series(tmp_path)
    assert catalog.files_unreadable == 1
    assert any(series.identity is SeriesIdentity.STIR and series.usable for series in catalog.series)
    assert catalog.findings
