"""Headers of the analyzed images: patient and study for what the PACS gets."""

from __future__ import annotations

from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.errors import DicomError
from marrowsignal.exports.dicom_objects.records import SourceImages

__all__ = ["read_source_images"]

_STAGE = "write_dicom"
# Of type 2 in the patient and study modules: they must be there, and may be empty.
_MAY_BE_EMPTY = (
    "AccessionNumber",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyID",
    "StudyTime",
)


def read_source_images(series: SeriesPair) -> SourceImages:
    """Read the headers of both series' files.

    Parameters
    ----------
    series : SeriesPair
        The pair that was analyzed; its files must still be there.

    Raises
    ------
    DicomError
        If a file is gone or can no longer be read.
    """
    return SourceImages(t1=_headers(series.t1, "T1"), stir=() if series.stir is None else _headers(series.stir, "STIR"))


def _headers(series: Series, name: str) -> tuple[Dataset, ...]:
    try:
        with quiet_pydicom():
            return tuple(_filled(dcmread(path, stop_before_pixels=True)) for path in series.files)
    except UNREADABLE as error:
        raise DicomError(
            f"a file of the {name} series is gone or can no longer be read",
            code="source_images_gone",
            stage=_STAGE,
            hint="keep the study where it is until its case folder is written",
        ) from error


def _filled(header: Dataset) -> Dataset:
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    return header
