"""A chart of dots with intervals, a row each, in drawing units of the SVG."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.charts.chart_scale import Tick

__all__ = ["Dot", "DotChart", "Zone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A band with its name; `kind` is ``grey``."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One value with its interval: `kind` is ``left``, ``right`` or ``none``."""

    kind: str
    x: float
    y: float
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DotChart:
    """One number of every region, a row each."""

    title: str
    alt: str
    width: float
    height: float
    plot_left: float
    plot_right: float
    plot_top: float
    plot_bottom: float
    ticks: tuple[Tick, ...]
    cuts: tuple[Tick, ...]
    zones: tuple[Zone, ...]
    rows: tuple[Tick, ...]
    dots: tuple[Dot, ...]
