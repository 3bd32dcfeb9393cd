"""What a chart of left against right is drawn from; places are percent of a lane."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.charts.chart_scale import Tick

__all__ = ["Asymmetry", "Level", "SideChart", "SideRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Signal over muscle of one side: places in percent of the lane; `kind` is ``left``, ``right`` or ``none``."""

    kind: str
    at: float
    low: float | None
    high: float | None
    text: str
    words: str
    jump: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetry:
    """Left against right in percent: places in percent of the lane, cut at its ends.

    Attributes
    ----------
    at : float
        Where the value is drawn.
    low, high : float or None
        Ends of its interval.
    beyond_low, beyond_high : bool
        Whether value or interval go on beyond the lane.
    state : str
        ``symmetric`` or ``asymmetric`` where the whole interval says so, else ``open``.
    text : str
        Value and interval in words.
    """

    at: float
    low: float | None
    high: float | None
    beyond_low: bool
    beyond_high: bool
    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRow:
    """One region: its sides, or the whole, and their asymmetry; `reason` says why sides were not compared."""

    name: str
    kind: str
    levels: tuple[Level, ...]
    asymmetry: Asymmetry | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideChart:
    """One series: every region on a line of its own.

    Attributes
    ----------
    title : str
        What is drawn.
    ticks, cuts : tuple of Tick
        Of the lane of levels.
    asymmetry_ticks : tuple of Tick
        Of the lane of asymmetry.
    symmetric, asymmetric : tuple of float
        Where the cuts lie on that lane, left and right of zero.
    cut_words : str
        The cuts in words.
    rows : tuple of SideRow
        Whole marrow, regions, then parts that come in pairs.
    """

    title: str
    ticks: tuple[Tick, ...]
    cuts: tuple[Tick, ...]
    grey: tuple[float, float]
    asymmetry_ticks: tuple[Tick, ...]
    symmetric: tuple[float, float]
    asymmetric: tuple[float, float]
    cut_words: str
    rows: tuple[SideRow, ...]
