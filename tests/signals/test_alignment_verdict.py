"""What the verdict on the alignment forbids is not measured, and says why (SCIENCE 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from marrowsignal.alignment import AlignedPair, AlignmentVerdict, t1_alone
from marrowsignal.intensity import References, correct_bias, find_references, mark_metal
from marrowsignal.marrow import MarrowMask, segment_marrow
from marrowsignal.signals import MeasurementStatus, Signals, measure_signals
from tests.signals.scene import build_scene

WHY = "the remaining error is estimated at 2.6 mm"
OF_STIR = (
    "stir_marrow_to_muscle", "stir_marrow_to_normal", "excess_water", "stir_fat_to_muscle", "abundance_sum",
    "fat_water_ratio", "fat_water_ratio_to_normal", "excess_index",
)  # fmt: skip
OF_T1 = ("t1_marrow_to_muscle", "t1_marrow_to_fat", "fat_signal_index", "red_like_extent")


@cache
def measured(verdict: AlignmentVerdict) -> Signals:
    scene = build_scene("focal_edema")
    quality = replace(scene.pair.quality, verdict=verdict, reason=WHY)
    return replace(scene, pair=replace(scene.pair, quality=quality)).measure()


@pytest.mark.parametrize("verdict", [AlignmentVerdict.PASS, AlignmentVerdict.WARN])
def test_what_is_near_enough_for_voxels_has_lesions(verdict: AlignmentVerdict) -> None:
    found = measured(verdict)
    assert found.lesions
    assert found.lesions_reason == ""
    assert found.excess_index is not None


@pytest.mark.parametrize("verdict", [AlignmentVerdict.REGION_ONLY, AlignmentVerdict.FAIL])
def test_what_is_not_has_none_with_the_reason(verdict: AlignmentVerdict) -> None:
    found = measured(verdict)
    assert (found.lesions, found.lesion_labels, found.excess_index) == (None, None, None)
    assert WHY in found.lesions_reason
    for row in (found.whole, *found.regions):
        assert row.lesion_ml is None
        for name in ("lesion_extent", "excess_index"):
            m = row.measurement(name)
            assert (m.value, m.status) == (None, MeasurementStatus.NOT_EVALUABLE)
            assert WHY in m.reason
    assert all(row.measurement("lesion_volume_asymmetry").value is None for row in found.symmetry)


def test_medians_of_regions_hold_a_little_longer() -> None:
    found = measured(AlignmentVerdict.REGION_ONLY)
    for row in found.regions:
        assert row.stir_median is not None
        assert row.measurement("stir_marrow_to_muscle").value is not None
    assert found.symmetry[0].measurement("stir_asymmetry").value is not None


def test_a_failed_alignment_leaves_nothing_of_stir() -> None:
    found = measured(AlignmentVerdict.FAIL)
    for row in (found.whole, *found.regions):
        assert row.stir_median is None
        assert row.t1_median is not None
        for m in row.measurements:
            if m.name in OF_STIR:
                assert (m.value, m.ci_low, m.ci_high, m.status) == (None, None, None, MeasurementStatus.NOT_EVALUABLE)
                assert m.reason == f"registration failed: {WHY}"
    for name in ("stir_asymmetry", "bias_cancelling_asymmetry"):
        assert found.symmetry[0].measurement(name).value is None
        assert WHY in found.symmetry[0].measurement(name).reason


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    pair: AlignedPair
    automatic: MarrowMask
    references: References
    signals: Signals


@cache
def found_beside(*, misplaced_stir: bool) -> _Found:
    """All that is measured of a T1 beside a STIR that lies elsewhere and covers half of it, or beside none."""
    scene = build_scene("focal_edema")
    t1, rules = scene.pair.t1, scene.protocol
    # the patient reaches the edge of this picture, so that a roll leaves no air and changes every tissue's level
    stir = replace(scene.pair.stir, array=np.roll(scene.pair.stir.array[::-1], 30, axis=2))
    half = np.broadcast_to(np.arange(t1.array.shape[2]) < t1.array.shape[2] // 2, t1.array.shape)
    quality = replace(scene.pair.quality, verdict=AlignmentVerdict.FAIL, reason=WHY)
    refused = replace(scene.pair, stir=stir, covered_mask=half, quality=quality)
    alone = replace(t1_alone(t1), body_mask=scene.pair.body_mask)
    pair = correct_bias(refused if misplaced_stir else alone, settings=rules.bias)
    pair = mark_metal(pair, protocol=rules)
    marrow = segment_marrow(pair, protocol=rules, supplied=scene.marrow.labels)
    references = find_references(pair, marrow.labels, marrow.core_mask, protocol=rules)
    return _Found(
        pair=pair,
        automatic=segment_marrow(pair, protocol=rules),
        references=references,
        signals=measure_signals(pair, marrow, scene.regions, references, protocol=rules),
    )


def test_a_failed_alignment_leaves_t1_as_it_is() -> None:
    failed, alone = found_beside(misplaced_stir=True), found_beside(misplaced_stir=False)
    np.testing.assert_array_equal(failed.pair.t1.array, alone.pair.t1.array)
    np.testing.assert_array_equal(failed.pair.metal_mask, alone.pair.metal_mask)
    np.testing.assert_array_equal(failed.automatic.labels.array, alone.automatic.labels.array)
    assert failed.references.all_tissues() == alone.references.all_tissues()
    rows = [(f.signals.whole, *f.signals.regions) for f in (failed, alone)]
    for a, b in zip(*rows, strict=True):
        assert (a.t1_median, a.core_voxels) == (b.t1_median, b.core_voxels)
        assert [a.measurement(n).value for n in OF_T1] == [b.measurement(n).value for n in OF_T1]


def test_a_refused_stir_is_kept_for_the_pictures_and_measured_nowhere() -> None:
    scene, failed = build_scene("focal_edema"), found_beside(misplaced_stir=True)
    assert failed.pair.stir is not None
    np.testing.assert_array_equal(np.sort(failed.pair.stir.array, None), np.sort(scene.pair.stir.array, None))
    assert failed.pair.comparable_stir is None
    found = failed.references
    assert (found.noise_stir, found.stir_residual_bias_fraction, found.muscle.stir) == (None, None, None)
    noted = (*failed.pair.findings, *failed.automatic.findings, *found.findings, *failed.signals.findings)
    assert not any("no STIR series" in finding.message for finding in noted)
