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
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.marrow.supplied import read_supplied
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
    assert {"marrow_seg.dcm", "parts_seg.dcm", "lesions_seg.dcm"} <= set(export.files)
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


def test_a_part_without_a_code_lies_in_its_bone_and_may_overlap_another(folder: Path) -> None:
    stored = dcmread(folder / "parts_seg.dcm")
    assert stored.SegmentsOverlap == "YES"
    assert [s.SegmentLabel for s in stored.SegmentSequence] == ["wing, left", "crest, left"]
    assert {code_of(s.AnatomicRegionSequence)[0] for s in stored.SegmentSequence} == {"22356005"}


def test_lesions_are_lesions_of_marrow_and_name_no_cause(folder: Path) -> None:
    (segment,) = dcmread(folder / "lesions_seg.dcm").SegmentSequence
    assert code_of(segment.SegmentedPropertyCategoryCodeSequence) == ("49755003", "SCT")
    assert code_of(segment.SegmentedPropertyTypeCodeSequence) == ("52988006", "SCT")
    assert code_of(segment.PrimaryAnatomicStructureSequence) == ("14016003", "SCT")
    assert segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeValue == LEFT
    assert "no diagnosis" in segment.SegmentDescription and "edema-like" in segment.SegmentDescription


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
        "parts_seg.dcm": 305,
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
