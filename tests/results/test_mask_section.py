"""The mask in result.json and in the tables: what was checked, what was not, and why."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.exports.tables.study_tables import regions_csv
from marrowsignal.marrow.records import (
    MarrowSource,
    MaskCheck,
    MaskCheckItem,
    MaskEdit,
    MaskVerdict,
    ToolMask,
)
from marrowsignal.results import to_document, to_json
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_result

ITEMS = (
    MaskCheckItem(key="open_border", verdict=MaskVerdict.WARN, value=0.37, unit="fraction", words="37% is open"),
    MaskCheckItem(key="agreement", verdict=None, value=None, unit="fraction", words="no probability"),
)
CHECK = MaskCheck(
    verdict=MaskVerdict.WARN,
    estimated_dice=0.66,
    dice_low=0.48,
    dice_high=0.8,
    dice_reason="by what the image shows",
    items=ITEMS,
)


def with_check(check: MaskCheck | None) -> StudyResult:
    result = build_result()
    return replace(result, marrow=replace(result.marrow, source=MarrowSource.ATLAS, made_by="site 3", check=check))


def marrow(result: StudyResult) -> dict:
    return json.loads(to_json(to_document(result)))["marrow"]


def test_every_item_has_verdict_value_unit_and_reason() -> None:
    told = marrow(with_check(CHECK))
    assert (told["source"], told["made_by"]) == ("atlas", "site 3")
    assert told["check"]["verdict"] == "warn"
    dice = told["check"]["estimated_dice"]
    assert (dice["value"], dice["low"], dice["high"], dice["status"]) == (0.66, 0.48, 0.8, "measured")
    border, agreement = told["check"]["items"]
    assert (border["verdict"], border["value"], border["unit"], border["status"]) == (
        "warn",
        0.37,
        "fraction",
        "measured",
    )
    assert (agreement["verdict"], agreement["value"], agreement["status"]) == ("not_evaluable", None, "not_evaluable")
    assert agreement["reason"] == "no probability"


@pytest.mark.parametrize("check", [None, replace(CHECK, estimated_dice=None, dice_low=None, dice_high=None)])
def test_no_estimate_is_null_with_a_reason_and_never_zero(check: MaskCheck | None) -> None:
    dice = marrow(with_check(check))["check"]["estimated_dice"]
    assert (dice["value"], dice["low"], dice["high"], dice["status"]) == (None, None, None, "not_evaluable")
    assert dice["reason"]


def test_an_edit_is_told_in_millilitres() -> None:
    result = with_check(CHECK)
    before = ToolMask(labels=result.marrow.labels, source=MarrowSource.AUTOMATIC, made_by="network 1")
    edit = MaskEdit(edited_from=before, added_voxels=500, removed_voxels=100, renamed_voxels=0, voxel_ml=0.02)
    told = marrow(replace(result, marrow=replace(result.marrow, source=MarrowSource.EDITED, edit=edit)))
    assert (told["source"], told["edit"]["edited_from"]) == ("edited", "automatic")
    assert (told["edit"]["added_ml"], told["edit"]["removed_ml"]) == (10.0, 2.0)
    assert marrow(result)["edit"] is None


def test_a_cut_region_tells_its_share_and_an_unknown_share_is_empty() -> None:
    result = build_result()
    first, second, *others = result.regions.regions
    first = replace(first, cut_by_field_of_view=True, coverage_fraction=0.8, coverage_reason="by its mirror image")
    second = replace(second, cut_by_field_of_view=True, coverage_fraction=None, coverage_reason="both ends are cut")
    result = replace(result, regions=replace(result.regions, regions=(first, second, *others)))
    whole, left, right, *_ = csv.DictReader(io.StringIO(regions_csv(result)))
    assert (left["cut_by_field_of_view"], left["coverage_fraction"], left["coverage_status"]) == (
        "yes",
        "0.8",
        "measured",
    )
    assert (right["coverage_fraction"], right["coverage_status"]) == ("", "not_evaluable")
    assert right["coverage_reason"] == "both ends are cut"
    assert (whole["cut_by_field_of_view"], whole["coverage_fraction"]) == ("", "")
    assert whole["coverage_reason"]


def test_parts_stand_after_regions_with_their_bone() -> None:
    result = build_result()
    place = replace(
        result.regions.regions[0], label=1, key="iliac_quadrant_upper", parent="ilium", joint_distance_mm=6.5
    )
    signals = replace(result.signals.regions[0], region_label=1, key="iliac_quadrant_upper", name="upper quadrant")
    result = replace(
        result,
        regions=replace(result.regions, parts=(place,)),
        signals=replace(result.signals, parts=(signals,)),
    )
    *_, last = csv.DictReader(io.StringIO(regions_csv(result)))
    assert (last["region"], last["parent"], last["joint_distance_mm"]) == ("iliac_quadrant_upper", "ilium", "6.5")
    document = to_document(result)
    assert [part.parent for part in document.parts] == ["ilium"]
    assert document.parts[0].joint_distance_mm.value == 6.5
    assert document.regions[0].joint_distance_mm.value is None


def test_numbers_of_numpy_are_plain() -> None:
    check = replace(CHECK, items=(replace(ITEMS[0], value=np.float32(0.5)),))
    assert marrow(with_check(check))["check"]["items"][0]["value"] == 0.5
