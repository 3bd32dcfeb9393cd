"""Regions, joints and the parts of bones."""

from __future__ import annotations

from typing import Literal

from marrowsignal.protocol.schema.calibration import FittedBand
from marrowsignal.protocol.schema.quantities import ProtocolModel, Quantity, Range, Text

__all__ = ["DivisionSettings", "ExpectedFatSignal", "JointSettings", "PartSpec", "RegionSpec"]


class ExpectedFatSignal(ProtocolModel):
    """FSI bands of SCIENCE 8.2 for one region; `fitted` goes before them where a cohort of one's own gave it."""

    adult: Range
    older: Range
    fitted: FittedBand | None = None

    def for_person(self, *, age_y: float | None, sex: str | None, field_t: float | None) -> ExpectedFatSignal:
        """Return the bands of one person: both those of the fit, where it holds for them."""
        band = None if self.fitted is None else self.fitted.band(age_y=age_y, sex=sex, field_t=field_t)
        return self if band is None else ExpectedFatSignal(adult=band, older=band)


class PartSpec(ProtocolModel):
    """Words and code of one part that a bone is divided into."""

    key: Text
    name: Text
    code: str | None = None
    expected_fat_signal: ExpectedFatSignal | None = None


class DivisionSettings(ProtocolModel):
    """Where the borders between parts of a bone lie, as shares of the bone's own measures."""

    sacral_ala_begin: Quantity
    quadrant_depth: Quantity
    joint_reach: Quantity
    separation_smoothing: Quantity
    joint_bend_radius: Quantity
    min_seen_border: Quantity
    min_side_distance: Quantity
    head_border: Quantity
    neck_border: Quantity
    shaft_border: Quantity
    neck_length: Quantity
    head_radius: Range
    endplate_zone: Quantity
    femoral_physis: Quantity
    tibial_physis: Quantity
    end_segment: Quantity
    min_part_volume: Quantity


class JointSettings(ProtocolModel):
    """How a joint's surface is found inside a marrow mask."""

    dark_ridge: Quantity
    ridge_width: Quantity
    min_ridge_volume: Quantity
    min_midline_distance: Quantity
    contact_distance: Quantity


class RegionSpec(ProtocolModel):
    """One region a mask may hold.

    `labels` are the values of a supplied label map that belong to it; `paired` regions have a left and a right;
    `division` says which bone's parts it is divided into.
    """

    key: Text
    name: Text
    labels: tuple[int, ...] = ()
    paired: bool = True
    side: Literal["left", "right", "none"] = "none"
    code: str | None = None
    joint_with: tuple[str, ...] = ()
    division: Literal["none", "sacrum", "ilium", "proximal_femur", "distal_femur", "tibia", "vertebra"] = "none"
    expected_fat_signal: ExpectedFatSignal | None = None
