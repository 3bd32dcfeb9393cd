"""What is found below a path: every DICOM file once, whatever lies between, and a reason for what was left out."""

from __future__ import annotations

import io
import os
import shutil
import socket
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from marrowsignal.dicom import find_series
from marrowsignal.dicom.search.file_kind import START_BYTES, FileKind, kind_of
from marrowsignal.dicom.search.file_tally import FileTally, Trouble
from marrowsignal.dicom.search.header_reading import look_at_all, reading_threads
from marrowsignal.dicom.search.read_headers import FoundFiles, read_headers
from marrowsignal.dicom.search.walk import FolderWalk
from marrowsignal.errors import InputError
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, stir_spec, write_series

needs_links = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes are POSIX")
NAME = "Mueller_Hans"
# Begins with a whole element of group 8, and yet is no image.
LIKE_A_DATASET = struct.pack("<HHI", 0x0008, 0x0005, 4) + b"text"


def codes(found: FoundFiles) -> list[str]:
    return [finding.code for finding in found.findings]


def found_in_order(*roots: Path) -> list[str]:
    """Names of the files that a walk finds."""
    walk = FolderWalk(FileTally())
    return [Path(file).name for root in roots for _, file in walk.files(str(root))]


def zipped(file: Path) -> bytes:
    """A zip that holds a file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        target.write(file, file.name)
    return content.getvalue()


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be an ordinary user, whom permissions stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that an ordinary user reaches, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with without_privileges():
            reached = os.access(folder, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
        if not reached:
            pytest.skip("an ordinary user does not reach the temporary folder of this user")
        yield Path(folder)


def test_names_and_suffixes_do_not_matter(tmp_path: Path) -> None:
    names = ["IM0001", "1.2.840.113619.2.5", "a.b c.JPG", "x.dcm", "Z.IMA", "scan.txt", "ünï", ".hidden", "0"]
    write_series(tmp_path / "deep" / "er", SeriesSpec(), names=names)
    found = read_headers(tmp_path)
    assert (len(found.headers), found.files_seen, found.findings) == (9, 9, ())


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_files_without_preamble_are_found(tmp_path: Path, syntax: str) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    del ds.file_meta
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    ds.save_as(tmp_path / "bare", implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    (header,) = read_headers(tmp_path).headers
    assert (header.rows, header.columns) == (6, 5)


def test_junk_between_is_passed_over(tmp_path: Path) -> None:
    (file, *_) = write_series(tmp_path, SeriesSpec())
    junk = {
        "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        ".DS_Store": b"\0\0\0\1Bud1" + bytes(600),
        "report.pdf": b"%PDF-1.4\n",
        "viewer.exe": b"MZ" + bytes(600),
        "autorun.inf": b"[autorun]\r\n",
        "notes.txt": b"\x08\x00 is how some notes begin",
        "nothing.txt": b"",
        "table": LIKE_A_DATASET,
        "__init__.py": b"",
        "viewer.jar": zipped(file),
    }
    for name, content in junk.items():
        (tmp_path / name).write_bytes(content)
    for folder in ("__MACOSX", "$Recycle.Bin", ".Trash-1000", "#recycle"):
        (tmp_path / folder).mkdir()
        shutil.copy(file, tmp_path / folder / "deleted.dcm")
    (tmp_path / "._t1_000.dcm").write_bytes(b"\0\5\x16\7 resource fork")
    found = read_headers(tmp_path)
    assert (len(found.headers), found.files_unreadable, found.findings) == (9, 0, ())


def test_many_bad_files_are_one_finding_without_a_name(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec())
    for index in range(40):
        (tmp_path / f"{NAME}_{index:02d}.dcm").write_bytes(b"no DICOM at all")
    for name in (NAME, "1.2.840.5", "IM.DCM", ".hidden", "log.txt"):
        (tmp_path / name).write_bytes(b"")
    found = read_headers(tmp_path)
    assert (len(found.headers), found.files_unreadable) == (9, 43)
    damaged, empty = found.findings
    assert damaged.message == (
        "40 file(s) look like DICOM but cannot be read and were left out "
        "(number 5, 6, 7 and 37 more of 54, counted by folder and name)."
    )
    assert empty.message.startswith("3 file(s) hold no bytes")
    assert not any(NAME in finding.message or str(tmp_path) in finding.message for finding in found.findings)


@given(places=st.permutations(range(1, 30)))
def test_findings_do_not_depend_on_the_order_of_troubles(places: list[int]) -> None:
    tally = FileTally()
    for place in places:
        tally.add(Trouble.DAMAGED if place % 2 else Trouble.EMPTY, place)
    (damaged, empty) = tally.findings()
    assert "number 1, 3, 5 and 12 more" in damaged.message
    assert "number 2, 4, 6 and 11 more" in empty.message


@given(start=st.binary(max_size=START_BYTES))
def test_any_first_bytes_have_a_kind(start: bytes) -> None:
    assert isinstance(kind_of(start), FileKind)
    assert kind_of(bytes(128) + b"DICM" + start) in (FileKind.DICOM, FileKind.DICOMDIR)


def test_threads_change_nothing(tmp_path: Path) -> None:
    for study in range(8):
        write_series(tmp_path / str(study), SeriesSpec(study=str(study)))
    (tmp_path / "bad.dcm").write_bytes(b"bad")
    (tmp_path / "many").mkdir()
    for number in range(600):
        (tmp_path / "many" / str(number)).write_bytes(b"x")
    files = [(number, Path(file)) for number, file in FolderWalk(FileTally()).files(str(tmp_path))]
    with reading_threads() as threads:
        ahead = list(look_at_all(threads, files, patience=0.0))
        alone = list(look_at_all(threads, files, patience=float("inf")))
    assert ahead == alone
    assert [looked.number for looked in ahead] == list(range(1, 674))
    assert sum(len(looked.headers) for looked in ahead) == 72


def test_two_folders_are_one_search(tmp_path: Path) -> None:
    write_series(tmp_path / "a", SeriesSpec())
    write_series(tmp_path / "b", stir_spec())
    catalog = find_series((tmp_path / "a", tmp_path / "b"))
    assert [series.identity.value for series in catalog.series] == ["t1", "stir"]
    assert catalog.files_seen == 18
    assert find_series([tmp_path / "a", tmp_path, tmp_path / "b"]) == catalog


@needs_links
def test_links_are_followed_once_and_never_up(tmp_path: Path) -> None:
    write_series(tmp_path / "elsewhere", SeriesSpec(shape=(9, 4, 4)))
    write_series(tmp_path / "cohort" / "other patient", stir_spec())
    study = tmp_path / "cohort" / "study"
    inner = study / "inner"
    inner.mkdir(parents=True)
    (inner / "here").symlink_to("../inner")
    (inner / "up").symlink_to("..")
    (study / "cohort").symlink_to(tmp_path / "cohort")
    (study / "root").symlink_to("/")
    for link in ("first", "second"):
        (study / link).symlink_to(tmp_path / "elsewhere")
    (inner / "deep").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "cohort")
    (study / "a").symlink_to("b")
    (study / "b").symlink_to("a")
    (study / "gone").symlink_to(tmp_path / "never there")
    (study / "one").symlink_to(tmp_path / "elsewhere" / "t1_000.dcm")
    found = read_headers(study)
    assert len({header.series_instance_uid for header in found.headers}) == 1
    assert found.files_seen == 10
    assert {f.code: f.message.split()[0] for f in found.findings} == {"link_broken": "3", "link_upwards": "5"}


@needs_links
def test_pipes_sockets_and_devices_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path, SeriesSpec())
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "device.dcm").symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.dcm")
        found = read_headers(tmp_path)
    assert (len(found.headers), found.files_seen, found.findings) == (9, 9, ())
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_headers(tmp_path / "pipe.dcm")


@needs_links
def test_what_may_not_be_read_is_told(open_path: Path) -> None:
    write_series(open_path / "study", SeriesSpec())
    closed = open_path / "study" / "closed"
    write_series(closed, stir_spec())
    (open_path / "study" / "t1_003.dcm").chmod(0)
    closed.chmod(0)
    with without_privileges():
        found = read_headers(open_path / "study")
        with pytest.raises(InputError, match="may not be read by this user"):
            read_headers(closed)
        with pytest.raises(InputError, match="may not be read by this user"):
            read_headers(open_path / "study" / "t1_003.dcm")
    closed.chmod(0o700)
    assert (len(found.headers), found.files_seen, found.files_unreadable) == (8, 9, 1)
    assert codes(found) == ["file_not_permitted", "folder_unreadable"]


def test_what_disappears_meanwhile_is_told(tmp_path: Path) -> None:
    (file, *_) = write_series(tmp_path, SeriesSpec(shape=(9, 4, 4)))
    tally = FileTally()
    files = FolderWalk(tally).files(str(tmp_path))
    first = next(files)
    file.unlink()
    with reading_threads() as threads:
        (looked,) = look_at_all(threads, [first])
    assert looked.trouble is Trouble.VANISHED
    assert list(FolderWalk(tally).files(str(tmp_path / "gone"))) == []
    assert [finding.code for finding in tally.findings()] == ["folder_unreadable"]


def test_very_long_trees_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path, SeriesSpec())
    monkeypatch.chdir(tmp_path)
    for _ in range(60):
        Path("d" * 100).mkdir()
        os.chdir("d" * 100)
    found = read_headers(tmp_path)
    assert len(found.headers) == 9
    assert codes(found) == ["folder_unreadable"]


def test_files_come_by_folder_and_name(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/z/1", "a/y", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert found_in_order(tmp_path) == ["c", "y", "1", "1", "2"]
    assert found_in_order(tmp_path / "b", tmp_path) == ["1", "2", "c", "y", "1"]


def test_nothing_at_a_path_and_nothing_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder at the path given") as missing:
        read_headers(tmp_path / NAME)
    assert (missing.value.exit_code, missing.value.code) == (5, "input_missing")
    assert NAME not in str(missing.value)
    with pytest.raises(InputError, match=r"cannot be read|no file or folder"):
        read_headers(tmp_path / ("n" * 5000))
    (empty,) = read_headers(tmp_path).findings
    assert (empty.code, empty.message) == ("no_dicom_found", "There is not a single file here.")
    (tmp_path / "letter.doc").write_bytes(b"dear colleague")
    (none,) = read_headers(tmp_path).findings
    assert none.message == "None of 1 file(s) is DICOM that can be read."
