"""Signals as stored pixels."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from marrowsignal.phantom.dicom_files.identity import decimal, series_key
from marrowsignal.phantom.dicom_files.records import SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["StoredImage", "describe_pixels", "display_slope", "pixel_values", "stored_image", "window"]


def pixel_values(
    signal: NDArray[np.floating], *, rescale_slope: float = 1.0, bits_stored: int = 12
) -> NDArray[np.uint16]:
    """Round a signal in display units to stored pixels.

    Parameters
    ----------
    signal : ndarray of float64
        Image in display units.
    rescale_slope : float
        Signal of one stored step.
    bits_stored : int
        12, or 16 of which one is the sign.

    Returns
    -------
    ndarray of uint16, shape of `signal`
        0 to 4095, or to 32767 for 16 bits.

    Examples
    --------
    >>> pixel_values(np.array([0.4, 10.0, 1e6]), rescale_slope=2.0).tolist()
    [0, 5, 4095]
    """
    top = 4095 if bits_stored <= 12 else 32767
    return np.asarray(np.clip(np.rint(signal / rescale_slope), 0, top), np.uint16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredImage:
    """One slice as it is stored.

    Attributes
    ----------
    pixels : ndarray of uint16, shape (row, column)
        Stored values.
    step : float
        Signal of one stored step.
    signal_top : float
        99th percentile of the signal, for the window.
    """

    pixels: NDArray[np.uint16]
    step: float
    signal_top: float


def stored_image(signal: NDArray[np.floating], index: int, header: SeriesHeader) -> StoredImage:
    """Store one slice of a series with the rescale slope that is its turn."""
    slopes = header.options.rescale_slopes
    step = slopes[index % len(slopes)]
    bits = VENDORS[header.options.vendor].bits_stored
    pixels = pixel_values(signal[index], rescale_slope=step, bits_stored=bits)
    return StoredImage(pixels=pixels, step=step, signal_top=float(np.percentile(signal[index], 99.0)))


def display_slope(header: SeriesHeader) -> float:
    """RescaleSlope of a Philips series: one a series, of no meaning for the signal; that of a map gives percent."""
    if header.shown is SeriesKind.FAT_FRACTION:
        return 0.1
    draw = zlib.crc32("/".join(series_key(header)).encode()) / 2**32
    return round(0.6 + 4.0 * draw, 6)


def window(image: StoredImage) -> tuple[str, str]:
    """WindowCenter and WindowWidth."""
    return decimal(round(image.signal_top / 2.0)), decimal(max(round(image.signal_top), 1))


def describe_pixels(ds: Dataset, header: SeriesHeader, *, rows: int, columns: int) -> None:
    """Write the image pixel module but for the pixels."""
    vendor = VENDORS[header.options.vendor]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, vendor.bits_stored, vendor.bits_stored - 1
    ds.PixelRepresentation = int(vendor.signed)
