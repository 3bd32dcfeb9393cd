"""From the files that a segmenter left to regions on the T1 grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity, listed
from marrowsignal.geometry.label_grid import labels_on_grid
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.marrow.external.records import LabelsBy, OutputKind, SegmenterTask
from marrowsignal.marrow.supplied.records import DrawnLabels
from marrowsignal.marrow.supplied.volume_files import read_volume_file

__all__ = ["read_task"]

_STAGE = "segment_marrow"
_PER_CLASS_SUFFIX = ".nii.gz"


def read_task(path: Path, task: SegmenterTask, grid: VolumeGeometry) -> tuple[LabelVolume, tuple[Finding, ...]]:
    """Read what one call of a segmenter left.

    Parameters
    ----------
    path : Path
        The task's output: a label map, or a folder of one file a class.
    task : SegmenterTask
        What its labels mean.
    grid : VolumeGeometry
        The T1 grid.

    Returns
    -------
    labels : LabelVolume
        On `grid`, moved there in patient space by nearest neighbour; `names` holds all regions of the task, found or
        not. Value n is the n-th of the task's `keys`.
    findings : tuple of Finding
        Labels nobody knows, classes the segmenter does not have, another grid.

    Raises
    ------
    MaskError
        If there is no output, it cannot be read, lies elsewhere in patient space, or its numbers have no names.
    """
    value_of = {key: value for value, key in enumerate(task.keys, start=1)}
    if task.output_kind is OutputKind.FILE_PER_CLASS:
        labels, findings = _file_per_class(path, task, grid, value_of)
    else:
        labels, findings = _one_file(path, task, grid, value_of)
    names = tuple((value, key) for key, value in value_of.items())
    return LabelVolume(array=labels, geometry=grid, names=names), findings


def _one_file(
    path: Path, task: SegmenterTask, grid: VolumeGeometry, value_of: dict[str, int]
) -> tuple[NDArray[np.uint16], tuple[Finding, ...]]:
    drawn = _drawn(path, task)
    if drawn is None:
        return np.zeros(grid.shape, np.uint16), ()
    meaning, unlisted = _meaning(drawn, task)
    raw, found = _on_t1(drawn, task, grid)
    if unlisted:
        found += (_missing(task, unlisted),)
    table = np.zeros(np.iinfo(np.uint16).max + 1, np.uint16)
    for value, key in meaning:
        table[value] = value_of.get(key, 0)
    heard_of = {value for value, _ in meaning} | set(task.ignored)
    unknown = [int(value) for value in np.unique(raw) if value and int(value) not in heard_of]
    if unknown:
        text = f"Labels {listed(unknown)} of the task {task.name} have no meaning in its table and were left out."
        found += (_finding("segmenter_label_unknown", Severity.WARN, text),)
    return table[raw], found


def _meaning(drawn: DrawnLabels, task: SegmenterTask) -> tuple[tuple[tuple[int, str], ...], tuple[str, ...]]:
    """Region of each value, ``""`` for other tissue, and the table's classes that the file has no name for."""
    if task.labels_by is LabelsBy.VALUE:
        return tuple((int(value), key) for value, key in task.labels), ()
    if not drawn.named:
        raise MaskError(
            f"the label map of the task {task.name} does not name its labels, and numbers change between versions",
            code="segmenter_labels_unnamed",
            stage=_STAGE,
            hint='describe it by value in a .toml of your own (labels_by = "value"), for the version that you run',
        )
    regions = dict(task.labels)
    named = {label.name for label in drawn.named}
    unlisted = tuple(name for name in regions if name not in named)
    if len(unlisted) == len(regions):
        raise MaskError(
            f"the label map of the task {task.name} names none of the bones that its table knows",
            code="segmenter_other_labels",
            stage=_STAGE,
            hint="this version of the segmenter may call them otherwise: adapt a copy of its description",
        )
    return tuple((label.value, regions.get(label.name, "")) for label in drawn.named), unlisted


def _file_per_class(
    path: Path, task: SegmenterTask, grid: VolumeGeometry, value_of: dict[str, int]
) -> tuple[NDArray[np.uint16], tuple[Finding, ...]]:
    labels = np.zeros(grid.shape, np.uint16)
    absent: list[str] = []
    found: tuple[Finding, ...] = ()
    for name, key in task.labels:
        file = path / f"{name}{_PER_CLASS_SUFFIX}"
        if not file.is_file():
            absent.append(name)
            continue
        drawn = _drawn(file, task)
        if drawn is not None:
            mask, told = _on_t1(drawn, task, grid)
            labels[(mask > 0) & (labels == 0)] = value_of[key]
            found = found or told
    if len(absent) == len(task.labels):
        raise _no_output(task)
    return labels, (*found, _missing(task, tuple(absent))) if absent else found


def _drawn(path: Path, task: SegmenterTask) -> DrawnLabels | None:
    """Labels on their own grid; None where there is a label map without any label."""
    if not path.is_file():
        raise _no_output(task)
    try:
        return read_volume_file(path)
    except MaskError as error:
        if error.code == "mask_empty":
            return None
        raise MaskError(
            f"what the task {task.name} left is no label map: {error.message}",
            code="segmenter_output_unreadable",
            stage=_STAGE,
            hint=error.hint,
        ) from error


def _on_t1(
    drawn: DrawnLabels, task: SegmenterTask, grid: VolumeGeometry
) -> tuple[NDArray[np.uint16], tuple[Finding, ...]]:
    apart = grid.boxes_apart_mm(drawn.labels.geometry)
    same_voxels = sorted(grid.shape) == sorted(drawn.labels.geometry.shape)
    if same_voxels and apart > min(grid.spacing_mm):
        raise MaskError(
            f"the label map of the task {task.name} has the T1 series' shape but lies up to {apart:.1f} mm elsewhere "
            "in patient space",
            code="segmenter_elsewhere",
            stage=_STAGE,
            hint="the segmenter must write the affine of the image that it was given",
        )
    array = labels_on_grid(drawn.labels, grid).array
    if same_voxels:
        return array, drawn.findings
    text = f"The task {task.name} gave labels on a grid of its own; they were moved to T1, not interpolated."
    return array, (*drawn.findings, _finding("segmenter_other_grid", Severity.INFO, text))


def _no_output(task: SegmenterTask) -> MaskError:
    return MaskError(
        f"the task {task.name} ended without an error but left no labels",
        code="segmenter_no_output",
        stage=_STAGE,
        hint="check its output in the description, and run the segmenter by hand on one study",
    )


def _missing(task: SegmenterTask, names: tuple[str, ...]) -> Finding:
    text = f"The task {task.name} does not have {listed(names)}: another version? What they stand for is missing."
    return _finding("segmenter_class_missing", Severity.WARN, text)


def _finding(code: str, severity: Severity, message: str) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=severity, message=message)
