"""Whether sites, scanners, versions or acquisitions differ in what should not depend on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.group_statistics import FEWEST_FOR_INTERVAL, adjusted, boxed, contrasts
from marrowsignal.cohort.page.groups import Grouping
from marrowsignal.cohort.page.measures import Measure
from marrowsignal.cohort.page.picks import Picks

__all__ = ["LARGE_DELTA", "DriftCell", "DriftRow", "DriftTable", "DriftTold", "drift_tables", "told_differences"]

# A difference worth a look, not merely a sure one: Romano 2006 calls 0.33 medium, 0.474 large.
LARGE_DELTA = 0.33
_SURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCell:
    """One number of one group.

    Attributes
    ----------
    words, small : str
        Median, and its interval or why there is none.
    delta : float or None
        Cliff's delta against all other studies; None where the group or the others are too few.
    p_value : float
        Adjusted for all comparisons of the page.
    """

    words: str
    small: str = ""
    delta: float | None = None
    p_value: float = 1.0

    @property
    def differs(self) -> bool:
        """Whether the difference is sure and large enough to be told."""
        return self.delta is not None and self.p_value < _SURE and abs(self.delta) >= LARGE_DELTA


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One group with its numbers; `members` are its studies as bits, the same for groups of the same studies."""

    name: str
    count: int
    cells: tuple[DriftCell, ...]
    pick: int
    members: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTable:
    """One way to part the studies of one protocol."""

    protocol: str
    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[DriftRow, ...]

    @property
    def differing(self) -> int:
        """Groups with any number that differs."""
        return sum(any(cell.differs for cell in row.cells) for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTold:
    """One difference in words, for the list at the top; `others` are further names of the same studies."""

    group: str
    measure: str
    words: str
    pick: int
    size: float
    others: tuple[str, ...] = ()


def drift_tables(
    protocols: Sequence[str], groupings: Sequence[Grouping], measures: Sequence[Measure], picks: Picks
) -> tuple[DriftTable, ...]:
    """Compare groups, studies of one protocol among themselves.

    Parameters
    ----------
    protocols : sequence of str
        Of each study; empty where it was not analyzed.
    groupings : sequence of Grouping
        Ways to part the studies.
    measures : sequence of Measure
        What is compared.
    picks : Picks
        Takes the sets.

    Returns
    -------
    tuple of DriftTable
        Protocols with most studies first; only partings with at least two groups.
    """
    told = np.asarray(protocols, dtype=object)
    names = sorted({one for one in protocols if one}, key=lambda one: (-list(protocols).count(one), one))
    tables = [
        _table(protocol, grouping, measures, told == protocol, picks) for protocol in names for grouping in groupings
    ]
    return _adjusted([table for table in tables if table is not None])


def told_differences(tables: Sequence[DriftTable]) -> tuple[DriftTold, ...]:
    """List what differs, the largest first.

    Studies that are a group in several ways, for example a scanner and its TR, are told once with all names; of two
    groups that are all of a protocol the smaller one is told.
    """
    several = len({table.protocol for table in tables}) > 1
    found: dict[tuple[str, bytes, str], DriftTold] = {}
    for table in tables:
        for row in _told_rows(table):
            name = f"{table.title} {row.name}"
            for title, cell in zip(table.head, row.cells, strict=True):
                key = (table.protocol, row.members, title)
                if key in found:
                    found[key] = replace(found[key], others=(*found[key].others, name))
                elif cell.delta is not None and cell.differs:
                    group = f"{name} ({table.protocol})" if several else name
                    found[key] = DriftTold(
                        group=group, measure=title, words=_words(cell), pick=row.pick, size=abs(cell.delta)
                    )
    return tuple(sorted(found.values(), key=lambda one: (-one.size, one.group, one.measure)))


def _told_rows(table: DriftTable) -> tuple[DriftRow, ...]:
    if len(table.rows) != 2:
        return table.rows
    first, second = table.rows
    return (second,) if second.count <= first.count else (first,)


def _words(cell: DriftCell) -> str:
    delta = cell.delta or 0.0
    p_value = "< 0.001" if cell.p_value < 0.001 else f"{cell.p_value:.3f}"
    told = (
        f"{cell.words}, {'higher' if delta > 0 else 'lower'} than the others (Cliff's delta {delta:+.2f}, p {p_value})"
    )
    return told.replace("-", "−")


def _table(
    protocol: str, grouping: Grouping, measures: Sequence[Measure], held: NDArray[np.bool_], picks: Picks
) -> DriftTable | None:
    group = np.where(held, grouping.group, -1)
    present = [at for at in range(len(grouping.names)) if (group == at).any()]
    if len(present) < 2:
        return None
    columns = [_cells(measure, group, held, len(grouping.names)) for measure in measures]
    rows = tuple(
        DriftRow(
            name=grouping.names[at],
            count=int((group == at).sum()),
            cells=tuple(column[at] for column in columns),
            members=np.packbits(group == at).tobytes(),
            pick=picks.add(
                grouping.key,
                f"{grouping.title} {grouping.names[at]}",
                np.flatnonzero(grouping.group == at).tolist(),
            ),
        )
        for at in present
    )
    head = tuple(measure.title for measure in measures)
    return DriftTable(protocol=protocol, key=grouping.key, title=grouping.title, head=head, rows=rows)


def _cells(measure: Measure, group: NDArray[np.int64], held: NDArray[np.bool_], count: int) -> tuple[DriftCell, ...]:
    told = held & np.isfinite(measure.values)
    found = contrasts(measure.values[told], group[told], count=count)
    cells = []
    for at, one in enumerate(found):
        box = boxed(measure.values[told & (group == at)])
        if box is None:
            cells.append(DriftCell(words="–", small="not measured"))
            continue
        if box.ci_low is None or box.ci_high is None:
            small = f"n = {box.count}: fewer than {FEWEST_FOR_INTERVAL}"
        else:
            small = f"{measure.words(box.ci_low).split(' ')[0]} to {measure.words(box.ci_high).split(' ')[0]}"
        cells.append(
            DriftCell(
                words=measure.words(box.median),
                small=small,
                delta=None if one is None else one.delta,
                p_value=1.0 if one is None else one.p_value,
            )
        )
    return tuple(cells)


def _adjusted(tables: list[DriftTable]) -> tuple[DriftTable, ...]:
    """Adjust all p-values of the page together."""
    raw = [cell.p_value for table in tables for row in table.rows for cell in row.cells if cell.delta is not None]
    fresh = iter(adjusted(np.asarray(raw)).tolist())
    return tuple(
        replace(
            table,
            rows=tuple(
                replace(
                    row,
                    cells=tuple(
                        cell if cell.delta is None else replace(cell, p_value=next(fresh)) for cell in row.cells
                    ),
                )
                for row in table.rows
            ),
        )
        for table in tables
    )
