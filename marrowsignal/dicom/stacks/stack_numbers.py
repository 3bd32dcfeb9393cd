"""Number the stacks that share one SeriesInstanceUID, so that messages tell them apart."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from marrowsignal.dicom.records import Series

__all__ = ["number_stacks"]


def number_stacks(series: Sequence[Series]) -> tuple[Series, ...]:
    """Return the series in their order, those of one study and SeriesInstanceUID numbered from 1.

    Parameters
    ----------
    series : sequence of Series
        In the order of the catalog.
    """
    sizes, seen = Counter(map(_key, series)), Counter[tuple[str, str]]()
    numbered = []
    for one in series:
        seen[_key(one)] += 1
        alone = sizes[_key(one)] == 1
        numbered.append(one if alone else dataclasses.replace(one, stack=seen[_key(one)]))
    return tuple(numbered)


def _key(series: Series) -> tuple[str, str]:
    return (series.study_instance_uid, series.series_instance_uid)
