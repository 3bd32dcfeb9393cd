"""Sequence codes and timing of classic MR images."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.phantom.dicom_files.identity import STUDY_DATE, clock, decimal
from marrowsignal.phantom.dicom_files.private import B_VALUE
from marrowsignal.phantom.dicom_files.records import FatSuppression, SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.vendor import Vendor
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["add_contrast_agent", "add_timing", "image_type", "sequence_name"]

_PROTON_MHZ_PER_T = 42.577


def image_type(header: SeriesHeader) -> list[str]:
    """ImageType of a classic image."""
    vendor, kind = VENDORS[header.options.vendor], header.shown
    ours = ("ORIGINAL", "PRIMARY", *vendor.readouts[kind.readout].image_type)
    words = list(vendor.image_types.get(kind, ours))
    if vendor.normalization_words:
        words += [] if header.options.distortion_corrected else ["ND"]
        words += ["NORM"] if header.options.normalized else []
        words += ["DIS2D"] if header.options.distortion_corrected else []
    return words


def sequence_name(header: SeriesHeader) -> str:
    """SequenceName: the header's own, or the vendor's; empty where it writes none."""
    if header.sequence_name:
        return header.sequence_name
    vendor = VENDORS[header.options.vendor]
    name = vendor.readouts[header.shown.readout].sequence_name
    if name and header.single_echo:
        return vendor.single_echo_name
    return name.format(etl=header.sequence.echo_train_length)


def _scan_options(header: SeriesHeader, vendor: Vendor) -> list[str]:
    kind = header.shown
    words = [*vendor.readouts[kind.readout].scan_options, *vendor.options_of_kind.get(kind, ())]
    if header.fat_suppression is not FatSuppression.NONE and "FS" not in words:
        words = [word for word in words if word != "OTHER"] + ["FS"]
    return words


def _inversion_time(header: SeriesHeader, vendor: Vendor) -> float | None:
    if header.sequence.inversion_time_ms is not None:
        return header.sequence.inversion_time_ms
    if header.options.by_the_standard:
        return None
    if header.fat_suppression is FatSuppression.ADIABATIC and vendor.adiabatic_inversion_time_ms is not None:
        return vendor.adiabatic_inversion_time_ms
    return 0.0 if vendor.zero_inversion_time else None


def add_timing(ds: Dataset, header: SeriesHeader) -> None:
    """Write the MR image module's contrast."""
    vendor, sequence = VENDORS[header.options.vendor], header.sequence
    style = vendor.readouts[header.shown.readout]
    ds.ScanningSequence = list(style.scanning_sequence)
    ds.SequenceVariant = list(style.sequence_variant)
    ds.ScanOptions = _scan_options(header, vendor)
    name = sequence_name(header)
    if name:
        ds.SequenceName = name
    ds.MRAcquisitionType = "2D"
    ds.RepetitionTime = decimal(sequence.repetition_time_ms)
    ds.EchoTime = decimal(sequence.echo_time_ms)
    inversion = _inversion_time(header, vendor)
    if inversion is not None:
        ds.InversionTime = decimal(inversion)
    ds.EchoTrainLength = sequence.echo_train_length
    ds.MagneticFieldStrength = decimal(sequence.magnetic_field_strength_t)
    ds.ImagingFrequency = decimal(_PROTON_MHZ_PER_T * sequence.magnetic_field_strength_t)
    ds.ImagedNucleus = "1H"
    ds.EchoNumbers = 1
    ds.NumberOfAverages = "1"
    ds.FlipAngle = decimal(style.flip_angle_deg)
    if vendor.pixel_bandwidth_hz is not None:
        ds.PixelBandwidth = decimal(header.pixel_bandwidth_hz or vendor.pixel_bandwidth_hz)
    if header.shown is SeriesKind.DWI_TRACE and header.options.vendor in ("philips", "canon"):
        ds.DiffusionBValue = float(B_VALUE)
    add_contrast_agent(ds, header)


def add_contrast_agent(ds: Dataset, header: SeriesHeader) -> None:
    """Name the agent; Hitachi says ``off`` where there is none."""
    if header.contrast_agent:
        ds.ContrastBolusAgent = header.contrast_agent
        if header.contrast_start_time:
            ds.ContrastBolusStartTime = header.contrast_start_time
    elif header.options.vendor == "hitachi":
        ds.ContrastBolusAgent = "off"
    ds.AcquisitionDate, ds.ContentDate = STUDY_DATE, STUDY_DATE
    ds.AcquisitionTime = ds.ContentTime = clock(header.series_number)
