"""Boxes of groups, one narrow chart a row, in drawing units of the SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.group_statistics import FEWEST_FOR_INTERVAL, Boxed, boxed
from marrowsignal.report.charts.chart_scale import Scale, Tick

__all__ = ["Far", "Lane", "LaneAxis", "lane", "lane_axis"]

Floats = NDArray[np.float64]

_WIDTH = 260.0
_MARGIN = 6.0
_MOST_FAR = 12  # farther ones first; the rest is in the list of the outliers


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """An outlier in a lane: where, what it says, and the page it leads to (empty where there is none)."""

    x: float
    words: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAxis:
    """The common axis of lanes."""

    title: str
    ticks: tuple[Tick, ...]
    scale: Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One group: 5th to 95th percentile, quartiles, median, outliers.

    Attributes
    ----------
    low, first, median, third, high : float or None
        Places; None of an empty group.
    ci_low, ci_high : float or None
        Places of the median's interval.
    words : str
        Median and interval, or why there is none.
    far : tuple of Far
        Outliers drawn.
    """

    words: str
    count: int
    low: float | None = None
    first: float | None = None
    median: float | None = None
    third: float | None = None
    high: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    far: tuple[Far, ...] = ()


def lane_axis(title: str, values: Sequence[Floats]) -> LaneAxis:
    """Return the axis that holds all but the farthest 1 % of the values.

    Parameters
    ----------
    title : str
        What is shown.
    values : sequence of ndarray of float64
        NaN where not measured.
    """
    held = np.concatenate([one[np.isfinite(one)] for one in values]) if values else np.zeros(0)
    low, high = (float(end) for end in np.percentile(held, [0.5, 99.5])) if held.size else (0.0, 1.0)
    room = 0.05 * max(high - low, 0.02)
    scale = Scale(low=low - room, high=high + room, start=_MARGIN, end=_WIDTH - _MARGIN)
    return LaneAxis(title=title, ticks=scale.ticks(), scale=scale)


def lane(values: Floats, axis: LaneAxis, *, decimals: int, far: Sequence[tuple[float, str, str]] = ()) -> Lane:
    """Draw one group.

    Parameters
    ----------
    values : ndarray of float64, shape (study,)
        NaN where not measured.
    axis : LaneAxis
        As of its column.
    decimals : int
        As printed.
    far : sequence of (value, words, link)
        Its outliers, the farthest first.
    """
    box = boxed(values)
    if box is None:
        return Lane(words="", count=0)
    return Lane(
        words=_words(box, decimals),
        count=box.count,
        low=_at(axis, box.low),
        first=_at(axis, box.first),
        median=_at(axis, box.median),
        third=_at(axis, box.third),
        high=_at(axis, box.high),
        ci_low=None if box.ci_low is None else _at(axis, box.ci_low),
        ci_high=None if box.ci_high is None else _at(axis, box.ci_high),
        far=tuple(Far(x=_at(axis, value), words=words, link=link) for value, words, link in far[:_MOST_FAR]),
    )


def _words(box: Boxed, decimals: int) -> str:
    told = f"{box.median:.{decimals}f}"
    if box.ci_low is None or box.ci_high is None:
        return f"{told}, no interval: n < {FEWEST_FOR_INTERVAL}".replace("-", "−")
    return f"{told} ({box.ci_low:.{decimals}f} to {box.ci_high:.{decimals}f})".replace("-", "−")


def _at(axis: LaneAxis, value: float) -> float:
    return min(max(axis.scale(value), 1.5), _WIDTH - 1.5)
