"""The linked viewer as a reader uses it: what is drawn, where, and what the keys and cells do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import cycle, permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader

from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.report import render_report
from marrowsignal.report.pictures.key_slice import key_slice
from marrowsignal.report.viewer import VIEWER_SCRIPTS, viewer_view
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import HOSTILE, SHAPE, SPACING, build_result, without_lesions

Open = Callable[..., Any]
START = SHAPE[0] // 2 - 1  # the key slice: both sides have most marrow there
LETTERS = ("LR", "PA", "SI")  # towards +x, -x; +y, -y; +z, -z
# Pixels of a pane, read from a copy: the viewer itself never reads its canvas.
PIXELS = """const pixelsOf = (key) => {
  const canvas = document.querySelector(key ? `[data-series=${key}] canvas` : "canvas");
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height);
};"""
BLOCK = (
    PIXELS
    + """
  const { width, height, data } = pixelsOf("");
  const columns = new Set();
  let [count, right, down] = [0, 0, 0];
  for (let at = 0; at < width * height; at += 1) {
    if (data[4 * at] > 200) {
      count += 1; right += at % width; down += Math.floor(at / width); columns.add(at % width);
    }
  }
  const bar = document.querySelector(".viewer-scale-bar").getBoundingClientRect().width;
  const length = parseFloat(document.querySelector(".viewer-scale-text").textContent);
  const letterOf = (side) => document.querySelector(`.viewer-edge.${side}`).textContent;
  const letters = ["left", "right", "top", "bottom"].map(letterOf);
  const mm = columns.size / bar * length;
  return { letters, mm, right: right / count / width - 0.5, down: down / count / height - 0.5 };
"""
)
COLOURED = (
    PIXELS
    + """
  const { data } = pixelsOf("");
  let count = 0;
  for (let at = 0; at < data.length; at += 4) { count += data[at] > data[at + 2] + 60; }
  return count;
"""
)


@cache
def report() -> str:
    return render_report(build_result())


def drawn(page: Any, slice_index: int) -> None:
    """Wait until every pane shows a slice."""
    page.wait_for_function(
        "(n) => [...document.querySelectorAll('.viewer-picture')].every((one) => one.dataset.slice === String(n))",
        arg=slice_index,
    )


def opened(open_page: Open, html: str, **options: Any) -> Any:
    page = open_page(html, **options)
    page.locator("#viewer-stage").scroll_into_view_if_needed()
    return page


def bare(page: Any) -> None:
    """Grey values only: no overlay, no crosshair, voxels as they are."""
    page.locator("#viewer-stage").focus()
    for key in "oxs":
        page.keyboard.press(key)


def grey(page: Any, series: str, right: float, down: float) -> int:
    """Grey of a canvas at a share of its picture's width and height."""
    return page.evaluate(
        f"""([key, right, down]) => {{ {PIXELS}
          const {{ width, height, data }} = pixelsOf(key);
          return data[4 * (Math.floor(down * height) * width + Math.floor(right * width))];
        }}""",
        [series, right, down],
    )


def shown_share(page: Any, rows_mm: float, columns_mm: float) -> tuple[float, float]:
    """Share of a pane's width and height that a picture of this size takes."""
    box = page.locator(".viewer-picture").first.bounding_box()
    scale = min(box["width"] / columns_mm, box["height"] / rows_mm)
    return columns_mm * scale / box["width"], rows_mm * scale / box["height"]


def t1_alone() -> StudyResult:
    result = build_result()
    pair = replace(result.pair, stir=None, quality=None, t1_to_stir_lps=None)
    none = replace(result.signals, lesions=None, lesion_labels=None, lesions_reason="no STIR series")
    return replace(result, pair=pair, signals=none, series=replace(result.series, stir=None))


def without_marrow() -> StudyResult:
    result = without_lesions()
    empty = np.zeros(SHAPE, np.uint16)
    geometry = result.pair.t1.geometry
    nothing = LabelVolume(array=empty, geometry=geometry)
    return replace(
        result,
        marrow=replace(result.marrow, labels=nothing, core_mask=empty > 0),
        regions=replace(result.regions, labels=nothing, regions=()),
        references=replace(result.references, labels=nothing),
        pair=replace(result.pair, body_mask=empty > 0),
    )


@pytest.mark.parametrize("build", [build_result, without_lesions, t1_alone, without_marrow])
def test_every_study_has_a_viewer_that_draws(open_page: Open, build: Callable[[], StudyResult]) -> None:
    result = build()
    page = opened(open_page, render_report(result))
    start = key_slice(result).index
    drawn(page, start)
    assert page.locator(".viewer-pane").count() == (1 if result.pair.stir is None else 2)
    assert page.locator("#viewer-position").inner_text().startswith(f"Slice {start + 1} of {SHAPE[0]}, ")


def test_wheel_and_keys_scroll_both_panes_together(open_page: Open) -> None:
    page = opened(open_page, report())
    picture = page.locator(".viewer-picture").nth(1)
    picture.hover()
    page.mouse.wheel(0, 100)
    drawn(page, START + 1)
    page.mouse.wheel(0, -200)
    drawn(page, START - 1)
    page.locator("#viewer-stage").focus()
    for key, expected in (
        ("End", 11), ("ArrowUp", 10), ("PageUp", 5), ("ArrowDown", 6), ("PageDown", 11), ("Home", 0), ("ArrowLeft", 0),
    ):  # fmt: skip
        page.keyboard.press(key)
        drawn(page, expected)
    page.locator("#viewer-slice").fill("4")
    drawn(page, 4)
    said = page.locator("#viewer-status").inner_text()
    assert said == page.locator("#viewer-position").inner_text()
    assert said.startswith("Slice 5 of 12, ")


def test_a_voxel_is_drawn_in_its_own_grey_in_both_series(open_page: Open) -> None:
    result = build_result()
    rows, columns = np.indices(SHAPE[1:])
    # The same signal in blocks of 8 voxels.
    signal = np.broadcast_to((rows // 8 * 10 + columns // 8 * 7) % 200, SHAPE).astype(np.float32)
    volumes = {
        "t1": replace(result.pair.t1, array=signal),
        "stir": replace(result.pair.stir, array=np.ascontiguousarray(signal[:, :, ::-1])),
    }
    pair = replace(result.pair, body_mask=np.ones(SHAPE, bool), **volumes)
    page = opened(open_page, render_report(replace(result, pair=pair)))
    drawn(page, START)
    bare(page)
    page.locator("[data-window=wide]").click()
    height, width = SHAPE[1] * SPACING[1], SHAPE[2] * SPACING[2]
    wide, tall = shown_share(page, height, width)
    for row, column in ((4, 4), (44, 20), (92, 76), (60, 12)):
        right = 0.5 + ((column + 0.5) / SHAPE[2] - 0.5) * wide
        down = 0.5 + ((row + 0.5) / SHAPE[1] - 0.5) * tall
        for key, volume in volumes.items():
            array = volume.array
            expected = 255 * float(array[START, row, column]) / float(array.max())
            assert grey(page, key, right, down) == pytest.approx(expected, abs=4), (key, row, column)


def lone(result: StudyResult) -> str:
    """Make a page of the viewer alone."""
    environment = Environment(loader=PackageLoader("marrowsignal.report", "templates"), autoescape=True)
    source = environment.loader.get_source  # type: ignore[union-attr]
    scripts = "".join(source(environment, name)[0] for name in VIEWER_SCRIPTS)
    body = environment.get_template("viewer.html.j2").render(page=SimpleNamespace(viewer=viewer_view(result)))
    style = source(environment, "viewer.css")[0]
    return f"<!DOCTYPE html><meta charset=utf-8><style>{style}</style>{body}<script>(() => {{{scripts}}})()</script>"


def turned(order: tuple[int, ...], signs: tuple[int, ...]) -> StudyResult:
    """A study in another plane, all dark but for a bright block off the middle to the left, the back and the head."""
    result = build_result()
    directions = np.zeros((3, 3))
    directions[list(order), [0, 1, 2]] = signs
    extent = (np.asarray(SHAPE) - 1) * SPACING / 2
    geometry = VolumeGeometry.from_axes(
        origin_lps_mm=-directions @ extent, directions_lps=directions, spacing_mm=SPACING, shape=SHAPE
    )
    near = [geometry.patient_axis(axis) for axis in range(3)]
    inside = [abs(near[axis] - extent[order.index(axis)] / 2) <= extent[order.index(axis)] / 4 for axis in range(3)]
    block = np.where(inside[0] & inside[1] & inside[2], 900, 10).astype(np.float32)
    volume = SignalVolume(array=block, geometry=geometry, acquisition=result.pair.t1.acquisition)
    labels = LabelVolume(array=np.zeros(SHAPE, np.uint16), geometry=geometry)
    return replace(
        result,
        pair=replace(result.pair, t1=volume, stir=None, body_mask=np.ones(SHAPE, bool)),
        marrow=replace(result.marrow, labels=labels),
        regions=replace(result.regions, labels=labels, regions=()),
        signals=replace(result.signals, lesion_labels=labels, lesions=()),
        references=replace(result.references, labels=labels),
    )


def test_in_every_plane_what_lies_on_the_patients_left_is_drawn_where_l_stands(open_page: Open) -> None:
    page = None
    towards = {plus for plus, _ in LETTERS}
    for order, signs in zip(permutations(range(3)), cycle([(1, -1, 1), (-1, 1, -1)])):
        result = turned(order, signs)
        where = int(np.argmax(result.pair.t1.array.max(axis=(1, 2)))) + 1
        page = open_page(lone(result), fragment=f"#slice-{where}", reuse=page)
        drawn(page, where)
        bare(page)
        seen = page.evaluate(f"() => {{ {BLOCK} }}")
        left, right, top, bottom = letters = seen["letters"]
        assert (right in towards) == (seen["right"] > 0.05) and (left in towards) == (seen["right"] < -0.05)
        assert (bottom in towards) == (seen["down"] > 0.05) and (top in towards) == (seen["down"] < -0.05)
        assert not set(LETTERS[order[0]]) & set(letters) and len(set(letters)) == 4
        block = result.pair.t1.array > 100
        sizes = [np.flatnonzero(block.any(axis=tuple({0, 1, 2} - {axis}))).size * SPACING[axis] for axis in (1, 2)]
        assert min(abs(seen["mm"] - size) for size in sizes) < 0.03 * seen["mm"]


def test_the_scale_bar_follows_the_zoom(open_page: Open) -> None:
    page = opened(open_page, report())
    drawn(page, START)

    def pixels_to_a_mm() -> float:
        bar = page.locator(".viewer-scale-bar").first.bounding_box()["width"]
        return bar / float(page.locator(".viewer-scale-text").first.inner_text().removesuffix(" mm"))

    before = pixels_to_a_mm()
    page.locator("#viewer-stage").focus()
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_function("() => document.querySelector('.zoomed') !== null")
    assert pixels_to_a_mm() == pytest.approx(before * 1.25**4, rel=0.01)
    page.keyboard.press("0")
    page.wait_for_function("() => document.querySelector('.zoomed') === null")
    assert pixels_to_a_mm() == pytest.approx(before, rel=0.01)


def test_a_cell_jumps_to_voxels_of_what_it_names_and_back(open_page: Open) -> None:
    result = build_result()
    page = opened(open_page, report())
    lesion = result.signals.lesion_labels.array
    best = int(np.argmax((lesion == 1).sum(axis=(1, 2))))
    cell = page.locator("main button.jump[data-jump=lesion-1]").last
    cell.scroll_into_view_if_needed()
    cell.click()
    drawn(page, best)
    readout = page.locator("#viewer-readout").inner_text()
    assert readout.endswith(" mm") and " · lesion 1 · " in readout and " · left ilium · " in readout
    assert page.evaluate("location.hash") == "#lesion-1"
    assert "lesion 1, left ilium" in page.locator("#viewer-status").inner_text()
    assert page.evaluate("document.activeElement.id") == "viewer-stage"
    page.keyboard.press("b")
    assert page.evaluate("document.activeElement.dataset.jump") == "lesion-1"
    value = page.locator("#sides td[data-jump=region-1]").first
    value.click()
    page.keyboard.press("b")
    assert value.evaluate("(one) => one === document.activeElement")
    page.locator("#viewer-go").select_option("region-2")
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.includes('right ilium')")


def test_a_link_to_a_lesion_opens_there(open_page: Open) -> None:
    result = build_result()
    best = int(np.argmax(result.signals.lesion_labels.array.sum(axis=(1, 2))))
    page = open_page(report(), fragment="#lesion-1")
    drawn(page, best)
    assert " · lesion 1 · " in page.locator("#viewer-readout").inner_text()
    stage = page.locator("#viewer-stage").bounding_box()
    page.wait_for_function(
        "() => { const top = document.querySelector('#viewer-stage').getBoundingClientRect().top;"
        " return top >= 0 && top < innerHeight / 2; }"
    )
    assert stage["height"] < 768


def test_values_at_the_pointer_are_those_of_the_voxel(open_page: Open) -> None:
    result = build_result()
    muscle = result.references.muscle
    page = open_page(report(), fragment="#lesion-1")
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.includes('lesion 1')")
    words = page.locator("#viewer-readout").inner_text().split(" · ")
    data = json.loads(viewer_view(result).data)
    target = next(one for one in data["targets"] if one["key"] == "lesion-1")
    point = np.array(data["to_patient_lps"]) @ (target["slice_index"], target["row"], target["column"], 1)
    voxel = tuple(np.round(result.pair.t1.geometry.to_index(point)).astype(int))
    for word, name, volume, level, series in zip(
        words,
        ("T1", "STIR"),
        (result.pair.t1, result.pair.stir),
        (muscle.t1, muscle.stir),
        data["series"],
        strict=False,
    ):
        told = float(word.removeprefix(f"{name} ").removesuffix(" × muscle"))
        half_a_step = (series["signals"][1] - series["signals"][0]) / 2 / level
        assert told == pytest.approx(volume.array[voxel] / level, abs=half_a_step + 0.006)


def test_what_was_not_measured_is_not_told_as_a_number(open_page: Open) -> None:
    page = open_page(render_report(without_lesions()), fragment="#region-1")
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.includes('left ilium')")
    words = page.locator("#viewer-readout").inner_text().split(" · ")
    assert "signal units (no muscle: no lean muscle found)" in words[0]
    assert words[1].startswith("STIR not told: registration failed")


def test_mouse_sets_window_crosshair_zoom_and_place(open_page: Open) -> None:
    page = opened(open_page, report())
    drawn(page, START)
    picture = page.locator(".viewer-picture").first
    box = picture.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    words = page.locator(".viewer-window output")

    def width_and_level(at: int = 0) -> tuple[float, float]:
        _, width, _, level = words.nth(at).inner_text().replace("−", "-").split()
        return float(width), float(level)

    def dragged(right: float, down: float, *, button: str = "left") -> None:
        page.mouse.move(x, y)
        page.mouse.down(button=button)
        page.mouse.move(x + right, y + down, steps=3)
        page.mouse.up(button=button)

    before, other = width_and_level(), width_and_level(1)
    dragged(60, 0, button="right")
    page.wait_for_function(
        "(width) => Number(document.querySelector('.viewer-window output').textContent.split(' ')[1]) > width + 5",
        arg=before[0],
    )
    wider = width_and_level()
    assert wider[0] > before[0] and wider[1] == pytest.approx(before[1], rel=0.02)
    assert width_and_level(1) == other
    page.keyboard.down("Shift")
    dragged(0, 60)
    page.keyboard.up("Shift")
    page.wait_for_function(
        "(level) => Number(document.querySelector('.viewer-window output').textContent.split(' ')[3]) > level + 5",
        arg=wider[1],
    )
    page.mouse.click(x + 40, y)
    page.mouse.move(5, 5)
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.startsWith('T1 ')")
    aimed = page.locator("#viewer-readout").inner_text()
    assert aimed.split(" · ")[-1].startswith("L")
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function("() => document.querySelector('.zoomed') !== null")
    here = page.locator("#viewer-readout").inner_text()
    dragged(80, 0)
    page.wait_for_function("(text) => document.querySelector('#viewer-readout').textContent !== text", arg=here)
    page.mouse.move(x, y)
    moved = page.locator("#viewer-readout").inner_text()
    assert moved.split(" · ")[-1].startswith("R")  # what lay to the patient's right came into the middle


def test_flicker_shows_the_other_series_in_the_same_place_and_only_on_a_press(open_page: Open) -> None:
    page = opened(open_page, report())
    drawn(page, START)
    first = page.locator(".viewer-picture").first
    page.locator("#viewer-stage").focus()
    for expected in ("stir", "t1"):
        page.keyboard.press("f")
        page.wait_for_function("(key) => document.querySelector('.viewer-picture').dataset.shown === key", arg=expected)
    assert first.get_attribute("data-shown") == "t1"


def test_overlays_are_drawn_only_while_they_are_on(open_page: Open) -> None:
    page = open_page(report(), fragment="#lesion-1")
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.includes('lesion 1')")
    coloured = f"(() => {{ {COLOURED} }})()"
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    page.wait_for_function(f"() => {coloured} > 300")
    for layer in ("lesion", "marrow"):
        page.locator(f"[data-layer={layer}]").click()
    page.wait_for_function(f"() => {coloured} === 0")
    page.locator("[data-layer=lesion]").click()
    page.locator("[data-do=fill]").click()
    page.wait_for_function(f"() => {coloured} > 300")


def test_hostile_names_stay_text(open_page: Open) -> None:
    result = build_result()
    bad = '</script><img src=x onerror="window.taken=1">' + HOSTILE
    first, *others = result.regions.regions
    named = replace(result, regions=replace(result.regions, regions=(replace(first, name=bad), *others)))
    page = open_page(render_report(named), fragment="#region-1")
    page.wait_for_function(
        "(bad) => document.querySelector('#viewer-readout').textContent.includes(bad)", arg=" ".join(bad.split())
    )
    assert page.evaluate("window.taken") is None
    assert page.locator("#viewer img").count() == 0
    assert page.locator("script").count() == 2


def test_without_scripts_every_picture_is_there(open_page: Open) -> None:
    page = open_page(report(), java_script_enabled=False)
    assert page.locator("#viewer-frame").is_hidden()
    assert page.locator("#viewer noscript").count() == 1
    assert page.locator("svg image").count() >= 4
    assert all(page.locator("svg image").nth(at).is_visible() for at in range(2))


def test_on_paper_the_viewer_gives_way_to_the_pictures(open_page: Open) -> None:
    page = open_page(report())
    page.emulate_media(media="print")
    assert page.locator("#viewer-frame").is_hidden()
    assert page.locator("svg image").first.is_visible()


def test_in_a_low_window_both_series_are_in_sight_and_the_bar_is_no_longer_than_the_picture(open_page: Open) -> None:
    page = opened(open_page, lone(build_result()), viewport={"width": 680, "height": 384})
    drawn(page, START)
    one, other = (page.locator(".viewer-picture").nth(at).bounding_box() for at in (0, 1))
    assert one["y"] == other["y"] and one["y"] + one["height"] < 384
    page.set_viewport_size({"width": 1366, "height": 384})
    bar = page.wait_for_selector(".viewer-scale-bar").bounding_box()
    assert bar["width"] < one["height"] * SHAPE[2] * SPACING[2] / (SHAPE[1] * SPACING[1]) / 2


def test_on_a_phone_nothing_is_wider_than_the_screen(open_page: Open) -> None:
    page = opened(open_page, report(), viewport={"width": 390, "height": 844}, has_touch=True)
    drawn(page, START)
    pictures = [page.locator(".viewer-picture").nth(at).bounding_box() for at in (0, 1)]
    assert pictures[1]["y"] >= pictures[0]["y"] + pictures[0]["height"]
    assert pictures[1]["y"] + pictures[1]["height"] - pictures[0]["y"] < 844
    assert page.evaluate("document.querySelector('#viewer-frame').scrollWidth") <= 390
    page.locator(".viewer-picture").first.tap()
    page.wait_for_function("() => document.querySelector('#viewer-readout').textContent.includes('T1 ')")
