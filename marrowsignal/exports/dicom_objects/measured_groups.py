"""What the structured report says of each region, lesion and pair, before it becomes content items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects import measurement_codes as coded
from marrowsignal.exports.dicom_objects.codes import (
    ANATOMICAL_STRUCTURE,
    BONE_MARROW,
    LESION,
    MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
    anatomy_code,
    laterality_code,
)
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SegmentedObject, SegmentEntry, SourceImages
from marrowsignal.exports.dicom_objects.uids import lesion_uid, tracking_uid
from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.regions.records import Region
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, RegionSignals, Symmetry

__all__ = ["MeasuredGroup", "ReportedValue", "SegmentLink", "measured_groups"]

_BOTH_SIDES = Code("51440002", "SCT", "Right and left")
_WHOLE_PAIRS = ("all", "background")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedValue:
    """One number of the report, or why there is none.

    Attributes
    ----------
    concept : ReportedMeasurement
        What it is.
    value : float or None
        None where it was not measured.
    low, high : float or None
        90 % interval; None where there is none.
    reason : str
        Why it is missing or only exploratory; empty otherwise.
    """

    concept: coded.ReportedMeasurement
    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentLink:
    """The segment that a group is about."""

    segmentation: SegmentedObject
    entry: SegmentEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGroup:
    """One measurement group.

    Attributes
    ----------
    tracking_id, tracking_uid : str
        Those of the segment, where there is one.
    finding_category, finding : Code
        What it is.
    site, laterality : Code or None
        Where; None where no code tells.
    values : tuple of ReportedValue
        In the order of the catalogue.
    segment : SegmentLink or None
        None where no segment stands for it: the whole marrow, pairs.
    evaluations : tuple of (Code, Code)
        What is said of it in codes, question and answer.
    """

    tracking_id: str
    tracking_uid: str
    finding_category: Code
    finding: Code
    site: Code | None
    laterality: Code | None
    values: tuple[ReportedValue, ...]
    segment: SegmentLink | None = None
    evaluations: tuple[tuple[Code, Code], ...] = ()


def measured_groups(
    result: StudyResult, source: SourceImages, segmentations: tuple[SegmentedObject, ...]
) -> tuple[MeasuredGroup, ...]:
    """Return the groups in their order: pattern, whole marrow, regions, lesions, foci dark on T1, left against right.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    source : SourceImages
        Headers of its images.
    segmentations : tuple of SegmentedObject
        What the groups link to.
    """
    signals = result.signals
    places = {region.key: region for region in result.regions.regions}
    links = _links(segmentations)
    return (
        _study(result),
        _whole(result),
        *(_region(result, measured, links) for measured in signals.regions),
        *(_lesion(result, source, lesion, "lesion", places, links) for lesion in signals.lesions or ()),
        *(_lesion(result, source, focus, "dark", places, links) for focus in signals.dark_foci or ()),
        *(_pair(result, pair, places) for pair in _told_pairs(result)),
    )


_Links = dict[tuple[str, int], SegmentLink]
_Places = dict[str, Region]


def _links(segmentations: tuple[SegmentedObject, ...]) -> _Links:
    return {
        (entry.kind, entry.value): SegmentLink(segmentation=segmented, entry=entry)
        for segmented in segmentations
        for entry in segmented.segments
    }


def _study(result: StudyResult) -> MeasuredGroup:
    call = result.call
    return MeasuredGroup(
        tracking_id="marrow signal of the whole study",
        tracking_uid=tracking_uid(result, "study"),
        finding_category=ANATOMICAL_STRUCTURE,
        finding=BONE_MARROW,
        site=None,
        laterality=None,
        values=(),
        evaluations=(
            (coded.PATTERN, coded.PATTERNS[call.pattern_class]),
            (coded.CONFIDENCE, coded.CONFIDENCES[call.confidence]),
            (coded.STUDY_QUALITY, _quality(result.quality)),
            *((coded.FLAG, coded.flag_code(flag)) for flag in call.add_ons),
        ),
    )


def _whole(result: StudyResult) -> MeasuredGroup:
    measured = result.signals.whole
    return MeasuredGroup(
        tracking_id="whole marrow, signals without lesions",
        tracking_uid=tracking_uid(result, "whole"),
        finding_category=ANATOMICAL_STRUCTURE,
        finding=BONE_MARROW,
        site=None,
        laterality=None,
        values=(
            ReportedValue(concept=_VOLUME, value=_marrow_ml(result)),
            *_volumes(result, measured),
            *_values(measured.measurements, coded.REGION_MEASUREMENTS),
        ),
    )


def _quality(report: QualityReport) -> Code:
    if report.with_consequence(Consequence.NO_ASSESSMENT):
        return coded.NON_DIAGNOSTIC
    doubted = any(gate.state in (GateState.WARN, GateState.FAIL) for gate in report.gates)
    return coded.LIMITED if doubted else coded.DIAGNOSTIC


def _region(result: StudyResult, measured: RegionSignals, links: _Links) -> MeasuredGroup:
    region = next((known for known in result.regions.regions if known.label == measured.region_label), None)
    laterality = laterality_code(measured.side)
    link = links.get(("region", measured.region_label))
    return MeasuredGroup(
        tracking_id=measured.name if link is None else link.entry.tracking_id,
        tracking_uid=tracking_uid(result, "region", measured.key, measured.side.value),
        finding_category=ANATOMICAL_STRUCTURE,
        finding=BONE_MARROW,
        site=_site(region, laterality),
        laterality=laterality,
        values=(
            *(() if region is None else (ReportedValue(concept=_VOLUME, value=region.volume_ml),)),
            *_volumes(result, measured),
            *_values(measured.measurements, coded.REGION_MEASUREMENTS),
        ),
        segment=link,
    )


def _lesion(
    result: StudyResult, source: SourceImages, lesion: Lesion, kind: str, places: _Places, links: _Links
) -> MeasuredGroup:
    laterality = laterality_code(lesion.side)
    link = links.get((kind, lesion.label))
    words = "lesion" if kind == "lesion" else "T1-dark focus"
    return MeasuredGroup(
        tracking_id=f"{words} {lesion.label}, {lesion.region_name}" if link is None else link.entry.tracking_id,
        tracking_uid=lesion_uid(result, source, kind, lesion.label),
        finding_category=MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        finding=LESION,
        # As the segment says: in marrow of several bones it names the one.
        site=(link and link.entry.place) or _site(places.get(lesion.region_key), laterality),
        laterality=laterality,
        values=(
            ReportedValue(concept=_VOLUME, value=lesion.volume_ml),
            *_values(lesion.measurements, coded.LESION_MEASUREMENTS),
        ),
        segment=link,
    )


def _told_pairs(result: StudyResult) -> Iterator[Symmetry]:
    keys = {region.key for region in result.regions.regions}
    for pair in result.signals.symmetry:
        if pair.key in keys or pair.key in _WHOLE_PAIRS:
            yield pair


def _pair(result: StudyResult, pair: Symmetry, places: _Places) -> MeasuredGroup:
    return MeasuredGroup(
        tracking_id=f"left against right, {pair.name}",
        tracking_uid=tracking_uid(result, "pair", pair.key),
        finding_category=ANATOMICAL_STRUCTURE,
        finding=BONE_MARROW,
        site=_site(places.get(pair.key), _BOTH_SIDES),
        laterality=_BOTH_SIDES,
        values=_values(pair.measurements, coded.PAIR_MEASUREMENTS),
    )


def _site(region: Region | None, laterality: Code | None) -> Code | None:
    place = None if region is None else anatomy_code(region.code, plain_text(region.name).replace("\\", "/"))
    # A side needs a place to stand at: without a concept for it, the marrow itself.
    return BONE_MARROW if place is None and laterality is not None else place


_VOLUME, _CORE_VOLUME, _LESION_VOLUME = (
    coded.ReportedMeasurement(name=name, code=code, unit=coded.MILLILITER, method=coded.VOXEL_SUM)
    for name, code in (
        ("volume_ml", coded.VOLUME),
        ("core_volume_ml", coded.CORE_VOLUME),
        ("lesion_ml", coded.LESION_VOLUME),
    )
)


def _marrow_ml(result: StudyResult) -> float:
    return int(np.count_nonzero(result.marrow.labels.array)) * result.pair.t1.geometry.voxel_ml


def _volumes(result: StudyResult, measured: RegionSignals) -> tuple[ReportedValue, ...]:
    reason = "" if measured.lesion_ml is not None else result.signals.lesions_reason
    return (
        ReportedValue(concept=_CORE_VOLUME, value=measured.core_volume_ml),
        ReportedValue(concept=_LESION_VOLUME, value=measured.lesion_ml, reason=reason),
    )


def _values(
    measurements: tuple[Measurement, ...], catalogue: tuple[coded.ReportedMeasurement, ...]
) -> tuple[ReportedValue, ...]:
    by_name = {item.name: item for item in measurements}
    return tuple(
        _value(by_name[concept.name], concept)
        for concept in catalogue
        if concept.name in by_name and not (concept.optional and by_name[concept.name].value is None)
    )


def _value(item: Measurement, concept: coded.ReportedMeasurement) -> ReportedValue:
    doubted = item.status is not MeasurementStatus.MEASURED
    return ReportedValue(
        concept=concept,
        value=item.value,
        low=item.ci_low,
        high=item.ci_high,
        reason=(item.reason or item.status.value.replace("_", " ")) if doubted else "",
    )
