"""Constants of the water that edema and tumor bring: what the lines of the signal plane are drawn with."""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files

from marrowsignal.protocol.schema import AddedWater

__all__ = ["added_water_tables"]


@functools.cache
def added_water_tables() -> tuple[AddedWater, ...]:
    """Return the shipped tables, one a field strength."""
    text = (files("marrowsignal.protocol") / "data" / "added_water.toml").read_text(encoding="utf-8")
    return tuple(AddedWater.model_validate(table) for table in tomllib.loads(text)["tables"])
