"""Zip and gzip archives: what they hold is read, what they try is refused, and nothing stays behind."""

from __future__ import annotations

import gc
import gzip
import io
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.dicom import find_series, read_volume
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits
from marrowsignal.dicom.search.read_headers import FoundFiles, read_headers
from marrowsignal.errors import InputError
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, stir_spec, write_series

NAME = "Mueller_Hans"
# Begins with a whole element of group 8, and yet is no image.
LIKE_A_DATASET = struct.pack("<HHI", 0x0008, 0x0005, 4) + b"text"
DICOMDIR_META = b"\2\0\2\0UI\x14\x001.2.840.10008.1.3.10"
SMALL = ArchiveLimits(max_ratio=10.0, free_bytes=2**20)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where archives are unpacked in these tests."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def dicom_bytes(index: int = 0, spec: SeriesSpec | None = None) -> bytes:
    buffer = io.BytesIO()
    dataset_of(spec or SeriesSpec(), index).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_zip(file: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file


def series_members(spec: SeriesSpec | None = None, folder: str = "") -> dict[str, bytes]:
    return {f"{folder}IM{index:04d}": dicom_bytes(index, spec) for index in range(9)}


def codes(found: FoundFiles) -> list[str]:
    return [finding.code for finding in found.findings]


def messages(found: FoundFiles) -> str:
    return " ".join(finding.message for finding in found.findings)


def is_empty(folder: Path) -> bool:
    gc.collect()
    return not any(folder.iterdir())


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    write_series(tmp_path / "study", SeriesSpec())
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "study")
    (zipped,) = find_series(tmp_path / "study.zip").series
    (folder,) = find_series(tmp_path / "study").series
    gc.collect()
    assert np.array_equal(read_volume(zipped).array, read_volume(folder).array)
    assert (zipped.findings, zipped.reasons) == (folder.findings, folder.reasons)


def test_the_temporary_folder_is_private_and_lives_as_long_as_a_series(tmp_path: Path, temporary: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members())
    catalog = find_series(archive)
    (unpacked,) = temporary.iterdir()
    if os.name == "posix":
        assert stat.S_IMODE(unpacked.stat().st_mode) == 0o700
    (series,) = catalog.series
    del catalog
    gc.collect()
    assert len(list(unpacked.iterdir())) == 9
    del series
    assert is_empty(temporary)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupt_leaves_nothing_and_a_fork_removes_nothing(tmp_path: Path, temporary: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members())
    script = (
        "import os, signal, sys, pathlib, marrowsignal.dicom as d\n"
        # A shell's background job ignores SIGINT from the start.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "kept = d.find_series(pathlib.Path(sys.argv[1]))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    del kept\n"
        "    sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "assert len(os.listdir(os.environ['TMPDIR'])) == 1\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(archive)],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "KeyboardInterrupt" in done.stderr) == (-signal.SIGINT, True)
    assert is_empty(temporary)


def test_names_of_members_lead_nowhere(tmp_path: Path, temporary: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    names = [
        "../../../etc/x",
        "NUL NAME",
        "/etc/x",
        "C:\\x",
        "..\\..\\x",
        "nul\0.dcm",
        f"{NAME}/{NAME}",
        "x" * 65000,
        "con.dcm",
    ]
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for index, name in enumerate(names):
            target.writestr(name, dicom_bytes(index))
        target.writestr(link, "/etc/passwd")
    archive.write_bytes(archive.read_bytes().replace(b"NUL NAME", bytes(8)))
    found = read_headers(archive)
    paths = [header.path for header in found.headers]
    assert (len(paths), found.findings) == (9, ())
    assert {path.parent.parent for path in paths} == {temporary}
    assert sorted(path.name for path in paths) == [f"{number:06d}.dcm" for number in range(1, 10)]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip", "temporary"]


def test_same_names_are_two_members(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as target, pytest.warns(UserWarning, match="Duplicate name"):
        target.writestr("IM", dicom_bytes(0))
        target.writestr("IM", dicom_bytes(1))
    assert len({header.sop_instance_uid for header in read_headers(archive).headers}) == 2


def test_one_damaged_member_does_not_lose_the_others(tmp_path: Path, temporary: Path) -> None:
    # The flaw comes after what is read first.
    large = SeriesSpec(shape=(9, 64, 64))
    archive = write_zip(tmp_path / "a.zip", series_members(large), zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    where = data.find(b"IM0004") + 8000
    data[where] ^= 0xFF
    archive.write_bytes(data)
    found = read_headers(archive)
    assert (len(found.headers), found.files_unreadable, codes(found)) == (8, 1, ["file_unreadable"])
    assert "number 5 of 9" in messages(found)
    assert len(list(next(temporary.iterdir()).iterdir())) == 8


def with_flag(archive: Path, name: bytes, flag: int) -> None:
    """Set a general purpose flag of a member in both of its headers."""
    data = bytearray(archive.read_bytes())
    for signature, flags_at, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        where = data.find(signature)
        while where >= 0:
            if data[where + name_at :].startswith(name):
                data[where + flags_at] |= flag
            where = data.find(signature, where + 4)
    archive.write_bytes(data)


def test_encrypted_members_are_told(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members())
    with_flag(archive, b"IM0003", 1)
    found = read_headers(archive)
    assert (len(found.headers), codes(found)) == (8, ["archive_encrypted"])
    with_flag(archive, b"IM", 1)
    with pytest.raises(InputError, match=r"nothing in the archive given can be read: 9 file\(s\).*are encrypted"):
        read_headers(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members(), method)
    with pytest.raises(InputError, match="compressed by a method other than deflate"):
        read_headers(archive)


def test_zips_in_a_zip_stay_closed(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", series_members()).read_bytes()
    found = read_headers(write_zip(tmp_path / "a.zip", {"inner": inner, **series_members(stir_spec())}))
    assert (len(found.headers), codes(found)) == (9, ["archive_nested"])
    with pytest.raises(InputError, match="inside an archive were not opened"):
        read_headers(write_zip(tmp_path / "b.zip", {"inner.zip": inner}))


@pytest.mark.parametrize("keep", [0.2, 0.97])
def test_a_cut_zip_is_one_reason(tmp_path: Path, keep: float) -> None:
    archive = write_zip(tmp_path / f"{NAME}.zip", series_members())
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * keep)])
    with pytest.raises(InputError, match="damaged, or one part of several") as refused:
        read_headers(archive)
    assert NAME not in str(refused.value)


def test_zips_in_folders_are_opened(tmp_path: Path, temporary: Path) -> None:
    write_series(tmp_path / "in" / "folder", SeriesSpec())
    write_zip(tmp_path / "in" / "stir.zip", series_members(stir_spec(), "deep/er/"))
    (tmp_path / "in" / "cut.zip").write_bytes(b"PK\3\4 and no more")
    write_zip(tmp_path / "in" / "bomb.zip", {"bomb": dicom_bytes() + bytes(2**22)})
    catalog = find_series(tmp_path / "in")
    assert [series.identity.value for series in catalog.series] == ["t1", "stir"]
    assert [finding.code for finding in catalog.findings] == ["archive_unreadable"]
    del catalog
    assert is_empty(temporary)
    found = read_headers(tmp_path / "in", limits=SMALL)
    assert (len(found.headers), codes(found)) == (18, ["archive_unreadable", "archive_too_large"])
    assert sum(len(list(folder.iterdir())) for folder in temporary.iterdir()) == 9


def test_each_zip_has_a_folder_of_its_own(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "in").mkdir()
    write_zip(tmp_path / "in" / "t1.zip", series_members())
    write_zip(tmp_path / "in" / "stir.zip", series_members(stir_spec()))
    catalog = find_series(tmp_path / "in")
    assert len(list(temporary.iterdir())) == 2
    stir = catalog.series[1]
    del catalog
    gc.collect()
    (kept,) = temporary.iterdir()
    assert stir.files[0].parent == kept


def test_junk_in_a_zip_is_not_unpacked(tmp_path: Path, temporary: Path) -> None:
    members = {
        "__MACOSX/._IM": b"\0\5\x16\7",
        "viewer.exe": b"MZ" + bytes(2**24),
        "a/report.pdf": b"%PDF",
        "empty/": b"",
        "table": LIKE_A_DATASET,
    }
    archive = write_zip(tmp_path / "a.zip", {**series_members(), **members})
    found = read_headers(archive, limits=SMALL)
    assert (len(found.headers), found.files_seen, found.findings) == (9, 12, ())
    assert len(list(next(temporary.iterdir()).iterdir())) == 9


def test_a_zip_that_unpacks_itself(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members())
    (tmp_path / "study.exe").write_bytes(b"MZ program" * 100 + archive.read_bytes())
    assert len(read_headers(tmp_path / "study.exe").headers) == 9


@pytest.mark.parametrize("head", [dicom_bytes(), b""])
def test_a_bomb_stops_at_its_bound(tmp_path: Path, temporary: Path, head: bytes) -> None:
    archive = write_zip(tmp_path / "a.zip", {f"{index}.dcm": head + bytes(2**22) for index in range(8)})
    assert archive.stat().st_size < 2**16
    with pytest.raises(InputError, match="unpack to too much" if head else "nothing in the archive"):
        read_headers(archive, limits=SMALL)
    assert is_empty(temporary)
    whole = ArchiveLimits(max_bytes=3 * 2**22)
    with pytest.raises(InputError, match=r"more than 0\.01\d* GiB in all" if head else "nothing in the archive"):
        read_headers(archive, limits=whole)
    assert is_empty(temporary)


def test_members_that_overlap_count_each_time(tmp_path: Path, temporary: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"IM": dicom_bytes() + bytes(2**19)})
    data = archive.read_bytes()
    start = data.find(b"PK\1\2")
    entry = data[start : data.find(b"PK\5\6")]
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 100, 100, 100 * len(entry), start, 0)
    archive.write_bytes(data[:start] + 100 * entry + end)
    limits = ArchiveLimits(max_ratio=1.0, free_bytes=2**21)
    with pytest.raises(InputError, match=r"unpack to too much|nothing in the archive"):
        read_headers(archive, limits=limits)
    assert is_empty(temporary)


def test_too_many_members_and_a_list_too_long(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {f"{index}": b"x" for index in range(51)})
    assert codes(read_headers(archive, limits=ArchiveLimits(max_members=51))) == ["no_dicom_found"]
    with pytest.raises(InputError, match="more than 50 members"):
        read_headers(archive, limits=ArchiveLimits(max_members=50))
    with pytest.raises(InputError, match="list of members"):
        read_headers(archive, limits=ArchiveLimits(max_directory_bytes=2**10))


def test_ten_thousand_tiny_members_take_moments(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {f"{index}": b"x" for index in range(10_000)}, zipfile.ZIP_STORED)
    began = time.perf_counter()
    assert read_headers(archive).files_seen == 10_000
    assert time.perf_counter() - began < 10.0


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_flipped_bytes_of_archives_are_a_reason(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        members = {f"IM{index}": dicom_bytes(index) for index in range(2)}
        file = write_zip(Path(folder, "a.zip"), {**members, "b.dcm.gz": gzip.compress(dicom_bytes(3))})
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            # Most of what can go wrong is in the list of members at the end.
            content[data.draw(st.integers(-400, len(content) - 401))] = data.draw(st.integers(0, 255))
        file.write_bytes(content)
        try:
            found = read_headers([Path(folder)], limits=SMALL)
        except InputError as error:
            pytest.fail(f"an archive in a folder must not stop the search: {error}")
        assert len(found.headers) <= 4


def test_gzip_of_one_dicom_file(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "in").mkdir()
    for index in range(9):
        (tmp_path / "in" / f"{index}.dcm.gz").write_bytes(gzip.compress(dicom_bytes(index)))
    (tmp_path / "in" / "image.nii.gz").write_bytes(gzip.compress(b"\x5c\1\0\0" + bytes(400)))
    (tmp_path / "in" / "cut.nii.gz").write_bytes(gzip.compress(b"\x5c\1\0\0" + bytes(400))[:-9])
    catalog = find_series(tmp_path / "in")
    assert catalog.findings == ()
    (series,) = catalog.series
    del catalog
    assert (series.slices, read_volume(series).array.shape) == (9, (9, 6, 5))
    del series
    assert is_empty(temporary)
    assert len(read_headers(tmp_path / "in" / "3.dcm.gz").headers) == 1
    found = read_headers(write_zip(tmp_path / "a.zip", {"IM.gz": gzip.compress(dicom_bytes())}))
    assert len(found.headers) == 1


@pytest.mark.parametrize(
    "content", [gzip.compress(b"", mtime=0) * 200_000, b"\0" * 128 + b"DICM" + DICOMDIR_META + bytes(2**22)]
)
def test_what_is_only_looked_through_counts_too(tmp_path: Path, content: bytes) -> None:
    archive = write_zip(tmp_path / "a.zip", {f"{index}.gz": content for index in range(9)})
    with pytest.raises(InputError, match="unpack to too much"):
        read_headers(archive, limits=SMALL)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(dicom_bytes(), mtime=0)[:-300], "nothing in the archive given can be read.*cannot be read"),
        (gzip.compress(dicom_bytes() + bytes(2**23), mtime=0), "unpack to too much"),
        (gzip.compress(gzip.compress(dicom_bytes(), mtime=0), mtime=0), "of a kind that is not opened"),
        (gzip.compress(bytes(999), mtime=0)[:-20], "nothing in the archive given can be read.*cannot be read"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(600), "of a kind that is not opened"),
    ],
)
def test_gzip_that_cannot_be_read_is_one_reason(tmp_path: Path, temporary: Path, content: bytes, reason: str) -> None:
    file = tmp_path / f"{NAME}.dcm.gz"
    file.write_bytes(content)
    with pytest.raises(InputError, match=reason) as refused:
        read_headers(file, limits=SMALL)
    assert NAME not in str(refused.value)
    assert is_empty(temporary)


@pytest.mark.skipif(os.name != "posix", reason="sets a limit of POSIX")
def test_a_full_disk_is_no_damaged_member(tmp_path: Path, temporary: Path) -> None:
    import resource

    archive = write_zip(tmp_path / "a.zip", series_members())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match="cannot be unpacked into the temporary folder"):
            read_headers(archive)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert is_empty(temporary)


def test_without_a_place_to_unpack_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_zip(tmp_path / "a.zip", series_members())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with pytest.raises(InputError, match="no temporary folder can be made"):
        read_headers(archive)
