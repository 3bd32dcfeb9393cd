"""Cuts that turn measurements into states."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range

__all__ = ["EvidenceCuts", "QualitySettings", "StatedConfidence", "SymmetryCuts"]


class SymmetryCuts(ProtocolModel):
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


class StatedConfidence(ProtocolModel):
    """How often a class named with each confidence is right, where that was measured."""

    high: Quantity
    moderate: Quantity
    low: Quantity


class EvidenceCuts(ProtocolModel):
    """Cuts of SCIENCE 3 and 4 that turn measurements into states."""

    t1_muscle_red_flag: Quantity
    t1_muscle_grey: Range
    stir_muscle_red_max: Quantity
    stir_muscle_edema_min: Quantity
    stir_muscle_edema_ci_low: Quantity
    excess_water_red_max: Quantity
    excess_water_edema_min: Quantity
    t1_drop_support: Quantity
    t1_edema_drop: Quantity
    focal_extent: Quantity
    diffuse_extent: Quantity
    infiltration_share: Quantity
    infiltration_lesion_diameter: Quantity
    confluent_share: Quantity
    t1_fat_red_max: Quantity
    stir_normal_lesion_min: Quantity
    fat_signal_grey: Quantity
    stir_muscle_low: Quantity
    stir_normal_low: Quantity
    facing_gap: Quantity
    opposed_to_in_phase: Range
    fat_fraction: Range
    conversion_order: Range
    epiphysis_fat_min: Quantity
    epiphysis_difference_min: Quantity
    epiphysis_involved_max: Quantity
    flame_signs: Quantity
    soft_tissue_share: Quantity
    soft_tissue_asymmetry: Quantity
    necrotic_volume: Range
    necrotic_angle: Range
    head_and_neck_share: Quantity
    reticulated_share: Range
    charcot_bones: Quantity
    charcot_joints: Quantity
    abundance_sum: Range
    group_score: Quantity
    group_score_cap: Quantity
    t1_muscle_likelihood: Range
    bulls_eye_likelihood: Range
    chemical_shift_likelihood: Range
    adult_age: Quantity
    old_age: Quantity
    confidence: StatedConfidence


class QualitySettings(ProtocolModel):
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
