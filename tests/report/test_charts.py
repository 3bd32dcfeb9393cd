"""Charts of the page: points lie where their values are, lines go through their own points, nothing is outside."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import approximate_polygon, find_contours

from marrowsignal.protocol import load_protocol
from marrowsignal.regions.records import Side
from marrowsignal.report.charts.chart_scale import Tick
from marrowsignal.report.charts.clipped_path import clipped_path
from marrowsignal.report.charts.label_places import Box, place_labels
from marrowsignal.report.charts.plane_chart import plane_chart
from marrowsignal.report.charts.plane_figure import PlaneChart, PlaneMark
from marrowsignal.report.charts.side_chart import side_charts
from marrowsignal.report.charts.study_charts import study_charts
from marrowsignal.report.html import rendered_page
from marrowsignal.report.pictures.simplified_lines import simplified_lines
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement, MeasurementStatus, RegionSignals, Symmetry
from tests.report.study_builder import HOSTILE, build_result

T1, STIR = "t1_marrow_to_muscle", "stir_marrow_to_muscle"


@cache
def base() -> StudyResult:
    return build_result(protocol=load_protocol("pelvis_sij"))


def signal(name: str, value: float | None, *, half: float = 0.1) -> Measurement:
    if value is None:
        return Measurement(id="D01", name=name, value=None, status=MeasurementStatus.NOT_EVALUABLE, reason="too small")
    return Measurement(id="D01", name=name, value=value, ci_low=value - half, ci_high=value + half)


def region(label: int, name: str, side: Side, t1: float | None, stir: float | None) -> RegionSignals:
    plain = base().signals.regions[0]
    own = f"{name}, {side.value}" if side is not Side.NONE else name
    return replace(
        plain, region_label=label, key=name, name=own, side=side, measurements=(signal(T1, t1), signal(STIR, stir))
    )


def study(*regions: RegionSignals, symmetry: tuple[Symmetry, ...] = (), lesions: tuple[float, ...] = ()) -> StudyResult:
    """The synthetic study with other numbers, at the cuts and constants that are shipped."""
    result = base()
    (lesion,) = result.signals.lesions or ()
    found = tuple(
        replace(lesion, label=k, measurements=(signal(T1, 1.3), signal(STIR, stir)))
        for k, stir in enumerate(lesions, 1)
    )
    signals = replace(result.signals, regions=regions, parts=(), lesions=found, symmetry=symmetry)
    return replace(result, signals=signals)


def value_at(ticks: tuple[Tick, ...], place: float) -> float:
    """What an axis says about a place, by its outermost ticks alone."""
    first, last = ticks[0], ticks[-1]
    low, high = (float(tick.label) for tick in (first, last))
    return low + (high - low) * (place - first.at) / (last.at - first.at)


def drawn(result: StudyResult) -> PlaneChart:
    chart = plane_chart(result)
    assert chart is not None
    return chart


def mark(chart: PlaneChart, jump: str) -> PlaneMark:
    return next(one for one in chart.marks if one.jump == jump)


def html(result: StudyResult) -> str:
    return rendered_page("plane.html.j2", SimpleNamespace(charts=study_charts(result)), styles=())


LEFT, RIGHT = region(1, "ilium", Side.LEFT, 1.4, 1.2), region(2, "ilium", Side.RIGHT, 1.7, 0.9)


def test_points_and_intervals_lie_where_their_values_are() -> None:
    chart = drawn(study(LEFT, RIGHT))
    for jump, kind, t1, stir in (("region-1", "left", 1.4, 1.2), ("region-2", "right", 1.7, 0.9)):
        one = mark(chart, jump)
        assert one.kind == kind
        assert value_at(chart.x_ticks, one.x) == pytest.approx(t1, abs=0.005)
        assert value_at(chart.y_ticks, one.y) == pytest.approx(stir, abs=0.005)
        ends = [value_at(chart.x_ticks, end) for end in (one.left, one.right)]
        assert ends == pytest.approx([t1 - 0.1, t1 + 0.1], abs=0.005)
        ends = [value_at(chart.y_ticks, end) for end in (one.bottom, one.top)]
        assert ends == pytest.approx([stir - 0.1, stir + 0.1], abs=0.005)
        assert not one.arrows
    muscle = next(one for one in chart.marks if one.kind == "muscle")
    assert value_at(chart.x_ticks, muscle.x) == pytest.approx(1.0, abs=0.005)
    assert value_at(chart.y_ticks, muscle.y) == pytest.approx(1.0, abs=0.005)


def test_zones_end_at_the_protocols_cuts() -> None:
    result = study(LEFT, RIGHT)
    cuts, chart = result.protocol.evidence, drawn(result)
    zones = {zone.kind: zone for zone in chart.zones}
    dark, edema = zones["infiltration"], zones["edema"]
    assert value_at(chart.x_ticks, dark.x + dark.width) == pytest.approx(cuts.t1_muscle_red_flag.value, abs=0.01)
    assert value_at(chart.y_ticks, edema.y + edema.height) == pytest.approx(cuts.stir_muscle_edema_min.value, abs=0.01)
    assert value_at(chart.x_ticks, zones["red"].x) == pytest.approx(cuts.t1_muscle_grey.high, abs=0.01)
    assert value_at(chart.y_ticks, zones["red"].y) == pytest.approx(cuts.stir_muscle_red_max.value, abs=0.01)


def points(path: str) -> np.ndarray:
    return np.array(re.findall(r"-?\d+\.\d+", path), float).reshape(-1, 2)


def from_line(line: np.ndarray, x: float, y: float) -> float:
    start, way = line[:-1], np.diff(line, axis=0)
    share = np.clip(np.sum((np.array([x, y]) - start) * way, axis=1) / np.sum(way**2, axis=1), 0, 1)
    return float(np.linalg.norm(start + share[:, None] * way - [x, y], axis=1).min())


def test_the_models_lines_go_through_own_normal_marrow() -> None:
    chart = drawn(study(LEFT, RIGHT))
    normal = next(one for one in chart.marks if one.kind == "normal")
    lines = {curve.kind: points(curve.path) for curve in chart.curves}
    assert set(lines) == {"predicted", "mixing", "excess", "edema", "tumor"}
    for kind in ("mixing", "edema", "tumor"):
        assert from_line(lines[kind], normal.x, normal.y) < 0.2
    assert lines["edema"][-1, 1] < normal.y and lines["edema"][-1, 0] < normal.x  # brighter on STIR, darker on T1
    assert not chart.model_reason
    assert chart.conditions == "1.5 T; T1 TR 550, TE 10 ms; STIR TR 4000, TE 50, TI 150 ms"


def test_a_model_that_cannot_be_asked_says_why_and_draws_nothing() -> None:
    result = study(LEFT, RIGHT)
    acquisition = replace(result.pair.stir.acquisition, inversion_time_ms=None)
    blind = replace(result, pair=replace(result.pair, stir=replace(result.pair.stir, acquisition=acquisition)))
    chart = drawn(blind)
    assert not chart.curves and "TI of the STIR series" in chart.model_reason
    assert '<p class="key">TR, TE or TI of the STIR series is not known.</p>' in html(blind)
    elsewhere = replace(acquisition, inversion_time_ms=220.0, magnetic_field_strength_t=7.0)
    blind = replace(result, pair=replace(result.pair, stir=replace(result.pair.stir, acquisition=elsewhere)))
    assert "field strength" in drawn(blind).model_reason


def test_what_lies_far_out_is_drawn_at_the_edge_with_an_arrow() -> None:
    chart = drawn(study(LEFT, RIGHT, lesions=(2.0, 60.0)))
    near, far = mark(chart, "lesion-1"), mark(chart, "lesion-2")
    assert not near.arrows
    assert [arrow.turn for arrow in far.arrows] == [0]
    assert far.y == chart.frame.top
    assert "STIR / muscle 60.0" in far.words  # the true number
    assert chart.beyond == 1 and "goes on beyond the frame" in html(study(LEFT, RIGHT, lesions=(60.0,)))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 30), st.floats(0.01, 30)), min_size=1, max_size=8))
def test_nothing_is_drawn_outside_the_frame(values: list[tuple[float, float]]) -> None:
    regions = tuple(region(k, f"bone {k}", Side.NONE, t1, stir) for k, (t1, stir) in enumerate(values, 1))
    chart = drawn(study(*regions, lesions=(2.0, 60.0)))
    box = chart.frame
    held = [(one.x, one.y) for one in chart.marks]
    held += [(end, one.y) for one in chart.marks for end in (one.left, one.right) if end is not None]
    held += [(one.x, end) for one in chart.marks for end in (one.top, one.bottom) if end is not None]
    held += [tuple(point) for curve in chart.curves for point in (*points(curve.path), *curve.ticks)]
    held += [(zone.x, zone.y) for zone in chart.zones]
    held += [(zone.x + zone.width, zone.y + zone.height) for zone in chart.zones]
    for x, y in held:
        assert box.left - 0.06 <= x <= box.right + 0.06
        assert box.top - 0.06 <= y <= box.bottom + 0.06


def label_box(one: PlaneMark) -> Box:
    half = 0.6 * 15 * len(one.label) / 2
    middle = one.label_y - 0.36 * 15
    return Box(left=one.label_x - half, right=one.label_x + half, top=middle - 6.9, bottom=middle + 6.9)


def test_thirty_regions_have_letters_that_never_lie_on_each_other() -> None:
    rng = np.random.default_rng(8)
    regions = tuple(
        region(2 * k + right, f"bone {k}", side, float(rng.normal(1.5, 0.1)), float(rng.normal(1.0, 0.06)))
        for k in range(15)
        for right, side in enumerate((Side.LEFT, Side.RIGHT))
    )
    chart = drawn(study(*regions, lesions=(2.0, 2.05, 1.9)))
    named = [one for one in chart.marks if one.label]
    assert len(named) >= 20
    for first, second in combinations([label_box(one) for one in named], 2):
        assert not first.meets(second)
    # What found no place is in the legend, where every letter stands for both sides.
    assert [key.letter for key in chart.keys] == [chr(ord("A") + k) for k in range(15)]
    assert [mark.jump for key in chart.keys for mark in key.marks] == [f"region-{k}" for k in range(30)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["A", "12", ""])), max_size=25))
def test_labels_stay_inside_and_apart(anchors: list[tuple[float, float, str]]) -> None:
    inside = Box(left=0.0, top=0.0, right=100.0, bottom=100.0)
    taken = (Box(left=40.0, top=40.0, right=60.0, bottom=60.0),)
    places = place_labels(anchors, inside=inside, taken=taken, size=8.0, radius=3.0)
    boxes = [place.box for place in places if place is not None]
    assert all(inside.holds(box) for box in boxes)
    assert not any(a.meets(b) for a, b in combinations([*boxes, *taken], 2))
    assert all(place is None for place, anchor in zip(places, anchors, strict=True) if not anchor[2])


def pair(key: str, t1: float | None, stir: float | None, *, reason: str = "", half: float = 2.0) -> Symmetry:
    made = (
        Measurement(id="D20", name=name, value=None, unit="percent", reason=reason)
        if value is None
        else replace(signal(name, value, half=half), unit="percent")
        for name, value in (("t1_asymmetry", t1), ("stir_asymmetry", stir))
    )
    return Symmetry(key=key, name=key, measurements=tuple(made))


def test_a_dumbbell_has_both_sides_and_their_asymmetry_against_the_cut() -> None:
    bones = (pair("all", 1.0, 2.0), pair("background", 1.0, 2.0), pair("ilium", -19.4, 28.6), pair("sacrum", 3.0, 4.0))
    others = (region(3, "sacrum", Side.LEFT, 1.5, 1.0), region(4, "sacrum", Side.RIGHT, 1.5, 1.0))
    t1, stir = side_charts(study(LEFT, RIGHT, *others, symmetry=bones))
    # A single pair is the whole marrow: its row is that of the whole, told once.
    single = side_charts(study(LEFT, RIGHT, symmetry=(pair("all", 5.0, 2.0), pair("background", 1.0, 2.0))))[0]
    assert [row.asymmetry and row.asymmetry.text[:3] for row in single.rows] == ["1.0", "5.0"]
    assert [row.name for row in t1.rows] == ["all marrow", "whole marrow, lesions included", "ilium", "sacrum"]
    row = t1.rows[2]
    left, right = row.levels
    assert (left.kind, right.kind, left.jump, right.jump) == ("left", "right", "region-1", "region-2")
    assert value_at(t1.ticks, left.at) == pytest.approx(1.4, abs=0.005)
    assert value_at(t1.ticks, right.at) == pytest.approx(1.7, abs=0.005)
    assert row.asymmetry is not None
    assert value_at(t1.asymmetry_ticks, row.asymmetry.at) == pytest.approx(-19.4, abs=0.1)
    assert value_at(t1.asymmetry_ticks, t1.asymmetric[1]) == pytest.approx(15.0, abs=0.1)
    assert (row.asymmetry.state, row.asymmetry.text) == ("asymmetric", "−19.4 % (−21.4 to −17.4)")
    assert t1.rows[3].asymmetry is not None and t1.rows[3].asymmetry.state == "symmetric"
    assert stir.rows[2].asymmetry is not None and stir.rows[2].asymmetry.at > 50


def test_a_pair_that_is_not_comparable_shows_no_dumbbell_but_its_reason() -> None:
    bones = (
        pair("all", 1.0, 2.0),
        pair("background", 1.0, 2.0),
        pair("ilium", None, None, reason=f"only 30 % {HOSTILE}"),
    )
    text = html(study(LEFT, RIGHT, symmetry=bones))
    chart = side_charts(study(LEFT, RIGHT, symmetry=bones))[0]
    row = chart.rows[-1]
    assert row.levels == () and row.asymmetry is None
    assert "only 30 % " in row.reason
    assert 'class="dumbbell"' not in text
    assert "only 30 % &lt;script&gt;" in text and "<script" not in text
    alone = side_charts(study(LEFT, symmetry=bones[:2]))[0].rows[-1]
    assert len(alone.levels) == 1 and alone.reason == "only the left side is in the picture"


def test_an_asymmetry_beyond_the_lane_is_cut_and_says_so() -> None:
    bones = (pair("all", 1.0, 2.0), pair("background", 1.0, 2.0), pair("ilium", 1.0, -150.0))
    stir = side_charts(study(LEFT, RIGHT, symmetry=bones))[1]
    far = stir.rows[-1].asymmetry
    assert far is not None and far.beyond_low and not far.beyond_high
    assert 0 <= far.at <= 100 and far.low is not None and far.low >= 0
    assert "−150.0 %" in far.text
    assert "◀" in html(study(LEFT, RIGHT, symmetry=bones))


def test_without_stir_there_is_no_plane_and_the_page_says_why() -> None:
    result = study(region(1, "ilium", Side.LEFT, 1.4, None), region(2, "ilium", Side.RIGHT, 1.7, None))
    whole = region(0, "all", Side.NONE, 1.5, None)
    signals = replace(result.signals, whole=whole, lesions=None)
    charts = study_charts(replace(result, signals=signals, pair=replace(result.pair, stir=None)))
    assert charts.plane is None and charts.plane_reason == "there is no STIR series"
    assert [chart.title for chart in charts.sides] == ["T1 / muscle"]


def test_every_point_is_a_button_that_says_its_numbers_and_is_named_by_no_hostile_tag() -> None:
    text = html(study(replace(LEFT, name=HOSTILE), RIGHT, lesions=(2.0,)))
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text
    for jump in ("region-1", "region-2", "lesion-1"):
        assert re.search(rf'class="jump" data-jump="{jump}" tabindex="0" role="button" aria-label="[^"]+"', text)
    assert text == html(study(replace(LEFT, name=HOSTILE), RIGHT, lesions=(2.0,)))
    assert "style=" not in text and "url(" not in text
    for name in re.findall(r'<use href="#([^"]+)"', text):
        assert f'id="{name}"' in text


@settings(max_examples=60)
@given(arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=st.floats(-30, 40)))
def test_a_clipped_line_stays_in_its_box_and_keeps_what_is_inside(line: np.ndarray) -> None:
    box = Box(left=0.0, top=0.0, right=10.0, bottom=10.0)
    path = clipped_path([(float(x), float(y)) for x, y in line], box)
    kept = points(path)
    assert ((kept >= -0.05) & (kept <= 10.05)).all()
    inside = line[((line > 0.1) & (line < 9.9)).all(axis=1)]
    for point in inside:
        assert np.abs(kept - point).max(axis=1).min() <= 0.051


@settings(max_examples=40)
@given(st.lists(arrays(np.float64, st.tuples(st.integers(2, 40), st.just(2)), elements=st.floats(-9, 9)), max_size=4))
def test_simplified_lines_stay_near_and_keep_their_ends(lines: list[np.ndarray]) -> None:
    simple = simplified_lines(lines, tolerance=0.5)
    assert len(simple) == len(lines)
    for line, short in zip(lines, simple, strict=True):
        np.testing.assert_array_equal(short[[0, -1]], line[[0, -1]])
        assert len(short) <= len(line)
        start, way = short[:-1, None], np.diff(short, axis=0)[:, None]
        length = np.maximum(np.sum(way**2, axis=2), 1e-300)
        share = np.clip(np.sum((line - start) * way, axis=2) / length, 0, 1)
        distance = np.linalg.norm(start + share[..., None] * way - line, axis=2).min(axis=0)
        assert distance.max() <= 0.5 + 1e-9


def test_outlines_are_as_simple_as_the_usual_function_makes_them() -> None:
    rows, columns = np.indices((80, 90))
    blob = 1 - np.hypot(rows - 40, columns - 45) / (25 + 6 * np.sin(5 * np.arctan2(rows - 40.2, columns - 45.3)))
    (line,) = find_contours(blob, 0.0)
    opened = line[:-1]  # of a closed line the usual function measures from its first point alone
    (ours,) = simplified_lines([opened], tolerance=0.15)
    np.testing.assert_array_equal(ours, approximate_polygon(opened, 0.15))
