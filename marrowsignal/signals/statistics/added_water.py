"""Water that normal marrow does not hold, by field strength: what the lines of the signal plane are drawn with."""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity

__all__ = ["AddedWater", "added_water_tables"]


class AddedWater(ProtocolModel):
    """Relaxation times and proton densities of the water of edema and of tumor-like tissue."""

    magnetic_field_strength: Quantity
    edema_water_t1: Quantity
    edema_water_t2: Quantity
    edema_water_proton_density: Quantity
    tumor_water_t1: Quantity
    tumor_water_t2: Quantity
    tumor_water_proton_density: Quantity


class _File(ProtocolModel):
    tables: tuple[AddedWater, ...]


@functools.cache
def added_water_tables() -> tuple[AddedWater, ...]:
    """Return the shipped tables, one a field strength."""
    text = (files("marrowsignal.signals") / "data" / "added_water.toml").read_text(encoding="utf-8")
    return _File.model_validate(tomllib.loads(text)).tables
