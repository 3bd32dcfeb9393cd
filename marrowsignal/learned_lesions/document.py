"""The form of ``lesions.json``, what an atlas folder says of its lesion model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat

from marrowsignal.protocol.schema import LesionModelSettings

__all__ = ["LeftOutLesionsEntry", "LesionModelDocument", "MuscleEntry"]

Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LeftOutLesionsEntry(_Model):
    """One row of the leave-one-out table."""

    name: Annotated[str, Field(pattern=r"^atlas_[0-9]+$")]
    dice: Share
    reads_dice: Share | None
    found_ml: NonNegativeFloat
    read_ml: NonNegativeFloat
    lesions: NonNegativeInt
    lesions_found: NonNegativeInt


class MuscleEntry(_Model):
    """Usual level of muscle over own normal marrow."""

    t1: PositiveFloat
    stir: PositiveFloat


class LesionModelDocument(_Model):
    """Everything of a lesion model but its trees."""

    schema_version: Literal[1]
    cut: Share
    muscle: MuscleEntry
    leave_one_out: Annotated[tuple[LeftOutLesionsEntry, ...], Field(min_length=3)]
    settings: LesionModelSettings
