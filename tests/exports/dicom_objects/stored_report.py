"""A structured report of a synthetic study, read from its bytes, and ways to look into it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.exports.dicom_objects.records import SegmentedObject, SourceImages
from marrowsignal.exports.dicom_objects.report_reread import check_measurements
from marrowsignal.exports.dicom_objects.report_tree import ReadGroup, groups_of
from marrowsignal.exports.dicom_objects.reread import object_bytes
from marrowsignal.exports.dicom_objects.segmentations import lesion_segmentation, region_segmentation
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.exports.dicom_objects.structured_report import measurement_report
from marrowsignal.results.study_result import StudyResult


@dataclass(frozen=True)
class Report:
    """A report, read from its bytes, and what it was made from."""

    result: StudyResult
    source: SourceImages
    segmentations: tuple[SegmentedObject | None, ...]
    dataset: Dataset

    @property
    def groups(self) -> dict[str, ReadGroup]:
        return {group.tracking_uid: group for group in groups_of(self.dataset)}

    def check(self) -> None:
        check_measurements(self.dataset, self.result, self.source, *self.segmentations)


def report_of(result: StudyResult) -> Report:
    source = read_source_images(result.series)
    made = (region_segmentation(result, source), lesion_segmentation(result, source))
    data = object_bytes(measurement_report(result, source, *made))
    return Report(result=result, source=source, segmentations=made, dataset=dcmread(io.BytesIO(data)))


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from items(item)


def meaning(item: Dataset) -> str:
    return item.ConceptNameCodeSequence[0].CodeMeaning


def texts(dataset: Dataset, name: str) -> list[str]:
    return [item.TextValue for item in items(dataset) if item.ValueType == "TEXT" and meaning(item) == name]
