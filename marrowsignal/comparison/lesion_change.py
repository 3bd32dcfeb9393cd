"""What became of each lesion, told only where its volume and its signal both say so (SCIENCE 7.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.comparison.common_tissue import CommonDate
from marrowsignal.comparison.lesion_groups import Group, group_lesions, overlap_of_smaller
from marrowsignal.comparison.records import LesionChange, LesionChangeState
from marrowsignal.comparison.repeatability import ratio_coefficient
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.records import Lesion

__all__ = ["LesionDate", "lesion_changes", "numbered_labels"]

_SEEN = 0.5
_NEXT = np.ones((3, 3, 3), bool)
Labels = NDArray[np.uint16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionDate:
    """Lesions of one date.

    Attributes
    ----------
    common : CommonDate
        The date.
    lesions : tuple of Lesion
        With their volumes on this date's own grid.
    labels : LabelVolume
        On this date's grid.
    signal : ndarray of float32, shape (slice, row, column)
        What makes them stand out: STIR, or T1 for dark foci.
    normal : float or None
        Its level in normal marrow.
    dark : bool
        Whether lesions are darker than marrow, not brighter.
    """

    common: CommonDate
    lesions: tuple[Lesion, ...]
    labels: LabelVolume
    signal: NDArray[np.float32]
    normal: float | None
    dark: bool = False

    def contrast(self, place: Mask) -> float | None:
        """Median signal over normal marrow; None where the place is not in view or there is no such level."""
        if not self.normal or self.normal <= 0 or not place.any():
            return None
        return float(np.median(self.signal[place])) / self.normal

    def contrast_near(self, place: Mask) -> float | None:
        """Contrast of as many voxels as `place` has, the most lesion-like of it and the marrow voxels next to it.

        Of small structures the next slice may show what this one did: planned anew, it is the same structure.
        """
        near = ndimage.binary_dilation(place, _NEXT) & (self.common.marrow.labels.mask | place)
        if not self.normal or self.normal <= 0 or not place.any():
            return None
        values = np.sort(self.signal[near])
        most = values[: place.sum()] if self.dark else values[-int(place.sum()) :]
        return float(np.median(most)) / self.normal

    def volume_ml(self, labels: tuple[int, ...]) -> float:
        """Sum of the volumes of some lesions."""
        return sum(lesion.volume_ml for lesion in self.lesions if lesion.label in labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Both:
    """Both dates, each one's lesions on both grids."""

    baseline: LesionDate
    followup: LesionDate
    followup_here: Labels
    baseline_there: Labels
    protocol: Protocol


def lesion_changes(
    baseline: LesionDate, followup: LesionDate, *, tolerance_mm: float, protocol: Protocol
) -> tuple[LesionChange, ...]:
    """Match the lesions of two dates and tell what became of them.

    Parameters
    ----------
    baseline, followup : LesionDate
        Looked for in the same marrow.
    tolerance_mm : float
        Error of the registration of the dates.
    protocol : Protocol
        Least overlap, least change of volume, repeatability of ratios.

    Returns
    -------
    tuple of LesionChange
        Those that count first, then by volume. A lesion counts as changed where its volume changed by more than the
        protocol's share and volume, and the signal of the tissue that came or went changed beyond the repeatability of
        ratios: a threshold that falls a little otherwise on two dates is no change.
    """
    both = _Both(
        baseline=baseline,
        followup=followup,
        followup_here=baseline.common.carry(followup.labels),
        baseline_there=followup.common.carry(baseline.labels),
        protocol=protocol,
    )
    overlap = _overlap(both, tolerance_mm)
    groups = group_lesions(overlap, least=protocol.change.lesion_overlap.value)
    found = [_told(both, group) for group in groups]
    largest = [max(one.baseline_ml or 0.0, one.followup_ml or 0.0) for one in found]
    order = sorted(range(len(found)), key=lambda k: (not found[k].counts, -largest[k], groups[k]))
    return tuple(replace(found[k], number=number) for number, k in enumerate(order, start=1))


def numbered_labels(
    changes: tuple[LesionChange, ...], baseline: LesionDate, followup: LesionDate
) -> tuple[LabelVolume, LabelVolume]:
    """Lesions of both dates on the baseline's grid, by the numbers of their changes."""
    grid = baseline.labels.geometry
    arrays = (baseline.labels.array, baseline.common.carry(followup.labels))
    names = tuple((one.number, f"{one.state.value}, {one.region_name}") for one in changes)
    made = []
    for array, members in zip(arrays, ("baseline_labels", "followup_labels"), strict=True):
        table = np.zeros(int(array.max(initial=0)) + 1, np.uint16)
        for one in changes:
            for label in getattr(one, members):
                if label < table.size:
                    table[label] = one.number
        made.append(LabelVolume(array=table[array], geometry=grid, names=names))
    return made[0], made[1]


def _overlap(both: _Both, tolerance_mm: float) -> NDArray[np.float64]:
    """Overlap on the baseline's grid; a lesion that the other grid does not hold overlaps nothing."""
    first, second = (len(date.lesions) for date in (both.baseline, both.followup))
    found = overlap_of_smaller(
        both.baseline.labels.array,
        both.followup_here,
        spacing_mm=both.baseline.labels.geometry.spacing_mm,
        tolerance_mm=tolerance_mm,
    )
    whole = np.zeros((first, second))
    whole[: found.shape[0], : found.shape[1]] = found[:first, :second]
    return whole


def _told(both: _Both, group: Group) -> LesionChange:
    first, second = group
    change = _plain(both, group)
    if not (first and second):
        return _one_sided(both, group, change)
    before, after = change.baseline_ml or 0.0, change.followup_ml or 0.0
    grown = after > before
    large = _large(before, after, both.protocol)
    counts, why = (False, "") if not large else _signal_agrees(both, group, grown=grown)
    volume = f"{before:.2f} mL at baseline, {after:.2f} mL at follow-up"
    if len(first) != len(second):
        state = LesionChangeState.MERGED if len(first) > len(second) else LesionChangeState.SPLIT
        volume = f"{len(first)} became {len(second)}; {volume} together"
    elif counts:
        state = LesionChangeState.LARGER if grown else LesionChangeState.SMALLER
    else:
        state = LesionChangeState.STABLE
    if not large:
        why = f"not more than {_limit(both.protocol)}"
    return replace(change, state=state, counts=counts, reason=f"{volume}; {why}")


def _one_sided(both: _Both, group: Group, change: LesionChange) -> LesionChange:
    """Tell a lesion that one date alone has."""
    new = not group[0]
    date, labels = (both.followup, group[1]) if new else (both.baseline, group[0])
    place = np.isin(date.labels.array, labels)
    if np.mean(date.common.seen[place]) < _SEEN:
        other = "baseline" if new else "follow-up"
        return replace(
            change,
            baseline_ml=None if new else change.baseline_ml,
            followup_ml=change.followup_ml if new else None,
            state=LesionChangeState.NOT_COMPARABLE,
            counts=False,
            change_percent=None,
            reason=f"its place was not measured at {other}",
        )
    before, after = change.baseline_ml or 0.0, change.followup_ml or 0.0
    same, why = _signal_agrees(both, group, grown=new)
    volume = f"{max(before, after):.2f} mL at {'follow-up' if new else 'baseline'} only"
    state = LesionChangeState.NEW if new else LesionChangeState.GONE
    if not same:
        return replace(change, state=LesionChangeState.STABLE, counts=False, reason=f"{volume}; {why}")
    counts = _large(before, after, both.protocol)
    small = "" if counts else f", but not more than {both.protocol.change.lesion_least_change.value:g} mL"
    return replace(change, state=state, counts=counts, reason=f"{volume}{small}; {why}")


def _plain(both: _Both, group: Group) -> LesionChange:
    """Everything of a group but what became of it."""
    first, second = group
    here = np.isin(both.baseline.labels.array, first) if first else np.zeros(both.followup_here.shape, bool)
    here = here | np.isin(both.followup_here, second) if second else here
    there = np.isin(both.followup.labels.array, second) if second else np.zeros(both.baseline_there.shape, bool)
    there = there | np.isin(both.baseline_there, first) if first else there
    members = [x for x in both.followup.lesions if x.label in second] or [
        x for x in both.baseline.lesions if x.label in first
    ]
    main = max(members, key=lambda lesion: lesion.volume_ml)
    before, after = both.baseline.volume_ml(first), both.followup.volume_ml(second)
    return LesionChange(
        number=0,
        state=LesionChangeState.STABLE,
        counts=False,
        baseline_labels=first,
        followup_labels=second,
        region_key=main.region_key,
        region_name=main.region_name,
        side=main.side,
        baseline_ml=before,
        followup_ml=after,
        change_percent=100 * (after / before - 1) if before > 0 else None,
        baseline_contrast=both.baseline.contrast(here),
        followup_contrast=both.followup.contrast(there),
        centroid_lps_mm=_centroid(here, main, both.baseline),
        reason="",
    )


def _centroid(here: Mask, main: Lesion, date: LesionDate) -> tuple[float, float, float]:
    if not here.any():
        return main.centroid_lps_mm
    x, y, z = date.labels.geometry.to_patient(np.argwhere(here).mean(axis=0))
    return float(x), float(y), float(z)


def _large(before: float, after: float, protocol: Protocol) -> bool:
    limits, change = protocol.change, abs(after - before)
    return change > limits.lesion_least_change.value and change > limits.lesion_volume_change.value * before


def _limit(protocol: Protocol) -> str:
    limits = protocol.change
    return f"{limits.lesion_volume_change.value:.0%} and {limits.lesion_least_change.value:g} mL of change"


def _signal_agrees(both: _Both, group: Group, *, grown: bool) -> tuple[bool, str]:
    """Whether the tissue that came, or went, changed its signal beyond repeatability; and the words for it."""
    first, second = group
    here_old, here_new = np.isin(both.baseline.labels.array, first), np.isin(both.followup_here, second)
    there_old, there_new = np.isin(both.baseline_there, first), np.isin(both.followup.labels.array, second)
    here = here_new & ~here_old if grown else here_old & ~here_new
    there = there_new & ~there_old if grown else there_old & ~there_new
    old = both.baseline.contrast(here) if first else both.baseline.contrast_near(here)
    new = both.followup.contrast(there) if second else both.followup.contrast_near(there)
    if old is None or new is None or old <= 0 or new <= 0:
        return True, "signal of its place against normal marrow could not be compared"
    coefficient = math.log1p(ratio_coefficient(both.protocol.change.ratio_variation.value)[1])
    told = f"signal there {old:.2f} then {new:.2f} times normal marrow"
    # What grows becomes brighter, or darker where it is dark; what goes the other way is another thing.
    towards = 1.0 if grown is not both.baseline.dark else -1.0
    if towards * math.log(new / old) > coefficient:
        return True, told
    return False, f"{told}: no change beyond repeatability"
