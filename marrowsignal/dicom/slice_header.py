"""The header of one DICOM file as a frozen record: everything later steps ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from marrowsignal.dicom.enhanced import ENHANCED_SOP_CLASSES, ENHANCED_TAGS, flattened
from marrowsignal.dicom.header_values import (
    code_values,
    first_item,
    float_value,
    float_values,
    int_value,
    quiet_pydicom,
    text_value,
)
from marrowsignal.geometry.acquisition import AcquisitionFacts

__all__ = ["SliceHeader", "read_slice_header"]

# fmt: off
_TAGS = (
    "AcquisitionDate", "AcquisitionDateTime", "AcquisitionNumber", "AcquisitionTime", "BitsStored",
    "BodyPartExamined", "Columns", "ContrastBolusAgent", "ContrastBolusAgentSequence",
    "ContrastBolusStartTime", "DiffusionBValue", "EchoTime", "EchoTrainLength", "FrameOfReferenceUID",
    "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "InstanceNumber", "InversionTime",
    "LossyImageCompression", "MagneticFieldStrength", "Manufacturer", "Modality", "NumberOfFrames",
    "PatientAge", "PatientPosition", "PatientSex", "PixelSpacing", "ProtocolName", "RepetitionTime", "Rows",
    "SOPClassUID", "SOPInstanceUID", "SamplesPerPixel", "ScanOptions", "ScanningSequence", "SequenceName",
    "SequenceVariant", "SeriesDate", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "SeriesTime",
    "SliceThickness", "SpacingBetweenSlices", "SpecificCharacterSet", "StudyInstanceUID",
    "TemporalPositionIdentifier",
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceHeader:
    """One file: facts for the identity, keys for the grouping, numbers for the geometry.

    Attributes
    ----------
    path : Path
        The file.
    sop_class_uid, sop_instance_uid, series_instance_uid, study_instance_uid, frame_of_reference_uid : str
        UIDs; empty when absent.
    transfer_syntax, transfer_syntax_name : str
        Transfer syntax UID and its name.
    series_number, instance_number, acquisition_number, temporal_position : int or None
        Numbers of the same DICOM names.
    description, protocol_name, contrast_agent : str
        Free texts, control characters removed.
    acquired_at, contrast_started_at : str
        Times that order series.
    rows, columns, frames, samples_per_pixel, bits_stored : int
        Pixel description; 0 rows for objects that are no image.
    position_mm, row_direction, column_direction : tuple of float or None
        ImagePositionPatient; directions of increasing row and of increasing column index.
    pixel_spacing_mm : tuple of float or None
        Between rows, between columns.
    spacing_between_slices_mm : float or None
        SpacingBetweenSlices, else SliceThickness; used for single slices only.
    diffusion_b_value : float or None
        DiffusionBValue.
    lossy : bool
        LossyImageCompression is 01.
    inversion_recovery, fat_suppressed : bool or None
        What Enhanced MR says outright; None in classic files.
    enhanced : bool
        Enhanced multi-frame object.
    acquisition : AcquisitionFacts
        Contrast facts.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    transfer_syntax: str
    transfer_syntax_name: str
    series_number: int | None
    instance_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    description: str
    protocol_name: str
    contrast_agent: str
    acquired_at: str
    contrast_started_at: str
    rows: int
    columns: int
    frames: int
    samples_per_pixel: int
    bits_stored: int
    position_mm: tuple[float, ...] | None
    row_direction: tuple[float, ...] | None
    column_direction: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    spacing_between_slices_mm: float | None
    diffusion_b_value: float | None
    lossy: bool
    inversion_recovery: bool | None
    fat_suppressed: bool | None
    enhanced: bool
    acquisition: AcquisitionFacts


def read_slice_header(path: Path, *, force: bool = False) -> SliceHeader:
    """Read one file's header, pixels left alone.

    Parameters
    ----------
    path : Path
        A DICOM file.
    force : bool
        Read files without the DICOM preamble too.

    Raises
    ------
    Exception
        Any of `marrowsignal.dicom.header_values.UNREADABLE` when the file is damaged.
    """
    with quiet_pydicom():
        dataset: Dataset = pydicom.dcmread(
            path, stop_before_pixels=True, force=force, specific_tags=[*_TAGS, *ENHANCED_TAGS]
        )
        syntax = text_value(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID")
        sop_class = text_value(dataset, "SOPClassUID")
        if sop_class in ENHANCED_SOP_CLASSES:
            dataset = flattened(dataset)
        return _header(path, dataset, syntax, enhanced=sop_class in ENHANCED_SOP_CLASSES)


def _header(path: Path, dataset: Dataset, syntax: str, *, enhanced: bool) -> SliceHeader:
    directions = float_values(dataset, "ImageOrientationPatient", 6)
    inversion = text_value(dataset, "InversionRecovery").upper()
    suppression = text_value(dataset, "SpectrallySelectedSuppression").upper()
    between = float_value(dataset, "SpacingBetweenSlices")
    return SliceHeader(
        path=path,
        sop_class_uid=text_value(dataset, "SOPClassUID"),
        sop_instance_uid=text_value(dataset, "SOPInstanceUID"),
        series_instance_uid=text_value(dataset, "SeriesInstanceUID"),
        study_instance_uid=text_value(dataset, "StudyInstanceUID"),
        frame_of_reference_uid=text_value(dataset, "FrameOfReferenceUID"),
        transfer_syntax=syntax,
        transfer_syntax_name=UID(syntax).name or "unknown",
        series_number=int_value(dataset, "SeriesNumber"),
        instance_number=int_value(dataset, "InstanceNumber"),
        acquisition_number=int_value(dataset, "AcquisitionNumber"),
        temporal_position=int_value(dataset, "TemporalPositionIdentifier"),
        description=text_value(dataset, "SeriesDescription"),
        protocol_name=text_value(dataset, "ProtocolName"),
        contrast_agent=_contrast_agent(dataset),
        acquired_at=_moment(dataset),
        contrast_started_at=text_value(dataset, "ContrastBolusStartTime"),
        rows=max(0, int_value(dataset, "Rows") or 0),
        columns=max(0, int_value(dataset, "Columns") or 0),
        frames=max(1, int_value(dataset, "NumberOfFrames") or 1),
        samples_per_pixel=int_value(dataset, "SamplesPerPixel") or 1,
        bits_stored=int_value(dataset, "BitsStored") or 0,
        position_mm=float_values(dataset, "ImagePositionPatient", 3),
        # DICOM: the first three cosines point along a row, where the column index grows.
        row_direction=None if directions is None else directions[3:],
        column_direction=None if directions is None else directions[:3],
        pixel_spacing_mm=float_values(dataset, "PixelSpacing", 2),
        spacing_between_slices_mm=between or float_value(dataset, "SliceThickness"),
        diffusion_b_value=float_value(dataset, "DiffusionBValue"),
        lossy=text_value(dataset, "LossyImageCompression") == "01",
        inversion_recovery={"YES": True, "NO": False}.get(inversion),
        fat_suppressed=(suppression not in ("NONE", "WATER")) if suppression else None,
        enhanced=enhanced,
        acquisition=_acquisition(dataset),
    )


def _acquisition(dataset: Dataset) -> AcquisitionFacts:
    sex = text_value(dataset, "PatientSex").upper()
    return AcquisitionFacts(
        modality=text_value(dataset, "Modality").upper() or None,
        scanning_sequence=code_values(dataset, "ScanningSequence"),
        sequence_variant=code_values(dataset, "SequenceVariant"),
        scan_options=code_values(dataset, "ScanOptions"),
        image_type=code_values(dataset, "ImageType"),
        sequence_name=text_value(dataset, "SequenceName") or text_value(dataset, "PulseSequenceName") or None,
        repetition_time_ms=_positive(dataset, "RepetitionTime"),
        echo_time_ms=_positive(dataset, "EchoTime"),
        # GE, Hitachi and Philips write 0 on series without inversion.
        inversion_time_ms=_positive(dataset, "InversionTime"),
        echo_train_length=int_value(dataset, "EchoTrainLength") or None,
        magnetic_field_strength_t=_positive(dataset, "MagneticFieldStrength"),
        manufacturer=text_value(dataset, "Manufacturer") or None,
        body_part_examined=text_value(dataset, "BodyPartExamined").upper() or None,
        patient_position=text_value(dataset, "PatientPosition").upper() or None,
        patient_age_y=_age_years(text_value(dataset, "PatientAge")),
        patient_sex=sex if sex in ("F", "M") else None,
        slice_thickness_mm=_positive(dataset, "SliceThickness"),
    )


def _positive(dataset: Dataset, keyword: str) -> float | None:
    number = float_value(dataset, keyword)
    return number if number is not None and number > 0 else None


def _age_years(text: str) -> float | None:
    """PatientAge such as 034Y, 018M, 012W or 300D in years."""
    per_year = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
    digits, unit = text[:-1], text[-1:].upper()
    if not digits.isdecimal() or unit not in per_year:
        return None
    return int(digits) / per_year[unit]


def _moment(dataset: Dataset) -> str:
    moment = text_value(dataset, "AcquisitionDateTime")
    if moment:
        return moment
    date = text_value(dataset, "AcquisitionDate") or text_value(dataset, "SeriesDate")
    clock = text_value(dataset, "AcquisitionTime") or text_value(dataset, "SeriesTime")
    return f"{date}{clock}" if clock else ""


def _contrast_agent(dataset: Dataset) -> str:
    agent = text_value(dataset, "ContrastBolusAgent")
    if not agent and first_item(dataset, "ContrastBolusAgentSequence") is not None:
        return "named in ContrastBolusAgentSequence"
    return agent
