"""Distributions of the marrow's signal by region, age, sex and scanner, with the outliers of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.groups import Grouping, age_grouping, scanner_grouping, sex_grouping
from marrowsignal.cohort.page.lanes import Lane, LaneAxis, lane, lane_axis
from marrowsignal.cohort.page.outliers import OutlierSet
from marrowsignal.cohort.page.page_data import CohortData, RegionValues
from marrowsignal.cohort.page.picks import Picks

__all__ = ["DistributionTable", "LaneRow", "region_table", "tables_by_group"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_TITLES = ("fat-signal index", "T1 / muscle", "STIR / muscle")
_KEYS = ("fat", "t1", "stir")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """One group or region: `picks` are the sets of its outliers, one a lane, None without any; `pick` its own."""

    name: str
    small: str
    lanes: tuple[Lane, ...]
    outliers: tuple[int, ...]
    picks: tuple[int | None, ...]
    pick: int | None
    of_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """One number of a region, its axis and its outliers."""

    values: Floats
    axis: LaneAxis
    outliers: OutlierSet | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionTable:
    """Rows of boxes over common axes."""

    key: str
    title: str
    head: str
    axes: tuple[LaneAxis, ...]
    rows: tuple[LaneRow, ...]


def region_table(
    data: CohortData, outliers: Sequence[OutlierSet], links: Sequence[str], picks: Picks
) -> DistributionTable:
    """Make the boxes of all regions.

    Parameters
    ----------
    data : CohortData
        The cohort.
    outliers : sequence of OutlierSet
        As `find_outliers` gives them.
    links : sequence of str
        Page of each study; empty where it has none.
    picks : Picks
        Takes the sets.
    """
    axes = _axes(data.regions)
    found = {one.key: one for one in outliers}
    rows = []
    for region in data.regions:
        sets = _sets(region, found)
        rows.append(
            LaneRow(
                name=region.name,
                small=f"{np.unique(region.study).size} studies",
                lanes=tuple(
                    lane(values, axis, decimals=2, far=_far(one, links))
                    for values, axis, one in zip(_columns(region), axes, sets, strict=True)
                ),
                outliers=tuple(0 if one is None else one.study.size for one in sets),
                picks=tuple(_pick(one, picks) for one in sets),
                pick=picks.add("region", f"has {region.name}", region.study.tolist()),
                of_part=region.of_part,
            )
        )
    return DistributionTable(key="regions", title="By region", head="Region", axes=axes, rows=tuple(rows))


def tables_by_group(
    data: CohortData, region: RegionValues, outliers: Sequence[OutlierSet], links: Sequence[str], picks: Picks
) -> tuple[DistributionTable, ...]:
    """Make the boxes of one region by age, sex and scanner; arguments as of `region_table`."""
    groupings = (age_grouping(data.studies), sex_grouping(data.studies), scanner_grouping(data.studies))
    axes = _axes((region,))
    sets = _sets(region, {one.key: one for one in outliers})
    columns = [
        _Column(values=values, axis=axis, outliers=one)
        for values, axis, one in zip(_columns(region), axes, sets, strict=True)
    ]
    return tuple(
        DistributionTable(
            key=grouping.key,
            title=f"By {grouping.title}",
            head=grouping.title,
            axes=axes,
            rows=tuple(_group_row(grouping, at, region, columns, links, picks) for at in range(len(grouping.names))),
        )
        for grouping in groupings
        if grouping.names
    )


def _group_row(
    grouping: Grouping, at: int, region: RegionValues, columns: Sequence[_Column], links: Sequence[str], picks: Picks
) -> LaneRow:
    held = grouping.group[region.study] == at
    own = [None if one.outliers is None else grouping.group[one.outliers.study] == at for one in columns]
    name = grouping.names[at]
    return LaneRow(
        name=name,
        small=f"{np.unique(region.study[held]).size} studies",
        lanes=tuple(
            lane(one.values[held], one.axis, decimals=2, far=_far(one.outliers, links, inside))
            for one, inside in zip(columns, own, strict=True)
        ),
        outliers=tuple(0 if inside is None else int(inside.sum()) for inside in own),
        picks=(None,) * len(columns),
        pick=picks.add(grouping.key, f"{grouping.title} {name}", np.flatnonzero(grouping.group == at).tolist()),
    )


def _axes(regions: Sequence[RegionValues]) -> tuple[LaneAxis, ...]:
    columns = list(zip(*(_columns(region) for region in regions), strict=True))
    return tuple(lane_axis(title, list(held)) for title, held in zip(_TITLES, columns, strict=True))


def _columns(region: RegionValues) -> tuple[Floats, Floats, Floats]:
    return region.fat_signal_index, region.t1_to_muscle, region.stir_to_muscle


def _sets(region: RegionValues, found: Mapping[str, OutlierSet]) -> tuple[OutlierSet | None, ...]:
    return tuple(found.get(f"{region.key}.{key}") for key in _KEYS)


def _pick(one: OutlierSet | None, picks: Picks) -> int | None:
    return None if one is None else picks.add("outlier", f"outlier: {one.title}", one.study.tolist())


def _far(
    one: OutlierSet | None, links: Sequence[str], inside: NDArray[np.bool_] | None = None
) -> list[tuple[float, str, str]]:
    if one is None:
        return []
    rows = zip(one.values.tolist(), one.words, one.study.tolist(), strict=True)
    kept = [True] * one.study.size if inside is None else inside.tolist()
    return [(value, words, links[at]) for (value, words, at), keep in zip(rows, kept, strict=True) if keep]
