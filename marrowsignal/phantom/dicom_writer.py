"""Classic single-frame MR Image Storage files of a simulated series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, RLELossless, generate_uid

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.tissues import Sequence

__all__ = ["DicomOptions", "SeriesHeader", "pixel_values", "write_series"]

_ROOT = "1.2.826.0.1.3680043.8.498."
_DATE = "20200101"


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptions:
    """How the files are written; none of it changes what is measured.

    Attributes
    ----------
    transfer_syntax_uid : str
        RLE Lossless, or an uncompressed little-endian syntax.
    reverse_slices : bool
        Number the slices from the other end.
    rescale_slopes : tuple of float
        RescaleSlope of slices 0, 1, ..., repeated; ``(1.0,)`` writes no rescale.
    own_frame_of_reference : bool
        Give each series a FrameOfReferenceUID of its own.
    patient_age, patient_sex : str
        PatientAge (``"035Y"``) and PatientSex.
    """

    transfer_syntax_uid: str = str(RLELossless)
    reverse_slices: bool = False
    rescale_slopes: tuple[float, ...] = (1.0,)
    own_frame_of_reference: bool = False
    patient_age: str = "035Y"
    patient_sex: str = "F"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesHeader:
    """What identifies one series.

    Attributes
    ----------
    study_key : str
        Names the study; all UIDs follow from it.
    description, sequence_name : str
        SeriesDescription and SequenceName.
    series_number : int
        SeriesNumber.
    sequence : Sequence
        Timing.
    options : DicomOptions
        How the files are written.
    """

    study_key: str
    description: str
    sequence_name: str
    series_number: int
    sequence: Sequence
    options: DicomOptions


def _uid(*parts: str) -> UID:
    return generate_uid(prefix=_ROOT, entropy_srcs=["marrowsignal phantom", *parts])


def pixel_values(signal: NDArray[np.float64], *, rescale_slope: float = 1.0) -> NDArray[np.uint16]:
    """Round a signal in display units to stored 12-bit pixels.

    Examples
    --------
    >>> pixel_values(np.array([0.4, 10.0, 1e6]), rescale_slope=2.0).tolist()
    [0, 5, 4095]
    """
    return np.clip(np.rint(signal / rescale_slope), 0, 4095).astype(np.uint16)


def _decimal(value: float) -> str:
    """Write a number as a DICOM DS of at most 16 characters."""
    for digits in range(12, 4, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.4g}"


def _patient_and_study(header: SeriesHeader) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"PHANTOM^{header.study_key.upper()}"
    ds.PatientID = f"PHANTOM-{header.study_key.upper()}"
    ds.PatientBirthDate = ""
    ds.PatientSex = header.options.patient_sex
    ds.PatientAge = header.options.patient_age
    ds.StudyInstanceUID = _uid(header.study_key)
    ds.StudyDate = _DATE
    ds.StudyTime = "120000"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.StudyID = "1"
    ds.StudyDescription = "SYNTHETIC PELVIS SIJ"
    return ds


def _series(ds: Dataset, header: SeriesHeader) -> None:
    frame = header.description if header.options.own_frame_of_reference else ""
    ds.Modality = "MR"
    ds.SeriesInstanceUID = _uid(header.study_key, header.description)
    ds.SeriesNumber = header.series_number
    ds.SeriesDescription = header.description
    ds.SeriesDate = _DATE
    ds.SeriesTime = f"12{header.series_number:02d}00"
    ds.ProtocolName = header.description
    ds.BodyPartExamined = "PELVIS"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = _uid(header.study_key, "frame of reference", frame)
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = "marrowsignal phantom"
    ds.ManufacturerModelName = "signal equations"
    ds.SoftwareVersions = "1"
    ds.DeviceSerialNumber = "0"


def _timing(ds: Dataset, sequence: Sequence) -> None:
    ds.ScanningSequence = ["SE", "IR"] if sequence.inversion_time_ms is not None else "SE"
    ds.SequenceVariant = ["SK", "SP", "MP"] if sequence.inversion_time_ms is not None else ["SK", "SP"]
    ds.ScanOptions = "IR" if sequence.inversion_time_ms is not None else ""
    ds.MRAcquisitionType = "2D"
    ds.RepetitionTime = _decimal(sequence.repetition_time_ms)
    ds.EchoTime = _decimal(sequence.echo_time_ms)
    if sequence.inversion_time_ms is not None:
        ds.InversionTime = _decimal(sequence.inversion_time_ms)
    ds.EchoTrainLength = sequence.echo_train_length
    ds.MagneticFieldStrength = _decimal(sequence.magnetic_field_strength_t)
    ds.ImagingFrequency = _decimal(42.577 * sequence.magnetic_field_strength_t)
    ds.ImagedNucleus = "1H"
    ds.EchoNumbers = 1
    ds.NumberOfAverages = "1"
    ds.FlipAngle = "150"


def _plane(ds: Dataset, geometry: VolumeGeometry, index: int) -> None:
    axes = geometry.directions_lps
    between, row_mm, column_mm = geometry.spacing_mm
    ds.ImagePositionPatient = [_decimal(v) for v in geometry.to_patient([index, 0, 0])]
    # the first cosines run along a row, where the column index grows
    ds.ImageOrientationPatient = [_decimal(v) for v in (*axes[:, 2], *axes[:, 1])]
    ds.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    ds.SliceThickness = _decimal(between)
    ds.SpacingBetweenSlices = _decimal(between)
    normal = np.cross(axes[:, 2], axes[:, 1])
    ds.SliceLocation = _decimal(float(geometry.to_patient([index, 0, 0]) @ normal))


def _pixels(ds: Dataset, signal: NDArray[np.float64], slope: float) -> None:
    stored = pixel_values(signal, rescale_slope=slope)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if slope != 1.0:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", _decimal(slope), "US"
    top = float(np.percentile(signal, 99.0))
    ds.WindowCenter, ds.WindowWidth = _decimal(round(top / 2.0)), _decimal(max(round(top), 1))
    ds.PixelData = stored.astype("<u2").tobytes()


def write_series(
    signal: NDArray[np.float64], geometry: VolumeGeometry, *, header: SeriesHeader, folder: Path
) -> tuple[Path, ...]:
    """Write one file a slice.

    Parameters
    ----------
    signal : ndarray of float64, shape (slice, row, column)
        Image in display units, 0 to 4095 times the rescale slope.
    geometry : VolumeGeometry
        Its grid.
    header : SeriesHeader
        Identity, timing and file options.
    folder : Path
        Created when missing.

    Returns
    -------
    tuple of Path
        Files in the order of the array's slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = geometry.shape[0]
    files = []
    for index in range(count):
        number = count - index if header.options.reverse_slices else index + 1
        ds = _patient_and_study(header)
        _series(ds, header)
        _timing(ds, header.sequence)
        ds.SOPClassUID = MRImageStorage
        ds.SOPInstanceUID = _uid(header.study_key, header.description, str(index))
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        ds.SequenceName = header.sequence_name
        ds.InstanceNumber = number
        ds.AcquisitionNumber = 1
        ds.AcquisitionDate, ds.ContentDate = _DATE, _DATE
        ds.AcquisitionTime, ds.ContentTime = ds.SeriesTime, ds.SeriesTime
        _plane(ds, geometry, index)
        slopes = header.options.rescale_slopes
        _pixels(ds, signal[index], slopes[index % len(slopes)])
        files.append(_save(ds, folder / f"IM{number:04d}.dcm", header.options.transfer_syntax_uid))
    return tuple(files)


def _save(ds: Dataset, path: Path, transfer_syntax_uid: str) -> Path:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = UID(f"{_ROOT}1")
    ds.file_meta.ImplementationVersionName = "MARROWSIGNAL"
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if transfer_syntax_uid == RLELossless:
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    implicit = ds.file_meta.TransferSyntaxUID.is_implicit_VR
    ds.save_as(path, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    return path
