"""What signals are compared with, and what is measured on them."""

from __future__ import annotations

from marrowsignal.protocol.schema.calibration import FatFractionFit
from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range

__all__ = ["LesionSettings", "ReferenceSettings", "SignalSettings", "TissueConstants"]


class ReferenceSettings(ProtocolModel):
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


class TissueConstants(ProtocolModel):
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


class SignalSettings(ProtocolModel):
    """Regions, intervals and indices of SCIENCE 3.1 and 7."""

    full_volume: Quantity
    exploratory_volume: Quantity
    full_slices: Quantity
    min_coverage: Quantity
    exploratory_slices: Quantity
    bootstrap_draws: Quantity
    bootstrap_block: Quantity
    interval_level: Quantity
    marrow_error_t1: Quantity
    marrow_error_stir: Quantity
    muscle_error_t1: Quantity
    muscle_error_stir: Quantity
    fat_error_t1: Quantity
    fat_error_stir: Quantity
    red_like_drop: Quantity
    red_like_min_share: Quantity
    excess_exponent: Quantity
    inversion_time_error: Quantity
    tissue_constants: tuple[TissueConstants, ...]
    fat_fraction_fit: FatFractionFit | None = None


class LesionSettings(ProtocolModel):
    """What makes a lesion (SCIENCE 3.3)."""

    seed_ratio: Quantity
    seed_spread: Quantity
    seed_stir_to_muscle: Quantity
    seed_excess_water: Quantity
    grow_spread: Quantity
    grow_excess: Quantity
    grow_ratio: Quantity
    smoothing: Quantity
    fluid_ratio: Quantity
    fluid_t1_to_muscle: Quantity
    min_volume: Quantity
    min_seed_volume: Quantity
    min_slices: Quantity
    min_slice_area: Quantity
    rim_depth: Quantity
    rim_radius: Quantity
    rim_pixels: Quantity
    rim_max_volume: Quantity
    slice_end_share: Quantity
    vessel_elongation: Quantity
    vessel_width: Quantity
    root_midline_distance: Quantity
    root_max_volume: Quantity
    root_ring: Quantity
    root_fat_to_fat: Quantity
    root_fat_to_marrow: Quantity
    root_fat_share: Quantity
    red_stir_to_muscle: Quantity
    red_excess_water: Quantity
    shell: Range
    subchondral_distance: Quantity
    subchondral_band: Quantity
    subchondral_share: Quantity
    deep_distance: Quantity
    deep_homogeneity: Quantity
    closing: Quantity
    deep_certainty: Quantity
