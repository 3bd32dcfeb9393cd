"""What the first screen says, whatever the class, and that nothing on it is missing or told twice."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.patterns.records import Criterion, CriterionState, PatternClass, Sentence
from marrowsignal.quality.records import GateState, QualityReport
from marrowsignal.report import render_report
from marrowsignal.report.pictures.figures import Crop
from marrowsignal.report.pictures.key_picture import key_picture
from marrowsignal.report.pictures.key_slice import key_slice, target_mask
from marrowsignal.report.pictures.scene import scene_of
from marrowsignal.report.viewer import viewer_view
from marrowsignal.report.views.deciding import deciding_findings, jump_target
from marrowsignal.report.views.first_screen import first_screen_view
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import SHAPE, SPACING, build_gate, build_result, without_lesions


class Outline(HTMLParser):
    """Headings in order, texts of block elements, and every key to jump to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.headings: list[int] = []
        self.jumps: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.jumps += [value or "" for name, value in attrs if name == "data-jump"]


def criterion(
    id_: str, statement: str, state: CriterionState = CriterionState.POSITIVE, **changes: object
) -> Criterion:
    made = Criterion(
        id=id_, group="G2", direction="edema", statement=statement, value=2.0, ci_low=1.8, ci_high=2.2, unit="1",
        cut="within +-6 percent", state=state, source="test",
    )  # fmt: skip
    return replace(made, **changes)


def called(result: StudyResult, pattern: PatternClass, *criteria: Criterion) -> StudyResult:
    opening = Sentence(text="The class.", criteria=tuple(item.id for item in criteria) or ("none",))
    call = replace(
        result.call, pattern_class=pattern, criteria=criteria, sentences=(opening, *result.call.sentences[1:])
    )
    return replace(result, call=call)


def t1_only() -> StudyResult:
    result = build_result()
    signals = replace(
        result.signals, lesions=None, lesion_labels=None, lesions_reason="no STIR series", excess_index=None
    )
    pair = replace(result.pair, stir=None, t1_to_stir_lps=None, quality=None)
    return replace(result, pair=pair, signals=signals, series=replace(result.series, stir=None))


def first_section(result: StudyResult) -> str:
    page = render_report(result)
    found = re.search(r'<header id="first".*?</header>', page, re.S)
    assert found is not None
    return found.group()


STUDIES = {
    "edema": build_result,
    "nothing": without_lesions,
    "t1_only": t1_only,
    "flag": lambda: called(build_result(), PatternClass.RED_FLAG_INFILTRATION_LIKE),
    "cannot": lambda: called(build_result(), PatternClass.CANNOT_ASSESS),
    "open": lambda: called(build_result(), PatternClass.INDETERMINATE),
}


@pytest.fixture(scope="module", params=STUDIES)
def study(request: pytest.FixtureRequest) -> tuple[StudyResult, str]:
    result = STUDIES[request.param]()
    return result, render_report(result)


def test_headings_come_in_order_and_there_is_one_first(study: tuple[StudyResult, str]) -> None:
    levels = Outline(study[1]).headings
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_jump_names_something_in_the_study(study: tuple[StudyResult, str]) -> None:
    result, page = study
    for key in Outline(page).jumps:
        kind, _, number = key.partition("-")
        if kind == "slice":
            assert 0 <= int(number) < result.pair.t1.geometry.shape[0]
        else:
            assert target_mask(result, key) is not None, key


def test_every_button_says_where_it_leads(study: tuple[StudyResult, str]) -> None:
    names: dict[str, str] = {}
    for attributes, text in re.findall(r'<button([^>]*class="jump[^>]*)>([^<]*)<', study[1]):
        key, label = (re.search(rf'{name}="([^"]+)"', attributes) for name in ("data-jump", "aria-label"))
        assert key is not None and label is not None, text
        assert text in label.group(1)
        assert names.setdefault(label.group(1), key.group(1)) == key.group(1)


def test_no_long_text_stands_twice(study: tuple[StudyResult, str]) -> None:
    page = re.sub(r"<(script|style|svg)\b.*?</\1>", "", study[1], flags=re.S)
    # The paragraph to copy repeats what T1 and STIR cannot tell; that must go with it wherever it goes.
    page = re.sub(r'<p class="summary">.*?</p>', "", page, flags=re.S)
    texts = [text.strip() for text in re.findall(r">([^<>]{70,})<", page)]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_the_first_screen_holds_class_confidence_limits_and_the_picture(study: tuple[StudyResult, str]) -> None:
    result, page = study
    first = page[page.index("<header") : page.index("</header>")]
    view = first_screen_view(result)
    assert view.class_words in first and view.class_code in first
    assert view.confidence.capitalize() in first
    assert all(row.statement.split("<")[0] in first for row in view.deciding)
    assert view.limits and len(view.limits) <= 3 and len(view.deciding) <= 3
    assert first.count("<image") == len([s for s in (result.pair.t1, result.pair.stir) if s is not None])
    assert "Research use only" in first


def test_the_finding_that_decides_leads_and_its_lesion_is_the_key_picture() -> None:
    result = build_result()
    assert [item.id for item in deciding_findings(result)] == ["D04.edema"]
    lead = criterion("D04.edema", "STIR of lesion 1 (left ilium, 9 mL) over lean muscle")
    side = criterion("D20.edema", "left-right asymmetry of STIR", unit="percent")
    missed = criterion("D30.edema", "share of lesion 1 near the joint", CriterionState.NEGATIVE)
    result = called(result, PatternClass.FOCAL_EDEMA_LIKE, side, missed, lead)
    assert [item.id for item in deciding_findings(result)] == ["D04.edema", "D20.edema"]
    key = key_slice(result)
    lesion = result.signals.lesion_labels.array
    assert (key.kind, key.outlined) == ("lesion", ("lesion-1",))
    assert key.index == int(np.argmax((lesion == 1).sum(axis=(1, 2))))
    first = first_section(result)
    assert 'data-jump="lesion-1"' in first and "±6 percent" in first and 'class="line lesion"' in first


def test_a_region_is_shown_where_both_sides_are_seen_and_both_are_outlined() -> None:
    low = criterion("D03.reconversion.ilium.right", "T1 fat-signal index of ilium, right is below")
    result = called(build_result(), PatternClass.SYMMETRIC_RECONVERSION_LIKE, low)
    key = key_slice(result)
    sides = [(result.regions.labels.array[key.index] == label).sum() for label in (1, 2)]
    best = [(result.regions.labels.array == label).sum(axis=(1, 2)) for label in (1, 2)]
    assert min(sides) == np.min(best, axis=0).max()
    assert (key.kind, key.outlined) == ("region", ("region-1", "region-2"))
    assert key.reason == "most of both sides of ilium"


def test_a_tall_picture_is_cut_to_what_is_around_the_finding_and_no_other() -> None:
    lead = criterion("D04.edema", "STIR of lesion 1 (left ilium, 9 mL) over lean muscle")
    result = called(build_result(), PatternClass.FOCAL_EDEMA_LIKE, lead)
    scene, key = scene_of(result), key_slice(result)
    rows, columns = (SPACING[1], SPACING[2])
    wide = Crop(top=0, bottom=SHAPE[1], left=0, right=SHAPE[2])
    whole = key_picture(scene, key, wide)
    assert (whole.frame.height_mm, whole.frame.width_mm) == (SHAPE[1] * rows, SHAPE[2] * columns)
    tall = Crop(top=0, bottom=SHAPE[1], left=45, right=75)
    near = key_picture(scene, key, tall)
    assert near.frame.width_mm == 30 * columns
    assert near.frame.height_mm == pytest.approx(1.2 * near.frame.width_mm, abs=rows)
    lesion = next(line.path for line in near.panels[0].outlines if line.kind == "lesion")
    ys = [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", lesion)]
    assert (min(ys) + max(ys)) / 2 == pytest.approx(near.frame.height_mm / 2, abs=2 * rows)
    # Another part of the slice may not stand under the name of the whole one.
    assert {p.image_id for p in near.panels}.isdisjoint({p.image_id for p in whole.panels})


def test_what_is_undecided_is_an_interval_across_its_cut() -> None:
    count = criterion("D51.infiltration", "foci", CriterionState.INDETERMINATE, value=0.0, ci_low=None, ci_high=None)
    level = criterion("D20.edema", "asymmetry", CriterionState.INDETERMINATE)
    result = called(build_result(), PatternClass.INDETERMINATE, count, level)
    assert [item.id for item in deciding_findings(result)] == ["D20.edema"]
    assert "What is undecided" in first_section(result)


def test_what_has_no_place_of_its_own_is_shown_where_both_sides_have_most_marrow() -> None:
    result = called(build_result(), PatternClass.SYMMETRIC_RECONVERSION_LIKE, criterion("D04.reconversion", "STIR"))
    key = key_slice(result)
    assert (key.kind, key.outlined) == ("marrow", ())


def test_a_closed_study_shows_the_tissue_of_the_gate_that_closed_it() -> None:
    gate = build_gate("fat_suppression", GateState.FAIL, series="STIR", reason="fat is bright")
    closing = criterion("gate.fat_suppression.STIR", "Fat suppression: fat is bright", group="gate", value=None)
    result = called(build_result(), PatternClass.CANNOT_ASSESS, closing)
    call = replace(result.call, sentences=(result.call.sentences[0], Sentence(text="So.", criteria=(closing.id,))))
    result = replace(result, call=call, quality=QualityReport(gates=(gate,)))
    key = key_slice(result)
    fat = (result.references.labels.array == 2).sum(axis=(1, 2))
    assert key.kind == "fat" and fat[key.index] == fat.max()
    assert f'"start":{key.index},' in viewer_view(result).data.replace(" ", "")
    (row,) = first_screen_view(result).deciding
    assert row.is_gate and row.statement == "Fat suppression in order (STIR)" and row.value == "no number"
    assert "What forbids a pattern" in first_section(result)


def test_a_dark_focus_is_told_even_where_no_class_is_named() -> None:
    lesions = build_result().signals
    dark = criterion("D51.infiltration", "foci at or below muscle", unit="lesions")
    result = called(build_result(), PatternClass.CANNOT_ASSESS, dark)
    result = replace(result, signals=replace(lesions, dark_foci=(), lesions=()), call=replace(result.call, add_ons=()))
    assert [item.words for item in first_screen_view(result).add_ons] == ["focus dark on T1, to be reviewed"]


def test_a_lesion_that_is_not_in_the_study_is_no_target() -> None:
    result = build_result()
    assert jump_target(criterion("D04.edema", "STIR of lesion 7 over muscle"), result) == ""
    assert jump_target(criterion("D04.edema", "STIR of lesion 1 over muscle"), result) == "lesion-1"
    assert target_mask(result, "lesion-7") is None and target_mask(result, "nonsense") is None


def test_limits_tell_what_is_missing_first_and_what_signal_cannot_tell_last() -> None:
    view = first_screen_view(t1_only())
    assert view.limits[0].startswith("There is no STIR series")
    assert view.limits[1] == "Lesions were not looked for: no STIR series."
    failed = Finding(code="x", stage="y", severity=Severity.FAIL, message="The series may be of two people.")
    result = build_result()
    result = replace(result, signals=replace(result.signals, findings=(failed,)))
    assert first_screen_view(result).limits[0] == failed.message
    assert first_screen_view(result).limits[-1] == result.call.sentences[-1].text


def test_without_marrow_there_is_a_key_slice_all_the_same() -> None:
    result = without_lesions()
    geometry = result.pair.t1.geometry
    nothing = LabelVolume(array=np.zeros(SHAPE, np.uint16), geometry=geometry)
    marrow = replace(result.marrow, labels=nothing, core_mask=nothing.mask)
    result = replace(result, marrow=marrow, regions=replace(result.regions, labels=nothing, regions=()))
    assert key_slice(result).index == SHAPE[0] // 2
    assert "no marrow mask" in first_section(result)
