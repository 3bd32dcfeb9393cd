"""When two dates of one patient may be compared, and what counts as a change (SCIENCE 7.4)."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity

__all__ = ["ChangeSettings"]


class ChangeSettings(ProtocolModel):
    """Repeatability, lesion change and protocol drift of SCIENCE 7.4."""

    ratio_variation: Quantity
    fat_signal_change: Quantity
    fat_fraction_change: Quantity
    asymmetry_change: Quantity
    false_discovery_rate: Quantity
    lesion_volume_change: Quantity
    lesion_least_change: Quantity
    lesion_overlap: Quantity
    muscle_agreement: Quantity
    reference_kept_share: Quantity
    max_displacement: Quantity
    start_apart: Quantity
    field_tolerance: Quantity
    timing_warn: Quantity
    timing_fail: Quantity
    contrast_fat_fraction: Quantity
    contrast_warn: Quantity
    voxel_warn: Quantity
    voxel_fail: Quantity
    plane_warn: Quantity
    plane_fail: Quantity
