"""The wide row stacks, and the long table holds everything, each value as ``result.json`` has it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import pairwise

import pytest

from marrowsignal.exports.tables.measurement_table import measurements_csv
from marrowsignal.exports.tables.study_columns import study_columns
from marrowsignal.exports.tables.study_row import study_csv
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.records import Region, Side
from marrowsignal.results.document import to_document
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_protocol, build_result, without_lesions

PLACES = {"ilium_left", "ilium_right", "ilium", "sacrum", "test_left", "test_right", "test"}


def study_row(result: StudyResult, protocol: Protocol | None = None) -> dict[str, str]:
    text = study_csv(to_document(result), protocol=protocol or result.protocol)
    (row,) = csv.DictReader(io.StringIO(text))
    return row


def long_rows(result: StudyResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(measurements_csv(to_document(result)))))


def with_regions(result: StudyResult, keep: slice) -> StudyResult:
    regions = replace(result.regions, regions=result.regions.regions[keep])
    return replace(result, regions=regions, signals=replace(result.signals, regions=result.signals.regions[keep]))


@pytest.mark.parametrize("name", ["pelvis_sij", "lumbar_spine", "hips", "knee", "generic"])
def test_no_header_comes_twice(name: str) -> None:
    headers = [column.name for column in study_columns(load_protocol(name))]
    assert len(set(headers)) == len(headers)


@pytest.mark.parametrize("key", ["lesion", "mask", "all", "gate", "quality"])
def test_a_protocol_may_call_a_region_anything(key: str) -> None:
    protocol = build_protocol().model_copy(update={"regions": (RegionSpec(key=key, name=key),)})
    headers = [column.name for column in study_columns(protocol)]
    assert len(set(headers)) == len(headers)


def test_columns_do_not_depend_on_what_was_found() -> None:
    full = build_result()
    studies = (full, without_lesions(), with_regions(full, slice(0, 1)), with_regions(full, slice(0, 0)))
    assert all(list(study_row(a)) == list(study_row(b)) for a, b in pairwise(studies))


def test_a_value_is_that_of_its_region_and_side() -> None:
    result = build_result()
    row = study_row(result)
    for signals, prefix in zip(result.signals.regions, ("ilium_left", "ilium_right", "sacrum"), strict=True):
        measured = signals.measurement("t1_marrow_to_muscle")
        assert float(row[f"{prefix}_t1_marrow_to_muscle_ratio"]) == measured.value
        assert row[f"{prefix}_t1_marrow_to_muscle_ratio_status"] == "measured"
        assert row[f"{prefix}_status"] == "in_view"
        assert float(row[f"{prefix}_lesion_ml"]) == signals.lesion_ml
    assert float(row["symmetry_ilium_t1_asymmetry_percent"]) == 3.0
    assert row["other_regions_in_view"] == ""


def test_a_region_out_of_view_has_empty_cells_that_say_so() -> None:
    row = study_row(with_regions(build_result(), slice(0, 1)))
    assert row["ilium_right_status"] == row["sacrum_status"] == "not_in_view"
    cells = {name: cell for name, cell in row.items() if name.startswith("ilium_right_")}
    assert {cell for name, cell in cells.items() if name.endswith("_status")} == {"not_in_view"}
    assert {cell for name, cell in cells.items() if not name.endswith("_status")} == {""}


def test_a_region_without_columns_is_named() -> None:
    result = build_result()
    protocol = result.protocol.model_copy(update={"regions": result.protocol.regions[:1]})
    assert study_row(result, protocol)["other_regions_in_view"] == "sacrum"


def test_two_regions_under_one_name_are_not_mixed() -> None:
    """Both femora where the protocol knows of one: neither is told as the one."""
    result = build_result()
    protocol = result.protocol.model_copy(
        update={"regions": tuple(spec.model_copy(update={"paired": False}) for spec in result.protocol.regions)}
    )
    row = study_row(result, protocol)
    assert (row["ilium_status"], row["ilium_t1_marrow_to_muscle_ratio"]) == ("several_in_view", "")


def test_lesions_not_looked_for_are_not_none_found() -> None:
    result = build_result()
    found, none, unknown = (
        study_row(replace(result, signals=replace(result.signals, lesions=lesions)))
        for lesions in (result.signals.lesions, (), None)
    )
    volume = result.signals.lesions[0].volume_ml
    assert (found["lesion_count"], found["lesion_left_count"], found["lesion_right_count"]) == ("1", "1", "0")
    assert float(found["lesion_left_volume_ml"]) == float(found["lesion_largest_ml"]) == volume
    assert (none["lesion_status"], none["lesion_count"], none["lesion_volume_ml"]) == ("measured", "0", "0.0")
    assert (none["lesion_largest_ml"], none["lesion_left_volume_ml"]) == ("", "0.0")
    assert (unknown["lesion_status"], unknown["lesion_count"], unknown["lesion_volume_ml"]) == ("not_evaluable", "", "")


def test_the_long_table_has_one_row_a_measurement() -> None:
    result = build_result()
    table = long_rows(result)
    keys = [(row["kind"], row["label"], row["key"], row["side"], row["measurement"]) for row in table]
    assert len(set(keys)) == len(keys)
    assert {row["kind"] for row in table} == {"whole", "region", "lesion", "symmetry", "reference"}
    counts = sum(len(one.measurements) for one in (result.signals.whole, *result.signals.regions))
    assert sum(row["kind"] in ("whole", "region") and row["descriptor"] != "" for row in table) == counts


def test_the_long_table_says_what_the_wide_ones_say() -> None:
    result = build_result()
    wide = study_row(result)
    for row in long_rows(result):
        if row["kind"] == "region" and row["measurement"] == "stir_marrow_to_muscle":
            prefix = row["key"] if row["side"] == "none" else f"{row['key']}_{row['side']}"
            assert wide[f"{prefix}_stir_marrow_to_muscle_ratio"] == row["value"]
        assert (row["value"] == "") == (row["status"] == "not_evaluable"), row
        assert row["value"] or row["reason"], row


def test_volumes_of_lesions_not_looked_for_are_empty_with_a_reason() -> None:
    result = build_result()
    signals = replace(result.signals, lesions=None, lesions_reason="no STIR series")
    signals = replace(signals, regions=tuple(replace(region, lesion_ml=None) for region in signals.regions))
    table = long_rows(replace(result, signals=signals))
    told = [row for row in table if row["kind"] == "region" and row["measurement"] == "lesion_volume"]
    assert [(row["value"], row["status"], row["reason"]) for row in told] == [
        ("", "not_evaluable", "no STIR series")
    ] * 3


def test_a_region_whose_side_is_not_known_has_columns_of_its_own() -> None:
    result = build_result()
    region: Region = replace(result.regions.regions[0], side=Side.NONE)
    signals = replace(result.signals.regions[0], side=Side.NONE)
    result = replace(
        result,
        regions=replace(result.regions, regions=(region,)),
        signals=replace(result.signals, regions=(signals,)),
    )
    row = study_row(result)
    assert (row["ilium_status"], row["ilium_left_status"]) == ("in_view", "not_told_apart")
    assert float(row["ilium_volume_ml"]) == region.volume_ml


def test_where_bones_are_not_told_apart_their_parts_stand_for_them() -> None:
    """A mask of the whole, left and right, divided into ilia and the sacrum afterwards."""
    result = build_result()
    bones, measured = result.regions.regions, result.signals.regions
    whole = result.protocol.whole.key
    halves = tuple(replace(region, key=whole) for region in bones[:2])
    result = replace(
        result,
        regions=replace(result.regions, regions=halves, parts=tuple(replace(bone, parent=whole) for bone in bones)),
        signals=replace(result.signals, regions=tuple(replace(one, key=whole) for one in measured[:2]), parts=measured),
    )
    row = study_row(result)
    states = {
        name.removesuffix("_status"): cell for name, cell in row.items() if name.removesuffix("_status") in PLACES
    }
    assert states == {
        "ilium_left": "as_part", "ilium_right": "as_part", "ilium": "divided", "sacrum": "as_part",
        f"{whole}_left": "in_view", f"{whole}_right": "in_view", whole: "divided",
    }  # fmt: skip
    value = measured[1].measurement("t1_marrow_to_muscle").value
    assert float(row["ilium_right_t1_marrow_to_muscle_ratio"]) == value
    bare = study_row(replace(result, signals=replace(result.signals, parts=())))
    assert (bare["ilium_left_status"], bare["sacrum_status"]) == ("not_told_apart", "not_told_apart")
    assert bare["ilium_left_t1_marrow_to_muscle_ratio_status"] == "not_told_apart"
    undivided = study_row(build_result())
    assert (undivided[f"{whole}_left_status"], undivided["ilium_status"]) == ("divided", "divided")
