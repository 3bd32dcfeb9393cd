"""Simulated series as DICOM files, the way five makers write them."""

from marrowsignal.phantom.dicom_files.other_series import Companions, write_companions
from marrowsignal.phantom.dicom_files.records import (
    DicomOptions,
    FatSuppression,
    Identifiers,
    SeriesHeader,
    SeriesKind,
    VendorName,
)
from marrowsignal.phantom.dicom_files.series import write_series
from marrowsignal.phantom.dicom_files.stored import pixel_values
from marrowsignal.phantom.dicom_files.transfer_syntax import TRANSFER_SYNTAXES
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = [
    "TRANSFER_SYNTAXES",
    "VENDORS",
    "Companions",
    "DicomOptions",
    "FatSuppression",
    "Identifiers",
    "SeriesHeader",
    "SeriesKind",
    "VendorName",
    "pixel_values",
    "write_companions",
    "write_series",
]
