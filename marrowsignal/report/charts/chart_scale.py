"""Axes of charts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from marrowsignal.signals.records import Measurement

__all__ = ["Scale", "Tick", "scale_of"]

_MOST_TICKS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick of an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A linear axis: value `low` is drawn at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a value is drawn."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Return round ticks inside the axis."""
        rough = (self.high - self.low) / _MOST_TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple(Tick(at=self(i * step), label=f"{i * step:.4g}") for i in range(first, last + 1))


def scale_of(items: Iterable[Measurement], cuts: Iterable[float], start: float, end: float) -> Scale:
    """Return the axis that holds all values, intervals and cuts, with some room."""
    values = [*cuts]
    for item in items:
        values += [v for v in (item.value, item.ci_low, item.ci_high) if v is not None and math.isfinite(v)]
    low, high = min(values), max(values)
    room = max(high - low, 0.1) * 0.08
    return Scale(low=low - room, high=high + room, start=start, end=end)
