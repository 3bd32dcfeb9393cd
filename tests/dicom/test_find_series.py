"""Grouping, ordering and damage."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.dicom import find_series, read_volume
from marrowsignal.dicom.records import SeriesIdentity as Id
from marrowsignal.errors import InputError
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, stir_spec, uid, write_series


def codes(findings: tuple[object, ...]) -> set[str]:
    return {f.code for f in findings}  # type: ignore[attr-defined]


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(9)))
def test_names_and_order_of_files_change_nothing(order: list[int]) -> None:
    spec = SeriesSpec(slopes=(1.0, 2.0, 0.5), intercept=-3.0)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        write_series(Path(first), spec)
        write_series(Path(second), spec, names=[f"IM{place:04d}" for place in order])
        (a,), (b,) = find_series(Path(first)).series, find_series(Path(second)).series
        one, other = read_volume(a), read_volume(b)
    assert (a.reasons, a.spacing_mm, a.findings) == (b.reasons, b.spacing_mm, b.findings)
    assert np.array_equal(one.array, other.array)
    assert np.array_equal(one.geometry.affine_lps, other.geometry.affine_lps)


def test_instance_numbers_do_not_order_slices(tmp_path: Path) -> None:
    spec = SeriesSpec()
    for index in range(9):
        ds = dataset_of(spec, index)
        ds.InstanceNumber = 9 - index
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    assert [f.name for f in series.files] == [f"{i}.dcm" for i in range(9)]


def test_copies_are_dropped_and_told(tmp_path: Path) -> None:
    write_series(tmp_path / "a", SeriesSpec())
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    catalog = find_series(tmp_path)
    (series,) = catalog.series
    assert (catalog.files_seen, series.slices) == (18, 9)
    assert codes(series.findings) == {"duplicate_instances"}


def test_one_position_stored_twice_under_another_uid(tmp_path: Path) -> None:
    spec = SeriesSpec()
    write_series(tmp_path, spec)
    again = dataset_of(spec, 3)
    again.SOPInstanceUID = uid("again")
    again.InstanceNumber = 50
    again.save_as(tmp_path / "again.dcm", enforce_file_format=True)
    series, alone = find_series(tmp_path).series
    assert (series.slices, series.usable, alone.slices, alone.usable) == (9, True, 1, False)
    assert codes(series.findings) == {"partial_repeat"}
    assert "again.dcm" not in {f.name for f in series.files}


def test_repeats_in_time_become_stacks(tmp_path: Path) -> None:
    for time in (1, 2):
        for index in range(9):
            ds = dataset_of(SeriesSpec(), index)
            ds.SOPInstanceUID = uid(f"{time}-{index}")
            ds.TemporalPositionIdentifier = time
            ds.save_as(tmp_path / f"{time}-{index}.dcm", enforce_file_format=True)
    series = find_series(tmp_path).series
    assert [s.slices for s in series] == [9, 9]
    assert {f.name[0] for f in series[0].files} == {"1"}


def test_two_echoes_in_one_series_are_two_stacks(tmp_path: Path) -> None:
    long = {"ScanningSequence": "SE", "RepetitionTime": 4000, "SequenceName": "*tse2d2_5"}
    write_series(tmp_path, SeriesSpec(header={**long, "EchoTime": 12}))
    for index in range(9):
        ds = dataset_of(SeriesSpec(header={**long, "EchoTime": 92}), index)
        ds.SOPInstanceUID = uid(f"second {index}")
        ds.save_as(tmp_path / f"second{index}.dcm", enforce_file_format=True)
    assert [s.identity for s in find_series(tmp_path).series] == [Id.PD, Id.T2]


def test_three_planes_in_one_series_are_a_localizer(tmp_path: Path) -> None:
    x, y, z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)
    for number, (across, down) in enumerate([(x, y), (x, z), (y, z)]):
        for index in range(8):
            ds = dataset_of(SeriesSpec(along_columns=across, along_rows=down), index)
            ds.SOPInstanceUID = uid(f"plane {number} {index}")
            ds.save_as(tmp_path / f"{number}{index}.dcm", enforce_file_format=True)
    series = find_series(tmp_path).series
    assert [s.identity for s in series] == [Id.LOCALIZER] * 3
    assert {s.orientation for s in series} == {"axial", "coronal", "sagittal"}


def test_a_missing_slice_cuts_the_stack(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec(shape=(20, 4, 4), skip=(5,)))
    (series,) = find_series(tmp_path).series
    assert (series.slices, series.usable) == (14, True)
    assert codes(series.findings) == {"slices_missing"}
    assert series.geometry is not None
    assert series.spacing_mm == pytest.approx((4.0, 0.8, 0.5))


def test_without_positions_nothing_is_usable(tmp_path: Path) -> None:
    spec = SeriesSpec()
    for index in range(9):
        ds = dataset_of(spec, index)
        del ds.ImagePositionPatient
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    assert (series.identity, series.usable, series.spacing_mm) == (Id.T1, False, None)
    assert "no slice positions" in " ".join(series.reasons)


def test_other_files_are_skipped_and_damage_is_counted(tmp_path: Path) -> None:
    files = write_series(tmp_path, SeriesSpec())
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "._t1_000.dcm").write_bytes(b"resource fork")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "junk.dcm").write_bytes(b"\x00" * 128 + b"DICM" + b"\xff" * 40)
    damaged = files[0].read_bytes()
    (tmp_path / "cut.dcm").write_bytes(damaged[:400])
    catalog = find_series(tmp_path)
    assert catalog.files_seen == 13
    assert catalog.files_unreadable >= 2
    assert codes(catalog.findings) == {"file_unreadable", "file_empty"}
    assert max(s.slices for s in catalog.series) == 9
    assert all(str(tmp_path) not in f.message for f in catalog.findings)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_flipped_bytes_never_crash(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (file, *_) = write_series(Path(folder), SeriesSpec(shape=(1, 2, 2)))
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        catalog = find_series(Path(folder))
    assert catalog.files_seen == 1


def test_zip_dicomdir_and_single_file(tmp_path: Path) -> None:
    files = write_series(tmp_path / "study", SeriesSpec())
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for file in files:
            target.write(file, f"../Hidden^Name/{file.name}")
    (zipped,) = find_series(archive).series
    (folder,) = find_series(tmp_path / "study").series
    assert np.array_equal(read_volume(zipped).array, read_volume(folder).array)
    (tmp_path / "study" / "DICOMDIR").write_bytes(b"")
    assert find_series(tmp_path / "study" / "DICOMDIR").series == (folder,)
    assert find_series(files[0]).series[0].slices == 1


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        find_series(tmp_path / "nothing")
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as target:
        target.writestr("a.dcm", b"a" * 1000)
    broken.write_bytes(broken.read_bytes().replace(b"a" * 1000, b"b" * 1000))
    with pytest.raises(InputError, match="nothing in the archive"):
        find_series(broken)
    (tmp_path / "empty").mkdir()
    assert find_series(tmp_path / "empty").series == ()


def test_series_after_contrast_is_warned(tmp_path: Path) -> None:
    write_series(tmp_path / "t1", SeriesSpec(number=3).with_header(ContrastBolusAgent="Gadovist"))
    write_series(tmp_path / "stir", stir_spec())
    stir = find_series(tmp_path).series[1]
    assert "acquired_after_contrast" in codes(stir.findings)
