"""Kinds of series a study may hold, small, and what the reader must call each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files import (
    VENDORS,
    DicomOptions,
    FatSuppression,
    SeriesHeader,
    SeriesKind,
    VendorName,
    write_series,
)
from marrowsignal.phantom.tissues import Sequence

Array = NDArray[np.float64]
K, F = SeriesKind, FatSuppression
MAKERS: tuple[VendorName, ...] = tuple(VENDORS)
ENHANCED_MAKERS = tuple(name for name in MAKERS if VENDORS[name].enhanced_manufacturer)

T1 = Sequence(kind="tse", repetition_time_ms=550.0, echo_time_ms=11.0, echo_spacing_ms=11.0, echo_train_length=3)
T2 = replace(T1, repetition_time_ms=4000.0, echo_time_ms=80.0, echo_train_length=15)
PD = replace(T1, repetition_time_ms=3000.0, echo_time_ms=30.0, echo_train_length=7)
STIR = replace(T2, kind="ir_tse", echo_time_ms=60.0, echo_train_length=11, inversion_time_ms=150.0)
FLAIR = replace(STIR, repetition_time_ms=9000.0, echo_time_ms=100.0, inversion_time_ms=2400.0)
T1_FLAIR = replace(STIR, repetition_time_ms=2000.0, echo_time_ms=20.0, inversion_time_ms=860.0)
GRE = Sequence(kind="gre", repetition_time_ms=150.0, echo_time_ms=4.6)
OPPOSED = replace(GRE, echo_time_ms=2.3)
DWI = Sequence(kind="se", repetition_time_ms=6000.0, echo_time_ms=70.0)


@dataclass(frozen=True)
class Expected:
    """One kind of series and what the reader must call it."""

    kind: SeriesKind
    sequence: Sequence
    identities: tuple[str, ...]
    fat: FatSuppression = F.NONE
    agent: str = ""
    usable: bool = False


KINDS = (
    Expected(K.T1, T1, ("t1",), usable=True),
    Expected(K.STIR, STIR, ("stir",), usable=True),
    Expected(K.T2, T2, ("t2",)),
    Expected(K.PD, PD, ("pd_fat_suppressed",), F.SPECTRAL),
    Expected(K.T2, T2, ("t2_fat_suppressed",), F.ADIABATIC),
    Expected(K.T1, T1, ("t1_fat_suppressed",), F.SPECTRAL),
    Expected(K.T1, T1, ("t1",), agent="Gadobutrol"),
    Expected(K.T1, T1, ("t1_fat_suppressed",), F.SPECTRAL, "Gadobutrol"),
    Expected(K.IN_PHASE, GRE, ("gradient_echo", "dixon")),
    Expected(K.OPPOSED_PHASE, OPPOSED, ("gradient_echo", "dixon")),
    Expected(K.FLAIR, FLAIR, ("flair",)),
    Expected(K.T1_FLAIR, T1_FLAIR, ("t1_ir",)),
    Expected(K.LOCALIZER, replace(GRE, repetition_time_ms=8.0), ("localizer", "gradient_echo")),
    Expected(K.DWI_TRACE, DWI, ("diffusion", "echo_planar")),
    Expected(K.MPR, T1, ("derived",)),
)


def oblique_grid(shape: tuple[int, int, int] = (10, 32, 24)) -> VolumeGeometry:
    """Coronal-oblique, anisotropic, off the origin; slices run backwards."""
    sine, cosine = np.sin(0.6), np.cos(0.6)
    axes = np.array([[0.0, cosine, sine], [0.0, sine, -cosine], [1.0, 0.0, 0.0]]).T
    origin = (-20.3, 11.7, 55.123456789)
    return VolumeGeometry.from_axes(origin_lps_mm=origin, directions_lps=axes, spacing_mm=(4.4, 0.7, 0.9), shape=shape)


def signal_on(grid: VolumeGeometry) -> Array:
    """Noise over the whole 12-bit range, with its ends."""
    signal = np.random.default_rng(5).uniform(0.0, 4095.0, grid.shape)
    signal[0, ::2], signal[0, 1::2] = 0.0, 4095.0
    return signal


def header_of(vendor: VendorName, **changes: object) -> SeriesHeader:
    """T1 of a vendor in Explicit VR Little Endian, with changes to the header or to its options."""
    fields = {name: changes.pop(name) for name in list(changes) if name in DicomOptions.__slots__}
    options = DicomOptions(**({"vendor": vendor, "transfer_syntax_uid": str(ExplicitVRLittleEndian)} | fields))  # type: ignore[arg-type]
    base = SeriesHeader(study_key="k", series_number=3, sequence=T1, options=options)
    return replace(base, **changes)  # type: ignore[arg-type]


def write_kinds(vendor: VendorName, folder: Path, grid: VolumeGeometry, **changes: object) -> None:
    """One series of each kind, numbered as in KINDS."""
    for number, expected in enumerate(KINDS, start=1):
        header = header_of(
            vendor,
            series_number=number,
            kind=expected.kind,
            sequence=expected.sequence,
            fat_suppression=expected.fat,
            contrast_agent=expected.agent,
            **changes,
        )
        write_series(np.full(grid.shape, 100.0), grid, header=header, folder=folder / f"{number:02d}")
