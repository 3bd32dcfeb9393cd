"""What alignment and bias correction hand on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import GridDifference, SignalVolume

__all__ = ["NO_STIR", "AlignedPair", "AlignmentQuality", "AlignmentVerdict", "BiasModel"]

# Reason of everything that needs STIR where a T1 alone is measured.
NO_STIR = "no STIR series"


class AlignmentVerdict(StrEnum):
    """What the alignment is good for (SCIENCE 6)."""

    PASS = "pass"
    WARN = "warn"
    REGION_ONLY = "region_only"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentQuality:
    """Measures before and after registration.

    Attributes
    ----------
    grid_difference : GridDifference
        STIR's acquired grid against T1's.
    same_frame_of_reference : bool
        Whether the FrameOfReferenceUIDs agree.
    mutual_information_before, mutual_information_after : float
        Mutual information of the two series in the body, nats; larger is better.
    displacement_mm : float
        Median displacement of body voxels by the transform, mm.
    rotation_deg : float
        Rotation angle of the transform.
    estimated_error_mm : float or None
        Largest remaining shift of the whole and of its halves in plane, and half the disagreement of registrations
        of disjoint slices (0 when STIR was not moved), in quadrature, mm; None when a shift could not be bounded.
    verdict : AlignmentVerdict
        Against the protocol's cuts.
    reason : str
        One sentence.
    """

    grid_difference: GridDifference
    same_frame_of_reference: bool
    mutual_information_before: float
    mutual_information_after: float
    displacement_mm: float
    rotation_deg: float
    estimated_error_mm: float | None
    verdict: AlignmentVerdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BiasModel:
    """The multiplicative shading removed from the series.

    Attributes
    ----------
    t1_field, stir_field : ndarray of float32, shape (slice, row, column)
        Acquired signal divided by corrected signal; `stir_field` is None without STIR.
    """

    t1_field: NDArray[np.float32]
    stir_field: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignedPair:
    """T1 and STIR on the T1 grid, or a T1 alone (see `t1_alone`).

    Attributes
    ----------
    t1 : SignalVolume
        T1 as acquired, or bias-corrected.
    stir : SignalVolume or None
        Same geometry, resampled at most once; None where a T1 alone is measured.
    covered_mask : ndarray of bool, shape (slice, row, column)
        T1 voxels that every series of the pair holds: those inside the acquired STIR volume, or all of a T1 alone.
    body_mask : ndarray of bool, shape (slice, row, column)
        Patient, without air around.
    t1_to_stir_lps : ndarray of float64, shape (4, 4), or None
        Takes a patient point of the T1 series to the same tissue's point in the STIR series, LPS mm; None without STIR.
    quality : AlignmentQuality or None
        Measures and verdict; None without STIR.
    bias : BiasModel or None
        None before `correct_bias`.
    findings : tuple of Finding
        What weakens the pair.
    """

    t1: SignalVolume
    stir: SignalVolume | None
    covered_mask: NDArray[np.bool_]
    body_mask: NDArray[np.bool_]
    t1_to_stir_lps: NDArray[np.float64] | None
    quality: AlignmentQuality | None
    bias: BiasModel | None = None
    findings: tuple[Finding, ...] = ()
