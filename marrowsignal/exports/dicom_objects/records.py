"""What the writers of DICOM objects hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Side

__all__ = ["DicomExport", "SegmentEntry", "SegmentedObject", "SourceImages"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceImages:
    """Headers of the images that were analyzed, fit to be carried over.

    Attributes
    ----------
    t1, stir : tuple of Dataset
        Each file once, in the order of its slices, without pixels; `stir` is empty where T1 was measured alone.
    """

    t1: tuple[Dataset, ...]
    stir: tuple[Dataset, ...]

    @property
    def all(self) -> tuple[Dataset, ...]:
        """T1 first, then STIR."""
        return (*self.t1, *self.stir)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """One segment of a segmentation.

    Attributes
    ----------
    number : int
        SegmentNumber, from 1 without gaps.
    value : int
        Its value in the label map it was made from.
    kind, key : str
        What it is: ``"region"``, ``"part"`` or ``"lesion"``, and its key or label.
    side : Side
        The patient's side.
    name : str
        Words for people, with side.
    code : str or None
        SNOMED CT code of the anatomy.
    tracking_id, tracking_uid : str
        The same in the structured report.
    """

    number: int
    value: int
    kind: str
    key: str
    side: Side
    name: str
    code: str | None
    tracking_id: str
    tracking_uid: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedObject:
    """A segmentation, and what it was made from.

    Attributes
    ----------
    dataset : Dataset
        The SEG.
    labels : LabelVolume
        Source of its pixels: the truth its reread is compared with.
    segments : tuple of SegmentEntry
        In the order of their numbers.
    """

    dataset: Dataset
    labels: LabelVolume
    segments: tuple[SegmentEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomExport:
    """What was written for the PACS.

    Attributes
    ----------
    files : tuple of str
        Names of the files.
    findings : tuple of Finding
        What was not written, and why.
    """

    files: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
