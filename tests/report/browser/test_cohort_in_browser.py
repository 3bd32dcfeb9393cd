"""The page of a cohort as its readers use it: filters, list, plane, keyboard, phone, paper, no script."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marrowsignal.cohort.page import render_cohort_page
from marrowsignal.cohort.page.page_tables import read_cohort_data
from tests.cohort.cohort_builder import add_labels, build_database, case_name

Open = Callable[..., Any]
EDEMA, NORMAL = "Focal edema-like pattern", "Normal-for-age-like marrow signal"


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    database = build_database(tmp_path_factory.mktemp("cohort") / "cohort.duckdb", name="=odd, case")
    add_labels(database, [(case_name(at), "normal", None, None) for at in range(20) if at != 2])
    return render_cohort_page(read_cohort_data(database))


def pick(page: Any, words: str) -> Any:
    return page.locator(".counts tr", has_text=words).locator("button.pick").first


def listed(page: Any) -> list[str]:
    return page.locator(".list-frame tbody th").all_text_contents()


def told(page: Any) -> str:
    return page.locator(".list-tools strong").text_content()


def test_sets_of_one_kind_are_joined_and_of_two_kinds_intersected(open_page: Open, html: str) -> None:
    page = open_page(html)
    assert told(page) == "60 of 60 studies" and page.locator("#filter-bar").is_hidden()
    pick(page, EDEMA).click()
    assert told(page) == "14 of 60 studies"
    pick(page, NORMAL).click()
    assert told(page) == "29 of 60 studies"
    page.locator(".gate-counts tr", has_text="STIR against T1").locator("button.pick").click()
    assert told(page) == "6 of 60 studies"
    assert page.locator("#filter-bar .chip").count() == 3
    page.locator("#filter-bar").get_by_text("all studies").click()
    assert told(page) == "60 of 60 studies" and page.locator("#filter-bar").is_hidden()


def test_the_list_is_sorted_by_what_to_look_at_and_holds_only_rows_in_sight(open_page: Open, html: str) -> None:
    page = open_page(html)
    assert listed(page)[0] == case_name(0) and len(listed(page)) < 60
    page.locator(".list-frame thead button", has_text="case").click()
    assert listed(page)[0] == case_name(0) and listed(page)[1] == case_name(1)
    page.locator(".list-frame thead button", has_text="age, y").click()
    ages = page.locator(".list-frame thead th").all_text_contents().index("age, y")
    shown = page.locator(f".list-frame tbody tr:not(.space) > :nth-child({ages + 1})").all_text_contents()
    assert [int(one) for one in shown] == sorted(int(one) for one in shown)
    page.locator(".list-frame").evaluate("(frame) => (frame.scrollTop = 1e6)")
    page.wait_for_function(
        "(name) => document.querySelector('.list-frame').textContent.includes(name)", arg=case_name(5)
    )
    assert listed(page)[-1] == case_name(59)


def test_the_picked_studies_are_saved_as_a_table_no_spreadsheet_runs(open_page: Open, html: str) -> None:
    page = open_page(html, accept_downloads=True)
    page.get_by_placeholder("case contains").fill("odd")
    assert told(page) == "1 of 60 studies"
    with page.expect_download() as download:
        page.get_by_text("Save these as CSV").click()
    text = Path(download.value.path()).read_bytes().decode("utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert row["case"] == "'=odd, case" and row["report"] == "./%3Dodd%2C%20case/report.html"
    assert row["T1 / muscle"] == "1.50" and text.endswith("\r\n")


def test_a_dot_is_read_and_leads_to_its_study(open_page: Open, html: str) -> None:
    page = open_page(html)
    page.locator("#plane canvas").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#hover-card strong").text_content()
    assert page.locator(".plane-point").get_attribute("href") == page.locator("#hover-card a").get_attribute("href")
    page.keyboard.press("ArrowRight")
    assert page.locator("#hover-card strong").inner_text() != first
    ring = page.locator(".plane-point").bounding_box()
    page.mouse.move(5, 5)
    page.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert "T1 / muscle" in page.locator("#hover-card").text_content()


def test_a_box_keeps_what_is_inside(open_page: Open, html: str) -> None:
    page = open_page(html)
    page.locator("#plane").scroll_into_view_if_needed()
    frame = page.locator("#plane").bounding_box()
    page.mouse.move(frame["x"] + 5, frame["y"] + 5)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] - 5, frame["y"] + frame["height"] / 2, steps=4)
    page.mouse.up()
    page.locator("#filter-bar").wait_for()
    inside = int(told(page).split()[0])
    assert 0 < inside < 57
    page.locator("#filter-bar .chip").click()
    assert told(page) == "60 of 60 studies"


def test_without_scripts_counts_plane_and_outliers_are_there(open_page: Open, html: str) -> None:
    page = open_page(html, java_script_enabled=False)
    assert page.locator(".static-dots path").count() == 4
    assert page.locator(".static-dots").is_visible() and page.locator("noscript p").is_visible()
    assert page.locator(f'.suspects a[href="./{case_name(0)}/report.html"]').count() == 1
    assert page.locator("#list").is_hidden() and page.locator("#filter-bar").is_hidden()


@pytest.mark.parametrize("width", [390, 768, 1366])
def test_nothing_is_wider_than_the_screen(open_page: Open, html: str, width: int) -> None:
    page = open_page(html, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_paper_has_the_dots_and_no_controls(open_page: Open, html: str) -> None:
    page = open_page(html)
    page.emulate_media(media="print")
    assert page.locator(".static-dots").is_visible()
    assert page.locator(".list-frame").is_hidden() and page.locator(".pinned").is_hidden()


def test_what_was_picked_is_there_again_after_reading_a_study(open_page: Open, html: str) -> None:
    page = open_page(html)
    pick(page, EDEMA).click()
    page.goto("about:blank")
    page.go_back()
    assert told(page) == "14 of 60 studies"
