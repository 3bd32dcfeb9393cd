"""What else lies in a study's folder: localizer, reformat and screen shot, none of which may be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage
from scipy.ndimage import map_coordinates

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.classic import classic_slice, write_classic
from marrowsignal.phantom.dicom_files.identity import STUDY_DATE, clock, derived_uid, identity, series_key
from marrowsignal.phantom.dicom_files.records import FatSuppression, SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.stored import stored_image
from marrowsignal.phantom.dicom_files.transfer_syntax import save
from marrowsignal.phantom.dicom_files.vendors import VENDORS
from marrowsignal.phantom.tissues import Sequence

__all__ = ["Companions", "reformat", "write_companions"]

Array = NDArray[np.floating]

_MATRIX = 64
_LOCALIZER_SLICES = 3
# Directions in which slice, row and column index grow, one matrix a plane: axial, coronal, sagittal.
_PLANES = (
    np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """Files of the series beside a measured one.

    Attributes
    ----------
    localizer, reformat, capture : tuple of Path
        Three planes in one series, a derived axial stack, one screen shot.
    """

    localizer: tuple[Path, ...]
    reformat: tuple[Path, ...]
    capture: tuple[Path, ...]


def write_companions(
    signal: Array, geometry: VolumeGeometry, *, header: SeriesHeader, folder: Path, first_number: int = 1
) -> Companions:
    """Write what lies beside a series in a real study, as classic objects.

    Parameters
    ----------
    signal : ndarray of float64, shape (slice, row, column)
        Image from which they are cut.
    geometry : VolumeGeometry
        Its grid.
    header : SeriesHeader
        The series they belong to: study, vendor and file options are taken from it.
    folder : Path
        Gets the folders ``localizer``, ``reformat`` and ``capture``.
    first_number : int
        SeriesNumber of the localizer; the reformat gets 90 more, the screen shot 91 more.

    Returns
    -------
    Companions
        The files.
    """
    header = replace(header, options=replace(header.options, enhanced=False), description="", sequence_name="")
    return Companions(
        localizer=_localizer(signal, geometry, replace(header, series_number=first_number), folder / "localizer"),
        reformat=_reformat(signal, geometry, replace(header, series_number=first_number + 90), folder / "reformat"),
        capture=_capture(signal, replace(header, series_number=first_number + 91), geometry, folder / "capture"),
    )


def reformat(
    signal: Array, geometry: VolumeGeometry, *, directions_lps: Array, slices: int, slice_share: float = 1.0
) -> tuple[Array, VolumeGeometry]:
    """Cut slices of another direction out of a volume, trilinearly; 0 outside of it.

    Parameters
    ----------
    signal : ndarray of float64, shape (slice, row, column)
        The volume.
    geometry : VolumeGeometry
        Its grid.
    directions_lps : ndarray of float64, shape (3, 3)
        Columns are the directions in which slice, row and column index grow.
    slices : int
        Slices.
    slice_share : float
        Share of the volume's extent that they are spread over.

    Returns
    -------
    tuple of ndarray and VolumeGeometry
        The slices and their grid, centred on the volume.
    """
    corners = geometry.to_patient([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)] * (_last(geometry)))
    extent = np.ptp(corners @ directions_lps, axis=0)
    pixel = float(extent[1:].max()) / (_MATRIX - 1)
    spacing = np.array([extent[0] * slice_share / max(slices - 1, 1), pixel, pixel])
    shape = (slices, _MATRIX, _MATRIX)
    half = spacing * (np.asarray(shape) - 1) / 2.0
    origin = corners.mean(axis=0) - directions_lps @ half
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=origin, directions_lps=directions_lps, spacing_mm=spacing, shape=shape
    )
    points = geometry.to_index(np.stack([grid.patient_axis(axis) for axis in range(3)], axis=-1))
    cut = map_coordinates(signal, np.moveaxis(points, -1, 0), order=1, cval=0.0)
    return np.asarray(cut, dtype=np.float64), grid


def _last(geometry: VolumeGeometry) -> NDArray[np.int64]:
    return np.asarray(geometry.shape) - 1


def _localizer(signal: Array, geometry: VolumeGeometry, header: SeriesHeader, folder: Path) -> tuple[Path, ...]:
    sequence = Sequence(
        kind="gre",
        repetition_time_ms=8.0,
        echo_time_ms=3.5,
        magnetic_field_strength_t=header.sequence.magnetic_field_strength_t,
    )
    header = replace(
        header,
        kind=SeriesKind.LOCALIZER,
        sequence=sequence,
        fat_suppression=FatSuppression.NONE,
        contrast_agent="",
        slice_gap_mm=0.0,
    )
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for directions in _PLANES:
        cut, grid = reformat(signal, geometry, directions_lps=directions, slices=_LOCALIZER_SLICES, slice_share=0.5)
        for index in range(_LOCALIZER_SLICES):
            number = len(files) + 1
            image = stored_image(cut, index, header)
            ds = classic_slice(image, grid, index=index, number=number, header=header)
            path = folder / f"IM{number:04d}.dcm"
            files.append(save(ds, image.pixels[None], path, header.options.transfer_syntax_uid))
    return tuple(files)


def _reformat(signal: Array, geometry: VolumeGeometry, header: SeriesHeader, folder: Path) -> tuple[Path, ...]:
    cut, grid = reformat(signal, geometry, directions_lps=_PLANES[0], slices=12)
    folder.mkdir(parents=True, exist_ok=True)
    header = replace(header, kind=SeriesKind.MPR, slice_gap_mm=0.0)
    return write_classic(cut, grid, header=header, folder=folder)


def _capture(signal: Array, header: SeriesHeader, geometry: VolumeGeometry, folder: Path) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    vendor = VENDORS[header.options.vendor]
    ds = identity(replace(header, description="Screen Save"), geometry)
    del ds.FrameOfReferenceUID, ds.PositionReferenceIndicator
    ds.Manufacturer = vendor.manufacturer
    ds.ManufacturerModelName = vendor.model_at(header.sequence.magnetic_field_strength_t)
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.SOPInstanceUID = derived_uid(*series_key(header), "capture")
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    ds.ConversionType = "WSD"
    ds.InstanceNumber = 1
    ds.ContentDate, ds.ContentTime = STUDY_DATE, clock(header.series_number)
    ds.PatientOrientation = ""
    middle = signal[signal.shape[0] // 2]
    pixels = np.clip(np.rint(255.0 * middle / max(float(middle.max()), 1.0)), 0, 255).astype(np.uint8)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    return (save(ds, pixels[None], folder / "IM0001.dcm", header.options.transfer_syntax_uid),)
