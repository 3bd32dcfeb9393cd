"""What the verdict on the alignment forbids is not measured, and says why (SCIENCE 6)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from marrowsignal.alignment import AlignmentVerdict
from marrowsignal.signals import MeasurementStatus, Signals
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


def test_a_failed_alignment_leaves_t1_as_it_is() -> None:
    failed, regional = measured(AlignmentVerdict.FAIL), measured(AlignmentVerdict.REGION_ONLY)
    for a, b in zip((failed.whole, *failed.regions), (regional.whole, *regional.regions), strict=True):
        assert a.t1_median == b.t1_median
        assert [a.measurement(n).value for n in OF_T1] == [b.measurement(n).value for n in OF_T1]
