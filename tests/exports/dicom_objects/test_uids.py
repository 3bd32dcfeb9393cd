"""The same analysis names its objects by the same UIDs, and any other analysis by others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from marrowsignal.exports.dicom_objects.uids import lesion_uid, object_uid, tracking_uid
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_result

Change = Callable[[StudyResult], StudyResult]


@pytest.fixture(scope="module")
def result() -> StudyResult:
    """One study on a mask that somebody supplied."""
    built = build_result()
    return replace(built, marrow=replace(built.marrow, source=MarrowSource.SUPPLIED))


def on_labels(result: StudyResult, labels: LabelVolume) -> StudyResult:
    return replace(result, marrow=replace(result.marrow, labels=labels))


def other_voxels(result: StudyResult) -> StudyResult:
    labels = result.marrow.labels
    array = labels.array.copy()
    array[0, 0, 0] = 1 - array[0, 0, 0]
    return on_labels(result, replace(labels, array=array))


def other_names(result: StudyResult) -> StudyResult:
    return on_labels(result, replace(result.marrow.labels, names=((1, "ilium:left"),)))


def other_series(result: StudyResult) -> StudyResult:
    """The other hip of the same study."""
    other = replace(result.series.t1, series_instance_uid="1.2.3.4")
    return replace(result, series=replace(result.series, t1=other))


def other_stack(result: StudyResult) -> StudyResult:
    return replace(result, series=replace(result.series, t1=replace(result.series.t1, stack=7)))


def without_stir(result: StudyResult) -> StudyResult:
    return replace(result, series=replace(result.series, stir=None))


def with_a_fat_fraction(result: StudyResult) -> StudyResult:
    whole = result.signals.whole
    fraction = replace(whole.measurements[0], name="pdff", value=40.0)
    whole = replace(whole, measurements=(*whole.measurements, fraction))
    return replace(result, signals=replace(result.signals, whole=whole))


def made_by(**changes: str) -> Change:
    return lambda result: replace(result, provenance=replace(result.provenance, **changes))


def uids_of(result: StudyResult) -> tuple[str, ...]:
    return (object_uid(result, "series", "marrow"), object_uid(result, "object", "x"), lesion_uid(result, "lesion", 1))


@pytest.mark.parametrize(
    "change",
    [
        *(other_voxels, other_names, other_series, other_stack, without_stir, with_a_fat_fraction),
        *(made_by(**{name: "other"}) for name in ("version", "protocol_sha256", "series_rules_sha256", "input_sha256")),
        lambda result: replace(result, signals=replace(result.signals, lesions_made_by="another model")),
        lambda result: replace(result, marrow=replace(result.marrow, made_by="another reader")),
    ],
)
def test_whatever_may_change_an_object_changes_its_uids(result: StudyResult, change: Change) -> None:
    assert set(uids_of(change(result))).isdisjoint(uids_of(result))


def test_neither_case_nor_day_changes_a_uid(result: StudyResult) -> None:
    later = made_by(finished_at="2031-01-01T00:00:00+00:00", python="4.0")(replace(result, case="another"))
    assert uids_of(later) == uids_of(result)
    assert len(set(uids_of(result))) == len(uids_of(result))


def test_a_region_is_tracked_over_versions_and_a_lesion_number_is_not(result: StudyResult) -> None:
    later = made_by(version="9.9")(result)
    assert tracking_uid(later, "region", "ilium", "left") == tracking_uid(result, "region", "ilium", "left")
    assert lesion_uid(later, "lesion", 1) != lesion_uid(result, "lesion", 1)
    assert lesion_uid(result, "lesion", 1) != lesion_uid(result, "dark", 1)
