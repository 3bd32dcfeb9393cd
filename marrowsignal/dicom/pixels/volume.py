"""Read the pixels of a series into one float32 volume in patient space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.headers.header_values import UNREADABLE, quiet_pydicom
from marrowsignal.dicom.headers.pixel_layout import PixelLayout, pixel_problem
from marrowsignal.dicom.pixels.stored_values import FrameReader
from marrowsignal.dicom.records import Series
from marrowsignal.errors import DicomError
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.threads import pool_threads

__all__ = ["read_volume", "to_signal"]

_STAGE = "read_volume"
# A decoder's start costs as much as a small frame; more at once would only cost memory.
_TOGETHER = 16


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
    if geometry is None or len(series.sources) != geometry.shape[0]:
        raise DicomError(
            f"{series.label} is no volume: {' '.join(series.reasons)}",
            code="series_no_volume",
            stage=_STAGE,
            hint="`marrowsignal inspect` lists the series and what hinders each",
        )
    for index, source in enumerate(series.sources):
        problem = pixel_problem(source.layout, source.frame)
        if problem:
            raise _unreadable(series, index, problem)
    array = np.empty(geometry.shape, dtype=np.float32)
    # Decoders run outside Python's lock; uncompressed pixels are only copied.
    threads = 1 if series.sources[0].layout.native else pool_threads()
    with quiet_pydicom(), ThreadPoolExecutor(threads) as pool:
        parts = [range(first, len(array), threads) for first in range(threads)]
        for _ in pool.map(lambda part: _read_slices(series, part, array), parts):
            continue
    # NaN and infinity reach an end of the range; a mask of every voxel costs ten times as much.
    if not math.isfinite(float(array.min()) + float(array.max())):
        raise DicomError(
            f"the signal of {series.label} is not finite everywhere",
            code="pixels_unexpected",
            stage=_STAGE,
            hint="its RescaleSlope, RescaleIntercept or scale slope is no usable number; export the series again",
        )
    return SignalVolume(array=array, geometry=geometry, acquisition=series.acquisition)


def _read_slices(series: Series, indices: Sequence[int], array: NDArray[np.float32]) -> None:
    """Fill the slices `indices` of `array`."""
    with FrameReader() as reader:
        for start in range(0, len(indices), _TOGETHER):
            batch = indices[start : start + _TOGETHER]
            frames = reader.several([series.sources[index] for index in batch])
            for index in batch:
                try:
                    array[index] = to_signal(next(frames), series.sources[index].layout)
                except (*UNREADABLE, MemoryError) as error:
                    problem = "they are damaged, or the file has changed since it was found"
                    raise _unreadable(series, index, problem) from error


def _unreadable(series: Series, index: int, problem: str) -> DicomError:
    # A file may be named after the patient: slices are named by their place.
    where = f"slice {index + 1} of {len(series.sources)} of series {series.series_number}"
    return DicomError(
        f"the pixels of {where} cannot be read: {problem}",
        code="pixels_unreadable",
        stage=_STAGE,
        hint="export the series again; the file may be truncated",
    )


def to_signal(stored: NDArray[np.integer], layout: PixelLayout) -> NDArray[np.number]:
    """Return the signal of one slice from its stored values.

    A displayed value is SV * RS + RI. Philips adds its own scale slope SS, by which series and slices differ:
    FP = (SV * RS + RI) / (RS * SS) (Chenevert et al., Transl Oncol 2014, doi:10.1593/tlo.13811).

    Parameters
    ----------
    stored : ndarray of integers, shape (row, column)
        Stored values SV.
    layout : PixelLayout
        Rescale, padding and photometric interpretation.

    Examples
    --------
    MONOCHROME1 is mirrored in the stored range, so that more signal is a larger number:

    >>> import dataclasses
    >>> plain = PixelLayout(
    ...     rows=1, columns=2, samples_per_pixel=1, frames=1, frames_described=1, bits_allocated=16, bits_stored=12,
    ...     high_bit=11, signed=False, photometric_interpretation="MONOCHROME1", slope=2.0, intercept=1.0,
    ...     scale_slope=None, padding=None, transfer_syntax="1.2.840.10008.1.2.1", pixel_tag=0x7FE00010, offset=0,
    ...     claimed_bytes=4, bytes_left=4, bytes_missing=0)
    >>> to_signal(np.array([[0, 4095]], dtype=np.int32), plain).tolist()
    [[8191.0, 1.0]]
    """
    if layout.stored_is_signal:
        return stored
    values = stored.astype(np.float64)
    if layout.photometric_interpretation == "MONOCHROME1":
        low = -(2 ** (layout.bits_stored - 1)) if layout.signed else 0
        values = (2 * low + 2**layout.bits_stored - 1) - values
    values *= layout.slope
    values += layout.intercept
    if layout.scale_slope is not None and layout.slope > 0:
        values /= layout.slope * layout.scale_slope
    if layout.padding is not None:
        values[(stored >= layout.padding[0]) & (stored <= layout.padding[1])] = 0.0
    return values
