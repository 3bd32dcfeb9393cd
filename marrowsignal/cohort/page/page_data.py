"""What the page is made from, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CohortData", "GateOutcome", "RegionValues", "TableColumns"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableColumns:
    """Columns of one table in one order of rows; a column that a table has not is empty.

    Attributes
    ----------
    count : int
        Rows.
    texts : mapping of str to tuple of str
        Text columns by name; empty where nothing is told.
    numbers : mapping of str to ndarray of float64, shape (row,)
        Number columns by name; NaN where nothing was measured.
    """

    count: int
    texts: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, Floats]

    def text(self, name: str) -> tuple[str, ...]:
        """Return a text column."""
        return self.texts.get(name) or ("",) * self.count

    def number(self, name: str) -> Floats:
        """Return a number column, shape (row,), NaN where nothing was measured."""
        found = self.numbers.get(name)
        return np.full(self.count, np.nan) if found is None else found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionValues:
    """One region, or one part of one, over all studies that have it; both sides are one after the other.

    Attributes
    ----------
    key, name : str
        Key and name without side.
    whole, of_part : bool
        Whether it is all marrow of a study, or a part of a bone.
    study : ndarray of int64, shape (value,)
        Row of `CohortData.studies`.
    side : tuple of str
        ``left``, ``right`` or ``none`` of each value.
    fat_signal_index, t1_to_muscle, stir_to_muscle : ndarray of float64, shape (value,)
        NaN where not measured.
    """

    key: str
    name: str
    whole: bool
    of_part: bool
    study: Integers
    side: tuple[str, ...]
    fat_signal_index: Floats
    t1_to_muscle: Floats
    stir_to_muscle: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateOutcome:
    """One quality gate of one series over all studies.

    Attributes
    ----------
    key, name, series : str
        As in ``quality.csv``.
    passed : int
        Studies that pass.
    failed, warned, not_evaluable : ndarray of int64
        Rows of `CohortData.studies`.
    """

    key: str
    name: str
    series: str
    passed: int
    failed: Integers
    warned: Integers
    not_evaluable: Integers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CohortData:
    """All of a cohort that the page shows.

    Attributes
    ----------
    studies : TableColumns
        One row a study, by case.
    regions : tuple of RegionValues
        All marrow first, then regions, then parts.
    gates : tuple of GateOutcome
        In the order of the cases' own tables.
    labels : TableColumns or None
        A reader's labels with the row of the study as number ``study``; None where none were given.
    covariates : tuple of str
        Names of the columns joined from a table of covariates.
    findings : tuple of (str, str)
        Severity and message of what weakens the cohort as a whole.
    """

    studies: TableColumns
    regions: tuple[RegionValues, ...]
    gates: tuple[GateOutcome, ...]
    labels: TableColumns | None
    covariates: tuple[str, ...]
    findings: tuple[tuple[str, str], ...] = ()
