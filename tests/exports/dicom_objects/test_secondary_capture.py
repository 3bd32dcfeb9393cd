"""The picture of the first screen as a DICOM object: what it says, and that every pixel comes back."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.exports.dicom_objects.secondary_capture import check_capture, first_screen_capture
from marrowsignal.findings import Finding, Severity
from marrowsignal.report import draw_first_screen
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_result


def image(number: int, series: str) -> Dataset:
    """Header of one source image, as the reader of source images leaves it."""
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    header.SOPInstanceUID = f"{series}.{number}"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = "1.2.3", series, "1.2.9"
    header.PatientName, header.PatientID, header.PatientBirthDate, header.PatientSex = (
        "Müller^Jörg",
        "77",
        "19700101",
        "M",
    )
    header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20240102", "101112", "5", "A1"
    header.SeriesDate, header.SeriesTime = "20240102", "102030"
    header.ReferringPhysicianName = None
    header.Modality = "MR"
    return header


@pytest.fixture(scope="module")
def source() -> SourceImages:
    return SourceImages(
        t1=tuple(image(i, "1.2.3.3") for i in range(1, 13)),
        stir=tuple(image(i, "1.2.3.4") for i in range(1, 13)),
        identity_sha256="a" * 64,
    )


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return build_result()


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (31, 42, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def stored(result: StudyResult, source: SourceImages, picture: NDArray[np.uint8]) -> bytes:
    return file_of(first_screen_capture(result, source, picture))


def file_of(capture: Dataset) -> bytes:
    stream = io.BytesIO()
    capture.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_every_pixel_comes_back(stored: bytes, picture: NDArray[np.uint8]) -> None:
    reread = dcmread(io.BytesIO(stored))
    assert np.array_equal(reread.pixel_array, picture)
    check_capture(reread, picture)


@pytest.mark.parametrize("change", ["flip", "one bit", "swapped colors", "planes", "rows"])
def test_anything_else_is_refused(stored: bytes, picture: NDArray[np.uint8], change: str) -> None:
    reread = dcmread(io.BytesIO(stored))
    pixels = picture.copy()
    if change == "flip":
        pixels = pixels[:, ::-1]
    elif change == "one bit":
        pixels[30, 41, 2] ^= 1
    elif change == "swapped colors":
        reread.PhotometricInterpretation = "YBR_FULL"
    elif change == "planes":
        reread.PlanarConfiguration = 1
    else:
        reread.Rows, reread.Columns = 42, 31
    reread.PixelData = pixels.tobytes()
    with pytest.raises(OutputError) as refused:
        check_capture(reread, picture)
    assert refused.value.code == "capture_differs"


def test_it_belongs_to_the_patient_and_the_study(stored: bytes) -> None:
    reread = dcmread(io.BytesIO(stored))
    assert str(reread.PatientName) == "Müller^Jörg"
    assert reread.SpecificCharacterSet == "ISO_IR 100"
    assert (reread.PatientID, reread.PatientBirthDate, reread.PatientSex) == ("77", "19700101", "M")
    assert (reread.StudyInstanceUID, reread.StudyDate, reread.AccessionNumber) == ("1.2.3", "20240102", "A1")
    assert reread.SeriesInstanceUID not in {"1.2.3.3", "1.2.3.4"}
    assert reread.SeriesNumber == 304
    assert (reread.Modality, reread.ConversionType) == ("OT", "WSD")


def test_it_says_what_it_is_and_what_it_was_made_from(stored: bytes) -> None:
    reread = dcmread(io.BytesIO(stored))
    assert reread.SeriesDescription == "marrowsignal summary (research)"
    assert "Research use only, not a diagnosis" in reread.DerivationDescription
    made_from = [item.ReferencedSOPInstanceUID for item in reread.SourceImageSequence]
    assert made_from == [f"1.2.3.{series}.{i}" for series in (3, 4) for i in range(1, 13)]
    assert reread.BurnedInAnnotation == "NO"
    assert not reread.PatientOrientation
    assert "LossyImageCompression" not in reread


def test_nothing_of_the_case_or_the_day_is_in_it(
    result: StudyResult, source: SourceImages, picture: NDArray[np.uint8], stored: bytes
) -> None:
    again = file_of(first_screen_capture(replace(result, case="other-case"), source, picture))
    assert again == stored
    assert b"case-0001" not in stored
    assert b"secret" not in stored
    reread = dcmread(io.BytesIO(stored))
    dates = {str(element.value) for element in reread.iterall() if element.VR in ("DA", "DT") and element.value}
    assert dates == {"19700101", "20240102", "20240102102030"}


def test_a_warning_of_the_source_stays_with_it(source: SourceImages, picture: NDArray[np.uint8]) -> None:
    result = build_result()
    told = tuple(
        Finding(code=code, stage="find_series", severity=Severity.WARN, message="told")
        for code in ("burned_in_annotation", "lossy_compression")
    )
    stir = result.series.stir
    assert stir is not None
    warned = replace(result, series=replace(result.series, stir=replace(stir, findings=told)))
    capture = first_screen_capture(warned, source, picture)
    assert (capture.BurnedInAnnotation, capture.LossyImageCompression) == ("YES", "01")


def test_a_study_without_stir_refers_to_t1_alone(source: SourceImages, picture: NDArray[np.uint8]) -> None:
    result = build_result()
    alone = replace(result, series=replace(result.series, stir=None), pair=replace(result.pair, stir=None))
    capture = first_screen_capture(alone, replace(source, stir=()), picture)
    assert len(capture.SourceImageSequence) == 12


def test_the_standards_checker_finds_no_error(result: StudyResult, source: SourceImages, tmp_path: Path) -> None:
    checker = shutil.which("dciodvfy")
    if checker is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    path = tmp_path / "capture.dcm"
    path.write_bytes(file_of(first_screen_capture(result, source, draw_first_screen(result))))
    told = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
    assert errors == []
