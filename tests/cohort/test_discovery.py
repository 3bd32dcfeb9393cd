"""Studies are found wherever and under whatever names they lie, each once, and nothing is lost without a word."""

from __future__ import annotations

import functools
import gzip
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from marrowsignal.cohort.discovery import Discovery, find_studies
from marrowsignal.cohort.ledger import Ledger
from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.shards import in_shard
from marrowsignal.dicom import CaseKey, case_name, find_series
from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits
from marrowsignal.dicom.search.read_headers import read_headers
from marrowsignal.dicom.search.study_files import study_of_file
from marrowsignal.errors import InputError
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, stir_spec, uid

KEY = CaseKey(secret=b"test")
STUDIES = ("one", "two", "three")


@functools.cache
def dicom(study: str, series: str, index: int, syntax: str | None = None) -> bytes:
    spec = (stir_spec() if series == "stir" else SeriesSpec()).but(study=study)
    dataset = dataset_of(spec, index)
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write(file: Path, data: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def write_study(folder: Path, study: str, series: Iterable[str] = ("t1", "stir"), slices: int = 2) -> None:
    for one in series:
        for index in range(slices):
            write(folder / one / f"{index}.dcm", dicom(study, one, index))


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def found(*paths: Path) -> Discovery:
    return find_studies(paths, key=KEY)


def key_of(study: str) -> str:
    return case_name(str(uid(study)), key=KEY)


def images_of(source: StudySource) -> list[str]:
    """The images of a study that its paths lead to, as the analysis reads them."""
    headers = read_headers([Path(path) for path in source.paths]).headers
    return sorted(one.sop_instance_uid for one in headers if one.study_instance_uid == source.study_instance_uid)


def readable(discovery: Discovery) -> dict[str, StudySource]:
    return {source.key: source for source in discovery.sources if source.problem is None}


def problems(discovery: Discovery) -> list[str]:
    return [source.problem for source in discovery.sources if source.problem is not None]


PLACES = st.sampled_from(["", "a", "a/b", "a/b/c", "d", "d/e", "Jane Doe", "a.zip", "a/b.zip", "d/e/f.zip"])
FILES = [(study, series, index) for study in STUDIES for series in ("t1", "stir") for index in range(2)]


@settings(max_examples=40)
@given(
    places=st.lists(PLACES, min_size=len(FILES), max_size=len(FILES)),
    names=st.permutations(range(len(FILES))),
    suffix=st.sampled_from(["", ".dcm", ".IMA", ".1.2.840"]),
)
def test_places_and_names_do_not_matter(places: list[str], names: list[int], suffix: str) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        archives: dict[str, dict[str, bytes]] = {}
        for place, name, file in zip(places, names, FILES, strict=True):
            if place.endswith(".zip"):
                archives.setdefault(place, {})[f"inner/{name}{suffix}"] = dicom(*file)
            else:
                write(folder / place / f"IM{name}{suffix}", dicom(*file))
        for place, members in archives.items():
            write(folder / place, zipped(members))
        discovery = found(folder)
        assert [source.key for source in discovery.sources] == sorted(key_of(study) for study in STUDIES)
        for study in STUDIES:
            source = readable(discovery)[key_of(study)]
            expected = sorted(str(uid(f"{study}/{series}/{index}")) for one, series, index in FILES if one == study)
            assert images_of(source) == expected
            assert source.files == len(expected)
            assert source.study_instance_uid == uid(study)
    finally:
        shutil.rmtree(folder)


def test_a_folder_that_holds_one_study_alone_stands_for_its_files(tmp_path: Path) -> None:
    write_study(tmp_path / "x" / "one" / "DICOM", "one")
    write(tmp_path / "x" / "one" / "report.pdf", b"%PDF")
    write_study(tmp_path / "x" / "two", "two")
    sources = readable(found(tmp_path))
    assert sources[key_of("one")].paths == (str(tmp_path / "x" / "one"),)
    assert sources[key_of("two")].paths == (str(tmp_path / "x" / "two"),)
    (alone,) = found(tmp_path / "x" / "two").sources
    assert alone.paths == (str(tmp_path / "x" / "two"),)
    assert alone.signature == sources[key_of("two")].signature


def test_series_in_folders_and_archives_apart_are_one_study(tmp_path: Path) -> None:
    write_study(tmp_path / "first", "one", ["t1"])
    write_study(tmp_path / "first" / "other", "two")
    write(tmp_path / "second.zip", zipped({f"{i}": dicom("one", "stir", i) for i in range(2)}))
    write(tmp_path / "third" / "0.dcm.gz", gzip.compress(dicom("one", "stir", 2)))
    source = readable(found(tmp_path))[key_of("one")]
    assert source.paths == (str(tmp_path / "first" / "t1"), str(tmp_path / "second.zip"), str(tmp_path / "third"))
    assert len(images_of(source)) == 5
    catalog = find_series([Path(path) for path in source.paths])
    assert {series.study_instance_uid for series in catalog.series} == {uid("one")}


def test_several_studies_in_one_folder_are_told_by_their_files(tmp_path: Path) -> None:
    for study in ("one", "two"):
        for index in range(3):
            write(tmp_path / f"{study}{index}", dicom(study, "t1", index))
    sources = readable(found(tmp_path))
    assert sources[key_of("two")].paths == tuple(str(tmp_path / f"two{index}") for index in range(3))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("archived", [True, False])
def test_every_syntax_is_read(tmp_path: Path, syntax: str, archived: bool) -> None:
    dataset = dataset_of(SeriesSpec(study="one"), 0)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = b"\0" * len(dataset.PixelData)
    dataset.save_as(tmp_path / "a", enforce_file_format=True)
    if archived:
        write(tmp_path / "a.zip", zipped({"a": (tmp_path / "a").read_bytes()}))
        (tmp_path / "a").unlink()
    assert [source.key for source in found(tmp_path).sources] == [key_of("one")]


@pytest.mark.parametrize("archived", [True, False])
def test_a_long_value_before_the_uid_is_stepped_over(tmp_path: Path, archived: bool) -> None:
    dataset = dataset_of(SeriesSpec(study="one"), 0)
    dataset.add_new(0x00091010, "OB", b"\x20\x00\x0d\x00UI\x04\x001.2\0" * 5000)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    write(tmp_path / "a", zipped({"a": stream.getvalue()}) if archived else stream.getvalue())
    assert [source.key for source in found(tmp_path).sources] == [key_of("one")]


def test_looking_into_an_archive_unpacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dataset_of(SeriesSpec(study="one"), 0)
    dataset.Rows = dataset.Columns = 512
    dataset.PixelData = os.urandom(2 * 512**2)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    members = {f"{number}": stream.getvalue() for number in range(3)}
    archive = write(tmp_path / "study.zip", zipped(members))
    # Behind the first kilobytes the members are damaged, which only who unpacks them sees.
    data = bytearray(archive.read_bytes())
    data[60_000:60_100] = bytes(100)
    archive.write_bytes(data)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    (source,) = found(archive).sources
    assert (source.key, source.files, source.paths) == (key_of("one"), 3, (str(archive),))


def test_of_an_archive_of_many_studies_one_is_unpacked(tmp_path: Path) -> None:
    members = {f"{study}{index}": dicom(study, "t1", index) for study in STUDIES for index in range(3)}
    archive = write(tmp_path / "all.zip", zipped({**members, "note.txt": b"text"}))
    # Room for one study and what must be looked at of the others.
    limits = ArchiveLimits(max_bytes=2 * len(zipped(members)) + 9 * 2**13)
    for study in STUDIES:
        one = read_headers(archive, study_instance_uid=str(uid(study)), limits=limits)
        assert sorted(header.sop_instance_uid for header in one.headers) == sorted(
            str(uid(f"{study}/t1/{index}")) for index in range(3)
        )
        (series,) = find_series(archive, study_instance_uid=str(uid(study))).series
        assert series.study_instance_uid == uid(study)
        (folder,) = {source.path.parent for source in series.sources}
        assert len(list(folder.iterdir())) == 3


@given(value=st.binary(max_size=70), element=st.sampled_from([b"UI", b"LO"]))
def test_the_uid_is_the_one_that_the_analysis_reads(value: bytes, element: bytes) -> None:
    data = dicom("one", "t1", 0)
    known = str(uid("one")).encode()
    place = data.index(b"\x20\x00\x0d\x00UI")
    length = int.from_bytes(data[place + 6 : place + 8], "little")
    assert data[place + 8 : place + 8 + length].rstrip(b"\0") == known
    value += b"\0" * (len(value) % 2)
    changed = data[: place + 4] + element + len(value).to_bytes(2, "little") + value + data[place + 8 + length :]
    file = Path(tempfile.mkdtemp()) / "a"
    try:
        write(file, changed)
        (header,) = read_headers(file).headers
        with quiet_pydicom():
            looked = study_of_file(1, file)
        assert looked.study_instance_uid == header.study_instance_uid
    finally:
        shutil.rmtree(file.parent)


def test_what_cannot_be_read_is_a_study_with_a_problem(tmp_path: Path) -> None:
    write_study(tmp_path / "good", "one")
    write(tmp_path / "all damaged" / "0.dcm", b"\0" * 128 + b"DICM" + b"\x08\x00\x05\x00CS\xff")
    write(tmp_path / "overwritten" / "IM0001", bytes(3000))
    write(tmp_path / "overwritten" / "IM0002", bytes(3000))
    write(tmp_path / "cut.zip", zipped({"0": dicom("two", "t1", 0)})[:500])
    write(tmp_path / "locked.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100))
    discovery = found(tmp_path)
    assert set(readable(discovery)) == {key_of("one")}
    assert sorted(problems(discovery)) == [
        "1 file(s) look like DICOM but cannot be read, and nothing else of their folder can",
        "2 file(s) look like DICOM but cannot be read, and nothing else of their folder can",
        "nothing in the archive can be read: 1 archive(s) are damaged, or one part of several, and were left out",
        "nothing in the archive can be read: 1 archive(s) of a kind that is not opened (tar, 7z, rar, xz, bz2); "
        "unpack them and give the folder",
    ]
    assert {source.key for source in discovery.sources} == {source.key for source in found(tmp_path).sources}
    assert len({source.key for source in discovery.sources}) == 5


def test_damaged_files_beside_a_study_are_its_own(tmp_path: Path) -> None:
    write_study(tmp_path / "a", "one", ["t1"])
    write(tmp_path / "a" / "t1" / "9.dcm", b"cut")
    discovery = found(tmp_path)
    (source,) = discovery.sources
    assert (source.paths, source.files, source.problem) == ((str(tmp_path),), 3, None)
    assert [finding.code for finding in discovery.findings] == ["file_unreadable"]


def test_damaged_files_among_several_studies_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "1.dcm", dicom("one", "t1", 0))
    write(tmp_path / "2.dcm", dicom("two", "t1", 0))
    write(tmp_path / "3.dcm", b"cut")
    discovery = found(tmp_path)
    assert set(readable(discovery)) == {key_of("one"), key_of("two")}
    assert problems(discovery) == [
        "1 file(s) look like DICOM but cannot be read, and which study they belong to is not known"
    ]


def test_other_files_are_counted_and_no_name_is_told(tmp_path: Path) -> None:
    write_study(tmp_path / "Jane Doe", "one")
    for name in ("Jane.txt", "Jane.jpg", "Jane.pdf", "Jane.xml", "Jane.csv"):
        write(tmp_path / "Jane Doe" / name, b"Jane")
    write(tmp_path / "Jane Doe" / "viewer.jar", zipped({"Jane.class": b"Jane"}))
    write(tmp_path / "Jane Doe" / "texts.zip", zipped({"Jane.txt": b"Jane"}))
    write(tmp_path / "notes" / "README", b"all of a folder, but not all without a suffix")
    write(tmp_path / "notes" / "a.txt", b"text")
    write(tmp_path / ".git" / "objects" / "0123456789", b"hidden")
    discovery = found(tmp_path)
    assert [source.key for source in discovery.sources] == [key_of("one")]
    assert [finding.message for finding in discovery.findings] == ["10 file(s) are not DICOM and were passed over."]
    assert "Jane" not in repr(discovery.findings)


def test_cases_of_ours_are_no_studies(tmp_path: Path) -> None:
    write_study(tmp_path / "study", "one")
    before = found(tmp_path)
    for folder in (tmp_path / "out" / "0a1b2c3d4e5f", tmp_path / "out" / ".0a1b2c3d4e5f.abcd1234.partial" / "new"):
        write(folder / "result.json", b"{}")
        write(folder / "report.html", b"<html>")
        write(folder / "dicom" / "marrow_seg.dcm", dicom("one", "t1", 5))
    (after,) = found(tmp_path).sources
    (source,) = before.sources
    assert (after.key, after.files, after.signature) == (source.key, source.files, source.signature)
    assert after.paths == (str(tmp_path / "study"),)


def test_a_ledger_below_the_input_stays_locked(tmp_path: Path) -> None:
    write_study(tmp_path / "study", "one")
    opening = (
        "import sys, pathlib; from marrowsignal.cohort.ledger import Ledger; Ledger.open(pathlib.Path(sys.argv[1]))"
    )
    with Ledger.open(tmp_path / "out"):
        assert len(found(tmp_path).sources) == 1
        line = [sys.executable, "-c", opening, str(tmp_path / "out")]
        second = subprocess.run(line, capture_output=True, text=True, check=False)
    assert "another batch works on this" in second.stderr


def test_without_a_study_uid_there_is_a_reason(tmp_path: Path) -> None:
    dataset = dataset_of(SeriesSpec(), 0)
    del dataset.StudyInstanceUID
    write_study(tmp_path / "one", "one")
    (tmp_path / "bare").mkdir()
    dataset.save_as(tmp_path / "bare" / "a.dcm", enforce_file_format=True)
    discovery = found(tmp_path)
    assert set(readable(discovery)) == {key_of("one")}
    assert "no StudyInstanceUID" in problems(discovery)[0]


def test_the_signature_sees_every_change(tmp_path: Path) -> None:
    write_study(tmp_path, "one")
    file = tmp_path / "t1" / "0.dcm"
    seen = {found(tmp_path).sources[0].signature}
    os.utime(file, ns=(1, 1))
    seen.add(found(tmp_path).sources[0].signature)
    file.write_bytes(file.read_bytes() + b"\0\0")
    os.utime(file, ns=(1, 1))
    seen.add(found(tmp_path).sources[0].signature)
    file.rename(tmp_path / "t1" / "renamed.dcm")
    seen.add(found(tmp_path).sources[0].signature)
    (tmp_path / "t1" / "renamed.dcm").unlink()
    seen.add(found(tmp_path).sources[0].signature)
    assert len(seen) == 5
    shutil.move(tmp_path, tmp_path.with_name("moved"))
    assert found(tmp_path.with_name("moved")).sources[0].signature in seen


def test_a_shard_takes_its_studies_only(tmp_path: Path) -> None:
    for study in STUDIES:
        write_study(tmp_path / study, study, slices=1)
    parts = [find_studies([tmp_path], key=KEY, shard=(number, 2)).sources for number in (1, 2)]
    assert sorted(source.key for part in parts for source in part) == sorted(key_of(study) for study in STUDIES)
    assert all(in_shard(source.key, (1, 2)) for source in parts[0])


def test_paths_may_be_files_overlap_and_repeat(tmp_path: Path) -> None:
    write_study(tmp_path / "a", "one", slices=1)
    archive = write(tmp_path / "b.zip", zipped({"0": dicom("two", "t1", 0)}))
    file = tmp_path / "a" / "t1" / "0.dcm"
    discovery = found(tmp_path / "a", file, archive, archive, tmp_path / "a")
    assert {key: source.files for key, source in readable(discovery).items()} == {key_of("one"): 2, key_of("two"): 1}
    (alone,) = found(file).sources
    assert alone.paths == (str(file),)
    assert problems(found(write(tmp_path / "note.txt", b"text"))) == ["the file cannot be read as DICOM"]


def test_a_zip_that_unpacks_itself_is_opened_when_it_is_given(tmp_path: Path) -> None:
    program = write(tmp_path / "study.exe", b"MZ" + bytes(600) + zipped({"0": dicom("one", "t1", 0)}))
    assert [source.key for source in found(program).sources] == [key_of("one")]
    assert found(tmp_path).sources == ()


@pytest.mark.parametrize("path", [".", "a/..", "../x", "a"])
def test_relative_paths_hold_elsewhere_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    write_study(tmp_path / "x" / "a" / "b", "one")
    monkeypatch.chdir(tmp_path / "x")
    (source,) = found(Path(path)).sources
    monkeypatch.chdir(tmp_path)
    assert (source.key, len(images_of(source))) == (key_of("one"), 4)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_of_another_encoding_is_a_reason(tmp_path: Path) -> None:
    write_study(tmp_path / os.fsdecode(b"M\xfcller"), "one")
    write_study(tmp_path / "ok" / os.fsdecode(b"M\xfcller"), "two", series=["t1"])
    write(tmp_path / "ok" / "stir" / os.fsdecode(b"\xfc.dcm"), dicom("two", "stir", 0))
    write(tmp_path / os.fsdecode(b"\xfc.zip"), b"PK\x03\x04 cut")
    sources = {source.key: source for source in found(tmp_path).sources}
    assert len(sources) == 3
    assert "no valid Unicode" in (sources[key_of("one")].problem or "")
    assert sources[key_of("two")].problem is None
    assert all(StudySource.model_validate_json(source.model_dump_json()) == source for source in sources.values())


def test_nothing_at_a_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        found(tmp_path / "nowhere")


def test_progress_counts_up_to_all(tmp_path: Path) -> None:
    for study in STUDIES:
        write_study(tmp_path / study, study, slices=1)
    told: list[tuple[int, int]] = []
    find_studies([tmp_path], key=KEY, on_found=lambda files, studies: told.append((files, studies)))
    assert told[-1] == (6, 3)
    assert told == sorted(told)


def test_a_folder_that_a_share_did_not_list_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_study(tmp_path / "a", "one")
    (tmp_path / "gone").mkdir()
    assert found(tmp_path).looked_everywhere
    listed = os.scandir

    def listing(folder: str):
        if str(folder).endswith("gone"):
            raise OSError(5, "Input/output error")
        return listed(folder)

    monkeypatch.setattr(os, "scandir", listing)
    assert not found(tmp_path).looked_everywhere
