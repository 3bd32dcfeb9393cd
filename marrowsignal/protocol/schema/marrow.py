"""How marrow is segmented in each of the ways, and what tells a mask that does not hold."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range, Text

__all__ = [
    "AtlasSettings",
    "AutomaticSettings",
    "BoneVolume",
    "CortexThickness",
    "MarrowSettings",
    "MaskCheckSettings",
    "PeelSettings",
    "SegmenterSettings",
]


class CortexThickness(ProtocolModel):
    """How thick the cortex of some bones can be."""

    keys: tuple[Text, ...]
    thickest: Quantity


class PeelSettings(ProtocolModel):
    """How whole bones are freed of their cortex."""

    dark: Quantity
    void: Quantity
    least: Quantity
    outline_error: Quantity
    thickest: Quantity
    level_size: Quantity
    bones: tuple[CortexThickness, ...] = ()


class MarrowSettings(ProtocolModel):
    """Core of any mask."""

    core_erosion: Quantity
    core_void_to_marrow: Quantity
    edit_min_dice: Quantity
    peel: PeelSettings


class AtlasSettings(ProtocolModel):
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
    foreign: Quantity


class SegmenterSettings(ProtocolModel):
    """What the labels of an installed segmenter must hold to."""

    mixed_sides: Quantity
    off_midline: Quantity
    rim: Quantity


class BoneVolume(ProtocolModel):
    """Volume of marrow that a bone of adults has, one side of a pair."""

    key: Text
    volume: Range


class MaskCheckSettings(ProtocolModel):
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


class AutomaticSettings(ProtocolModel):
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
