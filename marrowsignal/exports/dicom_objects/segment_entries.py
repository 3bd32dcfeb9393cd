"""Which segments a segmentation holds: regions, parts of bones, lesions, dark foci."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SegmentEntry
from marrowsignal.exports.dicom_objects.uids import tracking_uid
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.regions.records import Region
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["Entries", "dark_focus_entries", "lesion_entries", "part_entries", "region_entries"]

_LONGEST_NAME = 64  # characters of a LO: SegmentLabel, TrackingID


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Segments of one object.

    Attributes
    ----------
    segments : tuple of SegmentEntry
        Numbered from 1.
    findings : tuple of Finding
        What is no segment because it holds no voxel.
    """

    segments: tuple[SegmentEntry, ...]
    findings: tuple[Finding, ...] = ()


def region_entries(result: StudyResult) -> Entries:
    """Regions of the first level, in label order."""
    return _numbered((_of_region(result, region, "region"), region.voxels) for region in result.regions.regions)


def part_entries(result: StudyResult) -> Entries:
    """Parts of bones, in label order."""
    return _numbered((_of_region(result, part, "part"), part.voxels) for part in result.regions.parts)


def lesion_entries(result: StudyResult) -> Entries:
    """Lesions, largest first; none where they were not looked for."""
    found = result.signals.lesions or ()
    return _numbered((_of_lesion(result, lesion, "lesion", "lesion"), lesion.voxels) for lesion in found)


def dark_focus_entries(result: StudyResult) -> Entries:
    """Foci dark on T1, largest first; none where they were not looked for."""
    found = result.signals.dark_foci or ()
    return _numbered((_of_lesion(result, focus, "dark", "T1-dark focus"), focus.voxels) for focus in found)


def _of_region(result: StudyResult, region: Region, kind: str) -> SegmentEntry:
    codes = {bone.key: bone.code for bone in result.regions.regions}
    within = (region.parent,) if kind == "part" else ()
    return SegmentEntry(
        number=0,
        value=region.label,
        cells=region.cells,
        kind=kind,
        key=region.key,
        side=region.side,
        name=_name(region.name),
        # A part without a concept of its own lies in its bone.
        code=region.code or codes.get(region.parent),
        tracking_id=_name(region.name),
        tracking_uid=tracking_uid(result, kind, *within, region.key, region.side.value),
    )


def _of_lesion(result: StudyResult, lesion: Lesion, kind: str, words: str) -> SegmentEntry:
    codes = {region.key: region.code for region in result.regions.regions}
    name = _name(f"{words} {lesion.label}, {lesion.region_name}")
    return SegmentEntry(
        number=0,
        value=lesion.label,
        kind=kind,
        key=str(lesion.label),
        side=lesion.side,
        name=name,
        code=codes.get(lesion.region_key),
        tracking_id=name,
        tracking_uid=tracking_uid(result, kind, str(lesion.label), lesion.side.value),
    )


def _name(words: str) -> str:
    return plain_text(words).replace("\\", "/")[:_LONGEST_NAME].strip()


def _numbered(entries: Iterable[tuple[SegmentEntry, int]]) -> Entries:
    known = tuple(entries)
    held = [entry for entry, voxels in known if voxels > 0]
    empty = [entry.name for entry, voxels in known if voxels == 0]
    text = f"Without a voxel, and therefore no segment of the DICOM segmentation: {listed(empty)}."
    finding = Finding(code="segments_empty", stage="write_dicom", severity=Severity.INFO, message=text)
    return Entries(
        segments=tuple(replace(entry, number=number) for number, entry in enumerate(held, start=1)),
        findings=(finding,) if empty else (),
    )
