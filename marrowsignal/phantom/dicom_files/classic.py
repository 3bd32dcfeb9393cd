"""Classic MR Image Storage: one file a slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.identity import decimal, derived_uid, identity, series_key
from marrowsignal.phantom.dicom_files.private import add_private
from marrowsignal.phantom.dicom_files.records import SeriesHeader
from marrowsignal.phantom.dicom_files.stored import (
    StoredImage,
    describe_pixels,
    display_slope,
    stored_image,
    window,
)
from marrowsignal.phantom.dicom_files.timing import add_timing, image_type
from marrowsignal.phantom.dicom_files.transfer_syntax import save
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["classic_slice", "write_classic"]


def write_classic(
    signal: NDArray[np.floating], geometry: VolumeGeometry, *, header: SeriesHeader, folder: Path
) -> tuple[Path, ...]:
    """Write one file a slice, in the order of the array's slices; see `write_series`."""
    count = geometry.shape[0]
    files = []
    for index in range(count):
        number = count - index if header.options.reverse_slices else index + 1
        image = stored_image(signal, index, header)
        ds = classic_slice(image, geometry, index=index, number=number, header=header)
        files.append(save(ds, image.pixels[None], folder / f"IM{number:04d}.dcm", header.options.transfer_syntax_uid))
    return tuple(files)


def classic_slice(
    image: StoredImage, geometry: VolumeGeometry, *, index: int, number: int, header: SeriesHeader
) -> Dataset:
    """Header of one slice, pixels left out.

    Parameters
    ----------
    image : StoredImage
        What will be stored.
    geometry : VolumeGeometry
        Grid of the stack.
    index, number : int
        Its place in the stack, and its InstanceNumber.
    header : SeriesHeader
        The series.
    """
    vendor = VENDORS[header.options.vendor]
    ds = identity(header, geometry)
    ds.Manufacturer = vendor.manufacturer
    ds.ManufacturerModelName = vendor.model_at(header.sequence.magnetic_field_strength_t)
    ds.SoftwareVersions = list(vendor.software)
    ds.SOPClassUID = MRImageStorage
    ds.SOPInstanceUID = derived_uid(*series_key(header), str(number))
    ds.ImageType = image_type(header)
    ds.InstanceNumber = number
    ds.AcquisitionNumber = 1
    add_timing(ds, header)
    _plane(ds, geometry, index, header.slice_gap_mm)
    rows, columns = image.pixels.shape
    describe_pixels(ds, header, rows=rows, columns=columns)
    _rescale(ds, header, image)
    ds.WindowCenter, ds.WindowWidth = window(image)
    add_private(ds, header, image)
    return ds


def _plane(ds: Dataset, geometry: VolumeGeometry, index: int, gap_mm: float) -> None:
    axes = geometry.directions_lps
    between, row_mm, column_mm = geometry.spacing_mm
    position = geometry.to_patient([index, 0, 0])
    ds.ImagePositionPatient = [decimal(v) for v in position]
    # the first cosines run along a row, where the column index grows
    ds.ImageOrientationPatient = [decimal(v) for v in (*axes[:, 2], *axes[:, 1])]
    ds.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    ds.SliceThickness = decimal(between - gap_mm)
    ds.SpacingBetweenSlices = decimal(between)
    ds.SliceLocation = decimal(float(position @ np.cross(axes[:, 2], axes[:, 1])))


def _rescale(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    vendor = VENDORS[header.options.vendor]
    if vendor.private_scale:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", decimal(display_slope(header)), "normalized"
    elif vendor.always_rescale or set(header.options.rescale_slopes) != {1.0}:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", decimal(image.step), "US"
