"""Tiny synthetic T1 + STIR studies in memory: each maker, classic and Enhanced, each kind of encoding."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from marrowsignal.phantom.dicom_files import Identifiers, VendorName, write_series
from tests.phantom.dicom_kinds import STIR, T1, header_of, oblique_grid, signal_on

__all__ = ["SAMPLES", "sample_study"]

_SLICES, _ROWS, _COLUMNS = 8, 12, 10

SAMPLES: dict[str, tuple[VendorName, bool, str]] = {
    "classic explicit": ("siemens", False, ExplicitVRLittleEndian),
    "classic implicit": ("ge", False, ImplicitVRLittleEndian),
    "classic big endian": ("philips", False, ExplicitVRBigEndian),
    "classic RLE": ("canon", False, RLELossless),
    "classic JPEG lossless": ("hitachi", False, JPEGLosslessSV1),
    "classic deflated": ("siemens", False, DeflatedExplicitVRLittleEndian),
    "Enhanced Siemens": ("siemens", True, ExplicitVRLittleEndian),
    "Enhanced GE implicit": ("ge", True, ImplicitVRLittleEndian),
    "Enhanced Philips RLE": ("philips", True, RLELossless),
    "Enhanced Canon JPEG lossless": ("canon", True, JPEGLosslessSV1),
}


@cache
def sample_study(name: str) -> dict[str, bytes]:
    """Files of a study by their path below its folder: ``T1/...`` and ``STIR/...``."""
    vendor, enhanced, syntax = SAMPLES[name]
    grid = oblique_grid((_SLICES, _ROWS, _COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for series, sequence, number in (("T1", T1, 3), ("STIR", STIR, 4)):
            header = header_of(
                vendor,
                sequence=sequence,
                series_number=number,
                enhanced=enhanced,
                transfer_syntax_uid=str(syntax),
                rescale_slopes=(1.5, 0.8) if vendor == "philips" else (1.0,),
                identifiers=Identifiers(patient_name="MARKED^NAME", patient_birth_date="19850102"),
            )
            write_series(signal_on(grid), grid, header=header, folder=Path(folder, series))
        return {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(Path(folder).rglob("*"))
            if file.is_file()
        }
