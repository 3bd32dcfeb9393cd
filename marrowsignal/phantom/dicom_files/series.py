"""Write a simulated series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.classic import write_classic
from marrowsignal.phantom.dicom_files.enhanced import write_enhanced
from marrowsignal.phantom.dicom_files.records import SeriesHeader

__all__ = ["write_series"]


def write_series(
    signal: NDArray[np.floating], geometry: VolumeGeometry, *, header: SeriesHeader, folder: Path
) -> tuple[Path, ...]:
    """Write a series as its vendor would: one file a slice, or one Enhanced file.

    Parameters
    ----------
    signal : ndarray of float64, shape (slice, row, column)
        Image in display units, 0 to 4095 (Canon and GE: 32767) times the rescale slope.
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

    Raises
    ------
    UsageError
        If the transfer syntax has no encoder here, or the vendor writes no Enhanced MR.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if header.options.enhanced:
        return (write_enhanced(signal, geometry, header=header, folder=folder),)
    return write_classic(signal, geometry, header=header, folder=folder)
