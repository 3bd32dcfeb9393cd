"""A structured report read again and compared with what ``result.json`` says; refused where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from marrowsignal.errors import OutputError
from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.exports.dicom_objects.codes import laterality_code
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SourceImages
from marrowsignal.exports.dicom_objects.report_tree import ReadGroup, ReadValue, groups_of, values_of
from marrowsignal.exports.dicom_objects.uids import lesion_uid, tracking_uid
from marrowsignal.patterns.records import PatternClass
from marrowsignal.regions.records import Side
from marrowsignal.results.document import ResultDocument, to_document
from marrowsignal.results.document_models import MeasurementDocument
from marrowsignal.results.study_result import StudyResult

__all__ = ["check_measurements", "values_of"]

_STAGE = "write_dicom"
# Both ends of an interval are told by their distance from the value: rounding of one subtraction and one addition.
_ROUNDING = 1e-12
_SHOWN = 5e-4  # what four significant digits leave


def check_measurements(
    dataset: Dataset, result: StudyResult, source: SourceImages, *segmentations: SegmentedObject | None
) -> None:
    """Compare a report, as read from its file, with the document that ``result.json`` is.

    Parameters
    ----------
    dataset : Dataset
        The structured report.
    result : StudyResult
        What it was made from.
    source : SourceImages
        Headers of the images.
    *segmentations : SegmentedObject or None
        What it links to.

    Raises
    ------
    OutputError
        If a number is missing, is there twice, differs, or stands where nothing was measured; if a side or the
        pattern is another; if a link leads to no segment, or to another than the one it tracks.
    """
    made = tuple(segmented for segmented in segmentations if segmented is not None)
    document = to_document(result)
    expected = tuple(_expected(result, source, document, made))
    groups = groups_of(dataset)
    read = {group.tracking_uid: group for group in groups}
    if read.keys() != {group.tracking_uid for group in expected} or len(groups) != len(expected):
        raise _differs("is about other regions or lesions")
    for group in expected:
        _check_group(read[group.tracking_uid], group)
    _check_links(read.values(), made)
    pattern = coded.PATTERNS[PatternClass(document.pattern.pattern_class)]
    if (coded.PATTERN.value, pattern.value) not in read[tracking_uid(result, "study")].answers:
        raise _differs("names another pattern")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What a group must say."""

    tracking_uid: str
    side: Side | None
    values: tuple[ReadValue, ...]


def _differs(how: str) -> OutputError:
    return OutputError(
        f"the structured report read back {how}",
        code="report_differs",
        stage=_STAGE,
        hint="report this as a bug; result.json and the tables hold the right numbers",
    )


def _check_group(read: ReadGroup, expected: _Expected) -> None:
    if [item.code for item in read.values] != [item.code for item in expected.values]:
        raise _differs("holds other measurements than were made")
    for mine, theirs in zip(expected.values, read.values, strict=True):
        if not _same(mine, theirs):
            raise _differs(f"tells another number for {mine.code}")
    side = None if expected.side is None else laterality_code(expected.side)
    if expected.side is not None and read.laterality != ("" if side is None else side.value):
        raise _differs("tells another side")


def _same(expected: ReadValue, read: ReadValue) -> bool:
    if expected.value != read.value or expected.unit != read.unit:
        return False
    if not math.isclose(read.shown, read.value, rel_tol=_SHOWN):
        return False
    ends = ((expected.low, read.low), (expected.high, read.high))
    scale = max(abs(end) for end in (read.value, expected.low, expected.high) if end is not None)
    return all(
        (mine is None and theirs is None)
        or (mine is not None and theirs is not None and math.isclose(mine, theirs, abs_tol=_ROUNDING * scale))
        for mine, theirs in ends
    )


def _expected(
    result: StudyResult, source: SourceImages, document: ResultDocument, made: tuple[SegmentedObject, ...]
) -> Iterator[_Expected]:
    uids = {(entry.kind, entry.value): entry.tracking_uid for segmented in made for entry in segmented.segments}
    yield _Expected(tracking_uid=tracking_uid(result, "study"), side=None, values=())
    for region in (document.whole, *document.regions):
        named = "whole" if region is document.whole else None
        uid = uids.get(("region", region.label)) or tracking_uid(result, "region", region.key, region.side)
        uid = tracking_uid(result, named) if named else uid
        volumes = _volumes(uid, region.volume_ml, region.core_volume_ml, region.lesion_ml)
        numbers = (*volumes, *_measured(uid, region.measurements, coded.REGION_MEASUREMENTS))
        yield _Expected(tracking_uid=uid, side=Side(region.side), values=numbers)
    for kind, found in (("lesion", document.lesions), ("dark", document.dark_foci)):
        for lesion in found or ():
            uid = uids.get((kind, lesion.label)) or lesion_uid(result, source, kind, lesion.label)
            volumes = _volumes(uid, lesion.volume_ml, None, None)
            numbers = (*volumes, *_measured(uid, lesion.measurements, coded.LESION_MEASUREMENTS))
            yield _Expected(tracking_uid=uid, side=Side(lesion.side), values=numbers)
    keys = {region.key for region in document.regions} | {"all", "background"}
    for pair in document.symmetry:
        if pair.key in keys:
            uid = tracking_uid(result, "pair", pair.key)
            numbers = tuple(_measured(uid, pair.measurements, coded.PAIR_MEASUREMENTS))
            yield _Expected(tracking_uid=uid, side=None, values=numbers)


def _volumes(uid: str, volume: float | None, core: float | None, lesion: float | None) -> Iterator[ReadValue]:
    for code, value in ((coded.VOLUME, volume), (coded.CORE_VOLUME, core), (coded.LESION_VOLUME, lesion)):
        if value is not None:
            yield _value(uid, code.value, coded.MILLILITER.value, value, (None, None))


def _measured(
    uid: str, measurements: Iterable[MeasurementDocument], catalogue: tuple[coded.ReportedMeasurement, ...]
) -> Iterator[ReadValue]:
    by_name = {item.name: item for item in measurements}
    for concept in catalogue:
        item = by_name.get(concept.name)
        if item is not None and item.value is not None:
            bounded = item.ci_low is not None and item.ci_high is not None
            interval = (item.ci_low, item.ci_high) if bounded else (None, None)
            yield _value(uid, concept.code.value, concept.unit.value, item.value, interval)


def _value(uid: str, code: str, unit: str, value: float, interval: tuple[float | None, float | None]) -> ReadValue:
    low, high = interval
    return ReadValue(tracking_uid=uid, code=code, unit=unit, value=value, shown=value, low=low, high=high)


def _check_links(groups: Iterable[ReadGroup], made: tuple[SegmentedObject, ...]) -> None:
    segments = {
        (str(segmented.dataset.SOPInstanceUID), entry.number): entry.tracking_uid
        for segmented in made
        for entry in segmented.segments
    }
    for group in groups:
        if any(segments.get(link) != group.tracking_uid for link in group.segments):
            raise _differs("links to a segment that is not the one it tracks")
