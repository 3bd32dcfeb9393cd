"""Which segments a segmentation holds: regions, parts of bones, lesions, dark foci."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.exports.dicom_objects.codes import anatomy_code
from marrowsignal.exports.dicom_objects.object_texts import plain_text
from marrowsignal.exports.dicom_objects.records import SegmentEntry
from marrowsignal.exports.dicom_objects.uids import tracking_uid
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["Entries", "dark_focus_entries", "lesion_entries", "part_entries", "region_entries"]

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
    return _numbered((_of_region(result, region, "region"), region.voxels) for region in result.regions.regions)


def part_entries(result: StudyResult) -> Entries:
    """Parts of bones, in label order."""
    return _numbered((_of_region(result, part, "part"), part.voxels) for part in result.regions.parts)


def lesion_entries(result: StudyResult) -> Entries:
    """Lesions, largest first; none where they were not looked for."""
    found, labels = result.signals.lesions or (), result.signals.lesion_labels
    return _numbered((_of_lesion(result, lesion, labels, kind="lesion"), lesion.voxels) for lesion in found)


def dark_focus_entries(result: StudyResult) -> Entries:
    """Foci dark on T1, largest first; none where they were not looked for."""
    found, labels = result.signals.dark_foci or (), result.signals.dark_labels
    return _numbered((_of_lesion(result, focus, labels, kind="dark"), focus.voxels) for focus in found)


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


def _of_lesion(result: StudyResult, lesion: Lesion, labels: LabelVolume | None, *, kind: str) -> SegmentEntry:
    codes = {region.key: region.code for region in result.regions.regions}
    name = _name(f"{_LESION_WORDS[kind]} {lesion.label}, {lesion.region_name}")
    code = codes.get(lesion.region_key)
    tells_place = anatomy_code(code, name) is not None
    return SegmentEntry(
        number=0,
        value=lesion.label,
        kind=kind,
        key=str(lesion.label),
        side=lesion.side,
        name=name,
        code=code if tells_place or labels is None else _code_of_bone(result.regions, labels.array == lesion.label),
        tracking_id=name,
        tracking_uid=tracking_uid(result, kind, str(lesion.label), lesion.side.value),
    )


def _code_of_bone(regions: RegionMap, inside: NDArray[np.bool_]) -> str | None:
    """Code of the part that holds most of some voxels, the whole bone before what lies in it; None where none does."""
    if regions.part_labels is None:
        return None
    held = np.bincount(regions.part_labels.array[inside], minlength=int(regions.part_labels.array.max()) + 1)
    shares = [(int(held[list(part.cells)].sum()), part.code) for part in regions.parts if part.code and part.cells]
    most, code = max(shares, key=lambda share: share[0], default=(0, None))
    return code if most else None


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
