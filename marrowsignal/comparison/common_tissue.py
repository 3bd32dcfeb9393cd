"""The same tissue on both dates: the marrow of either mask, where both dates could measure it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.comparison.records import DatesRegistration
from marrowsignal.comparison.registration import baseline_labels_on, followup_labels_on
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.core import core_of
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.results.study_result import StudyResult

__all__ = ["CommonDate", "common_dates"]

Mask = NDArray[np.bool_]
Labels = NDArray[np.uint16]
Carry = Callable[[LabelVolume], Labels]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommonDate:
    """One date on its own grid, with the tissue of both.

    Attributes
    ----------
    result : StudyResult
        As analyzed by itself.
    marrow : MarrowMask
        Marrow of either date's mask; its core is what both dates can measure and no lesion of the other date.
    regions : RegionMap
        Regions and parts that both dates have, numbered as at baseline.
    seen : ndarray of bool, shape (slice, row, column)
        Where the other date measured too.
    carry : callable
        Brings label maps of the other date to this one's grid.
    """

    result: StudyResult
    marrow: MarrowMask
    regions: RegionMap
    seen: Mask
    carry: Carry

    def carried(self, mask: Mask, other: StudyResult) -> Mask:
        """Bring a mask on the other date's grid to this one's."""
        return np.asarray(self.carry(_volume(mask, other)) > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Date:
    """One date, its number among the two, and the way from the other's grid."""

    result: StudyResult
    other: StudyResult
    carry: Carry
    is_baseline: bool


def common_dates(
    baseline: StudyResult, followup: StudyResult, registration: DatesRegistration, *, protocol: Protocol
) -> tuple[CommonDate, CommonDate]:
    """Bring the tissue of both dates onto both grids; no signal is interpolated.

    Parameters
    ----------
    baseline, followup : StudyResult
        Analyzed.
    registration : DatesRegistration
        From `register_dates`.
    protocol : Protocol
        Settings of the marrow's core.

    Returns
    -------
    tuple of CommonDate
        Baseline, follow-up.
    """
    first = _Date(
        result=baseline,
        other=followup,
        carry=lambda labels: followup_labels_on(baseline.pair.t1.geometry, labels, registration),
        is_baseline=True,
    )
    second = _Date(
        result=followup,
        other=baseline,
        carry=lambda labels: baseline_labels_on(followup.pair.t1.geometry, labels, registration),
        is_baseline=False,
    )
    unions = [_union_labels(date) for date in (first, second)]
    cores = [_core(date.result, union > 0, protocol) for date, union in zip((first, second), unions, strict=True)]
    made = []
    for date, union, core, other_core in zip((first, second), unions, cores, cores[::-1], strict=True):
        shared = core & (date.carry(_volume(other_core, date.other)) > 0)
        lesions = date.other.signals.lesion_labels
        if lesions is not None:
            shared &= date.carry(lesions) == 0
        made.append(_common(date, union, shared))
    return made[0], made[1]


def _common(date: _Date, union: Labels, core: Mask) -> CommonDate:
    own = date.result.marrow
    names = own.labels.names or date.other.marrow.labels.names
    return CommonDate(
        result=date.result,
        marrow=replace(own, labels=replace(own.labels, array=union, names=names), core_mask=core),
        regions=_regions(date),
        seen=date.carry(_volume(date.other.pair.measurable_mask, date.other)) > 0,
        carry=date.carry,
    )


def _union_labels(date: _Date) -> Labels:
    own = date.result.marrow.labels.array
    return np.where(own > 0, own, date.carry(date.other.marrow.labels))


def _core(result: StudyResult, union: Mask, protocol: Protocol) -> Mask:
    t1, settings = result.pair.t1, protocol.marrow
    level = float(np.median(t1.array[union])) if union.any() else 0.0
    core = core_of(
        union,
        t1.array,
        spacing_mm=t1.geometry.spacing_mm,
        erosion_mm=settings.core_erosion.value,
        void_below=settings.core_void_to_marrow.value * level,
    )
    return core & result.pair.measurable_mask


def _regions(date: _Date) -> RegionMap:
    """Regions and parts of both dates; where both know a voxel, the baseline's word counts."""
    own = date.result.regions
    baseline, followup = (own, date.other.regions) if date.is_baseline else (date.other.regions, own)
    regions, renumbered = _matched(baseline.regions, followup.regions)
    parts, _ = _matched(baseline.parts, followup.parts)
    labels = _merged(date, baseline.labels, followup.labels, renumbered)
    cells = None
    if baseline.part_labels is not None and followup.part_labels is not None:
        by_name = {name: value for value, name in baseline.part_labels.names}
        table = {value: by_name.get(name, 0) for value, name in followup.part_labels.names}
        cells = replace(
            baseline.part_labels,
            array=_merged(date, baseline.part_labels, followup.part_labels, table),
            geometry=date.result.pair.t1.geometry,
        )
    counts = np.bincount(labels.ravel(), minlength=1 + max((r.label for r in regions), default=0))
    voxel_ml = date.result.pair.t1.geometry.voxel_ml
    return replace(
        own,
        labels=replace(baseline.labels, array=labels, geometry=date.result.pair.t1.geometry),
        regions=tuple(_sized(region, int(counts[region.label]), voxel_ml) for region in regions),
        parts=() if cells is None else parts,
        part_labels=cells,
    )


def _sized(region: Region, voxels: int, voxel_ml: float) -> Region:
    return replace(region, voxels=voxels, volume_ml=voxels * voxel_ml)


def _matched(baseline: tuple[Region, ...], followup: tuple[Region, ...]) -> tuple[tuple[Region, ...], dict[int, int]]:
    """Baseline's regions that the follow-up has too, and the follow-up's numbers in the baseline's."""
    there = {(region.key, region.side): region.label for region in followup}
    shared = tuple(region for region in baseline if (region.key, region.side) in there)
    return shared, {there[(region.key, region.side)]: region.label for region in shared}


def _merged(date: _Date, baseline: LabelVolume, followup: LabelVolume, table: dict[int, int]) -> Labels:
    first = baseline.array if date.is_baseline else date.carry(baseline)
    second = date.carry(followup) if date.is_baseline else followup.array
    lookup = np.zeros(1 + max(int(second.max(initial=0)), max(table, default=0)), np.uint16)
    for value, number in table.items():
        lookup[value] = number
    kept = np.unique(list(table.values()))
    return np.where(np.isin(first, kept), first, np.where(first > 0, 0, lookup[second])).astype(np.uint16)


def _volume(mask: Mask, result: StudyResult) -> LabelVolume:
    return LabelVolume(array=mask.astype(np.uint16), geometry=result.pair.t1.geometry)
