"""Whatever a report says is read back as it was measured, and one that says anything else is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.exports.dicom_objects.report_reread import check_measurements
from marrowsignal.exports.dicom_objects.reread import object_bytes
from marrowsignal.exports.dicom_objects.uids import tracking_uid
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement, MeasurementStatus
from tests.exports.dicom_objects.stored_report import Report, items, meaning, report_of, texts
from tests.exports.dicom_objects.stored_study import stored_result

LEFT, RIGHT = "7771000", "24028007"
HOSTILE = (
    "a\\b",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "line\nbreak\x00\x1b[31m",
    "肋骨 \ud800 ü",
    "x" * 300,
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return stored_result(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def report(result: StudyResult) -> Report:
    return report_of(result)


NUMBERS = st.floats(-1e6, 1e6) | st.floats(0.01, 300.0)
REACHES = st.floats(0.0, 1e3)
DRAWN = st.lists(
    st.tuples(st.none() | NUMBERS, st.none() | st.tuples(REACHES, REACHES), st.booleans(), st.sampled_from(HOSTILE)),
    min_size=8,
    max_size=8,
)


def changed_to(old: Measurement, drawn: tuple[float | None, tuple[float, float] | None, bool, str]) -> Measurement:
    value, reach, firm, reason = drawn
    if value is None:
        status = MeasurementStatus.NOT_EVALUABLE
        return replace(old, value=None, ci_low=None, ci_high=None, status=status, reason=reason)
    low, high = (None, None) if reach is None else (value - reach[0], value + reach[1])
    status = MeasurementStatus.MEASURED if firm else MeasurementStatus.EXPLORATORY
    return replace(old, value=value, ci_low=low, ci_high=high, status=status, reason="" if firm else reason)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=DRAWN, words=st.sampled_from(HOSTILE))
def test_any_numbers_and_words_come_back(result: StudyResult, drawn: list, words: str) -> None:  # type: ignore[type-arg]
    first, *others = result.signals.regions
    changed = tuple(map(changed_to, first.measurements[:8], drawn))
    regions = (replace(first, name=words, measurements=(*changed, *first.measurements[8:])), *others)
    named = replace(result.regions.regions[0], name=words)
    hostile = replace(
        result,
        call=replace(result.call, reasons=(words,)),
        marrow=replace(result.marrow, made_by=words),
        regions=replace(result.regions, regions=(named, *result.regions.regions[1:])),
        signals=replace(result.signals, regions=regions),
    )
    report = report_of(hostile)
    report.check()
    told = {item.code: item.value for item in report.groups[tracking_uid(result, "region", "ilium", "left")].values}
    by_name = {concept.name: concept.code.value for concept in coded.REGION_MEASUREMENTS}
    for item in changed:
        if item.name in by_name:
            assert told.get(by_name[item.name]) == item.value
    assert all(letter.isprintable() for reason in texts(report.dataset, "Why this pattern") for letter in reason)


def number(dataset: Dataset) -> Dataset:
    return next(item for item in items(dataset) if meaning(item) == "STIR signal of marrow over muscle")


def change_value(dataset: Dataset) -> None:
    number(dataset).MeasuredValueSequence[0].FloatingPointValue += 1e-6


def change_what_is_shown(dataset: Dataset) -> None:
    number(dataset).MeasuredValueSequence[0].NumericValue = "1.9"


def change_interval(dataset: Dataset) -> None:
    ends = [item for item in items(number(dataset)) if item.ValueType == "NUM"]
    ends[0].MeasuredValueSequence[0].FloatingPointValue *= 2


def change_unit(dataset: Dataset) -> None:
    number(dataset).MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "%"


def put_zero_for_missing(dataset: Dataset) -> None:
    group = next(item for item in items(dataset) if meaning(item) == "Measurement Group")
    group.ContentSequence.append(number(dataset))


def swap_sides(dataset: Dataset) -> None:
    for item in items(dataset):
        if meaning(item) == "Laterality":
            code = item.ConceptCodeSequence[0]
            code.CodeValue = {LEFT: RIGHT, RIGHT: LEFT}.get(code.CodeValue, code.CodeValue)


def swap_segments(dataset: Dataset) -> None:
    links = [item.ReferencedSOPSequence[0] for item in items(dataset) if meaning(item) == "Referenced Segment"]
    links[0].ReferencedSegmentNumber, links[1].ReferencedSegmentNumber = 2, 1


def name_another_pattern(dataset: Dataset) -> None:
    pattern = next(item for item in items(dataset) if meaning(item) == "Pattern of marrow signal")
    pattern.ConceptCodeSequence[0].CodeValue = "NORMAL_FOR_AGE"


def lose_a_group(dataset: Dataset) -> None:
    measurements = next(item for item in items(dataset) if meaning(item) == "Imaging Measurements")
    del measurements.ContentSequence[-1]


@pytest.mark.parametrize(
    "damage",
    [
        change_value,
        change_what_is_shown,
        change_interval,
        change_unit,
        put_zero_for_missing,
        swap_sides,
        swap_segments,
        name_another_pattern,
        lose_a_group,
    ],
)
def test_a_report_that_says_anything_else_is_refused(report: Report, damage: Callable[[Dataset], None]) -> None:
    damaged = dcmread(io.BytesIO(object_bytes(report.dataset)))
    damage(damaged)
    with pytest.raises(OutputError, match="report_differs"):
        check_measurements(damaged, report.result, report.source, *report.segmentations)
