from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from pydantic import ValidationError

from marrowsignal.results import ResultDocument, result_json_schema, to_document, to_json
from marrowsignal.results.provenance import StepTime
from tests.report.study_builder import SHAPE, SPACING, build_result, without_lesions


def as_data(result: Any) -> dict[str, Any]:
    return json.loads(to_json(to_document(result)))


def test_published_schema_is_current() -> None:
    published = (files("marrowsignal.results") / "result.schema.json").read_text(encoding="utf-8")
    assert published == result_json_schema()


@pytest.mark.parametrize("build", [build_result, without_lesions])
def test_documents_validate_against_the_published_schema(build: Any) -> None:
    schema = json.loads(result_json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_data(build()), schema, cls=jsonschema.Draft202012Validator)


def test_schema_refuses_a_foreign_field() -> None:
    data = as_data(build_result())
    data["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(result_json_schema()), cls=jsonschema.Draft202012Validator)


def test_names_that_scripts_rely_on() -> None:
    data = as_data(build_result())
    assert data["schema_version"] == "1.1"
    assert data["pattern"]["class"] == "FOCAL_EDEMA_LIKE"
    assert data["pattern"]["confidence"] == "moderate"
    assert data["alignment"]["t1_to_stir_lps"] == [[1, 0, 0, 1.25], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert data["alignment"]["estimated_error_mm"] == 0.62
    assert data["alignment"]["verdict"] == "pass"
    assert [region["key"] for region in data["regions"]] == ["ilium", "ilium", "sacrum"]
    assert data["lesions"][0]["side"] == "left"
    assert data["grid"]["spacing_mm"] == pytest.approx(SPACING)


def test_document_reads_back() -> None:
    document = to_document(build_result())
    assert ResultDocument.model_validate_json(to_json(document)) == document
    with pytest.raises(ValidationError):
        document.case = "other"  # type: ignore[misc]


def test_only_run_varies_between_runs() -> None:
    first = build_result()
    later = replace(
        first.provenance, finished_at="2030-01-01T00:00:00+00:00", step_times=(StepTime(step="x", seconds=9.0),)
    )
    a, b = as_data(first), as_data(replace(first, provenance=later))
    assert a.pop("run") != b.pop("run")
    assert a == b
    assert to_json(to_document(first)) == to_json(to_document(build_result()))


def test_what_was_not_measured_is_null_with_a_reason() -> None:
    data = as_data(without_lesions())
    alignment = data["alignment"]
    assert alignment["estimated_error_mm"] is None
    assert alignment["estimated_error_status"] == "not_evaluable"
    assert alignment["estimated_error_reason"]
    assert data["midline"]["normal_lps"] is None
    assert data["midline"]["reason"]
    assert data["bias"]["corrected"] is False
    assert data["bias"]["t1_residual"]["value"] is None
    assert data["bias"]["t1_residual"]["reason"]
    assert data["marrow"]["confidence"]["reason"]
    for tissue in data["references"]["tissues"]:
        assert (tissue["t1"], tissue["status"], bool(tissue["reason"])) == (None, "not_evaluable", True)
    for region in data["regions"]:
        assert (region["t1_median"], region["median_status"]) == (None, "not_evaluable")
        for item in region["measurements"]:
            assert (item["value"], item["status"], bool(item["reason"])) == (None, "not_evaluable", True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_becomes_not_evaluable(value: float) -> None:
    result = build_result()
    region = result.signals.regions[0]
    broken = replace(region.measurements[0], value=value)
    region = replace(region, measurements=(broken, *region.measurements[1:]))
    signals = replace(result.signals, regions=(region, *result.signals.regions[1:]))
    text = to_json(to_document(replace(result, signals=signals)))
    item = json.loads(text)["regions"][0]["measurements"][0]
    assert "NaN" not in text and "Infinity" not in text
    assert (item["value"], item["ci_low"], item["status"]) == (None, None, "not_evaluable")
    assert item["reason"] == "the value is not a finite number"


def test_numpy_numbers_are_plain_numbers() -> None:
    result = build_result()
    fat = replace(result.references.fat, t1=np.float32(300.5))
    data = as_data(replace(result, references=replace(result.references, fat=fat)))
    assert data["references"]["tissues"][1]["t1"] == 300.5


def test_no_path_leaves_and_the_bias_field_is_summed_up() -> None:
    result = build_result()
    text = to_json(to_document(result))
    assert "secret" not in text and "Doe" not in text
    data = json.loads(text)
    assert data["bias"]["t1_field_low"]["value"] == pytest.approx(1.0)
    empty = replace(result.pair, body_mask=np.zeros(SHAPE, bool))
    low = as_data(replace(result, pair=empty))["bias"]["t1_field_low"]
    assert (low["value"], low["reason"]) == (None, "there is no body to measure it in")
