"""A T1 without a STIR, the whole way: what T1 allows is measured as ever, all else is missing with a reason."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from marrowsignal.alignment import AlignedPair, t1_alone
from marrowsignal.exports import write_case
from marrowsignal.exports.tables.study_tables import lesions_csv, regions_csv, symmetry_csv
from marrowsignal.findings import Severity
from marrowsignal.geometry import AcquisitionFacts
from marrowsignal.intensity import ReferenceVerdict, correct_bias, find_references
from marrowsignal.marrow import segment_marrow
from marrowsignal.patterns import Confidence, CriterionState, PatternClass, classify
from marrowsignal.quality import check_quality, withhold
from marrowsignal.regions import Side
from marrowsignal.report import render_report
from marrowsignal.results import ResultDocument, to_document, to_json
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals import RegionSignals, Symmetry, measure_signals
from tests.alignment.pelvis import volume
from tests.report.study_builder import build_result
from tests.signals.scene import Scene, build_scene

REASON = "no STIR series"
T1_RATIOS = ("t1_marrow_to_muscle", "t1_marrow_to_fat", "fat_signal_index")


def analyzed(scene: Scene, pair: AlignedPair) -> StudyResult:
    """Everything after alignment, references found and not given."""
    protocol = scene.protocol
    marrow = segment_marrow(pair, protocol=protocol, supplied=scene.marrow.labels)
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=protocol)
    signals = measure_signals(pair, marrow, scene.regions, references, protocol=protocol)
    findings = (*pair.findings, *marrow.findings, *references.findings, *signals.findings)
    quality = check_quality(None, pair, marrow, scene.regions, references, signals, protocol=protocol)
    signals = withhold(signals, quality)
    call = classify(pair, signals, quality=quality, findings=findings, protocol=protocol)
    study = build_result()
    return replace(
        study,
        protocol=protocol,
        series=study.series if pair.stir else replace(study.series, stir=None),
        pair=pair,
        marrow=marrow,
        regions=scene.regions,
        references=references,
        signals=signals,
        quality=quality,
        call=call,
    )


@cache
def full(name: str) -> StudyResult:
    scene = build_scene(name)
    return analyzed(scene, scene.pair)


@cache
def alone(name: str) -> StudyResult:
    scene = build_scene(name)
    # the scene's own body, so that only STIR makes the difference
    return analyzed(scene, replace(t1_alone(scene.pair.t1), body_mask=scene.pair.body_mask))


def dark(level: float, **facts: Any) -> StudyResult:
    """Marrow whose T1 is `level` times that of muscle."""
    scene = build_scene("normal")
    rng = np.random.default_rng(0)
    t1 = scene.pair.t1.array.copy()
    marrow = scene.marrow.labels.mask
    t1[marrow] = level * scene.references.muscle.t1 * rng.normal(1, 0.03, int(marrow.sum()))
    acquisition = replace(scene.pair.t1.acquisition, **facts)
    return analyzed(scene, t1_alone(replace(scene.pair.t1, array=t1, acquisition=acquisition)))


@cache
def document() -> dict[str, Any]:
    return json.loads(to_json(to_document(alone("normal"))))


@cache
def page() -> str:
    return render_report(alone("normal"))


def values(owner: RegionSignals | Symmetry) -> dict[str, float]:
    return {m.name: m.value for m in owner.measurements if m.value is not None}


class TestNumbers:
    @pytest.mark.parametrize("name", ["normal", "symmetric_reconversion"])
    def test_t1_ratios_are_those_of_the_whole_study(self, name: str) -> None:
        with_stir, without = full(name).signals, alone(name).signals
        assert with_stir.lesions == ()
        for a, b in zip((with_stir.whole, *with_stir.regions), (without.whole, *without.regions), strict=True):
            # muscle and fat are found without STIR too, but not voxel by voxel the same
            assert {k: values(b)[k] for k in T1_RATIOS} == pytest.approx(
                {k: values(a)[k] for k in T1_RATIOS}, rel=0.01, abs=0.01
            )
            assert (b.t1_median, b.stir_median) == (a.t1_median, None)

    def test_t1_symmetry_is_that_of_the_whole_study(self) -> None:
        rows = [{row.key: values(row) for row in study("normal").signals.symmetry} for study in (full, alone)]
        assert rows[1]["all"]["t1_asymmetry"] == rows[0]["all"]["t1_asymmetry"]
        assert "background" not in rows[1]
        assert all("stir_asymmetry" not in row and "lesion_volume_asymmetry" not in row for row in rows[1].values())

    def test_what_needs_stir_has_a_reason(self) -> None:
        names = set()
        for owner in (alone("normal").signals.whole, *alone("normal").signals.symmetry):
            for item in owner.measurements:
                if item.value is None and item.name != "red_like_mirror_dice" and item.id not in ("D11", "D12"):
                    names.add(item.name)
                    assert (item.reason, item.ci_low, item.ci_high) == (REASON, None, None)
        assert names == {
            "stir_marrow_to_muscle", "stir_marrow_to_normal", "excess_index", "excess_water", "stir_fat_to_muscle",
            "abundance_sum", "fat_water_ratio", "fat_water_ratio_to_normal", "lesion_extent", "stir_asymmetry",
            "bias_cancelling_asymmetry", "lesion_volume_asymmetry", "stir_spread", "stir_p90_to_muscle",
            "stir_p95_to_muscle", "stir_high_share", "excess_p95",
        }  # fmt: skip

    def test_lesions_are_not_looked_for_which_is_not_none_found(self) -> None:
        signals = alone("focal_edema").signals
        assert (signals.lesions, signals.lesion_labels, signals.excess_index) == (None, None, None)
        assert signals.lesions_reason == REASON
        assert all(region.lesion_ml is None for region in (signals.whole, *signals.regions))

    def test_references_rest_on_t1_and_say_so(self) -> None:
        references = alone("normal").references
        assert all(tissue.t1 and tissue.stir is None for tissue in references.all_tissues())
        assert references.muscle.verdict is references.normal_marrow.verdict is ReferenceVerdict.WARN
        assert (references.noise_stir, references.stir_residual_bias_fraction) == (None, None)
        assert not any("STIR shading" in finding.message for finding in references.findings)

    def test_shading_of_t1_is_removed_nearly_as_beside_a_stir(self) -> None:
        scene, shape = build_scene("normal"), (4, 12, 12)
        signal = volume(np.random.default_rng(0).uniform(50, 60, shape), replace(scene.pair.t1.geometry, shape=shape))
        one = t1_alone(signal)
        both = replace(one, stir=signal)
        done = [correct_bias(pair, settings=scene.protocol.bias) for pair in (one, both)]
        # beside a STIR, tissue is told by both series
        np.testing.assert_allclose(done[0].t1.array, done[1].t1.array, rtol=0.005)
        assert done[0].stir is None
        assert done[0].bias is not None and done[0].bias.stir_field is None


class TestCall:
    @pytest.mark.parametrize("name", ["normal", "focal_edema", "symmetric_reconversion"])
    def test_no_pattern_is_named(self, name: str) -> None:
        call = alone(name).call
        assert (call.pattern_class, call.confidence) == (PatternClass.CANNOT_ASSESS, Confidence.NONE)
        (reason,) = call.reasons
        assert reason.startswith("there is no STIR series: T1 alone cannot tell")
        assert "no STIR series" in call.summary and "on T1 alone" in call.summary
        assert (call.add_ons, call.background_prevalence) == ((), "")

    def test_the_missing_series_is_a_finding_that_closes(self) -> None:
        found = [f for f in alone("normal").findings if f.code == "no_stir_series"]
        assert [f.severity for f in found] == [Severity.FAIL]

    def test_criteria_of_t1_are_answered_and_those_of_stir_are_not(self) -> None:
        criteria = {c.id: c for c in alone("focal_edema").call.criteria}
        assert criteria["D01.reconversion"].state is CriterionState.POSITIVE
        assert criteria["D50.infiltration"].state is CriterionState.NEGATIVE
        assert criteria["D20.reconversion.t1_asymmetry"].value is not None
        for name in ("D04.reconversion", "D07.reconversion", "D24.edema.count", "D04.edema", "D23.edema"):
            assert (criteria[name].state, criteria[name].value) == (CriterionState.NOT_EVALUABLE, None)
            assert REASON in criteria[name].cut

    def test_marrow_as_dark_as_muscle_is_told_and_still_not_named(self) -> None:
        study = dark(0.8)
        assert study.call.pattern_class is PatternClass.CANNOT_ASSESS
        assert study.call.add_ons == ("DIFFUSE_LOW_T1_REVIEW",)
        assert "T1 is at or below muscle over all of the marrow" in study.call.summary
        assert 'role="alert"' in render_report(study)
        assert 'role="alert"' not in page()

    def test_contrast_leaves_nothing_to_say_about_dark_marrow(self) -> None:
        call = dark(0.8, post_contrast=True).call
        assert call.pattern_class is PatternClass.CANNOT_ASSESS
        assert any("contrast" in reason for reason in call.reasons)
        assert call.add_ons == ()
        assert "contrast medium" in call.summary and "at or below muscle" not in call.summary


class TestDocument:
    def test_it_is_valid_and_reads_back(self) -> None:
        schema = json.loads((files("marrowsignal.results") / "result.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate(document(), schema, cls=jsonschema.Draft202012Validator)
        assert ResultDocument.model_validate(document()).pattern.pattern_class == "CANNOT_ASSESS"

    def test_lesions_are_null_with_a_reason(self) -> None:
        told = document()
        assert (told["lesions"], told["lesions_status"], told["lesions_reason"]) == (None, "not_evaluable", REASON)
        seen = json.loads(to_json(to_document(full("normal"))))
        assert (seen["lesions"], seen["lesions_status"], seen["lesions_reason"]) == ([], "measured", "")

    def test_alignment_is_null_with_a_reason(self) -> None:
        alignment = dict(document()["alignment"])
        assert [alignment.pop(k) for k in ("verdict", "reason")] == ["not_evaluable", REASON]
        told = {key: alignment.pop(key) for key in tuple(alignment) if key.endswith(("_status", "_reason"))}
        assert len(told) == 12
        assert all(value == (REASON if key.endswith("_reason") else "not_evaluable") for key, value in told.items())
        assert set(alignment.values()) == {None}
        assert document()["series"]["stir"] is None

    def test_whatever_names_stir_is_null_and_says_why(self) -> None:
        told = []
        for where, holder in objects(document()):
            for key, value in holder.items():
                if "stir" in key and not key.endswith(("_status", "_reason")) and not isinstance(value, str):
                    told.append(f"{where}.{key}")
                    assert value is None or value["value"] is None, f"{where}.{key}"
                    if isinstance(value, dict):
                        assert (value["status"], bool(value["reason"])) == ("not_evaluable", True)
                    elif f"{key}_status" in holder:
                        assert (holder[f"{key}_status"], holder[f"{key}_reason"]) == ("not_evaluable", REASON)
            if str(holder.get("name", "")).startswith("stir_"):
                assert (holder["value"], holder["reason"]) == (None, REASON)
        assert {path.rsplit(".", 1)[1] for path in told} >= {"stir", "stir_median", "noise_stir", "stir_residual"}


def objects(node: Any, where: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document, with its place."""
    if isinstance(node, dict):
        yield where, node
        for key, child in node.items():
            yield from objects(child, f"{where}.{key}")
    if isinstance(node, list):
        for place, child in enumerate(node):
            yield from objects(child, f"{where}[{place}]")


class TestFiles:
    def test_there_is_no_file_of_what_was_not_measured(self, tmp_path: Path) -> None:
        folders = [write_case(study("normal"), tmp_path / study.__name__, report_html="") for study in (full, alone)]
        names = [{p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} for folder in folders]
        assert names[0] - names[1] == {
            "lesions.csv", "images/lesions.nii.gz", "images/lesions.json", "images/lesions.tsv",
            "images/lesions.label.txt", "images/lesions.ctbl", "images/stir_on_t1.nii.gz",
        }  # fmt: skip
        assert names[1] <= names[0]

    @pytest.mark.parametrize("table", [regions_csv, symmetry_csv])
    def test_cells_that_need_stir_are_empty_and_say_why(self, table: Any) -> None:
        rows = list(csv.DictReader(io.StringIO(table(alone("normal")))))
        assert rows
        for row in rows:
            for name in row:
                if name.endswith("_status") and ("stir" in name or "lesion" in name):
                    assert (row[name], row[name.replace("_status", "_reason")]) == ("not_evaluable", REASON), name
                if name in ("stir_median_au", "stir_asymmetry_percent", "lesion_ml", "excess_index"):
                    assert row[name] == ""

    def test_there_is_no_table_of_lesions(self) -> None:
        assert lesions_csv(alone("normal")) is None


class TestPage:
    def test_it_says_that_stir_is_missing(self) -> None:
        assert "there is no STIR series" in page()
        assert "Lesions were not looked for" in page()
        assert "No lesion was found" not in page()
        assert "lesions.csv" not in page()

    def test_it_shows_t1_and_no_stir_picture_or_chart(self) -> None:
        assert 'id="t1-' in page() and 'id="reference-t1"' in page()
        assert 'id="stir-' not in page() and "STIR on T1" not in page()
        assert "T1 / muscle: left against right" in page() and "STIR / muscle: left against right" not in page()
        assert 'id="registration"' not in page()
        assert 'id="registration"' in render_report(full("normal"))

    def test_no_table_has_a_column_for_stir_or_lesions(self) -> None:
        assert not re.search('<th scope="col">(STIR|Lesion)', page())
        assert re.search('<th scope="col">(STIR|Lesion)', render_report(full("normal")))


def test_a_t1_alone_covers_all_of_itself() -> None:
    t1 = build_scene("normal").pair.t1
    pair = t1_alone(replace(t1, acquisition=AcquisitionFacts()))
    assert (pair.stir, pair.quality, pair.t1_to_stir_lps) == (None, None, None)
    assert pair.covered_mask.all()
    assert pair.body_mask.any() and not pair.body_mask.all()


def test_sides_are_kept() -> None:
    assert [r.side for r in alone("normal").signals.regions] == [Side.LEFT, Side.RIGHT, Side.LEFT, Side.RIGHT]
