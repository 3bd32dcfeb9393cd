"""Left against right: both sides of every pair on one line, and their asymmetry against the protocol's cuts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from marrowsignal.regions.records import Region, Side
from marrowsignal.report.charts.chart_scale import Scale, Tick
from marrowsignal.report.charts.plane_marks import STIR, T1, shown_measurement
from marrowsignal.report.charts.side_figure import Asymmetry, Level, SideChart, SideRow
from marrowsignal.report.views.wording import interval, left_out, name_without_side, number
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement, RegionSignals, Symmetry

__all__ = ["side_charts"]

_START, _END = 4.0, 96.0  # percent of a lane
_FARTHEST = 4.0  # times the cut: an asymmetry beyond is drawn at the edge with an arrow
_ROOM = 0.06
Sides = tuple[tuple[RegionSignals, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """What one row is made of."""

    name: str
    kind: str
    sides: Sides
    row: Symmetry | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Names and cuts of one series."""

    title: str
    level: str
    asymmetry: str
    cuts: tuple[tuple[float, str], ...]


def side_charts(result: StudyResult) -> tuple[SideChart, ...]:
    """Make a chart of T1 and of STIR over muscle; a ratio that nothing has gets none.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    evidence = result.protocol.evidence
    series = (
        _Series(
            title="T1 / muscle",
            level=T1,
            asymmetry="t1_asymmetry",
            cuts=((evidence.t1_muscle_red_flag.value, "red flag"), (evidence.t1_muscle_grey.high, "holds fat")),
        ),
        _Series(
            title="STIR / muscle",
            level=STIR,
            asymmetry="stir_asymmetry",
            cuts=((evidence.stir_muscle_red_max.value, "red marrow"), (evidence.stir_muscle_edema_min.value, "edema")),
        ),
    )
    pairs = _pairs(result)
    made = (_chart(result, pairs, one) for one in series)
    return tuple(chart for chart in made if chart is not None)


def _pairs(result: StudyResult) -> tuple[_Pair, ...]:
    signals = result.signals
    rows = {row.key: row for row in signals.symmetry}
    regions = _by_bone(signals.regions, result.regions.regions, "region")
    # Parts that have no other side are in their table.
    parts = [sides for sides in _by_bone(signals.parts, result.regions.parts, "part") if len(sides) > 1]
    paired = [sides for sides in regions if len(sides) > 1]
    only = paired[0] if len(paired) == 1 else parts[0] if not paired and len(parts) == 1 else ()
    whole = _Pair(
        name=signals.whole.name,
        kind="whole",
        sides=((signals.whole, ""),),
        row=rows.get("background", rows.get("all")),
        reason="" if rows else "no left and right in the picture",
    )
    everything = _Pair(name=f"whole marrow, {left_out(signals)} included", kind="whole", sides=(), row=rows.get("all"))
    # Parts of several bones may share a key; their rows come in the order of the bones.
    compared: dict[str, list[Symmetry]] = {}
    for row in signals.symmetry:
        compared.setdefault(row.key, []).append(row)

    def pair(sides: Sides, kind: str) -> _Pair:
        # A single pair is the whole marrow, which is told once, in its row.
        own = compared.get(sides[0][0].key) or compared.get("all" if sides is only else "", [])
        return _pair(sides, kind, own.pop(0) if own and len(sides) > 1 else None)

    return (
        whole,
        *((everything,) if not only and "background" in rows else ()),
        *(pair(sides, "region") for sides in regions),
        *(pair(sides, "part") for sides in parts),
    )


def _by_bone(owners: Iterable[RegionSignals], places: Iterable[Region], kind: str) -> list[Sides]:
    bones = {place.label: place.parent for place in places}
    found: dict[tuple[str, str, str], Sides] = {}
    for owner in owners:
        # Vertebrae may share a key without being sides of one bone.
        name = owner.name if owner.side is Side.NONE else ""
        key = (bones.get(owner.region_label, ""), owner.key, name)
        found[key] = (*found.get(key, ()), (owner, f"{kind}-{owner.region_label}"))
    return list(found.values())


def _pair(sides: Sides, kind: str, row: Symmetry | None) -> _Pair:
    first = sides[0][0]
    alone = "" if first.side is Side.NONE else f"only the {first.side.value} side is in the picture"
    reason = alone if len(sides) < 2 else "not compared"
    return _Pair(name=name_without_side(first.name, first.side), kind=kind, sides=sides, row=row, reason=reason)


def _chart(result: StudyResult, pairs: tuple[_Pair, ...], series: _Series) -> SideChart | None:
    measured = [m for pair in pairs for owner, _ in pair.sides if (m := shown_measurement(owner, series.level))]
    if not measured:
        return None
    cuts = result.protocol.symmetry
    level = _level_scale(measured, [cut for cut, _ in series.cuts])
    far = _asymmetry_scale([a for pair in pairs if (a := _asymmetry_of(pair, series))], cuts.asymmetric.value)
    return SideChart(
        title=series.title,
        ticks=level.ticks(),
        cuts=tuple(Tick(at=level(cut), label=f"{words} {number(cut)}") for cut, words in series.cuts),
        grey=(level(series.cuts[0][0]), level(series.cuts[1][0])),
        asymmetry_ticks=far.ticks(),
        symmetric=(far(-cuts.symmetric.value), far(cuts.symmetric.value)),
        asymmetric=(far(-cuts.asymmetric.value), far(cuts.asymmetric.value)),
        cut_words=f"symmetric within ±{cuts.symmetric.value:g} %, asymmetric beyond ±{cuts.asymmetric.value:g} %",
        rows=tuple(_row(pair, series, level, far, (cuts.symmetric.value, cuts.asymmetric.value)) for pair in pairs),
    )


def _level_scale(measured: list[Measurement], cuts: list[float]) -> Scale:
    ends = [end for m in measured for end in (m.value, m.ci_low, m.ci_high) if end is not None and math.isfinite(end)]
    low, high = min([*ends, *cuts]), max([*ends, *cuts])
    room = _ROOM * max(high - low, 0.1)
    return Scale(low=low - room, high=high + room, start=_START, end=_END)


def _asymmetry_scale(measured: list[Measurement], cut: float) -> Scale:
    ends = [abs(end) for m in measured for end in (m.value, m.ci_low, m.ci_high) if end is not None]
    half = min(max([*(end for end in ends if math.isfinite(end)), 1.5 * cut]), _FARTHEST * cut)
    return Scale(low=-half, high=half, start=_START, end=_END)


def _asymmetry_of(pair: _Pair, series: _Series) -> Measurement | None:
    if pair.row is None:
        return None
    return next((m for m in pair.row.measurements if m.name == series.asymmetry), None)


def _row(pair: _Pair, series: _Series, level: Scale, far: Scale, cuts: tuple[float, float]) -> SideRow:
    item = _asymmetry_of(pair, series)
    comparable = item is not None and item.value is not None and math.isfinite(item.value)
    measured = tuple(
        _level(owner, jump, m, level) for owner, jump in pair.sides if (m := shown_measurement(owner, series.level))
    )
    reason = pair.reason if item is None else item.reason or pair.reason
    return SideRow(
        name=pair.name,
        kind=pair.kind,
        # Sides that were not compared stand on no common line: it would invite the comparison.
        levels=measured if comparable or len(pair.sides) < 2 else (),
        asymmetry=_asymmetry(item, far, cuts) if item is not None and comparable else None,
        reason="" if comparable else reason if measured else _unmeasured(pair, series) or reason,
    )


def _unmeasured(pair: _Pair, series: _Series) -> str:
    return next(
        (m.reason for owner, _ in pair.sides for m in owner.measurements if m.name == series.level and m.reason), ""
    )


def _level(owner: RegionSignals, jump: str, item: Measurement, scale: Scale) -> Level:
    value = item.value or 0.0
    span = interval(item.ci_low, item.ci_high)
    return Level(
        kind=owner.side.value,
        at=scale(value),
        low=_at(scale, item.ci_low),
        high=_at(scale, item.ci_high),
        text=number(value),
        words=f"{owner.name} {number(value)}" + (f" ({span})" if span else ""),
        jump=jump,
    )


def _at(scale: Scale, value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else scale(value)


def _asymmetry(item: Measurement, scale: Scale, cuts: tuple[float, float]) -> Asymmetry:
    value = item.value or 0.0
    ends = [end for end in (item.ci_low, item.ci_high) if end is not None and math.isfinite(end)]
    low, high = (min(ends), max(ends)) if len(ends) == 2 else (value, value)
    return Asymmetry(
        at=scale(min(max(value, scale.low), scale.high)),
        low=scale(max(low, scale.low)) if ends else None,
        high=scale(min(high, scale.high)) if ends else None,
        beyond_low=min(low, value) < scale.low,
        beyond_high=max(high, value) > scale.high,
        state=_state(low, high, cuts),
        text=_in_percent(value, ends),
    )


def _in_percent(value: float, ends: list[float]) -> str:
    told = f"{value:.1f} %" + (f" ({ends[0]:.1f} to {ends[1]:.1f})" if len(ends) == 2 else "")
    return told.replace("-", "−")


def _state(low: float, high: float, cuts: tuple[float, float]) -> str:
    symmetric, asymmetric = cuts
    if -symmetric <= low and high <= symmetric:
        return "symmetric"
    return "asymmetric" if low > asymmetric or high < -asymmetric else "open"
