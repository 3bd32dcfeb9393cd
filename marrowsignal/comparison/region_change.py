"""Change of each region against the repeatability coefficient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from marrowsignal.comparison.records import Change, ChangeState, RegionChange
from marrowsignal.comparison.repeatability import benjamini_hochberg, no_change_p, ratio_coefficient
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Region, Side
from marrowsignal.signals.records import Measurement, MeasurementStatus, RegionSignals, Signals, Symmetry

__all__ = ["region_changes", "unmatched_rows"]

_T1_RATIOS = ("t1_marrow_to_muscle", "t1_marrow_to_fat")
_STIR_RATIOS = ("stir_marrow_to_muscle", "stir_marrow_to_normal")
_BOTH_RATIOS = ("fat_water_ratio", "fat_water_ratio_to_normal")
_RATIOS = frozenset({*_T1_RATIOS, *_STIR_RATIOS, *_BOTH_RATIOS})
_FAT_SIGNAL, _FAT_FRACTION = "fat_signal_index", "pdff"
_ASYMMETRIES = ("t1_asymmetry", "stir_asymmetry", "bias_cancelling_asymmetry")
_OF_BOTH = frozenset({*_BOTH_RATIOS, "bias_cancelling_asymmetry"})
_OF_STIR = frozenset({*_STIR_RATIOS, "stir_asymmetry"})
_LEVEL_ORDER = ("whole", "region", "part", "symmetry")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How one descriptor is compared: on the log scale, or as a difference against a coefficient of its own."""

    relative: bool
    coefficient: float


def region_changes(
    baseline: Signals, followup: Signals, *, protocol: Protocol, no_t1: str = "", no_stir: str = ""
) -> tuple[RegionChange, ...]:
    """Compare every region, part and left-right pair.

    Parameters
    ----------
    baseline, followup : Signals
        Measured in the same tissue against the same references.
    protocol : Protocol
        Repeatability.
    no_t1, no_stir : str
        Why a series may not be compared; empty where it may.

    Returns
    -------
    tuple of RegionChange
        A change is one beyond the repeatability coefficient, beyond it over all regions of its descriptor (Benjamini
        and Hochberg), and with an interval of its own that excludes none. What was not measured on one date is not
        comparable.
    """
    compare = _Comparer(protocol=protocol, no_t1=no_t1, no_stir=no_stir)
    rows = [compare.region("whole", baseline.whole, followup.whole)]
    for level, first, second in (
        ("region", baseline.regions, followup.regions),
        ("part", baseline.parts, followup.parts),
    ):
        there = {(one.key, one.side, one.region_label): one for one in second}
        rows += [
            compare.region(level, one, there[(one.key, one.side, one.region_label)])
            for one in first
            if (one.key, one.side, one.region_label) in there
        ]
    pairs = {pair.key: pair for pair in followup.symmetry}
    rows += [compare.pair(pair, pairs[pair.key]) for pair in baseline.symmetry if pair.key in pairs]
    return _over_all_regions(rows, protocol)


def unmatched_rows(
    rows: tuple[RegionChange, ...], baseline: Iterable[Region], followup: Iterable[Region]
) -> tuple[RegionChange, ...]:
    """Rows of regions that only one date has: not comparable, with the reason."""
    names = {(one.key, one.side): "baseline" for one in baseline}
    more = {(one.key, one.side): "follow-up" for one in followup}
    model = next((row.changes for row in rows if row.level in {"region", "whole"}), ())
    made = []
    for (key, side), date in sorted({**names, **more}.items()):
        if (key, side) in names and (key, side) in more:
            continue
        reason = f"the region was found at {date} only"
        made.append(_empty_row(key, side, tuple(_lost(change, reason) for change in model)))
    return tuple(made)


def _empty_row(key: str, side: Side, changes: tuple[Change, ...]) -> RegionChange:
    words = key.replace("_", " ")
    return RegionChange(
        level="region",
        key=key,
        name=words if side is Side.NONE else f"{words}, {side}",
        side=side,
        core_ml=(None, None),
        lesion_ml=(None, None),
        changes=changes,
    )


def _lost(change: Change, reason: str) -> Change:
    return replace(
        change,
        baseline=None,
        followup=None,
        change=None,
        ci_low=None,
        ci_high=None,
        p_value=None,
        q_value=None,
        state=ChangeState.NOT_COMPARABLE,
        status=MeasurementStatus.NOT_EVALUABLE,
        reason=reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparer:
    """Compares one row; rates over all rows come later."""

    protocol: Protocol
    no_t1: str
    no_stir: str

    def region(self, level: str, one: RegionSignals, two: RegionSignals) -> RegionChange:
        closed = self.no_stir
        return RegionChange(
            level=level,
            key=one.key,
            name=one.name,
            side=one.side,
            core_ml=(one.core_volume_ml, two.core_volume_ml),
            lesion_ml=(None, None) if closed else (one.lesion_ml, two.lesion_ml),
            changes=self._changes(one.measurements, two.measurements),
        )

    def pair(self, one: Symmetry, two: Symmetry) -> RegionChange:
        return RegionChange(
            level="symmetry",
            key=one.key,
            name=one.name,
            side=Side.NONE,
            core_ml=(None, None),
            lesion_ml=(None, None),
            changes=self._changes(one.measurements, two.measurements),
        )

    def _changes(self, one: Sequence[Measurement], two: Sequence[Measurement]) -> tuple[Change, ...]:
        there = {item.name: item for item in two}
        made = []
        for item in one:
            rule = _rule(item, self.protocol)
            if rule is not None and item.name in there:
                made.append(_change(item, there[item.name], rule, closed=self._closed(item)))
        return tuple(made)

    def _closed(self, item: Measurement) -> str:
        if item.name == _FAT_FRACTION:
            return ""
        if item.name in _OF_BOTH:
            return self.no_stir or self.no_t1
        return self.no_stir if item.name in _OF_STIR else self.no_t1


def _rule(item: Measurement, protocol: Protocol) -> _Rule | None:
    limits = protocol.change
    if item.name in _RATIOS:
        return _Rule(relative=True, coefficient=ratio_coefficient(limits.ratio_variation.value)[1])
    if item.name == _FAT_SIGNAL:
        return _Rule(relative=False, coefficient=limits.fat_signal_change.value)
    if item.name == _FAT_FRACTION:
        return _Rule(relative=False, coefficient=limits.fat_fraction_change.value)
    if item.name in _ASYMMETRIES:
        return _Rule(relative=False, coefficient=limits.asymmetry_change.value)
    return None


def _change(one: Measurement, two: Measurement, rule: _Rule, *, closed: str) -> Change:
    reason = closed or _not_comparable(one, two, rule)
    high = math.log1p(rule.coefficient) if rule.relative else rule.coefficient
    blank = Change(
        id=one.id,
        name=one.name,
        unit=one.unit,
        baseline=None if closed else one.value,
        followup=None if closed else two.value,
        change=None,
        ci_low=None,
        ci_high=None,
        change_unit="percent" if rule.relative else one.unit,
        repeatability_low=_shown(-high, rule),
        repeatability_high=_shown(high, rule),
        p_value=None,
        q_value=None,
        state=ChangeState.NOT_COMPARABLE,
        status=MeasurementStatus.NOT_EVALUABLE,
        reason=reason,
    )
    if reason or one.value is None or two.value is None:
        return blank
    delta = _scaled(two.value, rule) - _scaled(one.value, rule)
    spread = _spread(one, two, rule)
    weak = next((m for m in (one, two) if m.status is MeasurementStatus.EXPLORATORY), None)
    return replace(
        blank,
        change=_shown(delta, rule),
        ci_low=None if spread is None else _shown(delta - spread, rule),
        ci_high=None if spread is None else _shown(delta + spread, rule),
        p_value=no_change_p(delta, coefficient=high),
        state=ChangeState.NO_CHANGE,
        status=MeasurementStatus.MEASURED if weak is None else MeasurementStatus.EXPLORATORY,
        reason="" if weak is None else weak.reason,
    )


def _not_comparable(one: Measurement, two: Measurement, rule: _Rule) -> str:
    for date, item in (("baseline", one), ("follow-up", two)):
        if item.value is None or not math.isfinite(item.value):
            return f"not measured at {date}: {item.reason or 'no reason given'}"
        if rule.relative and item.value <= 0:
            return f"no ratio at {date}: it is not above 0"
    return ""


def _scaled(value: float, rule: _Rule) -> float:
    return math.log(value) if rule.relative else value


def _shown(delta: float, rule: _Rule) -> float:
    return 100 * math.expm1(delta) if rule.relative else delta


def _spread(one: Measurement, two: Measurement, rule: _Rule) -> float | None:
    """Half the interval of the difference: both dates' own intervals, taken as independent."""
    squares = 0.0
    for item in (one, two):
        low, high = item.ci_low, item.ci_high
        if low is None or high is None or (rule.relative and low <= 0):
            return None
        squares += ((_scaled(high, rule) - _scaled(low, rule)) / 2) ** 2
    return math.sqrt(squares)


def _over_all_regions(rows: list[RegionChange], protocol: Protocol) -> tuple[RegionChange, ...]:
    """Fill in the rates over all rows of one descriptor, and the states that follow."""
    rates: dict[tuple[str, int], float] = {}
    for name in dict.fromkeys(change.name for row in rows for change in row.changes):
        tested = [
            (number, change.p_value)
            for number, row in enumerate(rows)
            for change in row.changes
            if change.name == name and change.p_value is not None
        ]
        for (number, _), rate in zip(tested, benjamini_hochberg([p for _, p in tested]), strict=True):
            rates[(name, number)] = float(rate)
    limit = protocol.change.false_discovery_rate.value
    done = (
        replace(row, changes=tuple(_decided(change, rates.get((change.name, number)), limit) for change in row.changes))
        for number, row in enumerate(rows)
    )
    return tuple(sorted(done, key=lambda row: _LEVEL_ORDER.index(row.level)))


def _decided(change: Change, rate: float | None, limit: float) -> Change:
    if change.change is None or rate is None or change.repeatability_low is None or change.repeatability_high is None:
        return change
    beyond = not change.repeatability_low <= change.change <= change.repeatability_high
    told = replace(change, q_value=rate)
    if not beyond:
        return told
    if rate > limit:
        return replace(told, reason=_and(change.reason, "beyond repeatability alone, not over all regions"))
    if change.ci_low is not None and change.ci_high is not None and change.ci_low <= 0 <= change.ci_high:
        return replace(told, reason=_and(change.reason, "beyond repeatability, but its interval holds no change"))
    return replace(told, state=ChangeState.ROSE if change.change > 0 else ChangeState.FELL)


def _and(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
