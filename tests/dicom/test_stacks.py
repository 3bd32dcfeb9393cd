"""What makes slices one stack, what parts them, and which of two copies is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.dicom import Series, find_series, read_volume
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, write_series

SPEC = SeriesSpec()


def only(folder: Path) -> Series:
    """The one series there."""
    (series,) = find_series(folder).series
    return series


def codes(series: Series) -> set[str]:
    """Codes of its findings."""
    return {finding.code for finding in series.findings}


@pytest.mark.parametrize("first", ["whole", "damaged"])
def test_the_whole_copy_of_a_slice_is_kept(tmp_path: Path, first: str) -> None:
    files = write_series(tmp_path / "b", SPEC)
    copy = tmp_path / ("c" if first == "whole" else "a") / "x.dcm"
    copy.parent.mkdir()
    copy.write_bytes(files[4].read_bytes()[:-30])
    series = only(tmp_path)
    assert series.usable
    assert "duplicate_instances" in codes(series)
    assert copy not in series.files
    assert np.array_equal(read_volume(series).array, SPEC.stored())


def test_a_slice_without_its_pixels_is_told_with_numbers(tmp_path: Path) -> None:
    files = write_series(tmp_path, SPEC)
    files[2].write_bytes(files[2].read_bytes()[:-7])
    series = only(tmp_path)
    assert not series.usable
    assert "1 of 9 slices cannot be read: its pixels are truncated: 7 bytes are missing" in " ".join(series.reasons)


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("EchoTime", 90, "TE (11 ms, 90 ms)"),
        ("InversionTime", 150, "TI (none, 150 ms)"),
        ("DiffusionBValue", 800.0, "b-value (none, 800 s/mm2)"),
        ("StackID", "2", "StackID (none, 2)"),
        ("PixelSpacing", [0.9, 0.9], "pixel spacing (0.8 x 0.5 mm, 0.9 x 0.9 mm)"),
        (
            "ImageType",
            ["ORIGINAL", "PRIMARY", "P", "ND"],
            r"image type (ORIGINAL\PRIMARY\M\ND\NORM, ORIGINAL\PRIMARY\P\ND)",
        ),
    ],
)
def test_what_parts_the_slices_of_one_series_is_named(tmp_path: Path, keyword: str, value: object, told: str) -> None:
    for index in range(9):
        for part in range(2):
            ds = dataset_of(SPEC, index)
            ds.SOPInstanceUID = f"2.25.{part + 1}{index}"
            if part:
                setattr(ds, keyword, value)
            ds.save_as(tmp_path / f"{part}-{index}.dcm", enforce_file_format=True)
    first, second = find_series(tmp_path).series
    assert (first.slices, second.slices) == (9, 9)
    for series in (first, second):
        assert any("2 stacks" in reason and told in reason for reason in series.reasons), series.reasons
        assert len({file.name[0] for file in series.files}) == 1


def test_mixed_matrices_never_mix(tmp_path: Path) -> None:
    write_series(tmp_path, SPEC)
    ds = dataset_of(SPEC.but(shape=(9, 3, 3)), 0)
    ds.SOPInstanceUID = "2.25.77"
    ds.save_as(tmp_path / "odd.dcm", enforce_file_format=True)
    small, large = sorted(find_series(tmp_path).series, key=lambda s: s.slices)
    assert (small.slices, large.slices) == (1, 9)
    assert large.usable
    assert "matrix (6 x 5, 3 x 3)" in " ".join(large.reasons)
    assert "Only 1 slice(s); 8 are needed" in " ".join(small.reasons)


@settings(max_examples=25, deadline=None)
@given(missing=st.integers(1, 12))
def test_a_missing_slice_cuts_the_stack_and_is_told(tmp_path_factory: pytest.TempPathFactory, missing: int) -> None:
    folder = tmp_path_factory.mktemp("gap")
    write_series(folder, SPEC.but(shape=(14, 3, 3), skip=(missing,)))
    series = only(folder)
    kept = max(missing, 13 - missing)
    assert series.slices == kept
    assert series.usable == (kept >= 8)
    (told,) = [f.message for f in series.findings if f.code == "slices_missing"]
    assert "about 1 missing at a step of 4.00 mm" in told
    assert f"{kept} of 13 slices" in told


def test_gaps_that_were_acquired_are_legal(tmp_path: Path) -> None:
    write_series(tmp_path, SPEC.but(spacing_mm=(11.0, 0.8, 0.5)).with_header(SliceThickness=3.0))
    series = only(tmp_path)
    assert series.usable
    assert not codes(series)
    assert series.spacing_mm == pytest.approx((11.0, 0.8, 0.5))


@pytest.mark.parametrize(
    "directions", [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0], [1, 0, 0, 0.7, 0.7, 0], [9, 0, 0, 0, 9, 0]]
)
def test_directions_that_are_none_make_no_volume(tmp_path: Path, directions: list[float]) -> None:
    for index in range(9):
        ds = dataset_of(SPEC, index)
        ds.ImageOrientationPatient = directions
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    series = only(tmp_path)
    assert series.geometry is None
    assert not series.usable
    assert "no slice orientation that makes a plane" in " ".join(series.reasons)
