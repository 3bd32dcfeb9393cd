from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from pydantic import ValidationError

from marrowsignal.alignment.records import AlignmentVerdict, PieceMotion
from marrowsignal.results import ResultDocument, result_json_schema, to_document, to_json
from marrowsignal.results.provenance import StepTime, library_versions
from tests.report.study_builder import SHAPE, SPACING, build_result, without_lesions


def as_data(result: Any) -> dict[str, Any]:
    return json.loads(to_json(to_document(result)))


def test_a_refused_stir_has_no_number_and_says_that_its_registration_failed() -> None:
    result = build_result()
    quality = replace(result.pair.quality, verdict=AlignmentVerdict.FAIL, reason="nothing fits")
    gone = {t.key: replace(t, stir=None) for t in result.references.all_tissues()}
    references = replace(result.references, **gone, noise_stir=None, stir_residual_bias_fraction=None)
    data = as_data(replace(result, pair=replace(result.pair, quality=quality), references=references))
    reasons = [t["stir_reason"] for t in data["references"]["tissues"] if t["t1"] is not None]
    reasons += [data["references"]["noise_stir_reason"], data["bias"]["stir_residual"]["reason"]]
    assert len(reasons) > 2
    assert set(reasons) == {"registration failed: nothing fits"}


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
    assert data["schema_version"] == "1.5"
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
    assert data["marrow"]["check"]["estimated_dice"]["reason"]
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


COURT = ("overlap_fraction", "forward_backward_mm", "jackknife_mm", "edge_distance_mm", "local_residual_mm")


def with_alignment(**changes: Any) -> dict[str, Any]:
    result = build_result()
    quality = replace(result.pair.quality, **changes)
    return as_data(replace(result, pair=replace(result.pair, quality=quality)))["alignment"]


def test_measures_of_the_alignment_are_numbers_or_null_with_a_reason() -> None:
    values = {name: 0.25 + k for k, name in enumerate(COURT)}
    measured = with_alignment(**values, error_source="from edges", interpolator="B-spline")
    missing = with_alignment(**{name: float("nan") if name == "jackknife_mm" else None for name in COURT})
    for name in COURT:
        stem = name.rsplit("_", 1)[0]
        assert [measured[k] for k in (name, f"{stem}_status", f"{stem}_reason")] == [values[name], "measured", ""]
        assert (missing[name], missing[f"{stem}_status"], bool(missing[f"{stem}_reason"])) == (
            None, "not_evaluable", True,
        )  # fmt: skip
    assert (measured["error_source"], measured["interpolator"]) == ("from edges", "B-spline")


@pytest.mark.parametrize("verdict", list(AlignmentVerdict))
def test_what_the_alignment_allows_is_told(verdict: AlignmentVerdict) -> None:
    told = with_alignment(verdict=verdict)
    assert told["allows_lesions"] is (verdict in (AlignmentVerdict.PASS, AlignmentVerdict.WARN))
    assert told["allows_regions"] is (verdict is not AlignmentVerdict.FAIL)


def test_parts_that_moved_on_their_own_keep_their_transform() -> None:
    result = build_result()
    own = np.diag([1.0, 1.0, 1.0, 1.0])
    own[:3, 3] = (1.5, -2.0, 0.25)
    piece = PieceMotion(
        centre_lps_mm=(40.0, 0.0, -12.5), t1_to_stir_lps=own, beyond_rigid_mm=1.75, voxels=4321, reach_mm=15.0
    )
    data = as_data(replace(result, pair=replace(result.pair, pieces=(piece,))))["alignment"]["pieces"]
    assert data == [
        {
            "centre_lps_mm": [40.0, 0.0, -12.5],
            "t1_to_stir_lps": own.tolist(),
            "beyond_rigid_mm": 1.75,
            "voxels": 4321,
            "reach_mm": 15.0,
        }
    ]
    assert as_data(result)["alignment"]["pieces"] == []


def test_metal_not_looked_for_is_not_metal_not_found() -> None:
    result = build_result()
    assert as_data(result)["metal_excluded"]["reason"] == "metal was not looked for"
    for voxels in (0, 30):
        mask = np.zeros(SHAPE, bool)
        mask.flat[:voxels] = True
        told = as_data(replace(result, pair=replace(result.pair, metal_mask=mask)))["metal_excluded"]
        assert (told["value"], told["status"]) == (pytest.approx(voxels * np.prod(SPACING) / 1000), "measured")


def test_a_withheld_stir_median_has_the_reason_of_its_gate() -> None:
    result = build_result()
    region = result.signals.regions[0]
    why = "fat is not suppressed"
    held = tuple(replace(m, value=None, reason=why) if "stir" in m.name else m for m in region.measurements)
    region = replace(region, stir_median=None, measurements=held)
    told = as_data(replace(result, signals=replace(result.signals, regions=(region,))))["regions"][0]
    assert (told["stir_median"], told["stir_median_status"], told["stir_median_reason"]) == (None, "not_evaluable", why)


def test_libraries_are_named_without_being_imported() -> None:
    told = dict(library_versions())
    assert {"numpy", "highdicom", "onnxruntime", "scikit-learn"} <= set(told)
    assert all(told.values())
    code = "import sys; from marrowsignal.results.provenance import library_versions; library_versions()"
    tail = "; sys.exit(' '.join({'highdicom', 'onnxruntime', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
