"""When in- and opposed-phase images and fat-fraction maps may be believed."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range

__all__ = ["ChemicalShiftSettings"]


class ChemicalShiftSettings(ProtocolModel):
    """Gates of D11 and D12 (SCIENCE 3.1)."""

    fat_fraction_of_fat: Range
    fat_fraction_of_muscle: Range
    swapped_max_share: Quantity
    opposed_to_in_phase_of_muscle: Range
    fat_dominant: Quantity
