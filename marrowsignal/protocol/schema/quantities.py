"""Numbers with their unit and source."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ProtocolModel", "Quantity", "Range", "Text"]

Text = Annotated[str, Field(min_length=1)]


class ProtocolModel(BaseModel):
    """Frozen, without unknown keys and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Quantity(ProtocolModel):
    """One number with unit and source."""

    value: float
    unit: Text
    source: Text


class Range(ProtocolModel):
    """An interval with unit and source; `low` and `high` belong to it."""

    low: float
    high: float
    unit: Text
    source: Text

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` lies in the interval."""
        return self.low <= value <= self.high
