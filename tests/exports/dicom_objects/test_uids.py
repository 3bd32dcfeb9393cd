"""The same analysis names its objects by the same UIDs, and any other analysis by others."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from marrowsignal.dicom import input_sha256
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.exports.dicom_objects.uids import lesion_uid, object_uid, tracking_uid
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.results.study_result import StudyResult
from tests.exports.dicom_objects.stored_study import change_file, found_pair, result_on, stored_result
from tests.report.study_builder import build_result

Change = Callable[[StudyResult], StudyResult]
SOURCE = SourceImages(t1=(), stir=(), identity_sha256="a" * 64)


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


def uids_of(result: StudyResult, source: SourceImages = SOURCE) -> tuple[str, ...]:
    return (
        object_uid(result, source, "series", "marrow"),
        object_uid(result, source, "object", "x"),
        lesion_uid(result, source, "lesion", 1),
    )


@pytest.mark.parametrize(
    "change",
    [
        *(other_voxels, other_names, other_series, other_stack, without_stir, with_a_fat_fraction),
        *(made_by(**{name: "other"}) for name in ("version", "protocol_sha256", "series_rules_sha256", "mask_sha256")),
        lambda result: replace(result, signals=replace(result.signals, lesions_made_by="another model")),
        lambda result: replace(result, marrow=replace(result.marrow, made_by="another reader")),
    ],
)
def test_whatever_may_change_an_object_changes_its_uids(result: StudyResult, change: Change) -> None:
    assert set(uids_of(change(result))).isdisjoint(uids_of(result))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    stored_result(folder)
    return folder


def analyzed(folder: Path) -> StudyResult:
    """A result on stored files, with the hash of their bytes as an analysis takes it."""
    result = result_on(found_pair(folder))
    files = (*result.series.t1.files, *(result.series.stir.files if result.series.stir else ()))
    return made_by(input_sha256=input_sha256(files))(result)


def objects_of(result: StudyResult, folder: Path) -> dict[str, bytes]:
    export = write_dicom_objects(result, folder, first_screen=np.zeros((8, 9, 3), np.uint8))
    assert export.findings == ()
    return {name: (folder / name).read_bytes() for name in export.files}


def as_another_node_writes_it(path: Path) -> None:
    dataset = dcmread(path)
    dataset.file_meta.ImplementationVersionName = "ANOTHER_NODE"
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path)


def test_the_way_by_which_images_came_changes_no_object(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "sent")
    for path in (tmp_path / "sent").rglob("*.dcm"):
        as_another_node_writes_it(path)
    fetched, sent = analyzed(study), analyzed(tmp_path / "sent")
    assert sent.provenance.input_sha256 != fetched.provenance.input_sha256
    objects = objects_of(fetched, tmp_path / "a")
    assert len(objects) == 4
    assert objects_of(sent, tmp_path / "b") == objects


@pytest.mark.parametrize("name", ["t1", "stir"])
def test_one_other_image_changes_every_object(study: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(study, tmp_path / "other")
    path = min((tmp_path / "other" / name).glob("*.dcm"))
    change_file(path, lambda dataset: setattr(dataset, "SOPInstanceUID", "1.2.3.4.5"))
    before, after = (
        {
            str(dcmread(io.BytesIO(data)).SOPInstanceUID)
            for data in objects_of(analyzed(folder), tmp_path / made).values()
        }
        for folder, made in ((study, "a"), (tmp_path / "other", "b"))
    )
    assert len(before) == len(after) == 4
    assert before.isdisjoint(after)


def test_images_are_told_apart_by_series_and_not_by_the_order_of_their_files(study: Path) -> None:
    pair = found_pair(study)
    assert pair.stir is not None
    known = read_source_images(pair).identity_sha256
    turned = replace(pair, t1=replace(pair.t1, sources=pair.t1.sources[::-1]))
    assert read_source_images(turned).identity_sha256 == known
    assert read_source_images(replace(pair, t1=pair.stir, stir=pair.t1)).identity_sha256 != known


def test_neither_case_nor_day_changes_a_uid(result: StudyResult) -> None:
    later = made_by(finished_at="2031-01-01T00:00:00+00:00", python="4.0")(replace(result, case="another"))
    assert uids_of(later) == uids_of(result)
    assert len(set(uids_of(result))) == len(uids_of(result))


def test_a_region_is_tracked_over_versions_and_a_lesion_number_is_not(result: StudyResult) -> None:
    later = made_by(version="9.9")(result)
    assert tracking_uid(later, "region", "ilium", "left") == tracking_uid(result, "region", "ilium", "left")
    assert lesion_uid(later, SOURCE, "lesion", 1) != lesion_uid(result, SOURCE, "lesion", 1)
    assert lesion_uid(result, SOURCE, "lesion", 1) != lesion_uid(result, SOURCE, "dark", 1)
