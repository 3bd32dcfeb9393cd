"""Charts of a page: dots with intervals against the protocol's cuts, in drawing units of the SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.regions.records import Side
from marrowsignal.report.charts.chart_scale import Scale, Tick, scale_of
from marrowsignal.report.views.wording import interval, number
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, RegionSignals

__all__ = ["Dot", "DotChart", "Scatter", "Zone", "build_charts"]

_T1, _STIR = "t1_marrow_to_muscle", "stir_marrow_to_muscle"
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 560.0, 130.0, 15.0, 46.0, 40.0
_ROW = 30.0
_SIDE_STEP = 6.0
_SCATTER = 430.0
_MOST_LESIONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A band or a box with its name; `kind` is ``grey``, ``edema``, ``red`` or ``infiltration``."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One measured value: `kind` is ``left``, ``right``, ``none`` or ``lesion``."""

    kind: str
    x: float
    y: float
    words: str
    label: str = ""
    low: float | None = None
    high: float | None = None
    bottom: float | None = None
    top: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DotChart:
    """One ratio of every region and of the largest lesions."""

    title: str
    alt: str
    width: float
    height: float
    plot_left: float
    plot_right: float
    plot_top: float
    plot_bottom: float
    ticks: tuple[Tick, ...]
    cuts: tuple[Tick, ...]
    zones: tuple[Zone, ...]
    rows: tuple[Tick, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """STIR / muscle against T1 / muscle."""

    alt: str
    size: float
    plot_left: float
    plot_right: float
    plot_top: float
    plot_bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zones: tuple[Zone, ...]
    dots: tuple[Dot, ...]


def build_charts(result: StudyResult) -> tuple[tuple[DotChart, ...], Scatter | None]:
    """Make the charts of a page; a ratio that no region has gets none.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    evidence = result.protocol.evidence
    grey = evidence.t1_muscle_grey
    t1_cuts = ((evidence.t1_muscle_red_flag.value, "red flag ≤"), (grey.high, "holds fat >"))
    stir_cuts = (
        (evidence.stir_muscle_red_max.value, "red marrow ≤"),
        (evidence.stir_muscle_edema_min.value, "edema ≥"),
    )
    charts = (
        _dot_chart(result, _T1, "T1 marrow / muscle", t1_cuts),
        _dot_chart(result, _STIR, "STIR marrow / muscle", stir_cuts),
    )
    return tuple(chart for chart in charts if chart), _scatter(result)


def _find(owner: RegionSignals | Lesion, name: str) -> Measurement | None:
    return next((m for m in owner.measurements if m.name == name and _shown(m.value)), None)


def _shown(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _at(scale: Scale, value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else scale(value)


def _dot_chart(result: StudyResult, name: str, title: str, cuts: Sequence[tuple[float, str]]) -> DotChart | None:
    regions = [(r, m) for r in result.signals.regions if (m := _find(r, name))]
    lesions = [(x, m) for x in (result.signals.lesions or ())[:_MOST_LESIONS] if (m := _find(x, name))]
    if not regions and not lesions:
        return None
    measured = [m for _, m in regions] + [m for _, m in lesions]
    scale = scale_of(measured, [cut for cut, _ in cuts], _LEFT, _WIDTH - _RIGHT)
    keys = list(dict.fromkeys(region.key for region, _ in regions))
    heights = {key: _TOP + _ROW * (i + 0.5) for i, key in enumerate(keys)}
    dots = [_region_dot(r, m, scale, heights[r.key]) for r, m in regions]
    rows = [Tick(at=heights[key], label=key.replace("_", " ")) for key in keys]
    for place, (lesion, measurement) in enumerate(lesions, start=len(keys)):
        at = _TOP + _ROW * (place + 0.5)
        rows.append(Tick(at=at, label=f"lesion {lesion.label}"))
        dots.append(_dot("lesion", f"lesion {lesion.label}", measurement, scale, at))
    bottom = _TOP + _ROW * len(rows)
    return DotChart(
        title=title,
        alt=f"{title}: " + "; ".join(dot.words for dot in dots),
        width=_WIDTH,
        height=bottom + _BOTTOM,
        plot_left=_LEFT,
        plot_right=_WIDTH - _RIGHT,
        plot_top=_TOP,
        plot_bottom=bottom,
        ticks=scale.ticks(),
        cuts=tuple(Tick(at=scale(cut), label=f"{words} {number(cut)}") for cut, words in cuts),
        zones=(_grey_zone(scale, cuts, bottom),),
        rows=tuple(rows),
        dots=tuple(dots),
    )


def _grey_zone(scale: Scale, cuts: Sequence[tuple[float, str]], bottom: float) -> Zone:
    low, high = scale(cuts[0][0]), scale(cuts[1][0])
    return Zone(kind="grey", x=low, y=_TOP, width=round(high - low, 1), height=bottom - _TOP, label="grey zone")


def _region_dot(region: RegionSignals, item: Measurement, scale: Scale, middle: float) -> Dot:
    shift = {Side.LEFT: -_SIDE_STEP, Side.RIGHT: _SIDE_STEP, Side.NONE: 0.0}[region.side]
    return _dot(region.side.value, region.name, item, scale, middle + shift)


def _dot(kind: str, who: str, item: Measurement, scale: Scale, y: float) -> Dot:
    value = item.value if item.value is not None else math.nan
    span = interval(item.ci_low, item.ci_high)
    return Dot(
        kind=kind,
        x=scale(value),
        y=y,
        words=f"{who} {number(value)}" + (f" ({span})" if span else ""),
        low=_at(scale, item.ci_low),
        high=_at(scale, item.ci_high),
    )


def _scatter(result: StudyResult) -> Scatter | None:
    owners: list[tuple[str, str, RegionSignals | Lesion]] = [
        (region.side.value, region.name, region) for region in result.signals.regions
    ]
    owners += [("lesion", f"lesion {x.label}", x) for x in (result.signals.lesions or ())[:_MOST_LESIONS]]
    found = [(k, n, t, s) for k, n, o in owners if (t := _find(o, _T1)) and (s := _find(o, _STIR))]
    if not found:
        return None
    evidence = result.protocol.evidence
    left, right, top, bottom = 52.0, _SCATTER - 12, 12.0, _SCATTER - 46
    x = scale_of([t for _, _, t, _ in found], [evidence.t1_muscle_red_flag.value - 0.15], left, right)
    y = scale_of([s for _, _, _, s in found], [evidence.stir_muscle_edema_min.value + 0.2], bottom, top)
    return Scatter(
        alt="STIR / muscle against T1 / muscle: "
        + "; ".join(f"{n} {number(t.value or 0)}, {number(s.value or 0)}" for _, n, t, s in found),
        size=_SCATTER,
        plot_left=left,
        plot_right=right,
        plot_top=top,
        plot_bottom=bottom,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        zones=_scatter_zones(evidence, x, y),
        dots=tuple(_scatter_dot(row, x, y) for row in found),
    )


def _scatter_dot(row: tuple[str, str, Measurement, Measurement], x: Scale, y: Scale) -> Dot:
    kind, name, t1, stir = row
    across, up = t1.value or 0.0, stir.value or 0.0
    return Dot(
        kind=kind,
        x=x(across),
        y=y(up),
        words=f"{name}: T1 / muscle {number(across)}, STIR / muscle {number(up)}",
        label=name.removeprefix("lesion ") if kind == "lesion" else "",
        low=_at(x, t1.ci_low),
        high=_at(x, t1.ci_high),
        bottom=_at(y, stir.ci_low),
        top=_at(y, stir.ci_high),
    )


def _scatter_zones(evidence: EvidenceCuts, x: Scale, y: Scale) -> tuple[Zone, ...]:
    fat, low = x(evidence.t1_muscle_grey.high), x(evidence.t1_muscle_red_flag.value)
    edema, red = y(evidence.stir_muscle_edema_min.value), y(evidence.stir_muscle_red_max.value)
    top, bottom, left, right = y.end, y.start, x.start, x.end
    boxes = (
        ("infiltration", left, top, low, bottom, "infiltration-like"),
        ("edema", fat, top, right, edema, "edema-like"),
        ("red", fat, red, right, bottom, "red or yellow marrow, no edema"),
    )
    return tuple(
        Zone(kind=kind, x=x0, y=y0, width=round(x1 - x0, 1), height=round(y1 - y0, 1), label=label)
        for kind, x0, y0, x1, y1, label in boxes
        if x1 > x0 and y1 > y0
    )
