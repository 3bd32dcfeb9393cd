"""Two dates whose truth is known: nothing changed, something did, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.comparison import ChangeState, Comparison, LesionChangeState, compare_studies
from marrowsignal.errors import UsageError
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.patterns.records import CriterionState
from marrowsignal.results.study_result import StudyResult
from tests.comparison.two_dates import LIES, compared, study

CHANGED = (ChangeState.ROSE, ChangeState.FELL)


def _changed(comparison: Comparison) -> list[str]:
    return [c.name for row in comparison.regions for c in row.changes if c.state in CHANGED]


def test_the_same_files_are_exactly_no_change() -> None:
    same = compare_studies(study(6.0), study(6.0))
    values = [change for row in same.regions for change in row.changes if change.change is not None]
    assert values
    assert {change.change for change in values} == {0.0}
    assert {one.state for one in same.lesions} == {LesionChangeState.STABLE}
    assert {one.change_percent for one in same.lesions} == {0.0}
    assert same.interval_days == 0
    assert "no change beyond repeatability" in same.summary


def test_a_patient_who_lies_elsewhere_at_another_gain_has_not_changed() -> None:
    same = compared(6.0, 6.0)
    grid = study(6.0).pair.t1.geometry
    points = grid.to_patient(np.argwhere(study(6.0).marrow.labels.mask)[::100])
    apart = same.registration.baseline_to_followup_lps - LIES
    missed = np.linalg.norm(points @ apart[:3, :3].T + apart[:3, 3], axis=1)
    assert missed.max() < 0.5
    assert _changed(same) == []
    assert not any(one.counts for one in same.lesions)
    assert same.interval_days == 20
    largest = max(
        abs(c.change)
        for row in same.regions
        for c in row.changes
        if c.change is not None and c.change_unit == "percent"
    )
    assert largest < 5


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (0.0, 6.0, LesionChangeState.NEW),
        (12.0, 4.0, LesionChangeState.SMALLER),
    ],
)
def test_lesions_that_came_went_grew_and_shrank(first: float, second: float, state: LesionChangeState) -> None:
    found = compared(first, second)
    (one,) = [lesion for lesion in found.lesions if lesion.counts]
    assert one.state is state
    assert one.region_name == "sacrum, left"
    assert (one.followup_ml > one.baseline_ml) is (second > first)
    assert state.value in found.summary
    grown = CriterionState.POSITIVE if second > first else CriterionState.NEGATIVE
    assert found.time.lesion_growth is grown
    tested = {item.id: item.state for item in found.followup_call.criteria}
    assert tested["D54.change"] is found.time.lesion_changed is CriterionState.POSITIVE
    assert "PRIOR_CHANGE" in found.followup_call.add_ons
    assert "PRIOR_CHANGE" not in found.followup.call.add_ons
    # What changed is a lesion bright on STIR: no focus with T1 at or below muscle grew.
    assert tested["D54.infiltration"] is found.time.new_or_growing_dark_focus
    # The lesion is masked out on both dates: the marrow around it did not change.
    assert _changed(found) == []


def test_fat_that_gives_way_to_water_changes_marrow_everywhere() -> None:
    found = compared(0.0, 0.0, fat_lost=0.5)
    fell = {
        (row.key, row.side)
        for row in found.regions
        if row.level == "region" and row.change("fat_signal_index").state is ChangeState.FELL
    }
    assert len(fell) == 4
    assert found.time.marrow_changed is CriterionState.POSITIVE
    assert found.time.marrow_parallel is CriterionState.POSITIVE
    assert "changed beyond repeatability" in found.summary
    assert "improve" not in found.summary


def test_the_way_back_is_the_way_there_reversed() -> None:
    forth = compared(0.0, 0.0, fat_lost=0.5)
    back = compare_studies(forth.followup, forth.baseline)
    for there, here in zip(forth.regions, back.regions, strict=True):
        if there.level != "region":
            continue
        ratio = there.change("t1_marrow_to_muscle"), here.change("t1_marrow_to_muscle")
        assert (1 + ratio[0].change / 100) * (1 + ratio[1].change / 100) == pytest.approx(1, abs=0.01)
    assert back.interval_days == -20
    assert "followup_older" in {finding.code for finding in back.findings}


def test_two_patients_are_refused() -> None:
    other = study(0.0, moved=True, days=20)
    stranger = replace(other, series=replace(other.series, t1=replace(other.series.t1, person="q")))
    with pytest.raises(UsageError, match="different patients"):
        compare_studies(study(0.0), stranger)


def test_drift_of_the_field_closes_the_comparison_with_its_reason() -> None:
    at_3t = _acquired(study(0.0, moved=True, days=20), magnetic_field_strength_t=3.0)
    closed = compare_studies(study(0.0), at_3t)
    assert "3 T" in closed.closed
    assert closed.regions == ()
    assert closed.lesions is None
    assert closed.registration is None
    assert "cannot be compared" in closed.summary
    assert closed.time.lesion_growth is CriterionState.NOT_EVALUABLE
    assert "PRIOR_CHANGE" not in closed.followup_call.add_ons
    (growth,) = [item for item in closed.followup_call.criteria if item.id == "D54.infiltration"]
    assert growth.state is CriterionState.NOT_EVALUABLE


def test_another_stir_leaves_t1_to_be_compared() -> None:
    other = study(0.0, fat_lost=0.5, moved=True, days=20)
    stir = replace(other.series.stir.acquisition, inversion_time_ms=230.0, echo_time_ms=12.0)
    found = compare_studies(
        study(0.0), replace(other, series=replace(other.series, stir=replace(other.series.stir, acquisition=stir)))
    )
    assert not found.closed
    assert found.lesions is None
    region = next(row for row in found.regions if row.level == "region")
    assert region.change("stir_marrow_to_muscle").state is ChangeState.NOT_COMPARABLE
    assert region.change("stir_marrow_to_muscle").baseline is None
    assert region.lesion_ml == (None, None)
    assert region.change("fat_signal_index").state is ChangeState.FELL


def test_what_was_not_measured_on_one_date_is_not_comparable_and_never_zero() -> None:
    other = study(0.0, moved=True, days=20)
    gone = replace(other.references.muscle, t1=None, stir=None, voxels=0, reason="no lean muscle found")
    labels = other.references.labels
    without = replace(labels, array=np.where(labels.array == 1, 0, labels.array))
    regions = replace(other.regions, regions=other.regions.regions[:-1])
    references = replace(other.references, muscle=gone, labels=without)
    found = compare_studies(study(0.0), replace(other, references=references, regions=regions))
    region = next(row for row in found.regions if row.level == "region")
    lost = region.change("t1_marrow_to_muscle")
    assert (lost.state, lost.change, lost.p_value) == (ChangeState.NOT_COMPARABLE, None, None)
    assert "muscle" in lost.reason
    assert region.change("t1_marrow_to_fat").change is not None
    assert any(not one.agrees and one.tissue == "muscle" for one in found.references)
    lone = next(row for row in found.regions if (row.key, row.side.value) == ("ilium", "right"))
    assert {change.state for change in lone.changes} == {ChangeState.NOT_COMPARABLE}
    assert {change.reason for change in lone.changes} == {"the region was found at baseline only"}


def test_marrow_is_measured_in_the_union_of_both_masks() -> None:
    found, whole = compare_studies(_cut(study(0.0)), study(6.0, moved=True, days=20)), compared(0.0, 6.0)
    assert _changed(found) == []
    assert found.regions[0].core_ml[0] == pytest.approx(whole.regions[0].core_ml[0], rel=0.05)
    assert [one.state for one in found.lesions if one.counts] == [LesionChangeState.NEW]


def test_the_same_input_gives_the_same_bits() -> None:
    one, two = compared(12.0, 4.0), compare_studies(study(12.0), study(4.0, moved=True, days=20))
    assert one.regions == two.regions
    assert one.lesions == two.lesions
    assert one.summary == two.summary


def _acquired(result: StudyResult, **facts: float) -> StudyResult:
    series = result.series
    changed = [replace(one, acquisition=replace(one.acquisition, **facts)) for one in (series.t1, series.stir)]
    return replace(result, series=replace(series, t1=changed[0], stir=changed[1]))


def _cut(result: StudyResult) -> StudyResult:
    """A mask that was drawn on half of the slices alone."""
    marrow: MarrowMask = result.marrow
    kept = (np.arange(marrow.core_mask.shape[0]) % 2 == 0)[:, None, None]
    labels = replace(marrow.labels, array=np.where(kept, marrow.labels.array, 0))
    return replace(result, marrow=replace(marrow, labels=labels, core_mask=marrow.core_mask & kept))
