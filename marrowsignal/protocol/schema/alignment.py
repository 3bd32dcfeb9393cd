"""How T1 and STIR are brought together and freed of shading."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range

__all__ = ["AlignmentSettings", "BiasSettings"]


class AlignmentSettings(ProtocolModel):
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


class BiasSettings(ProtocolModel):
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
