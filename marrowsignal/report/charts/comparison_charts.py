"""Change of each region against the band that a repeated examination stays within."""

from __future__ import annotations

import math

from marrowsignal.comparison.records import Change, Comparison, RegionChange
from marrowsignal.regions.records import Side
from marrowsignal.report.charts.chart_scale import Scale, Tick
from marrowsignal.report.charts.dot_chart import Dot, DotChart, Zone
from marrowsignal.report.views.wording import interval, number
from marrowsignal.results.descriptors import descriptor_title

__all__ = ["change_charts"]

_NAMES = ("t1_marrow_to_muscle", "stir_marrow_to_muscle")
_LEVELS = frozenset({"whole", "region", "part"})
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 760.0, 230.0, 16.0, 34.0, 44.0, 26.0
_SIDE_STEP = 5.0


def change_charts(comparison: Comparison) -> tuple[DotChart, ...]:
    """Make a chart of T1 and of STIR over muscle; none where nothing was compared.

    Parameters
    ----------
    comparison : Comparison
        Two dates.
    """
    made = (_chart(comparison.regions, name) for name in _NAMES)
    return tuple(chart for chart in made if chart is not None)


def _chart(rows: tuple[RegionChange, ...], name: str) -> DotChart | None:
    found = [
        (row, change)
        for row in rows
        if row.level in _LEVELS
        for change in row.changes
        if change.name == name and change.change is not None
    ]
    if not found:
        return None
    scale = _scale([change for _, change in found])
    keys = list(dict.fromkeys((row.level, row.key) for row, _ in found))
    heights = {key: _TOP + _ROW * (k + 0.5) for k, key in enumerate(keys)}
    dots = tuple(_dot(row, change, scale, heights[(row.level, row.key)]) for row, change in found)
    bottom = _TOP + _ROW * len(keys)
    title = f"{descriptor_title(name)}: change in percent"
    return DotChart(
        title=title,
        alt=f"{title}: " + "; ".join(dot.words for dot in dots),
        width=_WIDTH,
        height=bottom + _BOTTOM,
        plot_left=_LEFT,
        plot_right=_WIDTH - _RIGHT,
        plot_top=_TOP,
        plot_bottom=bottom,
        ticks=scale.ticks(),
        cuts=(Tick(at=scale(0.0), label="no change"),),
        zones=(_band(found[0][1], scale, bottom),),
        rows=tuple(Tick(at=heights[key], label=_words(key[1])) for key in keys),
        dots=dots,
    )


def _words(key: str) -> str:
    return "whole marrow" if key == "all" else key.replace("_", " ")


def _scale(changes: list[Change]) -> Scale:
    ends = [
        value
        for change in changes
        for value in (
            change.change,
            change.ci_low,
            change.ci_high,
            change.repeatability_low,
            change.repeatability_high,
        )
        if value is not None and math.isfinite(value)
    ]
    room = 0.08 * (max(ends) - min(ends))
    return Scale(low=min(ends) - room, high=max(ends) + room, start=_LEFT, end=_WIDTH - _RIGHT)


def _band(change: Change, scale: Scale, bottom: float) -> Zone:
    low, high = scale(change.repeatability_low or 0.0), scale(change.repeatability_high or 0.0)
    return Zone(kind="grey", x=low, y=_TOP, width=round(high - low, 1), height=bottom - _TOP, label="repeatability")


def _dot(row: RegionChange, change: Change, scale: Scale, middle: float) -> Dot:
    value = change.change if change.change is not None else math.nan
    shift = {Side.LEFT: -_SIDE_STEP, Side.RIGHT: _SIDE_STEP, Side.NONE: 0.0}[row.side]
    span = interval(change.ci_low, change.ci_high)
    return Dot(
        kind=row.side.value,
        x=scale(value),
        y=middle + shift,
        low=None if change.ci_low is None else scale(change.ci_low),
        high=None if change.ci_high is None else scale(change.ci_high),
        words=f"{row.name} {number(value)} %" + (f" ({span})" if span else ""),
    )
