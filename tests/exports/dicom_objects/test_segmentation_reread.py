"""A segmentation that says something else than the labels is refused, wherever its grid lies."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects import write as write_module
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SliceReference, SourceImages
from marrowsignal.exports.dicom_objects.reread import check_segmentation, object_bytes
from marrowsignal.exports.dicom_objects.segmentations import region_segmentation
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.results.study_result import StudyResult
from tests.exports.dicom_objects.stored_study import stored_result

SHAPE = (4, 9, 7)
# Every way in which slices, rows and columns can run along the patient's axes, right-handed and left-handed.
WAYS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1.0, -1.0), repeat=3)
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyResult, SourceImages]:
    result = stored_result(tmp_path_factory.mktemp("study"))
    return result, read_source_images(result.series)


def on_grid(result: StudyResult, source: SourceImages, grid: VolumeGeometry) -> tuple[SegmentedObject, bytes]:
    """The segmentation of two lopsided regions on any grid, and its bytes."""
    labels = np.zeros(grid.shape, np.uint16)
    labels[0, 1:4, 1:3], labels[1, 1:3, 1] = 1, 1
    labels[2:, 4:8, 3:6], labels[3, 2, 6] = 2, 2
    regions = tuple(replace(region, voxels=1) for region in result.regions.regions[:2])
    map_ = replace(result.regions, labels=LabelVolume(array=labels, geometry=grid), regions=regions)
    image = source.t1_slices[0]
    slices = tuple(replace(image, sop_instance_uid=f"1.2.3.{n + 1}") for n in range(grid.shape[0]))
    made = region_segmentation(replace(result, regions=map_), replace(source, t1_slices=slices))
    assert made is not None
    return made, object_bytes(made.dataset)


def changed(data: bytes, change: Callable[[Dataset], None]) -> bytes:
    dataset = dcmread(io.BytesIO(data))
    change(dataset)
    return object_bytes(dataset)


def mirror_pixels(dataset: Dataset) -> None:
    """Flip the columns of every frame and leave its place: the mirrored SEG that has burnt users."""
    shape = (int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns))
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little", count=int(np.prod(shape)))
    packed = np.packbits(bits.reshape(shape)[:, :, ::-1].ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)


def mirror_cosines(dataset: Dataset) -> None:
    orientation = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [-v for v in orientation.ImageOrientationPatient[:3]] + list(
        orientation.ImageOrientationPatient[3:]
    )


def swap_spacing(dataset: Dataset) -> None:
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = list(measures.PixelSpacing)[::-1]


def move_by_a_slice(dataset: Dataset) -> None:
    places = [f.PlanePositionSequence[0].ImagePositionPatient for f in dataset.PerFrameFunctionalGroupsSequence]
    step = np.array(places[1], float) - np.array(places[0], float)
    for frame, place in zip(dataset.PerFrameFunctionalGroupsSequence, places, strict=True):
        frame.PlanePositionSequence[0].ImagePositionPatient = [float(v) for v in np.array(place, float) + step]


def swap_segments(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        item = frame.SegmentIdentificationSequence[0]
        item.ReferencedSegmentNumber = 3 - item.ReferencedSegmentNumber


def empty_a_segment(dataset: Dataset) -> None:
    swap_segments(dataset)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1


def thicken(dataset: Dataset) -> None:
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = measures.SpacingBetweenSlices * 2


@pytest.mark.parametrize(("order", "signs"), WAYS)
def test_every_plane_and_direction_is_read_back_where_it_was(
    stored: tuple[StudyResult, SourceImages], order: tuple[int, int, int], signs: tuple[float, float, float]
) -> None:
    directions = np.eye(3)[:, order] * signs
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=(-31.25, 12.5, 101.0), directions_lps=directions, spacing_mm=(4.4, 0.7, 0.9), shape=SHAPE
    )
    made, data = on_grid(*stored, grid)
    check_segmentation(data, made)


@given(
    turn=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
    spacing=st.tuples(st.floats(0.5, 12), st.floats(0.2, 3), st.floats(0.2, 3)),
    left_handed=st.booleans(),
)
@settings(max_examples=12)
def test_oblique_and_anisotropic_grids_are_read_back_where_they_were(
    stored: tuple[StudyResult, SourceImages],
    turn: tuple[float, float, float],
    origin: tuple[float, float, float],
    spacing: tuple[float, float, float],
    left_handed: bool,
) -> None:
    axes = np.eye(3)
    for (one, other), angle in zip(((0, 1), (1, 2), (0, 2)), turn, strict=True):
        step = np.eye(3)
        step[[one, other], [one, other]] = np.cos(angle)
        step[one, other], step[other, one] = -np.sin(angle), np.sin(angle)
        axes = axes @ step
    if left_handed:
        axes = axes * [-1, 1, 1]
    grid = VolumeGeometry.from_axes(origin_lps_mm=origin, directions_lps=axes, spacing_mm=spacing, shape=SHAPE)
    made, data = on_grid(*stored, grid)
    check_segmentation(data, made)
    with pytest.raises(OutputError):
        check_segmentation(changed(data, mirror_pixels), made)


@pytest.mark.parametrize(
    "change",
    [mirror_pixels, mirror_cosines, swap_spacing, move_by_a_slice, swap_segments, empty_a_segment, thicken],
)
def test_what_differs_is_refused(stored: tuple[StudyResult, SourceImages], change: Callable[[Dataset], None]) -> None:
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=(5, 6, 7), directions_lps=np.eye(3)[:, ::-1], spacing_mm=(4.4, 0.7, 0.9), shape=SHAPE
    )
    made, data = on_grid(*stored, grid)
    check_segmentation(changed(data, lambda _: None), made)
    with pytest.raises(OutputError) as caught:
        check_segmentation(changed(data, change), made)
    assert caught.value.code == "dicom_object_differs"


def test_a_segment_that_is_mirrored_about_its_own_middle_is_refused(
    stored: tuple[StudyResult, SourceImages],
) -> None:
    result, source = stored
    labels = np.zeros(result.regions.labels.array.shape, np.uint16)
    rows, columns = labels.shape[1:]
    # A diagonal through the middle of the slice: mirrored, it keeps its volume and its centroid.
    for n in range(1, rows - 1):
        labels[3, n, n * (columns - 1) // (rows - 1)] = 1
    labels |= labels[:, ::-1, ::-1]
    region = replace(result.regions.regions[0], voxels=1)
    map_ = replace(result.regions, regions=(region,), labels=replace(result.regions.labels, array=labels))
    made = region_segmentation(replace(result, regions=map_), source)
    assert made is not None
    data = object_bytes(made.dataset)
    check_segmentation(data, made)
    with pytest.raises(OutputError, match="other voxels"):
        check_segmentation(changed(data, mirror_pixels), made)


def test_a_refused_object_is_not_written_and_the_others_are(
    stored: tuple[StudyResult, SourceImages], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = object_bytes

    def mirroring(dataset: Dataset) -> bytes:
        data = whole(dataset)
        return changed(data, mirror_pixels) if dataset.get("ContentLabel") == "LESIONS" else data

    monkeypatch.setattr(write_module, "object_bytes", mirroring)
    export = write_dicom_objects(stored[0], tmp_path / "dicom", first_screen=None)
    assert {path.name for path in (tmp_path / "dicom").iterdir()} == set(export.files)
    assert "lesions_seg.dcm" not in export.files and "marrow_seg.dcm" in export.files
    (finding,) = [finding for finding in export.findings if "lesions_seg.dcm" in finding.message]
    assert finding.code == "dicom_not_written" and "centroid" in finding.message


def test_a_region_without_a_voxel_is_told_and_is_no_segment(stored: tuple[StudyResult, SourceImages]) -> None:
    result, source = stored
    first, *others = result.regions.regions
    labels = np.where(result.regions.labels.array == first.label, 0, result.regions.labels.array)
    regions = (replace(first, voxels=0), *others)
    map_ = replace(result.regions, regions=regions, labels=replace(result.regions.labels, array=labels))
    made = region_segmentation(replace(result, regions=map_), source)
    assert made is not None
    assert [entry.number for entry in made.segments] == list(range(1, len(regions)))
    (finding,) = made.findings
    assert finding.code == "segments_empty" and first.name in finding.message
    check_segmentation(object_bytes(made.dataset), made)


def test_nothing_to_segment_makes_no_object(stored: tuple[StudyResult, SourceImages]) -> None:
    result, source = stored
    none = replace(result, regions=replace(result.regions, regions=()))
    assert region_segmentation(none, source) is None
    assert isinstance(source.t1_slices[0], SliceReference)
