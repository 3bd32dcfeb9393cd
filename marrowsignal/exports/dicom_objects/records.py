"""What the writers of DICOM objects hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Side

__all__ = ["DicomExport", "SegmentEntry", "SegmentedObject", "SliceReference", "SourceImages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceReference:
    """Where one slice of a series is stored.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        Of its file.
    frame_number : int or None
        ReferencedFrameNumber, from 1; None where the file is one image.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceImages:
    """Headers of the images that were analyzed, fit to be carried over.

    Attributes
    ----------
    t1, stir : tuple of Dataset
        Each file once, in the order of its slices, without pixels; `stir` is empty where T1 was measured alone.
    identity_sha256 : str
        Hash of which images these are, by their UIDs: the same whatever way their files came.
    t1_slices : tuple of SliceReference
        Where each slice of the T1 grid is stored, in the grid's order.
    findings : tuple of Finding
        What was missing or wrong in the headers, and what was done about it.
    """

    t1: tuple[Dataset, ...]
    stir: tuple[Dataset, ...]
    identity_sha256: str
    t1_slices: tuple[SliceReference, ...] = ()
    findings: tuple[Finding, ...] = ()

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
        What it is: ``"region"``, ``"lesion"`` or ``"dark"``, and its key or label.
    side : Side
        The patient's side.
    name : str
        Words for people, with side.
    place : Code or None
        Concept of the anatomy; None where none tells it.
    tracking_id, tracking_uid : str
        The same in the structured report.
    """

    number: int
    value: int
    kind: str
    key: str
    side: Side
    name: str
    place: Code | None
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
    findings : tuple of Finding
        What is not in it, and why.
    """

    dataset: Dataset
    labels: LabelVolume
    segments: tuple[SegmentEntry, ...]
    findings: tuple[Finding, ...] = ()


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
