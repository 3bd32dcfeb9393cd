"""How marrow is compared between sides, zones of conversion and ends of bones (SCIENCE 3.2)."""

from __future__ import annotations

from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Text

__all__ = ["BoneEnd", "ConversionZone", "DistributionSettings"]


class ConversionZone(ProtocolModel):
    """Regions or parts that convert to yellow marrow at about the same time."""

    name: Text
    source: Text
    keys: tuple[str, ...]


class BoneEnd(ProtocolModel):
    """Parts of one bone that are epiphysis or apophysis, and the metaphysis next to them.

    `bone` is the region or parent of the parts; `key` and `name` are what the row is called.
    """

    key: Text
    name: Text
    source: Text
    bone: Text
    epiphysis: tuple[str, ...]
    metaphysis: tuple[str, ...]


class DistributionSettings(ProtocolModel):
    """Sides, zones and bone ends; of `zones` the first keeps red marrow longest, the last loses it first."""

    min_matched: Quantity
    max_lesion_share: Quantity
    min_zones: Quantity
    zone_difference: Quantity
    min_told_apart: Quantity
    zones: tuple[ConversionZone, ...]
    bone_ends: tuple[BoneEnd, ...]
