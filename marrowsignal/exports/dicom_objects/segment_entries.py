"""Which segments a segmentation holds: regions, lesions, dark foci."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from marrowsignal.exports.dicom_objects.codes import anatomy_code
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SegmentEntry, SourceImages
from marrowsignal.exports.dicom_objects.uids import lesion_uid, tracking_uid
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["Entries", "dark_focus_entries", "lesion_entries", "region_entries"]

_LESION_WORDS = {"lesion": "lesion", "dark": "T1-dark focus"}
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
    return _numbered((_of_region(result, region), region.voxels) for region in result.regions.regions)


def lesion_entries(result: StudyResult, source: SourceImages) -> Entries:
    """Lesions, largest first; none where they were not looked for."""
    found, labels = result.signals.lesions or (), result.signals.lesion_labels
    return _numbered((_of_lesion(result, source, lesion, labels, kind="lesion"), lesion.voxels) for lesion in found)


def dark_focus_entries(result: StudyResult, source: SourceImages) -> Entries:
    """Foci dark on T1, largest first; none where they were not looked for."""
    found, labels = result.signals.dark_foci or (), result.signals.dark_labels
    return _numbered((_of_lesion(result, source, focus, labels, kind="dark"), focus.voxels) for focus in found)


def _of_region(result: StudyResult, region: Region) -> SegmentEntry:
    return SegmentEntry(
        number=0,
        value=region.label,
        kind="region",
        key=region.key,
        side=region.side,
        name=_name(region.name),
        place=anatomy_code(region.code, _name(region.name)),
        tracking_id=_name(region.name),
        tracking_uid=tracking_uid(result, "region", region.key, region.side.value),
    )


def _of_lesion(
    result: StudyResult, source: SourceImages, lesion: Lesion, labels: LabelVolume | None, *, kind: str
) -> SegmentEntry:
    places = {region.key: anatomy_code(region.code, _name(region.name)) for region in result.regions.regions}
    place = places.get(lesion.region_key)
    name = _name(f"{_LESION_WORDS[kind]} {lesion.label}, {lesion.region_name}")
    return SegmentEntry(
        number=0,
        value=lesion.label,
        kind=kind,
        key=str(lesion.label),
        side=lesion.side,
        name=name,
        place=place if place or labels is None else _bone(result.regions, labels.array == lesion.label),
        tracking_id=name,
        tracking_uid=lesion_uid(result, source, kind, lesion.label),
    )


def _bone(regions: RegionMap, inside: NDArray[np.bool_]) -> Code | None:
    """Concept of the part that holds most of some voxels, the whole bone before what lies in it; None without one."""
    if regions.part_labels is None:
        return None
    held = np.bincount(regions.part_labels.array[inside], minlength=int(regions.part_labels.array.max()) + 1)
    shares = [(int(held[list(part.cells)].sum()), part) for part in regions.parts if part.code and part.cells]
    most, part = max(shares, key=lambda share: share[0], default=(0, None))
    return anatomy_code(part.code, _name(part.name)) if most and part else None


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
