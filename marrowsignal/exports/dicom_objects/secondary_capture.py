"""The page's first screen as a color picture that any viewer shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects.dates import set_dates
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.exports.dicom_objects.series_names import SeriesPlace, series_description, series_number
from marrowsignal.exports.dicom_objects.uids import object_uid
from marrowsignal.results.study_result import StudyResult

__all__ = ["check_capture", "first_screen_capture"]

_STAGE = "write_dicom"
_MANUFACTURER = "marrowsignal"
_COLOR_SAMPLES = 3


def first_screen_capture(result: StudyResult, source: SourceImages, picture: NDArray[np.uint8]) -> Dataset:
    """Make a Secondary Capture Image of the page's first screen.

    Its pixels are not compressed: a viewer that shows neither segmentations nor structured reports may not decode
    much either.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    source : SourceImages
        Headers of the images it was made from.
    picture : ndarray of uint8, shape (row, column, 3)
        RGB, from `marrowsignal.report.draw_first_screen`.

    Returns
    -------
    Dataset
        The object; the same for the same result and source.
    """
    from highdicom.sc import SCImage  # noqa: PLC0415 - a second of imports that only the DICOM objects need

    t1 = source.t1[0]
    version = result.provenance.version
    capture = SCImage(
        pixel_array=picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        # Demanded by the library; a sheet with words has no direction, so it is emptied below.
        patient_orientation=("L", "P"),
        study_instance_uid=t1.StudyInstanceUID,
        series_instance_uid=object_uid(result, source, "series", "first_screen"),
        series_number=series_number(result, SeriesPlace.SECONDARY_CAPTURE),
        sop_instance_uid=object_uid(result, source, "object", "first_screen"),
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MANUFACTURER,
        software_versions=version,
        series_description=series_description(result, "summary"),
        specific_character_set=t1.get("SpecificCharacterSet"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    capture.copy_patient_and_study_information(t1)
    capture.PatientOrientation = []
    capture.Laterality = ""
    capture.ConversionType = "WSD"
    told = {finding.code for series in (result.series.t1, result.series.stir) if series for finding in series.findings}
    # Our words name no patient and no examination; those in the images themselves may.
    capture.BurnedInAnnotation = "YES" if "burned_in_annotation" in told else "NO"
    capture.DerivationDescription = f"Summary of marrowsignal {version}. Research use only, not a diagnosis."
    capture.SourceImageSequence = [_reference(image) for image in source.all]
    if "lossy_compression" in told:
        capture.LossyImageCompression = "01"
    set_dates(capture, source)
    return capture


def check_capture(reread: Dataset, picture: NDArray[np.uint8]) -> None:
    """Compare a Secondary Capture, as read from its file, with the picture it was made from.

    Parameters
    ----------
    reread : Dataset
        With its pixels.
    picture : ndarray of uint8, shape (row, column, 3)
        RGB, the truth.

    Raises
    ------
    OutputError
        If any pixel differs, or the object says its pixels are anything else than RGB by pixel.
    """
    told = (reread.PhotometricInterpretation, reread.SamplesPerPixel, reread.PlanarConfiguration, reread.BitsStored)
    pixels = bytes(reread.PixelData)[: picture.size]
    same = (reread.Rows, reread.Columns, _COLOR_SAMPLES) == picture.shape and pixels == picture.tobytes()
    if told != ("RGB", _COLOR_SAMPLES, 0, 8) or not same:
        raise OutputError(
            "the picture of the first screen reads back other than it was written",
            code="capture_differs",
            stage=_STAGE,
            hint="check the disk, and report this as a bug if it comes again",
        )


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item
