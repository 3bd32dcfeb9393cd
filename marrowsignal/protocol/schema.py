"""The form of a protocol: every clinical number with its unit and source.

A protocol is data, not code. `Protocol` is the frozen, validated form of one TOML file of
``protocol/data`` after its ``extends`` chain has been resolved.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "AlignmentSettings",
    "AtlasSettings",
    "AutomaticSettings",
    "BiasSettings",
    "BoneVolume",
    "CortexThickness",
    "DivisionSettings",
    "EvidenceCuts",
    "ExpectedFatSignal",
    "JointSettings",
    "LesionSettings",
    "MarrowSettings",
    "MaskCheckSettings",
    "PartSpec",
    "PeelSettings",
    "Protocol",
    "QualitySettings",
    "Quantity",
    "Range",
    "ReferenceSettings",
    "RegionSpec",
    "SegmenterSettings",
    "SignalSettings",
    "SymmetryCuts",
    "TissueConstants",
]

Text = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantity(_Model):
    """One number with unit and source."""

    value: float
    unit: Text
    source: Text


class Range(_Model):
    """An interval with unit and source; `low` and `high` belong to it."""

    low: float
    high: float
    unit: Text
    source: Text

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` lies in the interval."""
        return self.low <= value <= self.high


class AlignmentSettings(_Model):
    """Cuts of SCIENCE 6 on the estimated registration error, and how it is weighed together."""

    pass_error: Quantity
    warn_error: Quantity
    region_only_error: Quantity
    keep_grid_below: Quantity
    max_displacement: Quantity
    full_overlap: Quantity
    focus_margin: Quantity
    min_overlap: Quantity
    water_below_fat: Quantity
    water_margin: Quantity
    water_ceiling: Quantity
    water_min_volume: Quantity
    water_max_shift: Quantity
    piece_size: Quantity
    piece_min_volume: Quantity
    piece_motion: Quantity
    piece_gain: Quantity
    min_stands_out: Quantity
    pixel_weight: Quantity
    shift_weight: Quantity
    there_and_back_weight: Quantity
    jackknife_weight: Quantity
    usual_local: Quantity
    local_weight: Quantity
    usual_edge: Quantity
    edge_weight: Quantity
    pieces_weight: Quantity


class BiasSettings(_Model):
    """How shading is modelled, and how much may remain."""

    sector_size: Quantity
    sector_min_volume: Quantity
    control_point_spacing: Quantity
    finest_detail: Quantity
    tissue_spread_t1: Quantity
    tissue_spread_stir: Quantity
    skin_fat_depth: Quantity
    pass_residual: Quantity
    warn_residual: Quantity
    fat_to_muscle_t1: Range


class CortexThickness(_Model):
    """How thick the cortex of some bones can be."""

    keys: tuple[Text, ...]
    thickest: Quantity


class PeelSettings(_Model):
    """How whole bones are freed of their cortex."""

    dark: Quantity
    void: Quantity
    least: Quantity
    outline_error: Quantity
    thickest: Quantity
    level_size: Quantity
    bones: tuple[CortexThickness, ...] = ()


class MarrowSettings(_Model):
    """Core of any mask."""

    core_erosion: Quantity
    core_void_to_marrow: Quantity
    edit_min_dice: Quantity
    peel: PeelSettings


class AtlasSettings(_Model):
    """How an atlas is made and laid over a study; kept in the atlas it made."""

    contrast_reach: Quantity
    wide_reach: Quantity
    working_pixel: Quantity
    coarse_pixel: Quantity
    search_slices: Quantity
    search_in_plane: Quantity
    search_tilt: Quantity
    near: Quantity
    most_subjects: Quantity
    fusion_window: Quantity
    fusion_floor: Quantity
    fusion_power: Quantity
    undecided: Quantity
    undecided_margin: Quantity
    smoothing: Quantity
    min_component: Quantity
    max_hole: Quantity
    samples: Quantity
    trees: Quantity


class SegmenterSettings(_Model):
    """What the labels of an installed segmenter must hold to."""

    mixed_sides: Quantity
    off_midline: Quantity
    rim: Quantity


class BoneVolume(_Model):
    """Volume of marrow that a bone of adults has, one side of a pair."""

    key: Text
    volume: Range


class MaskCheckSettings(_Model):
    """What tells a mask that does not hold."""

    dark_line: Quantity
    step: Quantity
    muscle_tolerance_t1: Quantity
    muscle_tolerance_stir: Quantity
    fat_like: Quantity
    void_like: Quantity
    line_depth: Quantity
    leak_outside: Quantity
    volume_fail: Quantity
    volume_warn: Quantity
    crumbs_warn: Quantity
    crumbs_fail: Quantity
    muscle_warn: Quantity
    muscle_fail: Quantity
    fat_warn: Quantity
    fat_fail: Quantity
    open_warn: Quantity
    open_fail: Quantity
    slice_dice_warn: Quantity
    smaller_side_warn: Quantity
    side_volume_ratio_warn: Quantity
    unsure_warn: Quantity
    dice_warn: Quantity
    dice_fail: Quantity
    bone_volumes: tuple[BoneVolume, ...] = ()


class AutomaticSettings(_Model):
    """What is made of the network's answer."""

    edge_reach: Quantity
    edge_softness: Quantity
    min_piece: Quantity
    min_piece_share: Quantity
    max_piece_gap: Quantity
    body_seed_depth: Quantity
    min_body_seed: Quantity
    min_body_distance: Quantity
    max_body_distance: Quantity
    double_body: Quantity
    sacrum_middle: Quantity | None = None


class ReferenceSettings(_Model):
    """Reference tissues of SCIENCE 1.6, 3 and 6."""

    muscle_min_volume: Quantity
    muscle_max_mode_mean_gap: Quantity
    muscle_max_spread: Quantity
    lean_fat_to_muscle_t1: Quantity
    muscle_min_agreement: Quantity
    muscle_min_lean: Quantity
    muscle_t1_to_fat: Range
    muscle_stir_to_lean: Range
    t1_max_pure_spread: Quantity
    stir_max_pure_spread: Quantity
    t1_sector_tolerance: Quantity
    stir_sector_tolerance: Quantity
    max_apart: Quantity
    lean_share: Quantity
    stir_lean_share: Quantity
    muscle_min_share: Quantity
    brighter_within: Quantity
    sector_size: Quantity
    sector_min_volume: Quantity
    muscle_texture_max: Quantity
    fat_min_volume: Quantity
    fat_max_spread: Quantity
    fat_depth: Range
    normal_min_volume: Quantity
    normal_max_spread: Quantity
    stir_fat_to_muscle_warn: Quantity


class TissueConstants(_Model):
    """Relaxation times and proton densities that predict STIR of marrow without edema (SCIENCE 1.2)."""

    magnetic_field_strength: Quantity
    fat_t1: Quantity
    fat_t2: Quantity
    muscle_t1: Quantity
    muscle_t2: Quantity
    marrow_water_t1: Quantity
    marrow_water_t2: Quantity
    fat_proton_density: Quantity
    muscle_proton_density: Quantity
    marrow_water_proton_density: Quantity
    bone_volume_fraction: Quantity


class SignalSettings(_Model):
    """Regions, intervals and indices of SCIENCE 3.1 and 7."""

    full_volume: Quantity
    exploratory_volume: Quantity
    full_slices: Quantity
    min_coverage: Quantity
    exploratory_slices: Quantity
    bootstrap_draws: Quantity
    bootstrap_block: Quantity
    interval_level: Quantity
    red_like_drop: Quantity
    red_like_min_share: Quantity
    excess_exponent: Quantity
    tissue_constants: tuple[TissueConstants, ...]


class LesionSettings(_Model):
    """What makes a lesion (SCIENCE 3.3)."""

    seed_ratio: Quantity
    seed_spread: Quantity
    grow_spread: Quantity
    grow_ratio: Quantity
    smoothing: Quantity
    fluid_ratio: Quantity
    fluid_t1_to_muscle: Quantity
    min_volume: Quantity
    min_seed_volume: Quantity
    min_slices: Quantity
    min_slice_area: Quantity
    shell: Range
    subchondral_distance: Quantity
    subchondral_band: Quantity
    subchondral_share: Quantity
    deep_distance: Quantity
    deep_homogeneity: Quantity
    closing: Quantity
    deep_certainty: Quantity


class JointSettings(_Model):
    """How a joint's surface is found inside a marrow mask."""

    dark_ridge: Quantity
    ridge_width: Quantity
    min_ridge_volume: Quantity
    min_midline_distance: Quantity
    contact_distance: Quantity


class SymmetryCuts(_Model):
    """Cuts of SCIENCE 3.2."""

    symmetric: Quantity
    asymmetric: Quantity
    bias_cancelling: Quantity
    no_bias_correction: Quantity
    dice_symmetric: Quantity
    dice_tolerance: Quantity
    unilateral_lesions: Quantity
    min_mirror_correlation: Quantity
    min_detail_correlation: Quantity
    max_plain_tilt: Quantity


class EvidenceCuts(_Model):
    """Cuts of SCIENCE 3 and 4 that turn measurements into states."""

    t1_muscle_red_flag: Quantity
    t1_muscle_grey: Range
    stir_muscle_red_max: Quantity
    stir_muscle_edema_min: Quantity
    stir_muscle_edema_ci_low: Quantity
    excess_water_red_max: Quantity
    excess_water_edema_min: Quantity
    t1_drop_support: Quantity
    focal_extent: Quantity
    diffuse_extent: Quantity
    infiltration_share: Quantity
    infiltration_lesion_diameter: Quantity
    abundance_sum: Range
    group_score: Quantity
    group_score_cap: Quantity
    adult_age: Quantity
    old_age: Quantity


class QualitySettings(_Model):
    """Limits of the quality gates that no step has of its own (SCIENCE 6)."""

    field_tolerance: Quantity
    inversion_to_null: Range
    fat_sectors: Quantity
    fat_sector_ratio_warn: Quantity
    fat_sector_ratio_fail: Quantity
    fat_to_lesion_fail: Quantity
    fat_contrast_fail: Quantity
    nulled_fat_min: Quantity
    yellow_t1_to_fat: Quantity
    ghost_warn: Quantity
    ghost_fail: Quantity
    edge_ratio_warn: Quantity
    edge_ratio_fail: Quantity
    slice_jump_warn: Quantity
    slice_jump_fail: Quantity
    slice_step_warn: Quantity
    slice_step_fail: Quantity
    thickness_warn: Quantity
    gap_warn: Quantity
    gap_fail: Quantity
    coverage_fail: Quantity
    smaller_side_min: Quantity
    snr_warn: Quantity
    snr_fail: Quantity
    metal_void: Quantity
    metal_min_volume: Quantity
    metal_min_radius: Quantity
    metal_pile_up: Quantity
    metal_pile_up_share: Quantity
    metal_rim: Quantity
    metal_margin: Quantity
    metal_share_fail: Quantity


class ExpectedFatSignal(_Model):
    """FSI bands of SCIENCE 8.2 for one region."""

    adult: Range
    older: Range


class PartSpec(_Model):
    """Words and code of one part that a bone is divided into."""

    key: Text
    name: Text
    code: str | None = None
    expected_fat_signal: ExpectedFatSignal | None = None


class DivisionSettings(_Model):
    """Where the borders between parts of a bone lie, as shares of the bone's own measures."""

    sacral_ala_begin: Quantity
    quadrant_depth: Quantity
    joint_reach: Quantity
    separation_smoothing: Quantity
    head_border: Quantity
    neck_border: Quantity
    shaft_border: Quantity
    neck_length: Quantity
    head_radius: Range
    endplate_zone: Quantity
    femoral_physis: Quantity
    tibial_physis: Quantity
    end_segment: Quantity
    min_part_volume: Quantity


class RegionSpec(_Model):
    """One region a mask may hold.

    `labels` are the values of a supplied label map that belong to it; `paired` regions have a left and a right;
    `division` says which bone's parts it is divided into.
    """

    key: Text
    name: Text
    labels: tuple[int, ...] = ()
    paired: bool = True
    side: Literal["left", "right", "none"] = "none"
    code: str | None = None
    joint_with: tuple[str, ...] = ()
    division: Literal["none", "sacrum", "ilium", "proximal_femur", "distal_femur", "tibia", "vertebra"] = "none"
    expected_fat_signal: ExpectedFatSignal | None = None


class Protocol(_Model):
    """One anatomy's settings, cuts, regions and words."""

    schema_version: Literal[1]
    name: Text
    version: Text
    title: Text
    body_parts: tuple[str, ...]
    symmetric_anatomy: bool
    joint_from_dark_ridge: bool
    deep_lesion_rule: bool
    background_prevalence: str
    limits: tuple[str, ...]
    alignment: AlignmentSettings
    bias: BiasSettings
    marrow: MarrowSettings
    automatic: AutomaticSettings
    atlas: AtlasSettings
    mask_check: MaskCheckSettings
    segmenter: SegmenterSettings
    references: ReferenceSettings
    signals: SignalSettings
    lesions: LesionSettings
    joints: JointSettings
    symmetry: SymmetryCuts
    evidence: EvidenceCuts
    quality: QualitySettings
    divisions: DivisionSettings
    whole: RegionSpec
    regions: tuple[RegionSpec, ...] = ()
    other_bones: tuple[RegionSpec, ...] = ()
    parts: tuple[PartSpec, ...] = ()

    def spec(self, key: str) -> RegionSpec | None:
        """Return the region called `key`, the whole and other bones included, or None."""
        return next((spec for spec in (self.whole, *self.regions, *self.other_bones) if spec.key == key), None)

    def part(self, key: str) -> PartSpec | None:
        """Return the part called `key`, or None."""
        return next((part for part in self.parts if part.key == key), None)

    def expected_band(self, key: str, age_y: float | None) -> Range | None:
        """Return the FSI band of a region (SCIENCE 8.2); None for children and where there is none."""
        spec = self.spec(key) or self.part(key)
        child = age_y is not None and age_y < self.evidence.adult_age.value
        if child or spec is None or spec.expected_fat_signal is None:
            return None
        older = age_y is not None and age_y > self.evidence.old_age.value
        return spec.expected_fat_signal.older if older else spec.expected_fat_signal.adult

    @model_validator(mode="after")
    def _regions_distinct(self) -> Self:
        keys = [(r.key, r.side) for r in self.regions]
        if len(set(keys)) != len(keys):
            raise ValueError("two regions share key and side")
        labels = [label for r in self.regions for label in r.labels]
        if len(set(labels)) != len(labels):
            raise ValueError("two regions claim one label value")
        return self
