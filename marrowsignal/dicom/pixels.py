"""Read the pixels of a series into one float32 volume in patient space."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from marrowsignal.dicom.header_values import UNREADABLE, float_value, int_value, quiet_pydicom, text_value
from marrowsignal.dicom.records import Series
from marrowsignal.errors import DicomError
from marrowsignal.geometry.volume import SignalVolume

__all__ = ["read_volume"]

_STAGE = "read_volume"

# Syntaxes pydicom decodes by itself; all others go through GDCM, whatever plugins happen to be installed.
_PYDICOM_SYNTAXES = frozenset(
    {
        "1.2.840.10008.1.2",  # Implicit VR Little Endian
        "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
        "1.2.840.10008.1.2.5",  # RLE Lossless
    }
)

_PHILIPS_CREATOR = (0x2005, 0x0010)
_PHILIPS_SCALE_SLOPE = (0x2005, 0x100E)


def read_volume(series: Series) -> SignalVolume:
    """Read a series' pixels.

    Parameters
    ----------
    series : Series
        A series of `find_series` that has a grid.

    Returns
    -------
    SignalVolume
        float32, (slice, row, column), each slice with its own RescaleSlope and Intercept; Philips scale
        slopes are divided out so that slices and series share one scale. Padding is 0: no signal came.

    Raises
    ------
    DicomError
        If the series has no grid, or a file is damaged, truncated, or does not fit the grid.
    """
    geometry = series.geometry
    if geometry is None or len(series.files) != geometry.shape[0]:
        raise DicomError(
            f"{series.label} is no volume: {' '.join(series.reasons)}",
            code="series_no_volume",
            stage=_STAGE,
            hint="`marrowsignal inspect` lists the series and what hinders each",
        )
    array = np.empty(geometry.shape, dtype=np.float32)
    for index, file in enumerate(series.files):
        # A file may be named after the patient: slices are named by their place.
        where = f"slice {index + 1} of {geometry.shape[0]} of series {series.series_number}"
        array[index] = _read_slice(file, geometry.shape[1:], where)
    return SignalVolume(array=array, geometry=geometry, acquisition=series.acquisition)


def _read_slice(file: Path, shape: tuple[int, ...], where: str) -> NDArray[np.float64]:
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(file, force=True)
            stored = _stored_values(file, dataset)
            values = _rescaled(stored, dataset)
    except (*UNREADABLE, MemoryError) as error:
        raise DicomError(
            f"the pixels of {where} cannot be read",
            code="pixels_unreadable",
            stage=_STAGE,
            hint="export the series again; the file may be truncated",
        ) from error
    if values.shape != shape or not np.all(np.isfinite(values)):
        raise DicomError(
            f"the pixels of {where} are not one grey image of {shape[0]} x {shape[1]} finite values",
            code="pixels_unexpected",
            stage=_STAGE,
        )
    return values


def _stored_values(file: Path, dataset: Dataset) -> NDArray[np.float64]:
    """Return the stored values SV of one frame, before any rescale."""
    syntax = text_value(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID")
    if syntax in _PYDICOM_SYNTAXES or not syntax:
        return np.asarray(dataset.pixel_array, dtype=np.float64)
    # SimpleITK takes 0.2 s to import; most studies need no decoder.
    from marrowsignal.geometry.itk_bridge import decode_dicom_frame  # noqa: PLC0415

    slope, intercept = _slope_intercept(dataset)
    displayed = decode_dicom_frame(file).astype(np.float64)
    return np.asarray(np.rint((displayed - intercept) / slope))


def _slope_intercept(dataset: Dataset) -> tuple[float, float]:
    slope = float_value(dataset, "RescaleSlope")
    intercept = float_value(dataset, "RescaleIntercept")
    return slope if slope else 1.0, intercept or 0.0


def _rescaled(stored: NDArray[np.float64], dataset: Dataset) -> NDArray[np.float64]:
    padded = _padding(stored, dataset)
    slope, intercept = _slope_intercept(dataset)
    if text_value(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        bits = int_value(dataset, "BitsStored") or 16
        low = -(2 ** (bits - 1)) if int_value(dataset, "PixelRepresentation") == 1 else 0
        # White is small in MONOCHROME1: mirror the stored range so that more signal is a larger number.
        stored = (2 * low + 2**bits - 1) - stored
    values = (stored * slope + intercept) / _philips_scale(dataset, slope)
    values[padded] = 0.0
    return values


def _padding(stored: NDArray[np.float64], dataset: Dataset) -> NDArray[np.bool_]:
    first = float_value(dataset, "PixelPaddingValue")
    if first is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    last = float_value(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    return np.asarray((stored >= low) & (stored <= high))


def _philips_scale(dataset: Dataset, slope: float) -> float:
    """Return RS * SS, by which a displayed value is divided to reach the scanner's floating-point value.

    Philips stores SV with a display slope RS and its own scale slope SS; FP = (SV * RS + RI) / (RS * SS)
    (Chenevert et al., Transl Oncol 2014, doi:10.1593/tlo.13811).
    """
    creator = dataset.get(_PHILIPS_CREATOR)
    element = dataset.get(_PHILIPS_SCALE_SLOPE)
    if creator is None or element is None or not str(creator.value).startswith("Philips MR"):
        return 1.0
    try:
        scale = float(element.value)
    except (TypeError, ValueError):
        return 1.0
    return slope * scale if math.isfinite(scale) and scale > 0 and slope > 0 else 1.0
