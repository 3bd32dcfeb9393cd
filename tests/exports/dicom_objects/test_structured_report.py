"""The structured report says what was measured, of the right side, linked to the right segment, and nothing more."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset

from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.exports.dicom_objects.report_reread import values_of
from marrowsignal.exports.dicom_objects.report_tree import groups_of
from marrowsignal.exports.dicom_objects.reread import object_bytes
from marrowsignal.exports.dicom_objects.uids import lesion_uid, tracking_uid
from marrowsignal.patterns.add_ons import _BY_CRITERION
from marrowsignal.patterns.records import Confidence, PatternClass
from marrowsignal.regions.records import Side
from marrowsignal.report.views.wording import CLASS_WORDS, add_on_words
from marrowsignal.results.study_result import StudyResult
from tests.exports.dicom_objects.stored_report import Report, items, meaning, report_of, texts
from tests.exports.dicom_objects.stored_study import stored_result

LEFT, RIGHT = "7771000", "24028007"
NOT_EVALUATED = "373121007"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return stored_result(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def report(result: StudyResult) -> Report:
    return report_of(result)


def test_every_measured_number_is_told_exactly(report: Report) -> None:
    report.check()
    told = {(value.tracking_uid, value.code): value for value in values_of(report.dataset)}
    for region in report.result.signals.regions:
        uid = tracking_uid(report.result, "region", region.key, region.side.value)
        measured = region.measurement("t1_marrow_to_muscle")
        read = told[uid, "T1_MUSCLE"]
        assert (read.value, read.unit) == (measured.value, "{ratio}")
        assert (read.low, read.high) == pytest.approx((measured.ci_low, measured.ci_high), rel=1e-12)
        assert told[uid, "LESION_VOLUME"].value == region.lesion_ml
    lesion = report.result.signals.lesions[0]
    assert told[lesion_uid(report.result, report.source, "lesion", 1), "118565006"].value == lesion.volume_ml


def test_numbers_shown_are_short_enough_to_read(report: Report) -> None:
    numbers = [item.MeasuredValueSequence[0] for item in items(report.dataset) if item.ValueType == "NUM"]
    assert max(len(str(number.NumericValue).strip("-0.").replace(".", "")) for number in numbers) <= 4


def test_what_was_not_measured_has_no_number_but_a_reason(report: Report) -> None:
    region = report.result.signals.regions[0]
    assert region.measurement("excess_water").value is None
    group = report.groups[tracking_uid(report.result, "region", region.key, region.side.value)]
    assert "EXCESS_WATER" not in {value.code for value in group.values}
    assert ("EXCESS_WATER", NOT_EVALUATED) in group.answers
    missing = [item for item in items(report.dataset) if item.get("ConceptCodeSequence", [Dataset()])[0].get("CodeValue") == NOT_EVALUATED]  # fmt: skip  # noqa: E501
    assert missing
    assert all(texts(item, "Comment") == ["the protocol names no joint"] for item in missing)


def test_method_reference_and_statistic_are_named(report: Report) -> None:
    ratio = next(item for item in items(report.dataset) if meaning(item) == "STIR signal of marrow over muscle")
    said = {
        meaning(item): item.ConceptCodeSequence[0].CodeMeaning for item in items(ratio) if "ConceptCodeSequence" in item
    }
    assert said == {
        "Reference Region": "Muscle",
        "Measurement Method": "Ratio of medians of bias-corrected signal",
        "Derivation": "Median",
    }


def test_the_parts_stand_in_the_order_of_the_template(report: Report) -> None:
    root = [meaning(item) for item in report.dataset.ContentSequence]
    kept = ["Language of Content Item and Descendants", "Observer Type", "Procedure reported"]
    kept += ["Image Library", "Imaging Measurements", "Qualitative Evaluations"]
    assert [name for name in root if name in kept] == kept
    linked = next(item for item in items(report.dataset) if "Referenced Segment" in map(meaning, item.get("ContentSequence") or ()))  # fmt: skip  # noqa: E501
    names = [meaning(item) for item in linked.ContentSequence]
    order = ["Tracking Identifier", "Tracking Unique Identifier", "Finding category", "Finding", "Referenced Segment"]
    order += ["Source Series for Segmentation", "Finding Site", "Algorithm Name", "Volume"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)


def test_highdicom_finds_groups_and_their_segments(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    report.dataset.save_as(path)
    content = srread(path).content
    segments = {
        (made.dataset.SOPInstanceUID, segment.SegmentNumber): segment
        for made in report.segmentations
        if made is not None
        for segment in made.dataset.SegmentSequence
    }
    linked = 0
    for uid in report.groups:
        for group in content.get_volumetric_roi_measurement_groups(tracking_uid=uid):
            link = group.referenced_segment
            segment = segments[link.referenced_sop_instance_uid, link.referenced_segment_numbers[0]]
            assert (segment.TrackingUID, segment.TrackingID) == (uid, group.tracking_identifier)
            assert link.source_series_for_segmentation.value == report.source.t1[0].SeriesInstanceUID
            linked += 1
    assert linked == len(segments) == 4
    left = content.get_volumetric_roi_measurement_groups(
        tracking_uid=tracking_uid(report.result, "region", "ilium", "left")
    )
    assert [(site.value.value, site.laterality.value) for site in left[0].finding_sites] == [("22356005", LEFT)]


def other_side(side: Side) -> Side:
    return {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}.get(side, side)


def mirrored(result: StudyResult) -> StudyResult:
    turn = lambda records: tuple(replace(one, side=other_side(one.side)) for one in records)  # noqa: E731
    regions = replace(result.regions, regions=turn(result.regions.regions))
    signals = replace(result.signals, regions=turn(result.signals.regions), lesions=turn(result.signals.lesions))
    return replace(result, regions=regions, signals=signals)


def test_a_mirrored_study_swaps_the_sides_and_nothing_else(report: Report) -> None:
    other = report_of(mirrored(report.result))
    other.check()
    swap = {LEFT: RIGHT, RIGHT: LEFT}
    said = lambda group: (group.answers, [replace(value, tracking_uid="") for value in group.values])  # noqa: E731
    pairs = list(zip(groups_of(report.dataset), groups_of(other.dataset), strict=True))
    assert [swap.get(one.laterality, one.laterality) for one, _ in pairs] == [two.laterality for _, two in pairs]
    assert {LEFT, RIGHT} <= {one.laterality for one, _ in pairs}
    assert all(said(one) == said(two) for one, two in pairs)


def test_a_side_is_told_where_no_concept_names_the_place(result: StudyResult) -> None:
    marrow = tuple(replace(region, code="14016003") for region in result.regions.regions)
    report = report_of(replace(result, regions=replace(result.regions, regions=marrow)))
    report.check()
    left = report.groups[tracking_uid(result, "region", "ilium", "left")]
    assert (left.laterality, ("363698007", "14016003") in left.answers) == (LEFT, True)


@pytest.mark.parametrize("pattern", PatternClass)
def test_the_pattern_is_told_in_the_words_of_the_page(result: StudyResult, pattern: PatternClass) -> None:
    assert coded.PATTERNS[pattern].meaning == CLASS_WORDS[pattern]
    if pattern is PatternClass.CANNOT_ASSESS:
        call = replace(result.call, pattern_class=pattern, confidence=Confidence.NONE, reasons=("no fat suppression",))
        signals = replace(
            result.signals,
            whole=replace(result.signals.whole, lesion_ml=None),
            lesions=None,
            lesion_labels=None,
            lesions_reason="no fat suppression",
        )
        report = report_of(replace(result, call=call, signals=signals))
        report.check()
        assert report.dataset.CompletionFlag == "PARTIAL"
        assert texts(report.dataset, "Why no pattern is named") == ["no fat suppression"]
        assert texts(report.dataset, "Why lesions were not looked for") == ["no fat suppression"]
        assert ("PATTERN", "CANNOT_ASSESS") in report.groups[tracking_uid(result, "study")].answers
        assert ("LESION_VOLUME", NOT_EVALUATED) in report.groups[tracking_uid(result, "whole")].answers


def test_flags_are_told_in_the_words_of_the_page(report: Report) -> None:
    assert {flag: code.meaning for flag, code in coded.FLAGS.items()} == {
        flag: add_on_words(flag) for flag in coded.FLAGS
    }
    named = {flag for _, flag in _BY_CRITERION} | {"LOW_T1_FOCUS_REVIEW", "DIFFUSE_LOW_T1_REVIEW"}
    assert named <= set(coded.FLAGS)
    flagged = [
        item.ConceptCodeSequence[0].CodeValue
        for item in items(report.dataset)
        if meaning(item) == "Flag, to be reviewed"
    ]
    assert flagged == ["DEEP_SIJ_EDEMA"]


def test_it_says_what_it_is_and_no_more(report: Report) -> None:
    dataset = report.dataset
    assert (dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert dataset.ContentQualification == "RESEARCH"
    assert "Research use only. Not a diagnosis." in texts(dataset, "Comment")
    assert "Focal edema-like pattern" in {
        item.ConceptCodeSequence[0].CodeMeaning for item in items(dataset) if item.ValueType == "CODE"
    }
    assert not [item for item in items(dataset) if item.ValueType == "PNAME"]
    assert report.result.case not in object_bytes(dataset).decode("latin-1")
    named = {path.parent.name for path in report.result.series.t1.files} | {"/tmp"}
    assert not [text for text in texts(dataset, "What it was made from") if any(name in text for name in named)]


def test_the_same_result_gives_the_same_bytes(report: Report) -> None:
    again = report_of(report.result)
    assert object_bytes(again.dataset) == object_bytes(report.dataset)
    assert again.dataset.SOPInstanceUID != report_of(mirrored_version(report.result)).dataset.SOPInstanceUID


def mirrored_version(result: StudyResult) -> StudyResult:
    return replace(result, provenance=replace(result.provenance, version="0.2.0"))


def test_t1_alone_is_reported_without_stir(result: StudyResult) -> None:
    alone = replace(
        result,
        series=replace(result.series, stir=None),
        pair=replace(result.pair, stir=None, quality=None),
        signals=replace(result.signals, lesions=None, lesion_labels=None, lesions_reason="there is no STIR series"),
    )
    report = report_of(alone)
    report.check()
    groups = [item for item in items(report.dataset) if meaning(item) == "Image Library Group"]
    assert len(groups) == 1
    assert texts(report.dataset, "How well T1 and STIR lie on each other") == ["no STIR series"]


def test_no_lesion_found_is_zero_and_not_unknown(result: StudyResult) -> None:
    regions = tuple(replace(region, lesion_ml=0.0) for region in result.signals.regions)
    report = report_of(replace(result, signals=replace(result.signals, lesions=(), regions=regions)))
    report.check()
    group = report.groups[tracking_uid(result, "region", "ilium", "left")]
    assert next(value.value for value in group.values if value.code == "LESION_VOLUME") == 0.0


def test_names_survive_whatever_script_our_words_need(tmp_path: Path) -> None:
    def rename(dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "Müller^Jörg"

    result = stored_result(tmp_path, edit=rename)
    regions = tuple(replace(region, name="仙骨") for region in result.regions.regions)
    report = report_of(replace(result, regions=replace(result.regions, regions=regions)))
    report.check()
    assert str(report.dataset.PatientName) == "Müller^Jörg"
    assert report.dataset.SpecificCharacterSet == "ISO_IR 192"
    assert "仙骨" in texts(report.dataset, "Tracking Identifier")


def run(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_dciodvfy_finds_no_error(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    report.dataset.save_as(path)
    said = run("dciodvfy", str(path))
    assert said.splitlines()[-1:] != []
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_dsr2html_renders_every_number(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    report.dataset.save_as(path)
    page = run("dsr2html", str(path))
    assert "Focal edema-like pattern" in page
    for value in values_of(report.dataset):
        assert f"{value.shown:g} {value.unit}" in page
