"""How a synthetic study is acquired and written."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_writer import DicomOptions
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Sequence

__all__ = ["SeriesOptions", "StudyOptions", "coronal_oblique_grid"]


def coronal_oblique_grid(
    *,
    shape: tuple[int, int, int] = (20, 256, 256),
    spacing_mm: tuple[float, float, float] = (4.0, 1.05, 1.05),
    tilt_deg: float = 35.0,
) -> VolumeGeometry:
    """Grid of a sacroiliac-joint series: rows run to the patient's left, columns down and back.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows, columns.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    tilt_deg : float
        Angle between the columns and the body axis.

    Returns
    -------
    VolumeGeometry
        Centred on the middle of S2; slices run backwards.

    Examples
    --------
    >>> coronal_oblique_grid().directions_lps[:, 2].tolist()
    [1.0, 0.0, 0.0]
    """
    sine, cosine = np.sin(np.deg2rad(tilt_deg)), np.cos(np.deg2rad(tilt_deg))
    axes = np.array([[0.0, cosine, sine], [0.0, sine, -cosine], [1.0, 0.0, 0.0]]).T
    half = np.asarray(spacing_mm) * (np.asarray(shape) - 1) / 2.0
    return VolumeGeometry.from_axes(origin_lps_mm=-axes @ half, directions_lps=axes, spacing_mm=spacing_mm, shape=shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOptions:
    """How one series is acquired.

    Attributes
    ----------
    sequence : Sequence
        Timing and field.
    gain : float
        Display units for a signal of 1.
    muscle_snr : float or None
        Signal of lean muscle over the noise of one channel, bias aside; None for no noise.
    bias_p5, bias_p95 : float
        Percentiles of the receive bias; both 1 for none.
    geometry : VolumeGeometry or None
        Grid; None for the usual coronal-oblique one (T1) or the T1's own (STIR).
    """

    sequence: Sequence
    gain: float
    muscle_snr: float | None
    bias_p5: float = 0.75
    bias_p95: float = 1.3
    geometry: VolumeGeometry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """How a study is acquired and written.

    Attributes
    ----------
    t1, stir : SeriesOptions
        The two series.
    stir_shift_lps_mm : tuple of float
        How far the patient has moved between T1 and STIR.
    mirrored : bool
        Swap left and right of the patient.
    sub_slices : int
        Samples through a slice.
    dicom : DicomOptions
        File options.
    """

    t1: SeriesOptions = field(default_factory=lambda: SeriesOptions(sequence=T1_TSE_1_5T, gain=1900.0, muscle_snr=20.0))
    stir: SeriesOptions = field(default_factory=lambda: SeriesOptions(sequence=STIR_1_5T, gain=3000.0, muscle_snr=16.0))
    stir_shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mirrored: bool = False
    sub_slices: int = 4
    dicom: DicomOptions = field(default_factory=DicomOptions)
