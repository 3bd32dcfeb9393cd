"""Gates of a STIR whose registration failed: nothing of it is judged where T1's masks lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marrowsignal.alignment import AlignmentVerdict
from marrowsignal.quality import GateState, QualityReport
from tests.quality.studies import checked, told, usual

WHY = "registration failed: nothing fits"


@pytest.fixture(scope="module")
def report() -> QualityReport:
    scene = told(usual())
    quality = replace(scene.pair.quality, verdict=AlignmentVerdict.FAIL, reason="nothing fits")
    gone = {t.key: replace(t, stir=None) for t in scene.references.all_tissues()}
    references = replace(scene.references, **gone, noise_stir=None, stir_residual_bias_fraction=None)
    return checked(replace(scene, pair=replace(scene.pair, quality=quality), references=references))


def test_what_looks_at_stir_where_t1_is_cannot_be_evaluated_and_says_why(report: QualityReport) -> None:
    refused = {(g.key, g.series) for g in report.gates if g.state is GateState.NOT_EVALUABLE and g.reason == WHY}
    assert {key for key, _ in refused} >= {
        "fat_suppression", "nulled_fat", "noise", "residual_shading", "coverage", "normal_level", "edge_sharpness",
    }  # fmt: skip
    assert "T1" not in {series for _, series in refused}
    assert not any("no STIR series" in gate.reason for gate in report.gates)


def test_what_the_headers_tell_of_stir_is_still_told(report: QualityReport) -> None:
    assert report.gate("slice_thickness", "STIR").state is report.gate("slice_thickness", "T1").state
    assert report.gate("slice_thickness", "STIR").value == 3.6
    assert report.gate("contrast", "STIR").state is GateState.PASS
    assert report.gate("stir_series", "").state is GateState.PASS
