"""The scan finds what pydicom finds, whatever the encoding, and gives up where there is too much."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.byte_window import Window
from marrowsignal.dicom.headers.element_scan import Encoding, scan_elements, scan_items
from marrowsignal.dicom.headers.header_scan import header_bytes, scan_header
from tests.dicom.dicom_builder import SeriesSpec, dataset_of
from tests.dicom.sample_studies import SAMPLES, sample_study

EXPLICIT = Encoding(implicit=False, little_endian=True)
IMPLICIT = Encoding(implicit=True, little_endian=True)
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
OPEN, NOTHING = b"\xff" * 4, b"\0" * 4
SEQUENCE = b"\x08\x00\x40\x11"
LAST = b"\x10\x00\x20\x00LO\x02\x00id"


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_element_before_the_pixels_is_found(tmp_path: Path, sample: str) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(min(sample_study(sample).values()))
    known = pydicom.dcmread(file, stop_before_pixels=True)
    raw = {int(tag): known.get_item(tag).value for tag in known.keys()}  # noqa: SIM118 - no dict
    found = scan_header(file).elements
    assert sorted(found) == sorted(raw)
    # pydicom decodes the character set at once.
    values = {tag: element.value or None for tag, element in found.items() if tag != 0x00080005}
    assert values == {tag: value or None for tag, value in raw.items() if tag != 0x00080005}


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("sample", [name for name in SAMPLES if name.startswith("Enhanced")])
def test_items_of_sequences_are_those_of_pydicom(tmp_path: Path, sample: str, undefined: bool) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(min(sample_study(sample).values()))
    known = pydicom.dcmread(file)
    frames = known["PerFrameFunctionalGroupsSequence"]
    frames.is_undefined_length = undefined
    for frame in frames.value:
        frame.is_undefined_length_sequence_item = undefined
        for element in frame:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
    known.save_as(file)
    header = scan_header(file)
    window = header_bytes(file, header)
    items = scan_items(window, header.elements[0x52009230], header.encoding, most=100)
    assert [sorted(item) for item in items] == [sorted(frame.keys()) for frame in frames.value]
    for item, frame in zip(items, frames.value, strict=True):
        (place,) = scan_items(window, item[0x00209113], header.encoding, most=100)
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert (place[0x00200032].value or b"").decode().strip().split("\\") == [str(number) for number in position]


@pytest.mark.parametrize("size", [2**14 - 4, 2**14, 2**16, 2**16 + 2, 2**20])
def test_values_longer_than_the_window_and_what_follows_them(tmp_path: Path, size: int) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    ds.private_block(0x0009, "SOMEBODY", create=True).add_new(
        0x01, "OB", bytes(range(256)) * (size // 256) + bytes(size % 256)
    )
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = scan_header(tmp_path / "a.dcm")
    value = found.elements[0x00091001].value
    assert (value is None) is (size > 2**16)
    assert value is None or len(value) == size
    assert found.elements[0x00280010].value == struct.pack("<H", ds.Rows)
    assert found.bytes_left == 60


def scan(data: bytes, encoding: Encoding = EXPLICIT) -> dict[int, bytes | None]:
    """Values by tag."""
    found = scan_elements(Window.over(data), 0, encoding)
    return {tag: element.value for tag, element in found.elements.items()}


def test_sequences_of_undefined_length_are_stepped_over() -> None:
    inner = SEQUENCE + b"SQ\0\0" + OPEN + ITEM + OPEN + LAST + ITEM_END + NOTHING + SEQUENCE_END + NOTHING
    nested = SEQUENCE + b"SQ\0\0" + OPEN + ITEM + OPEN + inner + ITEM_END + NOTHING + SEQUENCE_END + NOTHING
    assert scan(nested + LAST) == {0x00081140: None, 0x00100020: b"id"}
    fixed = SEQUENCE + b"SQ\0\0" + OPEN + ITEM + struct.pack("<I", len(inner)) + inner + SEQUENCE_END + NOTHING
    assert scan(fixed + LAST) == {0x00081140: None, 0x00100020: b"id"}


def test_an_empty_sequence_of_undefined_length_is_empty() -> None:
    assert scan(SEQUENCE + b"SQ\0\0" + OPEN + SEQUENCE_END + NOTHING + LAST)[0x00081140] == b""


def test_a_sequence_of_unknown_vr_leaves_vrs_out() -> None:
    implicit = b"\x10\x00\x20\x00" + struct.pack("<I", 2) + b"id"
    unknown = b"\x09\x00\x01\x10UN\0\0" + OPEN + ITEM + OPEN + implicit + ITEM_END + NOTHING + SEQUENCE_END + NOTHING
    window = Window.over(unknown + LAST)
    found = scan_elements(window, 0, EXPLICIT).elements
    assert list(found) == [0x00091001, 0x00100020]
    (item,) = scan_items(window, found[0x00091001], EXPLICIT, most=9)
    assert item[0x00100020].value == b"id"


@pytest.mark.parametrize(
    "data",
    [
        LAST[:-1],
        SEQUENCE + b"SQ\0\0" + OPEN,
        SEQUENCE + b"SQ\0\0" + OPEN + ITEM + OPEN + LAST,
        SEQUENCE + b"SQ\0\0" + struct.pack("<I", 0xFFFFFFFE),
        b"\x10\x00\x20\x00OB\0\0" + b"\xff\xff",
    ],
)
def test_what_ends_early_is_told(data: bytes) -> None:
    with pytest.raises(EOFError):
        scan(data)


def test_what_is_nested_too_deep_or_too_much_is_told() -> None:
    with pytest.raises(ValueError, match="nested"):
        scan((SEQUENCE + b"SQ\0\0" + OPEN + ITEM + OPEN) * 100)
    with pytest.raises(ValueError, match="more elements"):
        scan(LAST * 20_001)
    with pytest.raises(ValueError, match="items"):
        window = Window.over(SEQUENCE + b"SQ\0\0" + struct.pack("<I", len(LAST)) + LAST)
        scan_items(window, scan_elements(window, 0, EXPLICIT).elements[0x00081140], EXPLICIT, most=9)


def test_no_more_items_than_asked_for() -> None:
    data = SEQUENCE + struct.pack("<I", 8 * 50) + (ITEM + NOTHING) * 50
    window = Window.over(data)
    element = scan_elements(window, 0, IMPLICIT).elements[0x00081140]
    assert len(scan_items(window, element, IMPLICIT, most=7)) == 7
    assert scan_items(window, element, IMPLICIT, most=99) == [{}] * 50


def test_private_values_of_a_frame_in_implicit_vr(tmp_path: Path) -> None:
    ds = Dataset()
    ds.update(dataset_of(SeriesSpec(), 0))
    ds.file_meta = dataset_of(SeriesSpec(), 0).file_meta
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25)
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True, implicit_vr=True)
    found = scan_header(tmp_path / "a.dcm").elements[0x2005100E]
    assert (found.vr, found.value) == ("", struct.pack("<f", 0.25))
