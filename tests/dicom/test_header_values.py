"""Values of raw elements: character sets, wrong types, lengths that lie, private blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from marrowsignal.dicom.headers.header_scan import scan_header
from marrowsignal.dicom.headers.header_values import RawValues, quiet_pydicom
from marrowsignal.dicom.headers.slice_header import read_slice_headers
from tests.dicom.dicom_builder import SeriesSpec, dataset_of

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Read as `find_series` does."""
    with quiet_pydicom():
        yield


def saved(path: Path, ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> RawValues:
    """Write `ds` and read its raw values."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(path, enforce_file_format=True)
    return RawValues(scan_header(path).elements)


def texts(value: object) -> list[str]:
    """What pydicom reads, as texts."""
    many = isinstance(value, MultiValue)
    return [str(v) for v in value] if many else [str(value)] if value not in ("", None) else []


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_gives_the_values_pydicom_gives(tmp_path: Path, syntax: str) -> None:
    ds = dataset_of(SeriesSpec(description="t1 tse"), 3)
    if syntax == ExplicitVRBigEndian:
        ds["PixelData"].VR = "OW"
    raw, known = saved(tmp_path / "a.dcm", ds, syntax), pydicom.dcmread(tmp_path / "a.dcm")
    keywords = [element.keyword for element in ds if element.keyword and element.keyword != "PixelData"]
    assert len(keywords) > 25
    for keyword in keywords:
        assert raw.parts(keyword) == texts(known[keyword].value), keyword
    assert raw.floats("ImagePositionPatient", 3) == tuple(known.ImagePositionPatient)
    assert raw.codes("ScanningSequence") == ("SE",)
    assert raw.whole("Rows") == known.Rows


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_pixels_lie_where_the_scan_says(tmp_path: Path, syntax: str) -> None:
    ds = dataset_of(SeriesSpec(), 3)
    if syntax == ExplicitVRBigEndian:
        ds["PixelData"].VR = "OW"
    saved(tmp_path / "a.dcm", ds, syntax)
    found = scan_header(tmp_path / "a.dcm")
    assert (found.pixel_tag, found.pixel_bytes, found.transfer_syntax) == (0x7FE00010, 60, syntax)
    assert found.bytes_left == 60
    if syntax != DeflatedExplicitVRLittleEndian:
        assert (tmp_path / "a.dcm").read_bytes()[found.pixel_offset :] == ds.PixelData


@pytest.mark.parametrize(
    ("character_set", "text"),
    [
        ("ISO_IR 100", "Kniegelenk rechts für später"),
        ("ISO_IR 192", "膝关节 колено 무릎"),
        ("GB18030", "膝关节 冠状位"),
        ("ISO_IR 144", "колено"),
        (["", "ISO 2022 IR 87"], "膝 cor"),
    ],
)
def test_texts_in_many_character_sets(tmp_path: Path, character_set: object, text: str) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    ds.SpecificCharacterSet, ds.SeriesDescription = character_set, text
    assert saved(tmp_path / "a.dcm", ds).text("SeriesDescription") == text


def test_an_unknown_character_set_loses_no_header(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(description="knee"), 0)
    saved(tmp_path / "a.dcm", ds)
    named = b"\x08\x00\x05\x00CS\x08\x00MADE UP "
    data = (tmp_path / "a.dcm").read_bytes()
    first = data.index(b"\x08\x00\x08\x00CS")
    (tmp_path / "a.dcm").write_bytes(data[:first] + named + data[first:].replace(b"knee", b"kn\xe9e"))
    raw = RawValues(scan_header(tmp_path / "a.dcm").elements)
    assert raw.text("SeriesDescription") == "knée"
    assert raw.whole("Rows") == 6


@pytest.mark.parametrize("value", ["", "abc", "nan", "inf", "1e400", "7.23e75", "--3"])
def test_what_is_no_number_is_absent(tmp_path: Path, value: str) -> None:
    path = tmp_path / "a.dcm"
    ds = dataset_of(SeriesSpec().with_header(EchoTime="99"), 0)
    saved(path, ds)
    data = path.read_bytes().replace(b"\x18\x00\x81\x00DS\x02\x0099", b"\x18\x00\x81\x00DS" + _padded(value))
    path.write_bytes(data)
    raw = RawValues(scan_header(path).elements)
    assert raw.number("EchoTime") is None
    assert raw.number("RepetitionTime") == 550


def _padded(value: str) -> bytes:
    data = value.encode() + b" " * (len(value) % 2)
    return len(data).to_bytes(2, "little") + data


def test_control_characters_and_length_are_cut(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    ds.ImageComments = "x" * 10_000
    ds.SeriesDescription = "a\x1b[31m\tb\u202ec"
    ds.SpecificCharacterSet = "ISO_IR 192"
    raw = saved(tmp_path / "a.dcm", ds)
    assert len(raw.text("ImageComments")) == 256
    assert raw.text("SeriesDescription") == "a [31m b c"


def test_private_elements_are_found_in_whichever_block_their_creator_has(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    ds.private_block(0x2005, "Somebody Else", create=True).add_new(0x0E, "FL", 7.0)
    assert saved(tmp_path / "a.dcm", ds).private_number(0x2005, "Philips MR Imaging DD 001", 0x0E) is None
    ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25)
    for syntax in SYNTAXES[:2]:
        values = saved(tmp_path / "a.dcm", ds, syntax)
        assert values.private_number(0x2005, "Philips MR Imaging DD 001", 0x0E) == 0.25


def test_files_without_preamble_and_meta_information(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(description="bare"), 0)
    del ds.file_meta
    for implicit in (True, False):
        path = tmp_path / f"{implicit}"
        pydicom.dcmwrite(path, ds, implicit_vr=implicit, little_endian=True)
        found = scan_header(path)
        assert RawValues(found.elements).text("SeriesDescription") == "bare"
        assert found.pixel_bytes == 60


def test_numbers_in_sequences_are_taken_out_of_texts(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(description="T1 cor XQ778812 RP-55501"), 0)
    other, request = Dataset(), Dataset()
    other.PatientID, request.RequestedProcedureID = "XQ778812", "RP55501"
    ds.OtherPatientIDsSequence, ds.RequestAttributesSequence = [other], [request]
    for undefined in (False, True):
        ds["OtherPatientIDsSequence"].is_undefined_length = undefined
        saved(tmp_path / "a.dcm", ds)
        (header,) = read_slice_headers(tmp_path / "a.dcm")
        assert header.description == "T1 cor [redacted] [redacted]"
