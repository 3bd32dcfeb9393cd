"""What the segmentations say, and that our own reader takes them back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom.segmentation import read_segmentation
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.report_tree import groups_of
from marrowsignal.exports.dicom_objects.series_names import SeriesPlace, series_description, series_number
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.marrow.supplied import MarrowRequest, NamedLabel, open_supplied, read_supplied, study_space
from marrowsignal.marrow.supplied.bone_names import BoneNames
from marrowsignal.protocol import load_protocol
from marrowsignal.results.study_result import StudyResult
from tests.exports.dicom_objects.stored_study import stored_result

LEFT, RIGHT = "7771000", "24028007"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return stored_result(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def folder(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects") / "dicom"
    export = write_dicom_objects(result, folder, first_screen=None)
    assert export.findings == ()
    assert {"marrow_seg.dcm", "lesions_seg.dcm"} <= set(export.files)
    assert {path.name for path in folder.iterdir()} == set(export.files)
    return folder


def code_of(sequence: list[Dataset]) -> tuple[str, str]:
    return sequence[0].CodeValue, sequence[0].CodingSchemeDesignator


def sides_of(segment: Dataset) -> list[str]:
    told = [
        *(place.get("AnatomicRegionModifierSequence", []) for place in segment.get("AnatomicRegionSequence", [])),
        *(
            kind.get("SegmentedPropertyTypeModifierCodeSequence", [])
            for kind in segment.SegmentedPropertyTypeCodeSequence
        ),
    ]
    return [modifier.CodeValue for modifiers in told for modifier in modifiers]


def test_each_region_is_a_segment_of_marrow_in_its_bone_on_its_side(result: StudyResult, folder: Path) -> None:
    stored = dcmread(folder / "marrow_seg.dcm")
    assert stored.SegmentationType == "BINARY" and stored.SegmentsOverlap == "NO"
    assert [s.SegmentLabel for s in stored.SegmentSequence] == [r.name for r in result.regions.regions]
    for segment, region in zip(stored.SegmentSequence, result.regions.regions, strict=True):
        assert code_of(segment.SegmentedPropertyCategoryCodeSequence) == ("123037004", "SCT")
        assert code_of(segment.SegmentedPropertyTypeCodeSequence) == ("14016003", "SCT")
        if region.code is None:
            assert "AnatomicRegionSequence" not in segment
        else:
            assert code_of(segment.AnatomicRegionSequence) == (region.code, "SCT")
        assert sides_of(segment) == ({"left": [LEFT], "right": [RIGHT]}.get(region.side, []))
        assert segment.TrackingUID.startswith("2.25.") and segment.TrackingID


def test_the_side_of_marrow_without_a_place_is_told_by_its_type(result: StudyResult, tmp_path: Path) -> None:
    whole = tuple(replace(region, code="14016003") for region in result.regions.regions)
    write_dicom_objects(replace(result, regions=replace(result.regions, regions=whole)), tmp_path, first_screen=None)
    left = dcmread(tmp_path / "marrow_seg.dcm").SegmentSequence[0]
    assert "AnatomicRegionSequence" not in left
    assert sides_of(left) == [LEFT]


def test_lesions_are_lesions_of_marrow_and_name_no_cause(folder: Path) -> None:
    (segment,) = dcmread(folder / "lesions_seg.dcm").SegmentSequence
    assert code_of(segment.SegmentedPropertyCategoryCodeSequence) == ("49755003", "SCT")
    assert code_of(segment.SegmentedPropertyTypeCodeSequence) == ("52988006", "SCT")
    assert code_of(segment.PrimaryAnatomicStructureSequence) == ("14016003", "SCT")
    assert segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeValue == LEFT
    assert "no diagnosis" in segment.SegmentDescription and "edema-like" in segment.SegmentDescription


def test_a_lesion_of_undivided_marrow_lies_in_the_bone_that_holds_most_of_it(
    result: StudyResult, tmp_path: Path
) -> None:
    whole = tuple(replace(region, code="14016003") for region in result.regions.regions)
    wing, crest = result.regions.parts
    parts = (replace(wing, code="22356005"), replace(crest, code="39723000"))
    divided = replace(result.regions, regions=whole, parts=parts)
    write_dicom_objects(replace(result, regions=divided), tmp_path / "a", first_screen=None)
    (segment,) = dcmread(tmp_path / "a/lesions_seg.dcm").SegmentSequence
    assert code_of(segment.AnatomicRegionSequence) == ("22356005", "SCT")
    groups = groups_of(dcmread(tmp_path / "a/measurements_sr.dcm"))
    (group,) = [one for one in groups if one.tracking_uid == segment.TrackingUID]
    assert ("363698007", "22356005") in group.answers
    undivided = replace(divided, parts=(), part_labels=None)
    write_dicom_objects(replace(result, regions=undivided), tmp_path / "b", first_screen=None)
    (segment,) = dcmread(tmp_path / "b/lesions_seg.dcm").SegmentSequence
    assert "AnatomicRegionSequence" not in segment and sides_of(segment) == [LEFT]


def test_a_code_that_only_the_protocol_knows_means_its_region(result: StudyResult, tmp_path: Path) -> None:
    own = tuple(replace(region, code="85562004", name="heel, left") for region in result.regions.regions)
    write_dicom_objects(replace(result, regions=replace(result.regions, regions=own)), tmp_path, first_screen=None)
    for name in ("marrow_seg.dcm", "lesions_seg.dcm"):
        segment = dcmread(tmp_path / name).SegmentSequence[0]
        assert segment.AnatomicRegionSequence[0].CodeMeaning == "heel"


@pytest.mark.parametrize(
    ("source", "kind", "family"),
    [
        (MarrowSource.AUTOMATIC, "AUTOMATIC", "123110"),
        (MarrowSource.ATLAS, "AUTOMATIC", "123110"),
        (MarrowSource.SUPPLIED, "SEMIAUTOMATIC", "123109"),
        (MarrowSource.EDITED, "SEMIAUTOMATIC", "123109"),
    ],
)
def test_who_drew_is_told(result: StudyResult, tmp_path: Path, source: MarrowSource, kind: str, family: str) -> None:
    marrow = replace(result.marrow, source=source, made_by="reader 2")
    write_dicom_objects(replace(result, marrow=marrow), tmp_path, first_screen=None)
    for name, expected in (("marrow_seg.dcm", kind), ("lesions_seg.dcm", "AUTOMATIC")):
        segment = dcmread(tmp_path / name).SegmentSequence[0]
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert segment.SegmentAlgorithmType == expected
        assert algorithm.AlgorithmVersion == result.provenance.version
        assert result.provenance.protocol_sha256 in algorithm.AlgorithmParameters
    algorithm = dcmread(tmp_path / "marrow_seg.dcm").SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert code_of(algorithm.AlgorithmFamilyCodeSequence) == (family, "DCM")


def test_objects_are_series_of_their_own_behind_the_t1_for_research(result: StudyResult, folder: Path) -> None:
    stored = {path.name: dcmread(path) for path in folder.glob("*_seg.dcm")}
    assert {name: int(one.SeriesNumber) for name, one in stored.items()} == {
        "marrow_seg.dcm": 301,
        "lesions_seg.dcm": 302,
    }
    assert len({one.SeriesInstanceUID for one in stored.values()}) == len(stored)
    for one in stored.values():
        assert one.ContentQualification == "RESEARCH" and "research" in one.SeriesDescription
        assert one.StudyInstanceUID == result.series.t1.study_instance_uid
        assert one.FrameOfReferenceUID == result.series.t1.frame_of_reference_uid
        assert result.case not in str(one)


@pytest.mark.parametrize("enhanced", [False, True])
def test_each_frame_refers_to_the_image_it_was_drawn_on(tmp_path: Path, enhanced: bool) -> None:
    result = stored_result(tmp_path / "study", enhanced=enhanced)
    write_dicom_objects(result, tmp_path / "dicom", first_screen=None)
    stored = dcmread(tmp_path / "dicom" / "marrow_seg.dcm")
    images = {ds.SOPInstanceUID: ds for ds in map(dcmread, result.series.t1.files)}
    for frame in stored.PerFrameFunctionalGroupsSequence:
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        image = images[item.ReferencedSOPInstanceUID]
        assert item.ReferencedSOPClassUID == image.SOPClassUID
        if enhanced:
            image = image.PerFrameFunctionalGroupsSequence[item.ReferencedFrameNumber - 1].PlanePositionSequence[0]
        else:
            assert "ReferencedFrameNumber" not in item
        there = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(np.array(there, float), np.array(image.ImagePositionPatient, float), atol=1e-4)
    (series,) = stored.ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == set(images)


def test_our_reader_takes_the_regions_back_with_names_and_sides(result: StudyResult, folder: Path) -> None:
    back = read_segmentation(folder / "marrow_seg.dcm")
    assert [s.side for s in back.segments] == [str(r.side).replace("none", "") for r in result.regions.regions]
    placed = read_supplied(folder / "marrow_seg.dcm", result.regions.labels.geometry, specs=result.protocol.regions)
    assert np.array_equal(placed.labels.array > 0, result.regions.labels.array > 0)
    for region in result.regions.regions:
        (value,) = np.unique(placed.labels.array[result.regions.labels.array == region.label])
        assert dict(placed.labels.names)[int(value)] == f"{region.key}:{region.side}".removesuffix(":none")


def test_undivided_marrow_comes_back_undivided(result: StudyResult, tmp_path: Path) -> None:
    rules = load_protocol("pelvis_sij")
    whole = tuple(
        replace(region, key=rules.whole.key, name=f"{rules.whole.name}, {region.side}", code=rules.whole.code)
        for region in result.regions.regions[:2]
    )
    write_dicom_objects(replace(result, regions=replace(result.regions, regions=whole)), tmp_path, first_screen=None)
    grid = result.regions.labels.geometry
    request = MarrowRequest(path=tmp_path / "marrow_seg.dcm")
    placed = open_supplied(request, study_space(result.series, grid), protocol=rules).on_t1()
    assert placed.findings == () and placed.labels.names == ()
    (_, value) = np.unique(placed.labels.array)
    assert value not in {label for region in rules.regions for label in region.labels}


def test_a_region_that_shares_its_code_with_another_is_told_by_its_name() -> None:
    rules = load_protocol("generic")
    specs = (*rules.regions, *rules.other_bones)
    shared = [spec for spec in specs if spec.code == "54735007"]
    assert len(shared) > 1
    names = BoneNames.of(specs)
    for region in shared:
        label = NamedLabel(value=1, name=region.name, codes=("14016003", "54735007"), side="left")
        assert names.region_of(label) == f"{region.key}:left"


@pytest.mark.parametrize(("number", "expected"), [(3, 301), (None, 1), (20_240_131_120_000, 301), (0, 1)])
def test_series_numbers_follow_that_of_the_t1_and_stay_within_what_dicom_allows(
    result: StudyResult, number: int | None, expected: int
) -> None:
    t1 = replace(result.series.t1, series_number=number)
    told = series_number(replace(result, series=replace(result.series, t1=t1)), SeriesPlace.MARROW)
    assert 0 < told < 2**31
    assert told == expected or number == 20_240_131_120_000


def test_the_series_of_one_hip_is_told_from_that_of_the_other(result: StudyResult) -> None:
    left, right = ([r for r in result.regions.regions if r.side == side] for side in ("left", "right"))
    said = [
        series_description(replace(result, regions=replace(result.regions, regions=tuple(regions))), "marrow regions")
        for regions in (left, right, [*left, *right])
    ]
    assert said == [f"marrowsignal marrow regions{side} (research)" for side in (", left", ", right", "")]


def test_what_a_library_refuses_is_told_without_its_words_and_costs_no_case(
    result: StudyResult, tmp_path: Path
) -> None:
    made = replace(result.provenance, version="9" * 70)
    export = write_dicom_objects(replace(result, provenance=made), tmp_path / "dicom", first_screen=None)
    assert export.files == () and not (tmp_path / "dicom").exists()
    assert len(export.findings) >= 3
    for finding in export.findings:
        assert finding.code == "dicom_not_written" and "ValueError" in finding.message
        assert "999" not in finding.message
