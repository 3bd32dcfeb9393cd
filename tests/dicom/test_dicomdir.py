"""A DICOMDIR is no image; what it names and is missing is told."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from marrowsignal.dicom.search.dicomdir import check_dicomdir, holds_file, holds_name
from marrowsignal.dicom.search.read_headers import read_headers
from tests.dicom.dicom_builder import SeriesSpec, write_series

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"


@config.disable_value_validation()
def write_dicomdir(file: Path, names: list[list[str]], syntax: str = ExplicitVRLittleEndian) -> None:
    ds = Dataset()
    ds.FileSetID = "TEST"
    ds.DirectoryRecordSequence = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name
        ds.DirectoryRecordSequence.append(record)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = DICOMDIR_CLASS, "1.2.3"
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(file, enforce_file_format=True)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("name", ["DICOMDIR", "index.dcm"])
def test_missing_files_are_counted(tmp_path: Path, name: str, syntax: str) -> None:
    files = write_series(tmp_path / "IMAGES", SeriesSpec(), names=[f"im{i:02d}" for i in range(9)])
    named = [["IMAGES", f"IM{i:02d}"] for i in range(9)]
    write_dicomdir(tmp_path / name, named, syntax)
    assert read_headers(tmp_path / name).findings == ()
    files[2].unlink()
    files[3].rename(files[3].with_suffix(".dcm"))
    for path in (tmp_path, tmp_path / name):
        found = read_headers(path)
        assert len(found.headers) == 8
        (finding,) = found.findings
        assert finding.code == "dicomdir_files_missing"
        assert finding.message == "1 of 9 files that the DICOMDIR names are not there."


def test_names_that_leave_the_folder_are_never_looked_for(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    inside = tmp_path / "cd"
    write_series(inside, SeriesSpec())
    write_dicomdir(inside / "DICOMDIR", [["..", "secret"], ["/etc", "passwd"], ["C:", "x"], ["."], ["T1_001"]])
    (finding,) = read_headers(inside).findings
    assert finding.message == "4 of 5 names in the DICOMDIR lead out of its folder and were not followed."


def test_a_dicomdir_in_a_zip_is_compared_with_the_members(tmp_path: Path) -> None:
    files = write_series(tmp_path, SeriesSpec())
    write_dicomdir(tmp_path / "DICOMDIR", [["IMG", "T1_000"], ["IMG", "T1_100"]])
    with zipfile.ZipFile(tmp_path / "cd.zip", "w") as target:
        target.write(tmp_path / "DICOMDIR", "cd/DICOMDIR")
        target.write(files[0], "cd/IMG/t1_000.dcm")
    found = read_headers(tmp_path / "cd.zip")
    assert len(found.headers) == 1
    (finding,) = found.findings
    assert finding.message == "1 of 2 files that the DICOMDIR names are not there."


def test_a_hundred_thousand_names_take_moments(tmp_path: Path) -> None:
    record = b"\x04\x00\x00\x15CS\x0a\x00DIR\\IM0001"
    began = time.perf_counter()
    check = check_dicomdir(record * 100_000, holds_file(tmp_path))
    assert (check.named, check.missing, check.outside) == (100_000, 100_000, 0)
    assert time.perf_counter() - began < 5.0


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_count(data: bytes) -> None:
    check = check_dicomdir(b"\x04\x00\x00\x15" + data + b"\x00\x04\x15\x00" + data, holds_name(["a/b"]))
    assert 0 <= check.missing + check.outside <= check.named
