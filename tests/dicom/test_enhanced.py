"""Enhanced MR comes out as the classic files do: same grid, same signal, echoes and components apart."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLosslessSV1, RLELossless

from marrowsignal.dicom import Series, find_series, read_volume
from marrowsignal.dicom.records import SeriesIdentity as Id
from marrowsignal.phantom.dicom_files import VendorName, write_series
from tests.phantom.dicom_kinds import ENHANCED_MAKERS, STIR, T1, header_of, oblique_grid, signal_on

GRID = oblique_grid((9, 12, 10))
SIGNAL = signal_on(GRID)


def written(folder: Path, vendor: VendorName, *, enhanced: bool, **changes: object) -> Series:
    """Write one series and find it again."""
    header = header_of(vendor, enhanced=enhanced, **changes)
    write_series(SIGNAL, GRID, header=header, folder=folder)
    (series,) = find_series(folder).series
    return series


def changed(folder: Path, vendor: VendorName = "siemens") -> tuple[Path, Dataset]:
    """An Enhanced T1 as a data set to change and save again."""
    (file,) = write_series(SIGNAL, GRID, header=header_of(vendor, enhanced=True), folder=folder)
    return file, pydicom.dcmread(file)


@pytest.mark.parametrize("vendor", ENHANCED_MAKERS)
@pytest.mark.parametrize(("sequence", "identity"), [(T1, Id.T1), (STIR, Id.STIR)])
def test_enhanced_and_classic_agree(tmp_path: Path, vendor: VendorName, sequence: object, identity: Id) -> None:
    slopes = (1.5, 0.8) if vendor == "philips" else (1.0,)
    classic, enhanced = (
        written(tmp_path / str(e), vendor, enhanced=e, sequence=sequence, rescale_slopes=slopes) for e in (False, True)
    )
    assert (classic.identity, enhanced.identity) == (identity, identity)
    assert classic.usable and enhanced.usable
    one, other = read_volume(classic), read_volume(enhanced)
    np.testing.assert_allclose(one.geometry.affine_lps, other.geometry.affine_lps, atol=1e-5)
    np.testing.assert_allclose(one.array, other.array, rtol=1e-5, atol=1e-3)
    for fact in ("repetition_time_ms", "echo_time_ms", "inversion_time_ms", "magnetic_field_strength_t"):
        assert getattr(one.acquisition, fact) == pytest.approx(getattr(other.acquisition, fact))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLosslessSV1, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_frames_are_decoded_from_every_syntax(tmp_path: Path, syntax: str) -> None:
    plain = written(tmp_path / "plain", "siemens", enhanced=True)
    packed = written(tmp_path / "packed", "siemens", enhanced=True, transfer_syntax_uid=str(syntax))
    np.testing.assert_array_equal(read_volume(plain).array, read_volume(packed).array)


def test_frames_are_placed_by_position_not_by_their_order(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", "siemens", enhanced=True)
    turned = written(tmp_path / "turned", "siemens", enhanced=True, reverse_slices=True)
    assert [s.frame for s in plain.sources] == [s.frame for s in turned.sources][::-1]
    np.testing.assert_array_equal(read_volume(plain).array, read_volume(turned).array)


def test_one_series_in_several_enhanced_files_is_one_stack(tmp_path: Path) -> None:
    file, ds = changed(tmp_path)
    frames, pixels = list(ds.PerFrameFunctionalGroupsSequence), ds.pixel_array
    for part, members in enumerate((range(4), range(4, 9))):
        ds.SOPInstanceUID = f"2.25.{part + 1}"
        ds.NumberOfFrames = len(members)
        ds.PerFrameFunctionalGroupsSequence = [frames[k] for k in members]
        ds.PixelData = pixels[list(members)].tobytes()
        ds.save_as(tmp_path / f"{part}.dcm")
    file.unlink()
    (series,) = find_series(tmp_path).series
    assert (series.slices, len(series.files)) == (9, 2)
    np.testing.assert_allclose(read_volume(series).array, np.round(SIGNAL), atol=0.51)


@pytest.mark.parametrize("what", ["echo", "component", "b_value", "stack", "time"])
def test_frames_that_do_not_compare_come_apart(tmp_path: Path, what: str) -> None:
    file, ds = changed(tmp_path)
    second = deepcopy(list(ds.PerFrameFunctionalGroupsSequence))
    for frame in second:
        group = Dataset()
        if what == "echo":
            group.EffectiveEchoTime = 90.0
            frame.MREchoSequence = [group]
        elif what == "component":
            group.ComplexImageComponent, group.FrameType = "PHASE", ["ORIGINAL", "PRIMARY", "T1", "NONE"]
            frame.MRImageFrameTypeSequence = [group]
        elif what == "b_value":
            group.DiffusionBValue = 800.0
            frame.MRDiffusionSequence = [group]
        elif what == "stack":
            frame.FrameContentSequence[0].StackID = "2"
        else:
            frame.FrameContentSequence[0].TemporalPositionIndex = 2
    ds.NumberOfFrames = 2 * ds.NumberOfFrames
    ds.PerFrameFunctionalGroupsSequence = [*ds.PerFrameFunctionalGroupsSequence, *second]
    ds.PixelData = ds.PixelData + bytes(len(ds.PixelData))
    ds.save_as(file)
    found = find_series(tmp_path).series
    assert [s.slices for s in found] == [9, 9]
    first = next(s for s in found if s.sources[0].frame < 9)
    assert {s.frame for s in first.sources} == set(range(9))
    assert first.identity is Id.T1
    if what == "component":
        assert Id.DERIVED in {s.identity for s in found}
    if what == "b_value":
        assert Id.DIFFUSION in {s.identity for s in found}


@pytest.mark.parametrize("claimed", [2**31 - 1, 10, 8])
def test_frames_claimed_and_described_must_agree(tmp_path: Path, claimed: int) -> None:
    file, ds = changed(tmp_path)
    ds.NumberOfFrames = claimed
    ds.save_as(file)
    (series,) = find_series(tmp_path).series
    assert not series.usable
    assert f"claims {claimed} frames and describes 9" in " ".join(series.reasons)


def test_frames_that_are_not_there_are_counted(tmp_path: Path) -> None:
    file, ds = changed(tmp_path)
    ds.PixelData = ds.PixelData[: len(ds.PixelData) // 2]
    ds.save_as(file)
    (series,) = find_series(tmp_path).series
    assert not series.usable
    assert "5 of 9 slices cannot be read: its pixels are truncated" in " ".join(series.reasons)


def test_enhanced_without_functional_groups_has_a_reason(tmp_path: Path) -> None:
    file, ds = changed(tmp_path)
    del ds.PerFrameFunctionalGroupsSequence
    ds.save_as(file)
    (series,) = find_series(tmp_path).series
    assert not series.usable
    assert series.geometry is None
