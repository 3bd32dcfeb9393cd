from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from marrowsignal.findings import Finding, Severity
from marrowsignal.patterns.records import PatternClass
from marrowsignal.regions.records import Side
from marrowsignal.report import render_report
from marrowsignal.report.views.lesion_tables import dark_focus_table, dropped_table
from marrowsignal.report.views.region_tables import bone_table
from marrowsignal.report.views.wording import CLASS_WORDS
from marrowsignal.signals.records import BoneSignals, DroppedCandidate, Measurement
from tests.report.study_builder import HOSTILE, build_result, without_lesions

VOID = {"meta", "link", "br", "hr", "img", "input"}
SVG_CLOSED = {"path", "rect", "circle", "use", "image", "line"}


class Reader(HTMLParser):
    """Collects tags, attributes and ids, and checks that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.attributes if key == name]


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(build_result())


def own_script(page: str) -> str:
    found = re.search(r"<script>(.*?)</script>", page, re.S)
    assert found is not None
    return found.group(1)


def test_the_page_needs_nothing_and_runs_its_own_script_only(page: str) -> None:
    reader = Reader(page)
    tags = {tag for tag, _, _ in reader.attributes}
    assert page.count("<script") == 2  # ours, and the data it reads, which no browser runs
    assert page.count('<script type="application/json"') == 1
    assert not tags & {"link", "iframe", "object", "form", "base"}
    assert not [name for _, name, _ in reader.attributes if name.startswith("on") or name == "style"]
    assert not [name for tag, name, _ in reader.attributes if tag == "script" and name == "src"]
    for target in reader.values("href") + reader.values("src"):
        assert target.startswith(("#", "data:image/png;base64,"))
    assert "http://" not in page and "https://" not in page and "@import" not in page and "url(" not in page


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_this_style_this_script_and_data_images_only(page: str) -> None:
    policy = next(value for value in Reader(page).values("content") if "default-src" in value)
    css = re.search(r"<style>(.*?)</style>", page, re.S)
    assert css is not None
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(css.group(1))}'; "
        f"script-src 'sha256-{digest(own_script(page))}'; base-uri 'none'; form-action 'none'"
    )


def test_texts_of_the_study_are_escaped(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_hostile_region_names_and_findings_are_escaped() -> None:
    result = build_result()
    bad = '"/><script>x</script>'
    region = replace(result.signals.regions[0], name=bad, key=bad)
    finding = Finding(code="x", stage="y", severity=Severity.FAIL, message=bad)
    signals = replace(result.signals, regions=(region,), findings=(finding,))
    text = render_report(replace(result, signals=signals))
    assert text.count("<script") == 2
    assert bad not in text
    Reader(text)


def test_ids_are_unique_and_every_use_finds_its_image(page: str) -> None:
    reader = Reader(page)
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    used = [value[1:] for tag, name, value in reader.attributes if tag == "use" and name == "href"]
    assert used and set(used) <= set(ids)


def test_every_picture_has_words(page: str) -> None:
    for found in re.finditer(r"<svg[^>]*>", page):
        assert re.search(r'aria-label="[^"]+"|aria-hidden="true"', found.group()), found.group()


def test_the_page_says_what_matters(page: str) -> None:
    for words in (
        "Research use only, not a diagnosis",
        "Focal edema-like pattern",
        "Moderate confidence",
        "Slices are 4 mm thick.",
        "largest cross-section of lesion 1",
        "0.62\N{NO-BREAK SPACE}mm",
        "left ilium",
        "not measured",
        "loc 3 plane",
        "One scan cannot say",
        "a" * 64,
    ):
        assert words in page, words
    assert "secret" not in page and "Doe" not in page
    assert "2026-01-02" not in page  # dates stay in result.json


def test_the_page_is_small_and_the_same_every_time(page: str) -> None:
    assert page == render_report(build_result())
    assert len(page.encode("utf-8")) < 6_000_000


@pytest.mark.parametrize("pattern", list(PatternClass))
def test_every_class_renders(pattern: PatternClass) -> None:
    result = build_result()
    text = render_report(replace(result, call=replace(result.call, pattern_class=pattern)))
    assert CLASS_WORDS[pattern] in text
    assert ("Red flag." in text) is (pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE)
    Reader(text)


def test_a_study_without_anything_measured_still_has_a_page() -> None:
    text = render_report(without_lesions())
    Reader(text)
    assert "No lesion was found" in text
    assert "Cannot be assessed" in text
    assert "no lean muscle found" in text
    assert "None" not in re.sub(r"base64,[^\"]*", "", text)


def test_a_nan_is_neither_drawn_nor_printed() -> None:
    result = build_result()
    region = result.signals.regions[0]
    first, *others = region.measurements
    no_value = replace(region, measurements=(replace(first, value=float("nan")), *others))
    no_interval = replace(result.signals.regions[1], measurements=(replace(first, ci_low=float("nan")), *others))
    signals = replace(result.signals, regions=(no_value, no_interval, result.signals.regions[2]))
    text = re.sub(r"base64,[^\"]*", "", render_report(replace(result, signals=signals)))
    assert not re.search(r"\bnan\b", text)


def test_the_label_of_one_of_several_pairs_is_told() -> None:
    result = build_result()
    labelled = render_report(replace(result, series=replace(result.series, label="left")))
    assert f"Case {result.case} · left ·" in labelled
    assert f"Case {result.case} · {result.protocol.title}" in render_report(result)


def test_dark_foci_bones_and_what_was_set_aside_have_tables() -> None:
    result = build_result()
    (lesion,) = result.signals.lesions
    fat = Measurement(id="D26", name="epiphysis_fat_signal", value=0.81)
    set_aside = DroppedCandidate(
        kind="slice_end", reason="half of it ends here", volume_ml=1.2, region_name="sacrum", centroid_lps_mm=(1, 2, 3)
    )
    signals = replace(
        result.signals,
        dark_foci=(replace(lesion, region_name=HOSTILE),),
        dropped=(set_aside,),
        bones=(BoneSignals(key="distal_femur", name="distal femur, left", side=Side.LEFT, measurements=(fat,)),),
    )
    with_all = replace(result, signals=signals)
    (focus,) = dark_focus_table(with_all).rows
    assert focus[3].text == HOSTILE
    assert dropped_table(with_all).rows[0][0].text == "slice end"
    assert [cell.text for cell in bone_table(with_all).rows[0]] == ["distal femur, left", "0.81"]
    text = render_report(with_all)
    assert HOSTILE not in text
    for words in ("Foci dark on T1", "Not lesions", "half of it ends here", "distal femur, left"):
        assert words in text, words
    Reader(text)
    assert not dark_focus_table(result).rows and not dropped_table(result).rows and not bone_table(result).rows
