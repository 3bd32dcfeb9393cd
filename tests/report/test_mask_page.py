"""The mask's section of the page: verdict, maker, estimate, checks, outlines."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowSource, MaskVerdict
from marrowsignal.report import render_report
from marrowsignal.report.views.mask_view import mask_view
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import HOSTILE, build_result
from tests.results.test_mask_section import CHECK, with_check


def section(result: StudyResult) -> str:
    found = re.search(r'<section id="mask">.*?</section>', render_report(result), re.S)
    assert found is not None
    return found.group()


def test_the_section_says_who_made_the_mask_and_what_it_is_good_for() -> None:
    told = section(with_check(CHECK))
    assert "made from an atlas of labelled studies (site 3)" in told
    assert "0.66 (90 % interval 0.48 to 0.80), by what the image shows" in told
    assert "This mask has to be looked at." in told
    assert "37% is open" in told and "37.0%" in told
    assert '<span class="gate warn">' in told


def test_what_fails_stands_first_and_what_could_not_be_seen_last() -> None:
    items = (*reversed(CHECK.items), replace(CHECK.items[0], key="volume", verdict=MaskVerdict.FAIL))
    view = mask_view(with_check(replace(CHECK, items=items)).marrow, voxel_ml=0.02)
    assert [row.mark.kind for row in view.items] == ["fail", "warn", "not_evaluable"]
    assert view.items[-1].value == "not measured"


def test_a_mask_that_was_not_checked_says_so() -> None:
    told = section(with_check(None))
    assert "The mask was not checked." in told
    assert "not estimated" in told


def test_mask_and_core_are_outlined_on_slices_that_differ() -> None:
    result = with_check(CHECK)
    core = result.marrow.core_mask.copy()
    core[:, :40] = False
    told = section(replace(result, marrow=replace(result.marrow, core_mask=core)))
    assert len(set(re.findall(r'id="mask-(\d+)"', told))) == 3
    assert told.count('class="line marrow"') == 3
    assert told.count('class="line core"') >= 1


def test_without_a_mask_there_is_no_picture() -> None:
    result = build_result()
    nothing = LabelVolume(array=np.zeros(result.marrow.labels.array.shape, np.uint16), geometry=result.pair.t1.geometry)
    empty = replace(result.marrow, labels=nothing, core_mask=nothing.mask)
    assert "<svg" not in section(replace(result, marrow=empty))


def test_hostile_words_are_escaped() -> None:
    result = with_check(replace(CHECK, dice_reason=HOSTILE))
    told = section(replace(result, marrow=replace(result.marrow, made_by=HOSTILE, source=MarrowSource.EXTERNAL)))
    assert "<script" not in told
