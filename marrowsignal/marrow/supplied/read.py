"""Labels from a file of the user's, and onto the T1 grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from marrowsignal.dicom.segmentation import SegmentationObject, is_dicom, read_segmentation
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.marrow.records import MaskKind, Segmentation
from marrowsignal.marrow.supplied.label_table import read_label_table
from marrowsignal.marrow.supplied.place import place_labels
from marrowsignal.marrow.supplied.records import DrawnLabels, NamedLabel, SeriesReference, StudySpace
from marrowsignal.marrow.supplied.volume_files import read_volume_file
from marrowsignal.protocol.schema import RegionSpec

__all__ = ["read_drawn_labels", "read_supplied", "read_supplied_marrow"]

_STAGE = "segment_marrow"


def read_supplied(
    path: Path,
    grid: VolumeGeometry,
    *,
    kind: MaskKind = MaskKind.MARROW,
    table: Path | None = None,
    specs: tuple[RegionSpec, ...] = (),
) -> Segmentation:
    """Read labels of marrow or bone in patient space onto the T1 grid.

    What was drawn on a STIR series that lies elsewhere, or may be of another study, needs `read_drawn_labels` and
    `place_labels` with the study's space.

    Parameters
    ----------
    path : Path
        NIfTI, NRRD (with 3D Slicer's segments and layers), MHA or DICOM SEG, on any grid.
    grid : VolumeGeometry
        Of the T1 series.
    kind : MaskKind
        Whether labels enclose marrow or whole bones.
    table : Path, optional
        Label table, see `read_label_table`; it counts more than names in the file.
    specs : tuple of RegionSpec
        Regions and other bones of the protocol, by whose names and codes labels are recognised.

    Returns
    -------
    Segmentation
        On `grid`.

    Raises
    ------
    MaskError
        If the file or the table cannot be read or used, or nothing lies inside `grid`.
    """
    return place_labels(read_drawn_labels(path, table=table), StudySpace(t1=grid), kind=kind, specs=specs)


def read_supplied_marrow(path: Path, grid: VolumeGeometry) -> LabelVolume:
    """Read marrow labels in patient space onto the T1 grid, values as drawn.

    Raises
    ------
    MaskError
        As `read_supplied`.
    """
    return read_supplied(path, grid).labels


def read_drawn_labels(path: Path, *, table: Path | None = None) -> DrawnLabels:
    """Read a file of labels on its own grid.

    Parameters
    ----------
    path : Path
        As for `read_supplied`.
    table : Path, optional
        As for `read_supplied`.

    Returns
    -------
    DrawnLabels
        As drawn.

    Raises
    ------
    MaskError
        If the file or the table cannot be read.
    """
    drawn = _of_dicom(read_segmentation(path)) if is_dicom(path) else read_volume_file(path)
    return drawn if table is None else replace(drawn, named=read_label_table(table))


def _of_dicom(stored: SegmentationObject) -> DrawnLabels:
    named = tuple(
        NamedLabel(value=s.number, name=s.label, codes=s.codes, side=s.side, by_program=s.automatic)
        for s in stored.segments
    )
    findings = []
    if stored.overlapping:
        text = "Segments of the marrow map overlap; there the higher share counts, of equal ones the later segment."
        findings.append(Finding(code="segments_overlap", stage=_STAGE, severity=Severity.WARN, message=text))
    if stored.fractional:
        text = "The marrow map holds shares or probabilities: voxels from one half on were taken."
        findings.append(Finding(code="mask_from_shares", stage=_STAGE, severity=Severity.INFO, message=text))
    reference = SeriesReference(
        frame_of_reference_uid=stored.frame_of_reference_uid,
        series_instance_uids=stored.series_instance_uids,
        person=stored.person,
    )
    return DrawnLabels(labels=stored.labels, named=named, reference=reference, findings=tuple(findings))
