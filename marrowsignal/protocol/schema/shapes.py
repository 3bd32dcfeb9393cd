"""Settings of margins, lines, rims and dark foci (SCIENCE D27-D29, D32-D43, D51)."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range

__all__ = ["ShapeSettings"]


class ShapeSettings(ProtocolModel):
    """What a lesion's form and neighborhood are measured with; bones by their keys where one is meant."""

    edge_reach: Quantity
    edge_min_fit: Quantity
    edge_min_profiles: Quantity
    edge_resolved: Quantity
    edge_sharp: Quantity
    edge_ill_defined: Quantity
    bull_min_diameter: Quantity
    bull_yellow_share: Quantity
    bull_ratio: Quantity
    halo_rim: Range
    halo_background: Range
    halo_ratio: Quantity
    flame_angle: Quantity
    flame_taper: Quantity
    flame_outline: Quantity
    flame_min_diameter: Quantity
    line_scale: Range
    line_local: Quantity
    line_t1_to_local: Quantity
    line_t1_to_muscle: Quantity
    line_min_length: Quantity
    line_max_width: Quantity
    line_min_aspect: Quantity
    line_around: Quantity
    line_lesion_share: Quantity
    line_stir_to_around: Quantity
    line_from_cortex: Quantity
    line_min_slices: Quantity
    line_min_depth: Quantity
    line_joint_reach: Quantity
    line_thick_slices: Quantity
    rim_t1_to_local: Range
    rim_gap: Quantity
    rim_min_share: Quantity
    rim_min_volume: Quantity
    rim_to_surface: Quantity
    rim_double_line: Range
    arc_error: Quantity
    subplate_band: Quantity
    subplate_stir_to_lesion: Quantity
    subplate_min_volume: Quantity
    soft_shell: Range
    soft_near: Quantity
    soft_stir_to_muscle: Quantity
    soft_max_fat_signal: Quantity
    soft_gap: Quantity
    soft_min_share: Quantity
    soft_min_volume: Quantity
    focus_smoothing: Quantity
    focus_thickness: Quantity
    focus_inner_share: Quantity
    focus_void: Quantity
    subplate_bones: tuple[str, ...]
    midfoot_bones: tuple[str, ...]
