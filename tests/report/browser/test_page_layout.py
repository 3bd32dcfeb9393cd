"""The page as it is laid out: what the first screen holds, what fits a phone, what paper shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marrowsignal.report import render_report
from tests.report.study_builder import build_result

_A4_MM = (186, 273)  # between margins of 12 mm
_PX_PER_MM = 96 / 25.4
_PHONE = {"width": 390, "height": 844}
_TOO_SMALL = """[...document.querySelectorAll("button.jump, .contents a, summary")]
.map((one) => [one.textContent, one.getBoundingClientRect()])
.filter(([, box]) => box.width > 0 && (box.width < 23.9 || box.height < 23.9))
.map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(build_result())


def box(page: Any, selector: str) -> dict[str, float]:
    found = page.locator(selector).first.bounding_box()
    assert found is not None, selector
    return found


def page_overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_the_first_screen_is_seen_without_scrolling(open_page: Callable[..., Any], html: str) -> None:
    page = open_page(html)
    for selector in ("h1", ".confidence", ".deciding", ".key-picture .panes", ".quality-line", ".first .limits"):
        seen = box(page, selector)
        assert seen["y"] >= 0 and seen["y"] + seen["height"] <= 768, selector
        assert seen["x"] >= 0 and seen["x"] + seen["width"] <= 1366, selector
    assert box(page, ".key-picture .panes svg")["height"] >= 200


def test_no_window_makes_the_page_scroll_sideways_or_what_is_pressed_small(
    open_page: Callable[..., Any], html: str
) -> None:
    page = open_page(html)
    assert page_overflow(page) == 0
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for viewport in ({"width": 1366, "height": 768}, {"width": 768, "height": 1024}, _PHONE):
        page.set_viewport_size(viewport)
        assert page_overflow(page) == 0, viewport
        assert page.evaluate(_TOO_SMALL) == [], viewport


def test_wide_tables_scroll_in_their_box_and_keep_their_first_column(open_page: Callable[..., Any], html: str) -> None:
    page = open_page(html, viewport=_PHONE)
    table = page.locator("#lesions .wide").first
    assert table.evaluate("(one) => one.scrollWidth > one.clientWidth")
    head = table.locator("tbody th").first
    before = head.bounding_box()
    table.evaluate("(one) => { one.scrollLeft = 200; }")
    assert head.bounding_box()["x"] == pytest.approx(before["x"], abs=1)


def test_the_keyboard_finds_the_images_first_and_sees_where_it_is(open_page: Callable[..., Any], html: str) -> None:
    page = open_page(html)
    page.keyboard.press("Tab")
    focused = page.evaluate(
        """[document.activeElement.getAttribute("href"), getComputedStyle(document.activeElement).outlineStyle,
        document.activeElement.getBoundingClientRect().left >= 0]"""
    )
    assert focused == ["#viewer", "solid", True]


def test_contents_and_findings_lead_to_what_they_name(open_page: Callable[..., Any], html: str) -> None:
    page = open_page(html)
    page.locator('.contents a[href="#evidence"]').click()
    bar, heading = box(page, ".contents"), box(page, "#evidence h2")
    assert bar["y"] <= 1
    assert heading["y"] >= bar["y"] + bar["height"] - 1
    page.locator('#lesions button[data-jump="lesion-1"]').click()
    assert page.evaluate("location.hash") == "#lesion-1"


def test_paper_shows_the_first_screen_on_one_sheet_and_nothing_folded(open_page: Callable[..., Any], html: str) -> None:
    wide, high = (round(size * _PX_PER_MM) for size in _A4_MM)
    page = open_page(html, viewport={"width": wide, "height": high})
    page.emulate_media(media="print")
    assert box(page, "#first")["height"] <= high
    assert page_overflow(page) == 0
    shown = page.evaluate(
        "[...document.querySelectorAll('main details > :last-child')].filter((one) => !one.closest('.viewer'))"
        ".map((one) => one.clientHeight > 0)"
    )
    assert shown and all(shown)
    assert not page.locator("nav.contents").is_visible()


def test_folded_parts_are_open_while_printing_and_folded_again_after_it(
    open_page: Callable[..., Any], html: str
) -> None:
    page = open_page(html)
    state = "[...document.querySelectorAll('main details')].map((one) => one.open)"
    before = page.evaluate(state)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not all(before) and all(page.evaluate(state))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(state) == before


def test_without_script_the_page_says_the_same(open_page: Callable[..., Any], html: str) -> None:
    page = open_page(html, java_script_enabled=False)
    assert page.locator(".key-picture svg").first.is_visible()
    assert not page.locator(".deciding button.jump").count() or not page.locator(".deciding button").first.is_visible()
    assert page.locator("#sides table").first.is_visible()
