"""The files are what five makers would write, hold the truth, and are told apart by the reader."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

import marrowsignal as ms
from marrowsignal.errors import UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files import (
    TRANSFER_SYNTAXES,
    VENDORS,
    Identifiers,
    SeriesHeader,
    VendorName,
    pixel_values,
    write_companions,
    write_series,
)
from tests.phantom.dicom_kinds import KINDS, MAKERS, STIR, header_of, oblique_grid, signal_on, write_kinds


@pytest.mark.parametrize(
    ("vendor", "described"), [*((vendor, True) for vendor in MAKERS), ("ge", False), ("philips", False)]
)
def test_the_reader_tells_the_kinds_apart(tmp_path: Path, vendor: VendorName, described: bool) -> None:
    write_kinds(vendor, tmp_path, oblique_grid((8, 4, 3)), described=described)
    found = {series.series_number: series for series in ms.find_series(tmp_path).series}
    assert len(found) == len(KINDS)
    for number, expected in enumerate(KINDS, start=1):
        assert found[number].identity in expected.identities, found[number].description
        assert found[number].usable is expected.usable, found[number].description


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize("syntax", [*TRANSFER_SYNTAXES, str(JPEGLSLossless)])
def test_pixels_and_places_come_back(tmp_path: Path, vendor: VendorName, syntax: str) -> None:
    if syntax not in TRANSFER_SYNTAXES and not get_encoder(syntax).is_available:
        pytest.skip("no encoder of JPEG-LS is installed: pip install pyjpegls")
    _round_trip(tmp_path, header_of(vendor, transfer_syntax_uid=syntax, rescale_slopes=(1.5, 0.8, 1.1)))


@pytest.mark.parametrize("vendor", MAKERS)
def test_whole_numbers_come_back_whole(tmp_path: Path, vendor: VendorName) -> None:
    _round_trip(tmp_path, header_of(vendor, slice_gap_mm=0.4, own_frame_of_reference=True))


def test_jpeg_2000_comes_back(tmp_path: Path) -> None:
    if not get_encoder(JPEG2000Lossless).is_available:
        pytest.skip("no encoder of JPEG 2000 is installed: pip install pylibjpeg-openjpeg")
    header = header_of("siemens", transfer_syntax_uid=str(JPEG2000Lossless))
    _round_trip(tmp_path, header, oblique_grid((8, 64, 48)))


def _round_trip(folder: Path, header: SeriesHeader, grid: VolumeGeometry | None = None) -> None:
    grid = grid or oblique_grid((4, 32, 24))
    signal, slopes = signal_on(grid), header.options.rescale_slopes
    bits = VENDORS[header.options.vendor].bits_stored
    write_series(signal, grid, header=header, folder=folder)
    (series,) = ms.find_series(folder).series
    volume = ms.read_volume(series)
    expected = [
        slope * pixel_values(plane, rescale_slope=slope, bits_stored=bits).astype(float)
        for plane, slope in zip(signal, np.resize(slopes, len(signal)), strict=True)
    ]
    assert volume.geometry.difference(grid).max_corner_mm < 1e-6
    np.testing.assert_allclose(volume.array, expected, rtol=1e-6, atol=1e-4)


def test_slices_numbered_from_the_other_end_lie_where_they_lay(tmp_path: Path) -> None:
    grid = oblique_grid()
    files = write_series(signal_on(grid), grid, header=header_of("ge", reverse_slices=True), folder=tmp_path)
    first = pydicom.dcmread(files[0])
    assert first.InstanceNumber == grid.shape[0]
    np.testing.assert_allclose(np.array(first.ImagePositionPatient, float), grid.origin_lps_mm, atol=1e-9)


def digest(folder: Path) -> dict[str, str]:
    """Hash of each file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.dcm"))
    }


def test_the_same_series_is_the_same_bytes(tmp_path: Path) -> None:
    grid = oblique_grid((2, 6, 5))
    for name in ("a", "b"):
        for vendor in MAKERS:
            for syntax in (RLELossless, JPEGLosslessSV1):
                header = header_of(vendor, transfer_syntax_uid=str(syntax))
                write_series(signal_on(grid), grid, header=header, folder=tmp_path / name / vendor / syntax)
        write_companions(signal_on(grid), grid, header=header_of("ge"), folder=tmp_path / name / "beside")
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def read_first(folder: Path, header: SeriesHeader) -> pydicom.Dataset:
    """The first file of a small series."""
    grid = oblique_grid((3, 6, 5))
    return pydicom.dcmread(write_series(signal_on(grid), grid, header=header, folder=folder)[0])


def test_siemens_writes_its_names(tmp_path: Path) -> None:
    stir = read_first(tmp_path / "a", header_of("siemens", sequence=STIR))
    assert (stir.SequenceName, stir.SeriesDescription) == ("*tir2d1_11", "t2_tirm_cor_obl")
    assert list(stir.ImageType) == ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]
    assert "InversionTime" not in read_first(tmp_path / "b", header_of("siemens"))
    corrected = read_first(tmp_path / "c", header_of("siemens", distortion_corrected=True, normalized=False))
    assert list(corrected.ImageType) == ["ORIGINAL", "PRIMARY", "M", "DIS2D"]


def test_ge_writes_inversion_time_0_and_private_names(tmp_path: Path) -> None:
    ds = read_first(tmp_path, header_of("ge"))
    assert float(ds.InversionTime) == 0.0
    assert "SequenceName" not in ds
    assert ds.private_block(0x0019, "GEMS_ACQU_01")[0x9C].value == "fse-xl"
    assert ds[0x0019, 0x109E].value == "FSE-XL"
    assert (ds.BitsStored, ds.PixelRepresentation) == (16, 1)


def test_philips_scales_by_private_elements(tmp_path: Path) -> None:
    ds = read_first(tmp_path, header_of("philips", rescale_slopes=(0.8,)))
    assert ds[0x2001, 0x1020].value == "TSE"
    assert ds[0x2005, 0x100D].value == 0.0
    assert ds[0x2005, 0x100E].value == pytest.approx(1.25)
    assert float(ds.RescaleSlope) not in (1.0, 0.8)


def test_a_gap_is_between_the_slices(tmp_path: Path) -> None:
    ds = read_first(tmp_path, header_of("canon", slice_gap_mm=0.4))
    assert (float(ds.SliceThickness), float(ds.SpacingBetweenSlices)) == (pytest.approx(4.0), pytest.approx(4.4))


def test_names_and_the_like_can_be_set_and_are_kept_apart(tmp_path: Path) -> None:
    marks = Identifiers(
        patient_name="MARKED^NAME",
        patient_id="MARK-1",
        patient_birth_date="19850102",
        institution_name="MARKED HOSPITAL",
        referring_physician_name="MARKED^DOCTOR",
        operators_name="MARKED^OPERATOR",
        accession_number="MARK-2",
        comments="MARKED COMMENT",
    )
    for vendor in MAKERS:
        ds = read_first(tmp_path / vendor, header_of(vendor, identifiers=marks, patient_age="062Y", patient_sex="M"))
        assert (ds.PatientName, ds.PatientID, ds.PatientBirthDate) == ("MARKED^NAME", "MARK-1", "19850102")
        assert (ds.InstitutionName, ds.OperatorsName) == ("MARKED HOSPITAL", "MARKED^OPERATOR")
        assert (ds.PatientAge, ds.PatientSex, ds.AccessionNumber) == ("062Y", "M", "MARK-2")
        private = [str(element.value) for element in ds if element.tag.is_private]
        assert ("MARKED COMMENT" in private) == (vendor != "hitachi")


@pytest.mark.parametrize("vendor", MAKERS)
def test_companions_are_never_measured(tmp_path: Path, vendor: VendorName) -> None:
    grid = oblique_grid()
    header = header_of(vendor, series_number=3)
    write_series(signal_on(grid), grid, header=header, folder=tmp_path / "T1")
    write_series(signal_on(grid), grid, header=replace(header, sequence=STIR, series_number=4), folder=tmp_path / "S")
    beside = write_companions(signal_on(grid), grid, header=header, folder=tmp_path)
    assert [len(files) for files in (beside.localizer, beside.reformat, beside.capture)] == [9, 12, 1]
    catalog = ms.find_series(tmp_path)
    assert {s.identity for s in catalog.series if s.series_number == 1} == {"localizer"}
    assert {s.identity for s in catalog.series if s.series_number in (91, 92)} == {"derived"}
    pair = ms.select_pair(catalog)
    assert (pair.t1.series_number, pair.stir.series_number) == (3, 4)


def test_a_reformat_shows_what_lies_there(tmp_path: Path) -> None:
    """The signal is patient z, so every cut must show patient z."""
    grid = oblique_grid((20, 40, 40))
    beside = write_companions(2000.0 + 10.0 * grid.patient_axis(2), grid, header=header_of("siemens"), folder=tmp_path)
    checked = 0
    for path in (*beside.localizer, *beside.reformat):
        ds = pydicom.dcmread(path)
        corner, cosines = np.array(ds.ImagePositionPatient, float), np.array(ds.ImageOrientationPatient, float)
        spacing = np.array(ds.PixelSpacing, float)
        rows, columns = np.indices(ds.pixel_array.shape)
        z = corner[2] + rows * spacing[0] * cosines[5] + columns * spacing[1] * cosines[2]
        inside = ds.pixel_array > 0
        # at the rim the interpolation fades to nothing
        inside &= np.abs(ds.pixel_array - 2000.0 - 10.0 * z) < 600.0
        assert np.abs(ds.pixel_array - 2000.0 - 10.0 * z)[inside].max(initial=0.0) <= 1.0
        checked += int(inside.sum())
    assert checked > 10_000


def test_what_cannot_be_written_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = oblique_grid((2, 6, 5))
    for header, code in (
        (header_of("siemens", transfer_syntax_uid=str(JPEGBaseline8Bit)), "transfer_syntax_unknown"),
        (header_of("hitachi", enhanced=True), "vendor_without_enhanced"),
    ):
        with pytest.raises(UsageError) as caught:
            write_series(signal_on(grid), grid, header=header, folder=tmp_path)
        assert caught.value.code == code
    monkeypatch.setattr("marrowsignal.phantom.dicom_files.transfer_syntax.get_encoder", lambda _: _NoEncoder)
    with pytest.raises(UsageError, match="pip install pyjpegls"):
        header = header_of("siemens", transfer_syntax_uid=str(JPEGLSLossless))
        write_series(signal_on(grid), grid, header=header, folder=tmp_path)


class _NoEncoder:
    is_available = False
