"""Pixels and geometry of what is read."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from marrowsignal.dicom import find_series, read_volume
from marrowsignal.errors import DicomError
from marrowsignal.geometry import SignalVolume
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, uid, write_series


def volume_of(folder: Path, spec: SeriesSpec) -> SignalVolume:
    write_series(folder, spec)
    (series,) = find_series(folder).series
    return read_volume(series)


TILT = math.radians(30.0)
PLANES = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "coronal-oblique": ((1.0, 0.0, 0.0), (0.0, -math.sin(TILT), -math.cos(TILT))),
    "axial flipped": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
}


@pytest.mark.parametrize("plane", PLANES)
def test_every_voxel_lies_where_dicom_says(tmp_path: Path, plane: str) -> None:
    across, down = PLANES[plane]
    spec = SeriesSpec(along_columns=across, along_rows=down)
    volume = volume_of(tmp_path, spec)
    assert np.array_equal(volume.array, spec.stored())
    # DICOM C.7.6.2.1.1: PixelSpacing is (between rows, between columns).
    for s, r, c in [(0, 0, 0), (8, 5, 4), (2, 5, 0), (3, 0, 4)]:
        expected = (
            np.asarray(spec.origin_mm)
            + s * 4.0 * spec.normal
            + r * 0.8 * np.asarray(down)
            + c * 0.5 * np.asarray(across)
        )
        assert volume.geometry.to_patient((s, r, c)) == pytest.approx(expected, abs=1e-5)
    assert find_series(tmp_path).series[0].orientation == plane.removesuffix(" flipped")


def test_spacing_comes_from_positions_not_thickness(tmp_path: Path) -> None:
    assert volume_of(tmp_path, SeriesSpec()).geometry.spacing_mm == pytest.approx((4.0, 0.8, 0.5))


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    spec = SeriesSpec(slopes=(1.0, 2.0, 0.5), intercept=-10.0)
    slopes = np.resize(spec.slopes, 9)[:, None, None]
    assert volume_of(tmp_path, spec).array == pytest.approx(spec.stored() * slopes - 10.0)


def test_philips_scale_slope_is_divided_out(tmp_path: Path) -> None:
    spec = SeriesSpec(slopes=(2.0, 4.0))
    for index in range(9):
        ds = dataset_of(spec, index)
        block = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 0.5)
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    assert read_volume(series).array == pytest.approx(spec.stored() / 0.5)


def test_monochrome1_and_padding(tmp_path: Path) -> None:
    spec = SeriesSpec().with_header(PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=205)
    expected = 4095.0 - spec.stored()
    expected[spec.stored() == 205] = 0.0
    assert np.array_equal(volume_of(tmp_path, spec).array, expected)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compression_changes_nothing(tmp_path: Path, syntax: str) -> None:
    spec = SeriesSpec(slopes=(1.5,), intercept=2.0)
    for index in range(9):
        ds = dataset_of(spec, index)
        try:
            ds.compress(syntax, generate_instance_uid=False)
        except RuntimeError:
            pytest.skip(f"no encoder for {syntax} here")
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    assert read_volume(series).array == pytest.approx(spec.stored() * 1.5 + 2.0)


def test_truncated_pixels_name_the_slice_and_nothing_else(tmp_path: Path) -> None:
    files = write_series(tmp_path, SeriesSpec())
    (series,) = find_series(tmp_path).series
    files[4].write_bytes(files[4].read_bytes()[:-30])
    with pytest.raises(DicomError) as caught:
        read_volume(series)
    assert re.search(r"slice \d+ of 9 of series \d+", str(caught.value))
    assert files[4].name not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert "Hidden" not in str(caught.value)


def test_a_file_of_another_size_is_an_error(tmp_path: Path) -> None:
    files = write_series(tmp_path, SeriesSpec())
    (series,) = find_series(tmp_path).series
    dataset_of(SeriesSpec(shape=(9, 3, 3)), 0).save_as(files[0], enforce_file_format=True)
    with pytest.raises(DicomError, match="changed since it was found"):
        read_volume(series)


def test_a_series_without_a_grid_is_an_error(tmp_path: Path) -> None:
    ds = dataset_of(SeriesSpec(), 0)
    del ds.ImageOrientationPatient
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    with pytest.raises(DicomError, match="no volume"):
        read_volume(series)


def test_rle_cells_are_cut_to_their_stored_bits(tmp_path: Path) -> None:
    spec = SeriesSpec().with_header(BitsStored=12, HighBit=15)
    for index in range(9):
        ds = dataset_of(spec, index)
        ds.PixelData = (spec.stored()[index] << 4).tobytes()
        ds.save_as(tmp_path / f"plain-{index}.dcm", enforce_file_format=True)
        ds.SeriesInstanceUID, ds.SOPInstanceUID = uid("rle"), uid(f"rle-{index}")
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(tmp_path / f"rle-{index}.dcm", enforce_file_format=True)
    for series in find_series(tmp_path).series:
        assert np.array_equal(read_volume(series).array, spec.stored())


@pytest.mark.parametrize("share", [0.95, 0.6, 0.3])
def test_a_truncated_compressed_slice_is_told_from_the_header(tmp_path: Path, share: float) -> None:
    for index in range(9):
        ds = dataset_of(SeriesSpec(shape=(9, 40, 40)), index)
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    file = tmp_path / "4.dcm"
    data = file.read_bytes()
    pixels = len(pydicom.dcmread(file).PixelData)
    file.write_bytes(data[: len(data) - round((1 - share) * pixels) - 8])
    (series,) = find_series(tmp_path).series
    assert not series.usable
    assert "truncated" in " ".join(series.reasons)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_padding_below_zero(tmp_path: Path, syntax: str) -> None:
    spec = SeriesSpec(shape=(9, 6, 5)).with_header(
        PixelRepresentation=1, PixelPaddingValue=-2000, BitsStored=16, HighBit=15
    )
    for index in range(9):
        ds = dataset_of(spec, index)
        stored = spec.stored()[index].astype(np.int16)
        stored[0] = -2000
        ds.PixelData = stored.tobytes()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    volume = read_volume(series).array
    assert volume.min() == 0.0
    assert not volume[:, 0].any()


def test_the_philips_scale_is_found_wherever_it_is_kept(tmp_path: Path) -> None:
    creator, within = "Philips MR Imaging DD 001", "Philips MR Imaging DD 005"
    for name in ("plain", "sequence", "creator twice"):
        for index in range(9):
            ds = dataset_of(SeriesSpec(slopes=(2.0, 3.0)), index)
            holder = ds
            if name == "sequence":
                holder = Dataset()
                ds.private_block(0x2005, within, create=True).add_new(0x0F, "SQ", [holder])
            elif name == "creator twice":
                ds.add_new(0x20050010, "LO", creator)
                ds.add_new(0x20050011, "LO", creator)
                ds.add_new(0x2005110E, "FL", 0.25)
            if name != "creator twice":
                holder.private_block(0x2005, creator, create=True).add_new(0x0E, "FL", 0.25)
            ds.SeriesInstanceUID, ds.SOPInstanceUID = uid(name), uid(f"{name}{index}")
            ds.save_as(tmp_path / f"{name}-{index}.dcm", enforce_file_format=True)
    for series in find_series(tmp_path).series:
        assert np.array_equal(read_volume(series).array, SeriesSpec().stored() * 4.0)


@pytest.mark.parametrize(("scaled", "usable"), [(0, True), (4, False), (9, True)])
def test_a_philips_scale_that_some_slices_lack(tmp_path: Path, scaled: int, usable: bool) -> None:
    for index in range(9):
        ds = dataset_of(SeriesSpec(slopes=(2.0, 3.0)).with_header(Manufacturer="Philips"), index)
        if index < scaled:
            ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25)
        ds.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = find_series(tmp_path).series
    assert series.usable is usable
    assert ("missing in 5 of 9 slices" in " ".join(series.reasons)) is not usable
    assert ("scale_slope_missing" in {f.code for f in series.findings}) is (scaled == 0 or not usable)
