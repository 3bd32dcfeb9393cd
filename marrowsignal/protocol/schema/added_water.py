"""Water that normal marrow does not hold."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity

__all__ = ["AddedWater"]


class AddedWater(ProtocolModel):
    """Relaxation times and proton densities of the water of edema and of tumor-like tissue at one field strength."""

    magnetic_field_strength: Quantity
    edema_water_t1: Quantity
    edema_water_t2: Quantity
    edema_water_proton_density: Quantity
    tumor_water_t1: Quantity
    tumor_water_t2: Quantity
    tumor_water_proton_density: Quantity
