"""What the search for reference tissues hands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume

__all__ = ["ReferenceLabel", "ReferenceTissue", "ReferenceVerdict", "References"]


class ReferenceLabel(IntEnum):
    """Values of the label map of reference tissues."""

    MUSCLE = 1
    FAT = 2
    NORMAL_MARROW = 3


class ReferenceVerdict(StrEnum):
    """Whether a reference tissue can be relied on."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTissue:
    """Signal level of one reference tissue in both series.

    Attributes
    ----------
    key : str
        ``"muscle"``, ``"fat"`` or ``"normal_marrow"``.
    t1, stir : float or None
        Level in bias-corrected signal; None when not measured; `stir` is None without a STIR series too.
    t1_spread_fraction, stir_spread_fraction : float or None
        Robust SD (1.4826 MAD) divided by the level.
    voxels : int
        Voxels it rests on.
    volume_ml : float
        Their volume.
    verdict : ReferenceVerdict
        Against the protocol's cuts.
    reason : str
        One sentence.
    t1_sector_variation_fraction, stir_sector_variation_fraction : float or None
        Coefficient of variation of the tissue's local level over sectors of the field of view, less what chance
        makes; None with too few sectors.
    """

    key: str
    t1: float | None
    stir: float | None
    t1_spread_fraction: float | None
    stir_spread_fraction: float | None
    voxels: int
    volume_ml: float
    verdict: ReferenceVerdict
    reason: str
    t1_sector_variation_fraction: float | None = None
    stir_sector_variation_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class References:
    """The patient's own reference tissues.

    Attributes
    ----------
    muscle, fat, normal_marrow : ReferenceTissue
        Lean muscle, subcutaneous fat, own normal marrow.
    labels : LabelVolume
        Of `ReferenceLabel`, on the T1 grid.
    noise_t1, noise_stir : float or None
        Noise SD in bias-corrected signal; None without tissue to measure it in, or without a STIR series.
    t1_residual_bias_fraction, stir_residual_bias_fraction : float or None
        Coefficient of variation of muscle's local level over sectors after bias correction: what muscle itself tells.
        None where muscle was refused: what is no muscle tells nothing.
    refused_fat_to_muscle : float or None
        T1 of fat over what was taken for muscle and refused.
    findings : tuple of Finding
        What weakens the references.
    """

    muscle: ReferenceTissue
    fat: ReferenceTissue
    normal_marrow: ReferenceTissue
    labels: LabelVolume
    noise_t1: float | None
    noise_stir: float | None
    t1_residual_bias_fraction: float | None
    stir_residual_bias_fraction: float | None
    refused_fat_to_muscle: float | None = None
    findings: tuple[Finding, ...] = ()

    def all_tissues(self) -> tuple[ReferenceTissue, ...]:
        """Return the three tissues in a fixed order."""
        return self.muscle, self.fat, self.normal_marrow
