"""The signal plane: T1 over muscle against STIR over muscle, with what the model and the protocol say of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.report.charts.chart_scale import Scale
from marrowsignal.report.charts.clipped_path import clipped_path
from marrowsignal.report.charts.label_places import Box, Place, box_about, place_labels, text_width
from marrowsignal.report.charts.plane_figure import Arrow, PlaneChart, PlaneCurve, PlaneMark, PlaneText, PlaneZone
from marrowsignal.report.charts.plane_marks import PlaneValue, foci_left_out, plane_values
from marrowsignal.report.charts.plane_model import ModelLine, PatientPlane, patient_plane
from marrowsignal.results.study_result import StudyResult

__all__ = ["plane_chart", "plane_zones"]

WIDTH, HEIGHT = 480.0, 430.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 470.0, 10.0, 384.0
_FONT = 15.0  # the largest that the style sheet gives: on a phone
_MARK, _SMALL_MARK = 5.5, 3.5
_ROOM = 0.06
# Who chooses the place of a label first.
_RANK = {"lesion": 0, "muscle": 2, "fat": 2, "normal": 2, "dark": 4, "left": 6, "right": 6, "none": 6}
# Of the span of regions, references and cuts: what lies farther out is drawn at the edge.
_FARTHEST = 1.5
_FARTHEST_INTERVAL = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Both axes."""

    x: Scale
    y: Scale

    @property
    def box(self) -> Box:
        return Box(left=self.x.start, top=self.y.end, right=self.x.end, bottom=self.y.start)


def plane_chart(result: StudyResult) -> PlaneChart | None:
    """Make the signal plane of a study; None where nothing has both a T1 and a STIR ratio.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    values, keys = plane_values(result)
    if not values or result.pair.stir is None:
        return None
    plane = patient_plane(result)
    references = _references(plane)
    frame = _frame(result, [*references, *values])
    zones, texts = plane_zones(result.protocol.evidence, x=frame.x, y=frame.y)
    marks = _labelled(tuple(_mark(value, frame) for value in (*references, *values)), frame, texts)
    return PlaneChart(
        width=WIDTH,
        height=HEIGHT,
        frame=frame.box,
        x_ticks=frame.x.ticks(),
        y_ticks=frame.y.ticks(),
        zones=zones,
        texts=texts,
        curves=tuple(_curve(line, frame) for line in plane.lines),
        marks=marks,
        keys=keys,
        model_reason=plane.reason,
        conditions=plane.conditions,
        beyond=sum(bool(mark.arrows) for mark in marks),
        left_out=foci_left_out(result.signals),
    )


def _references(plane: PatientPlane) -> list[PlaneValue]:
    told = (("fat", "subcutaneous fat", plane.fat), ("normal", "own normal marrow", plane.normal))
    found = [PlaneValue.reference(kind, name, at.t1_to_muscle, at.stir_to_muscle) for kind, name, at in told if at]
    return [PlaneValue.reference("muscle", "lean muscle", 1.0, 1.0), *found]


def _frame(result: StudyResult, values: list[PlaneValue]) -> _Frame:
    evidence = result.protocol.evidence
    cuts = (
        (evidence.t1_muscle_red_flag.value, evidence.t1_muscle_grey.high),
        (evidence.stir_muscle_red_max.value, evidence.stir_muscle_edema_min.value),
    )
    ends = ((LEFT, RIGHT), (BOTTOM, TOP))
    scales = []
    for axis in (0, 1):
        near = [value.at[axis] for value in values if value.near]
        held = _held([*near, *cuts[axis]], [value.at[axis] for value in values], _FARTHEST)
        held = _held(held, [end for value in values for end in value.ends(axis)], _FARTHEST_INTERVAL)
        scales.append(_scale(held, ends[axis]))
    return _Frame(x=scales[0], y=scales[1])


def _held(held: list[float], more: list[float], farthest: float) -> list[float]:
    """Return the range that holds more values, but only so far beyond what it must hold."""
    low, high = min(held), max(held)
    room = farthest * max(high - low, 0.1)
    return [max(min([low, *more]), low - room), min(max([high, *more]), high + room)]


def _scale(held: list[float], ends: tuple[float, float]) -> Scale:
    low, high = max(min(held), 0.0), max(held)
    room = _ROOM * max(high - low, 0.1)
    return Scale(low=max(low - room, 0.0), high=high + room, start=ends[0], end=ends[1])


def plane_zones(evidence: EvidenceCuts, *, x: Scale, y: Scale) -> tuple[tuple[PlaneZone, ...], tuple[PlaneText, ...]]:
    """Lay out the areas between a protocol's cuts, and their names.

    Parameters
    ----------
    evidence : EvidenceCuts
        The cuts.
    x, y : Scale
        Axes of T1 and of STIR over muscle; both hold the cuts.
    """
    box = _Frame(x=x, y=y).box
    dark, fatty = x(evidence.t1_muscle_red_flag.value), x(evidence.t1_muscle_grey.high)
    red, edema = y(evidence.stir_muscle_red_max.value), y(evidence.stir_muscle_edema_min.value)
    areas = (
        ("infiltration", box.left, box.top, dark, box.bottom),
        ("grey", dark, edema, fatty, box.bottom),
        ("edema", dark, box.top, box.right, edema),
        ("grey", fatty, edema, box.right, red),
        ("red", fatty, red, box.right, box.bottom),
    )
    zones = tuple(
        PlaneZone(kind=kind, x=x0, y=y0, width=round(x1 - x0, 1), height=round(y1 - y0, 1))
        for kind, x0, y0, x1, y1 in areas
        if x1 > x0 and y1 > y0
    )
    texts = (
        PlaneText(x=box.right - 5, y=box.top + 15, text="edema-like on STIR", anchor="end"),
        PlaneText(x=box.right - 5, y=box.bottom - 6, text="red or yellow marrow", anchor="end"),
        PlaneText(x=box.left + 14, y=box.bottom - 5, text="T1 at or below muscle", upright=True),
    )
    return zones, tuple(text for text in texts if not text.upright or dark - box.left > _FONT + 4)


def _mark(value: PlaneValue, frame: _Frame) -> PlaneMark:
    box = frame.box
    x, y = _inside(frame.x(value.at[0]), box.left, box.right), _inside(frame.y(value.at[1]), box.top, box.bottom)
    across = tuple(_inside(frame.x(end), box.left, box.right) for end in value.ends(0))
    upward = tuple(_inside(frame.y(end), box.top, box.bottom) for end in value.ends(1))
    return PlaneMark(
        kind=value.kind,
        x=x,
        y=y,
        words=value.words,
        left=across[0] if across else None,
        right=across[1] if across else None,
        bottom=upward[0] if upward else None,
        top=upward[1] if upward else None,
        arrows=_arrows(value, frame, (x, y)),
        label=value.label,
        jump=value.jump,
        small=value.small,
    )


def _arrows(value: PlaneValue, frame: _Frame, at: tuple[float, float]) -> tuple[Arrow, ...]:
    across = (value.at[0], *value.ends(0))
    upward = (value.at[1], *value.ends(1))
    box, (x, y) = frame.box, at
    sides = (
        (min(across) < frame.x.low, Arrow(x=box.left, y=y, turn=270)),
        (max(across) > frame.x.high, Arrow(x=box.right, y=y, turn=90)),
        (min(upward) < frame.y.low, Arrow(x=x, y=box.bottom, turn=180)),
        (max(upward) > frame.y.high, Arrow(x=x, y=box.top, turn=0)),
    )
    return tuple(arrow for beyond, arrow in sides if beyond)


def _inside(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _labelled(marks: tuple[PlaneMark, ...], frame: _Frame, texts: Iterable[PlaneText]) -> tuple[PlaneMark, ...]:
    order = sorted(range(len(marks)), key=lambda k: (_RANK[marks[k].kind] + marks[k].small, k))
    taken = [_text_box(text) for text in texts] + [_mark_box(mark) for mark in marks]
    places = place_labels(
        [(marks[k].x, marks[k].y, marks[k].label) for k in order],
        inside=frame.box,
        taken=taken,
        size=_FONT,
        radius=_MARK,
    )
    found = dict(zip(order, places, strict=True))
    return tuple(
        replace(mark, label="")
        if (place := found[k]) is None
        else replace(mark, label_x=place.x, label_y=place.baseline, lead=_lead(place))
        for k, mark in enumerate(marks)
    )


def _lead(place: Place) -> tuple[float, float] | None:
    box = place.box
    return (round((box.left + box.right) / 2, 1), round((box.top + box.bottom) / 2, 1)) if place.leads else None


def _mark_box(mark: PlaneMark) -> Box:
    half = _SMALL_MARK if mark.small else _MARK
    return box_about(mark.x, mark.y, half, half)


def _text_box(text: PlaneText) -> Box:
    width = text_width(text.text, _FONT)
    if text.upright:
        return Box(left=text.x - _FONT, top=text.y - width, right=text.x + 3, bottom=text.y)
    left = text.x - width if text.anchor == "end" else text.x
    return Box(left=left, top=text.y - _FONT, right=left + width, bottom=text.y + 3)


def _curve(model: ModelLine, frame: _Frame) -> PlaneCurve:
    line = model.line
    points = [
        (frame.x(t1), frame.y(stir))
        for t1, stir in zip(line.t1_to_muscle.tolist(), line.stir_to_muscle.tolist(), strict=True)
    ]
    # Quarters of what changes along the line; its start needs none.
    quarters = points[:: (len(points) - 1) // 4][1:]
    box = frame.box
    inside = tuple((x, y) for x, y in quarters if box.left <= x <= box.right and box.top <= y <= box.bottom)
    return PlaneCurve(
        kind=model.kind, path=clipped_path(points, box), ticks=inside if model.kind in {"edema", "tumor"} else ()
    )
