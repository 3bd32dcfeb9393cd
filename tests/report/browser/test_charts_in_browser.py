"""Charts and the figure of T1 and STIR by turns, as their readers use them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from marrowsignal.protocol import load_protocol
from marrowsignal.report import render_report
from tests.report.study_builder import build_result

Open = Callable[..., Any]
SEEN = """() => [...document.querySelector(".turn-frame").children].map(
    (one) => getComputedStyle(one).visibility === "visible" && one.getBoundingClientRect().width > 0)"""


@cache
def report() -> str:
    return render_report(build_result(protocol=load_protocol("pelvis_sij")))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_click_or_an_arrow_key_puts_the_other_series_in_the_same_place(open_page: Open, *, scripts: bool) -> None:
    page = open_page(report(), java_script_enabled=scripts)
    frame = page.locator(".turn-frame").first
    seen = lambda: [frame.locator(f"> .of-{key}").is_visible() for key in ("t1", "stir")]  # noqa: E731
    places = [frame.locator(f"> .of-{key} svg").bounding_box() for key in ("t1", "stir")]
    assert places[0] == places[1]
    assert seen() == [True, False]
    frame.click()
    assert seen() == [False, True]
    frame.click()
    assert seen() == [True, False]
    page.locator(".by-turns input").first.focus()
    for turn in (False, True, False):
        page.keyboard.press("ArrowRight")
        assert seen() == [turn, not turn]


def test_paper_shows_both_series_side_by_side(open_page: Open) -> None:
    page = open_page(report())
    page.emulate_media(media="print")
    assert page.evaluate(SEEN) == [True, True]
    t1, stir = (page.locator(f".turn-frame > .of-{key} svg").first.bounding_box() for key in ("t1", "stir"))
    assert t1["x"] + t1["width"] <= stir["x"] and t1["y"] == stir["y"]


@pytest.mark.parametrize("key", ["Enter", "click"])
def test_a_point_of_the_plane_leads_into_the_viewer(open_page: Open, key: str) -> None:
    page = open_page(report())
    point = page.locator('.plane g.jump[data-jump="lesion-1"]')
    assert "STIR / muscle" in point.get_attribute("aria-label")
    if key == "click":
        point.locator("use").click()
    else:
        point.focus()
        page.keyboard.press(key)
    page.wait_for_function(
        """() => { const box = document.querySelector("#viewer-stage").getBoundingClientRect();
        return box.top < innerHeight && box.bottom > 0; }"""
    )


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_of_charts_are_large_enough_and_stay_in_their_chart(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(report(), viewport={"width": width, "height": 800}, color_scheme=scheme)
    texts = page.evaluate(
        """() => [...document.querySelectorAll(".plane text, .lane-axis text, .lane-text")].map((one) => {
        const box = one.getBoundingClientRect();
        const style = getComputedStyle(one);
        const scale = one.ownerSVGElement?.getScreenCTM().a ?? 1;
        return { text: one.textContent, size: parseFloat(style.fontSize) * scale, left: box.left, right: box.right };
        })"""
    )
    assert texts
    assert [one for one in texts if one["size"] < 9.5] == []
    assert [one for one in texts if one["left"] < 0 or one["right"] > width] == []
