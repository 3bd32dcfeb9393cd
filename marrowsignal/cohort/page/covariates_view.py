"""Covariates beside the fat-signal index: shown, never scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from marrowsignal.cohort.page.groups import text_grouping
from marrowsignal.cohort.page.lanes import Lane, LaneAxis, lane, lane_axis
from marrowsignal.cohort.page.page_data import CohortData, RegionValues
from marrowsignal.report.charts.chart_scale import Scale, Tick

__all__ = ["CovariateCloud", "CovariateLanes", "CovariateView", "covariate_views"]

Floats = NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 294.0, 8.0, 186.0
_FEWEST = 10
_MOST_POINTS = 600
_CELL = 5.0
_LEVELS = 4
_MOST_REGIONS = 6
_UNITS = ("g_dl", "ug_l", "mm_h", "mg_l", "h_week", "years")
_UNIT_WORDS = {"g_dl": "g/dL", "ug_l": "µg/L", "mm_h": "mm/h", "mg_l": "mg/L", "h_week": "h/week", "years": "years"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateCloud:
    """One region's fat-signal index over a covariate: points, or where there are many how many fall into each cell.

    Attributes
    ----------
    layers : tuple of (int, str)
        Strength from 1 to 4 and path.
    words : str
        Rank correlation with its interval, or why there is none.
    """

    region: str
    count: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    layers: tuple[tuple[int, str], ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateLanes:
    """The fat-signal index of a region by the words of a covariate."""

    region: str
    axis: LaneAxis
    rows: tuple[tuple[str, Lane], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateView:
    """One covariate: a cloud a region where it is a number, else boxes."""

    title: str
    told: int
    clouds: tuple[CovariateCloud, ...]
    lanes: tuple[CovariateLanes, ...]


def covariate_views(data: CohortData) -> tuple[CovariateView, ...]:
    """Show each covariate against the fat-signal index of the regions that most studies have.

    Parameters
    ----------
    data : CohortData
        The cohort.
    """
    regions = [one for one in data.regions if not one.of_part and np.isfinite(one.fat_signal_index).any()]
    views = []
    for name in data.covariates:
        numbers = data.studies.numbers.get(name)
        if numbers is not None:
            told = int(np.isfinite(numbers).sum())
            clouds = tuple(_cloud(one, numbers) for one in regions[:_MOST_REGIONS]) if told else ()
            views.append(CovariateView(title=covariate_title(name), told=told, clouds=clouds, lanes=()))
        else:
            words = data.studies.text(name)
            lanes = tuple(_by_words(one, words) for one in regions[:_MOST_REGIONS])
            views.append(CovariateView(title=covariate_title(name), told=sum(map(bool, words)), clouds=(), lanes=lanes))
    return tuple(views)


def covariate_title(name: str) -> str:
    """Return a covariate's name with its unit.

    >>> covariate_title("cov_ferritin_ug_l"), covariate_title("cov_smoking")
    ('ferritin (µg/L)', 'smoking')
    """
    plain = name.removeprefix("cov_")
    unit = next((unit for unit in _UNITS if plain.endswith(f"_{unit}")), "")
    words = plain.removesuffix(f"_{unit}").replace("_", " ")
    return f"{words} ({_UNIT_WORDS[unit]})" if unit else words


def _cloud(region: RegionValues, covariate: Floats) -> CovariateCloud:
    # Both sides of a person are one value here: the sides are no two people.
    studies, place = np.unique(region.study, return_inverse=True)
    told = np.isfinite(region.fat_signal_index)
    count = np.bincount(place[told], minlength=studies.size)
    total = np.bincount(place[told], weights=region.fat_signal_index[told], minlength=studies.size)
    mean = np.divide(total, count, out=np.full(studies.size, np.nan), where=count > 0)
    across, upward = covariate[studies], mean
    both = np.isfinite(across) & np.isfinite(upward)
    across, upward = across[both], upward[both]
    if across.size == 0:
        return CovariateCloud(region=region.name, count=0, x_ticks=(), y_ticks=(), layers=(), words="not told")
    x, y = _scale(across, _LEFT, _RIGHT), _scale(upward, _BOTTOM, _TOP)
    points = np.column_stack([[x(one) for one in across.tolist()], [y(one) for one in upward.tolist()]])
    points = np.clip(points, [_LEFT, _TOP], [_RIGHT, _BOTTOM])
    layers = _points(points) if across.size <= _MOST_POINTS else _cells(points)
    return CovariateCloud(
        region=region.name,
        count=across.size,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        layers=layers,
        words=_correlation(across, upward),
    )


def _scale(values: Floats, start: float, end: float) -> Scale:
    low, high = (float(one) for one in np.percentile(values, [0.5, 99.5]))
    room = 0.04 * max(high - low, 1e-3 * max(1.0, abs(high)))
    return Scale(low=low - room, high=high + room, start=start, end=end)


def _points(points: Floats) -> tuple[tuple[int, str], ...]:
    return ((3, "".join(f"M{x:.1f} {y:.1f}m-1.6 0a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0-3.2 0" for x, y in points)),)


def _cells(points: Floats) -> tuple[tuple[int, str], ...]:
    """Shade cells by the rank of their count, so that one crowded cell does not pale all others."""
    cells, counts = np.unique((points // _CELL).astype(np.int64), axis=0, return_counts=True)
    levels = np.ceil(_LEVELS * rankdata(counts) / counts.size).astype(np.int64)
    return tuple(
        (level, "".join(f"M{_CELL * x:g} {_CELL * y:g}h5v5h-5z" for x, y in cells[levels == level].tolist()))
        for level in range(1, _LEVELS + 1)
        if (levels == level).any()
    )


def _correlation(across: Floats, upward: Floats) -> str:
    """Spearman's rank correlation with the interval of Bonett and Wright, Psychometrika 2000;65:23."""
    count = across.size
    if count < _FEWEST:
        return f"no correlation told: n < {_FEWEST}"
    if np.ptp(across) == 0 or np.ptp(upward) == 0:
        return "no correlation: one of the two does not vary"
    rho = float(np.corrcoef(rankdata(across), rankdata(upward))[0, 1])
    if abs(rho) >= 1:
        return f"Spearman {rho:+.2f}".replace("-", "−")
    middle = math.atanh(rho)
    half = float(ndtri(0.975)) * math.sqrt((1 + rho * rho / 2) / (count - 3))
    return f"Spearman {rho:+.2f} ({math.tanh(middle - half):+.2f} to {math.tanh(middle + half):+.2f})".replace("-", "−")


def _by_words(region: RegionValues, words: Sequence[str]) -> CovariateLanes:
    grouping = text_grouping("", "", tuple(words))
    axis = lane_axis("fat-signal index", [region.fat_signal_index])
    rows = tuple(
        (name, lane(region.fat_signal_index[grouping.group[region.study] == at], axis, decimals=2))
        for at, name in enumerate(grouping.names)
    )
    return CovariateLanes(region=region.name, axis=axis, rows=rows)
