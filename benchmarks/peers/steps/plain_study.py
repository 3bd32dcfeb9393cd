"""Two series of smooth structure and noise, about as large as real ones: ``python -m ...steps.plain_study FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, ExplicitVRLittleEndian

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files import DicomOptions, SeriesHeader, write_series
from marrowsignal.phantom.tissues import Sequence

__all__ = ["SLICES", "write_study"]

SLICES = 25
_T1 = Sequence(kind="tse", repetition_time_ms=550.0, echo_time_ms=11.0, echo_spacing_ms=11.0, echo_train_length=3)
_STIR = Sequence(
    kind="ir_tse", repetition_time_ms=4500.0, echo_time_ms=60.0, inversion_time_ms=150.0, echo_train_length=11
)


def write_study(folder: Path, *, syntax: UID, enhanced: bool, key: str, size: int, series: int = 2) -> None:
    """Write T1, STIR, T1, STIR ... of one study flat into a folder."""
    shape = (SLICES, size, size)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=(-150.0, 60.0, 150.0),
        directions_lps=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
        spacing_mm=(4.4, 0.9, 0.9),
        shape=shape,
    )
    signal = _texture(shape)
    for number in range(1, series + 1):
        header = SeriesHeader(
            study_key=key,
            series_number=number,
            sequence=_T1 if number % 2 else _STIR,
            options=DicomOptions(transfer_syntax_uid=str(syntax), enhanced=enhanced),
        )
        with tempfile.TemporaryDirectory(dir=folder) as one:
            for file in write_series(signal, grid, header=header, folder=Path(one)):
                file.rename(folder / f"{number:02d}_{file.name}")


def _texture(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Smooth structure and noise, so that compressed frames are as large as real ones."""
    s, r, c = np.indices(shape) / np.max(shape)
    smooth = 900.0 + 600.0 * np.sin(9.0 * r + 4.0 * s) * np.cos(7.0 * c)
    return np.asarray(np.clip(smooth + np.random.default_rng(1).normal(0.0, 25.0, shape), 0.0, 4095.0))


def main() -> None:
    """Write one study in uncompressed files."""
    folder = Path(sys.argv[1], "dicom")
    folder.mkdir(parents=True)
    write_study(folder, syntax=ExplicitVRLittleEndian, enhanced=False, key="plain", size=336)


if __name__ == "__main__":
    main()
