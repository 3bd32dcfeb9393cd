"""What alignment and bias correction hand on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import GridDifference, SignalVolume

__all__ = [
    "NO_STIR",
    "AlignedPair",
    "AlignmentQuality",
    "AlignmentVerdict",
    "BiasModel",
    "ChemicalShift",
    "PieceMotion",
]

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
    overlap_fraction : float or None
        Share of the T1 tissue that STIR covers.
    forward_backward_mm : float or None
        Root mean square by which going to STIR by the transform found and back by one found from the other side
        misses.
    jackknife_mm : float or None
        Standard error, over slices left out, of the shift that local correlation still asks for.
    edge_distance_mm : float or None
        Distance of edges of bone in STIR from those in T1, in plane.
    local_residual_mm : float or None
        Shift in plane that a tenth of the tissue or more still asks for beyond what the whole does; by blocks.
    estimated_error_mm : float or None
        Expected distance of STIR tissue from T1 tissue; None when it could not be bounded.
    error_source : str
        How the estimate was got, in a sentence.
    interpolator : str
        By which STIR was resampled; ``"none"`` where it lies on the T1 grid as acquired.
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
    overlap_fraction: float | None = None
    forward_backward_mm: float | None = None
    jackknife_mm: float | None = None
    edge_distance_mm: float | None = None
    local_residual_mm: float | None = None
    error_source: str = ""
    interpolator: str = "none"

    @property
    def allows_lesions(self) -> bool:
        """Whether voxels of T1 and STIR may be compared one by one (SCIENCE 6)."""
        return self.verdict in (AlignmentVerdict.PASS, AlignmentVerdict.WARN)

    @property
    def allows_regions(self) -> bool:
        """Whether medians of regions may be compared."""
        return self.verdict is not AlignmentVerdict.FAIL


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PieceMotion:
    """A bone or slab that moved on its own between the series.

    Attributes
    ----------
    centre_lps_mm : tuple of float
        Its middle in T1 space.
    t1_to_stir_lps : ndarray of float64, shape (4, 4)
        Its own rigid transform.
    beyond_rigid_mm : float
        Median distance of that from where the transform of the whole takes it.
    voxels : int
        Voxels of T1 that follow it more than any other.
    reach_mm : float
        Standard deviation of the Gaussian by which its motion fades into its neighbours'.
    """

    centre_lps_mm: tuple[float, float, float]
    t1_to_stir_lps: NDArray[np.float64]
    beyond_rigid_mm: float
    voxels: int
    reach_mm: float


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
        Same geometry, resampled at most once; None where a T1 alone is measured. Kept for the pictures where its
        registration failed: what is measured is `comparable_stir`.
    covered_mask : ndarray of bool, shape (slice, row, column)
        T1 voxels that every series of the pair holds: those inside the acquired STIR volume, or all of a T1 alone.
    body_mask : ndarray of bool, shape (slice, row, column)
        Patient, without air around.
    t1_to_stir_lps : ndarray of float64, shape (4, 4), or None
        Takes a patient point of the T1 series to the same tissue's point in the STIR series, LPS mm; None without STIR.
    quality : AlignmentQuality or None
        Measures and verdict; None without STIR.
    pieces : tuple of PieceMotion
        Parts that moved on their own; empty where one rigid transform tells all.
    bias : BiasModel or None
        None before `correct_bias`.
    metal_mask : ndarray of bool, shape (slice, row, column), or None
        Tissue too near to metal to be measured; None before it was looked for.
    findings : tuple of Finding
        What weakens the pair.
    """

    t1: SignalVolume
    stir: SignalVolume | None
    covered_mask: NDArray[np.bool_]
    body_mask: NDArray[np.bool_]
    t1_to_stir_lps: NDArray[np.float64] | None
    quality: AlignmentQuality | None
    pieces: tuple[PieceMotion, ...] = ()
    bias: BiasModel | None = None
    metal_mask: NDArray[np.bool_] | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def no_stir(self) -> str:
        """Why no signal of STIR may be told for any region; empty where it may (SCIENCE 6)."""
        if self.stir is None:
            return NO_STIR
        failed = self.quality is not None and not self.quality.allows_regions
        return f"registration failed: {self.quality.reason}" if failed and self.quality else ""

    @property
    def no_lesions(self) -> str:
        """Why T1 and STIR may not be compared voxel by voxel; empty where they may (SCIENCE 6)."""
        if self.no_stir or self.quality is None or self.quality.allows_lesions:
            return self.no_stir
        return f"registration allows medians of regions only: {self.quality.reason}"

    @property
    def comparable_stir(self) -> SignalVolume | None:
        """STIR where T1's masks hold in it; None without STIR and where the registration failed (SCIENCE 6)."""
        return None if self.no_stir else self.stir

    @property
    def shared_mask(self) -> NDArray[np.bool_]:
        """T1 voxels that `comparable_stir` holds too; all where there is none, so that it cannot cut T1."""
        return np.ones_like(self.covered_mask) if self.no_stir else self.covered_mask

    @property
    def measurable_mask(self) -> NDArray[np.bool_]:
        """Voxels of `shared_mask` that lie far enough from metal."""
        return self.shared_mask if self.metal_mask is None else self.shared_mask & ~self.metal_mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChemicalShift:
    """Series that part fat from water by chemical shift, on the T1 grid.

    Attributes
    ----------
    fat_fraction : ndarray of float32, shape (slice, row, column), or None
        Fat-fraction map in the units its series has; None without one.
    in_phase, opposed_phase : ndarray of float32, same shape, or None
        Signals; both or none.
    covered_mask : ndarray of bool, same shape
        T1 voxels that every one of them holds.
    t1_to_chemical_shift_lps : ndarray of float64, shape (4, 4)
        Takes a patient point of the T1 series to the same tissue's point in these series, LPS mm.
    verdict : AlignmentVerdict or None
        What the registration of the in-phase image to T1 is good for; None where the headers alone tell the place.
    findings : tuple of Finding
        Which series these are, and what weakens them.
    """

    fat_fraction: NDArray[np.float32] | None
    in_phase: NDArray[np.float32] | None
    opposed_phase: NDArray[np.float32] | None
    covered_mask: NDArray[np.bool_]
    t1_to_chemical_shift_lps: NDArray[np.float64]
    verdict: AlignmentVerdict | None = None
    findings: tuple[Finding, ...] = ()
