"""The rules by which a series is recognised: windows, weights, words, each with unit and source.

The numbers live in ``protocol/data/series.toml``; this module is their validated, frozen form. A site can change them
(`marrowsignal.protocol.series_rules_file`).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, model_validator

from marrowsignal.protocol.schema import Quantity
from marrowsignal.protocol.series_text import Pattern

__all__ = [
    "ChemicalShiftRules",
    "EvidenceWeights",
    "FieldBand",
    "ImageTypeWords",
    "PairingRules",
    "ScanOptionWords",
    "SeriesRules",
    "SideWords",
    "TextPatterns",
    "TimingWindows",
    "UsableRules",
    "Window",
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# Sorted when written out, so that equal rules have equal hashes.
Words = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


def _share(quantity: Quantity) -> Quantity:
    if not 0.0 <= quantity.value <= 1.0:
        raise ValueError(f"a share lies between 0 and 1, not at {quantity.value:g}")
    return quantity


def _size(quantity: Quantity) -> Quantity:
    if quantity.value < 0.0:
        raise ValueError(f"a size is not negative, as {quantity.value:g} is")
    return quantity


Share = Annotated[Quantity, AfterValidator(_share)]
Size = Annotated[Quantity, AfterValidator(_size)]


class Window(_Model):
    """An interval that is met between `low` and `high` and half believed up to its edges."""

    low: float
    high: float
    edge_low: float
    edge_high: float
    unit: str
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.edge_low <= self.low <= self.high <= self.edge_high:
            raise ValueError("a window needs edge_low <= low <= high <= edge_high")
        return self

    def credit(self, value: float | None, edge_credit: float) -> float:
        """Return 1 inside, `edge_credit` between window and edge, 0 outside or when `value` is None.

        Examples
        --------
        >>> window = Window(low=1, high=2, edge_low=0, edge_high=3, unit="ms", source="example")
        >>> window.credit(1.5, 0.8), window.credit(2.5, 0.8), window.credit(4, 0.8)
        (1.0, 0.8, 0.0)
        """
        if value is None or not self.edge_low <= value <= self.edge_high:
            return 0.0
        return 1.0 if self.low <= value <= self.high else edge_credit


class EvidenceWeights(_Model):
    """Weights of the evidence score and where it is accepted."""

    timing: Share
    sequence: Share
    name: Share
    description: Share
    accept: Share
    margin: Share
    edge_credit: Share
    missing_inversion_time_credit: Share
    weak_inversion_credit: Share
    doubted_credit: Share


class UsableRules(_Model):
    """What a stack of slices needs to be a volume."""

    min_slices: Size
    parallel_tolerance: Size
    oblique_from: Size
    gap_tolerance_fraction: Share
    gap_tolerance: Size
    same_position: Size
    grid_tolerance: Size
    pixel_spacing_tolerance: Size
    echo_time_tolerance: Size
    inversion_time_tolerance: Size
    repetition_time_fraction: Size
    shear_tolerance: Size
    localizer_planes: Size
    seconds_below: Size
    gauss_above: Size
    multi_echo_from: Size


class PairingRules(_Model):
    """What two series need to be a pair."""

    min_overlap_fraction: Share
    near_equal_fraction: Share
    same_field_fraction: Share
    plane_tolerance: Size
    field_tolerance: Size


class ChemicalShiftRules(_Model):
    """When a gradient echo is in phase or opposed."""

    fat_shift: Size
    phase_tolerance: Size
    last_half_turn: Size


class SideWords(_Model):
    """Regular expressions on description and BodyPartExamined that tell the side of the body."""

    left: Pattern
    right: Pattern


class FieldBand(_Model):
    """Windows that depend on the field strength."""

    up_to: Quantity
    t1_repetition_time: Window
    stir_inversion_time: Window


class TimingWindows(_Model):
    """Windows that do not depend on the field strength."""

    t1_echo_time: Window
    t1_echo_train: Window
    stir_repetition_time: Window
    stir_echo_time: Window
    flair_inversion_time: Window
    flair_repetition_time: Window
    flair_echo_time: Window
    t1_ir_inversion_time: Window
    t1_ir_echo_time: Window
    t1_ir_repetition_time: Window
    long_repetition_time: Window
    pd_echo_time: Window
    t2_echo_time: Window


class TextPatterns(_Model):
    """Regular expressions on description, protocol name, contrast agent and sequence names (SCIENCE 5.2, 5.3)."""

    stir: Pattern
    flair: Pattern
    t1: Pattern
    t2: Pattern
    pd: Pattern
    fat_suppressed: Pattern
    not_fat_suppressed: Pattern
    spectral_inversion: Pattern
    post_contrast: Pattern
    not_post_contrast: Pattern
    contrast_hint: Pattern
    contrast_agent_off: Pattern
    derived: Pattern
    synthetic: Pattern
    stitched: Pattern
    learned: Pattern
    localizer: Pattern
    diffusion: Pattern
    dixon: Pattern
    dixon_in_phase: Pattern
    dixon_other: Pattern
    opposed_phase: Pattern
    fat_fraction: Pattern
    single_shot: Pattern
    other_purpose: Pattern
    spin_echo_name: Pattern
    inversion_name: Pattern
    plain_spin_echo_name: Pattern
    gradient_name: Pattern
    echo_planar_name: Pattern


class ScanOptionWords(_Model):
    """ScanOptions values that tell a preparation (SCIENCE 5.2)."""

    fat_suppressed: Words
    inversion: Words
    inversion_hint: Words
    dixon: Words


class ImageTypeWords(_Model):
    """ImageType values that decide what an image is."""

    derived: Words
    phase: Words
    real: Words
    localizer: Words
    diffusion: Words
    learned: Words
    dixon: Words
    dixon_in_phase: Words
    dixon_other: Words
    opposed_phase: Words
    fat_fraction: Words
    spin_echo: Words
    inversion: Words
    gradient_echo: Words


class SeriesRules(_Model):
    """Everything that decides what a series is and whether it serves."""

    schema_version: int
    evidence: EvidenceWeights
    usable: UsableRules
    pairing: PairingRules
    chemical_shift: ChemicalShiftRules
    side: SideWords
    field_bands: tuple[FieldBand, ...]
    unknown_field: FieldBand
    timing: TimingWindows
    text: TextPatterns
    image_type: ImageTypeWords
    scan_options: ScanOptionWords

    def band(self, magnetic_field_strength_t: float | None) -> FieldBand:
        """Return the windows for a field strength; the cautious ones when it is not known."""
        if magnetic_field_strength_t is None or magnetic_field_strength_t <= 0:
            return self.unknown_field
        for band in self.field_bands:
            if magnetic_field_strength_t <= band.up_to.value:
                return band
        return self.unknown_field
