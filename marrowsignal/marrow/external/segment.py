"""Labels from an installed segmenter, run as a program of its own through files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry
from marrowsignal.marrow.external.commands import ask_version, filled_command
from marrowsignal.marrow.external.outputs import read_task
from marrowsignal.marrow.external.process import Finished, Workplace, run_program, workplace
from marrowsignal.marrow.external.records import Segmenter, SegmenterTask, Shading
from marrowsignal.marrow.external.sides import check_sides
from marrowsignal.marrow.external.tools import InstalledSegmenter, find_segmenter
from marrowsignal.marrow.external.union import TaskLabels, unite
from marrowsignal.marrow.records import MarrowSource, Segmentation
from marrowsignal.protocol.schema import Protocol

__all__ = ["segment_external"]

_STAGE = "segment_marrow"

_Images = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What the calls of one study gave."""

    labels: tuple[TaskLabels, ...]
    tasks: tuple[str, ...]
    findings: tuple[Finding, ...]


def segment_external(
    pair: AlignedPair, name: str, *, protocol: Protocol, extra_tools: Path | None = None
) -> Segmentation:
    """Segment with an installed program.

    The program gets T1 (and STIR on T1's grid, where it asks for it) as image files without any identity, in a private
    folder that is removed afterwards. What the program loads or sends over a network is its own business.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected, or not yet.
    name : str
        Name of a shipped description, of one in `extra_tools`, or the path of a .toml file.
    protocol : Protocol
        Its regions say which calls are worth their time.
    extra_tools : Path, optional
        Folder of descriptions of your own.

    Returns
    -------
    Segmentation
        On the T1 grid. Empty with a finding that fails where the program found none of its bones.

    Raises
    ------
    UsageError
        If there is no such description, or it is malformed.
    MaskError
        If the program is not installed, needs a STIR that is not there, fails, takes too long, or leaves nothing that
        can be used.
    """
    tool = find_segmenter(name, extra_tools=extra_tools)
    with workplace() as place:
        images = _write_images(pair, tool.segmenter, place)
        version = ask_version(tool, place)
        done = _run_tasks(tool, _worth_running(tool.segmenter.tasks, protocol), place, images, pair.t1.geometry)
    united = unite(done.labels, rim_mm=protocol.segmenter.rim.value)
    labels, of_sides = check_sides(united, settings=protocol.segmenter)
    return Segmentation(
        labels=labels,
        kind=tool.segmenter.kind,
        source=MarrowSource.EXTERNAL,
        made_by=_made_by(tool.segmenter, version, done.tasks),
        findings=(*done.findings, *of_sides, *_weaknesses(labels.array, tool.segmenter, version)),
    )


def _run_tasks(
    tool: InstalledSegmenter,
    tasks: tuple[SegmenterTask, ...],
    place: Workplace,
    images: _Images,
    grid: VolumeGeometry,
) -> _Done:
    labels: list[TaskLabels] = []
    names: list[str] = []
    found: list[Finding] = []
    for task in tasks:
        try:
            given, told = read_task(_run(tool, task, place, images), task, grid)
        except MaskError as error:
            if task.required:
                raise
            found.append(_left_out(task, error))
            continue
        labels.append((given, task.replaces))
        names.append(task.name)
        found += told
    if not labels:
        raise MaskError(
            f"no task of {tool.segmenter.title} could be done: {'; '.join(f.message for f in found)}",
            code="segmenter_no_task",
            stage=_STAGE,
            hint=tool.segmenter.notes,
        )
    return _Done(labels=tuple(labels), tasks=tuple(names), findings=tuple(found))


def _worth_running(tasks: tuple[SegmenterTask, ...], protocol: Protocol) -> tuple[SegmenterTask, ...]:
    regions = {spec.key for spec in protocol.regions}
    wanted = tuple(task for task in tasks if not task.when or regions & set(task.when))
    return wanted if regions and wanted else tasks


def _write_images(pair: AlignedPair, segmenter: Segmenter, place: Workplace) -> _Images:
    """Write what the program is given; return the placeholders of its files."""
    bias = pair.bias if segmenter.shading is Shading.ACQUIRED else None
    volumes = [("t1", segmenter.t1_file, _shaded(pair.t1, None if bias is None else bias.t1_field))]
    if segmenter.stir_file is not None:
        if pair.comparable_stir is None:
            raise MaskError(
                f"{segmenter.title} needs STIR, and {pair.no_stir}",
                code="segmenter_needs_stir",
                stage=_STAGE,
                hint="take another --marrow-from for this study",
            )
        field = None if bias is None else bias.stir_field
        volumes.append(("stir", segmenter.stir_file, _shaded(pair.comparable_stir, field)))
    inputs = place.files / "inputs"
    try:
        for _, file, volume in volumes:
            (inputs / file).parent.mkdir(parents=True, exist_ok=True)
            write_nifti(inputs / file, volume)
    except (OSError, RuntimeError) as error:
        raise MaskError(
            f"the images for {segmenter.title} could not be written ({type(error).__name__})",
            code="segmenter_no_space",
            stage=_STAGE,
            hint="make room for temporary files, or name another folder for them by TMPDIR",
        ) from None
    return (("inputs", str(inputs)), *((name, str(inputs / file)) for name, file, _ in volumes))


def _shaded(volume: SignalVolume, field: NDArray[np.float32] | None) -> SignalVolume:
    if field is None:
        return volume
    return SignalVolume(array=volume.array * field, geometry=volume.geometry, acquisition=volume.acquisition)


def _run(tool: InstalledSegmenter, task: SegmenterTask, place: Workplace, images: _Images) -> Path:
    number = tool.segmenter.tasks.index(task) + 1
    folder = place.files / f"task{number}"
    output = folder / task.output
    folder.mkdir()
    output.parent.mkdir(parents=True, exist_ok=True)
    filled = (*images, ("labels", str(output)), ("labels_folder", str(folder)))
    command = filled_command(task.command, tool, filled)
    try:
        ended = run_program(command, place=place, timeout_s=tool.segmenter.timeout_s)
    except OSError as error:
        raise MaskError(
            f"{tool.segmenter.title} could not be started ({type(error).__name__})",
            code="segmenter_not_started",
            stage=_STAGE,
            hint="check that its program may be executed",
        ) from None
    if ended.code != 0:
        raise _failed(tool.segmenter, task, ended)
    return output


def _failed(segmenter: Segmenter, task: SegmenterTask, ended: Finished) -> MaskError:
    said = f". It said:\n{ended.told}" if ended.told else " and said nothing"
    if ended.code is None:
        return MaskError(
            f"{segmenter.title} took more than {segmenter.timeout_s:g} s for the task {task.name} and was ended{said}",
            code="segmenter_timeout",
            stage=_STAGE,
            hint="give it more time (timeout_s in a copy of its description), a GPU or a faster model",
        )
    return MaskError(
        f"{segmenter.title} failed at the task {task.name} with exit code {ended.code}{said}",
        code="segmenter_failed",
        stage=_STAGE,
        hint=segmenter.notes or "run it by hand on one study",
    )


def _made_by(segmenter: Segmenter, version: str, tasks: Sequence[str]) -> str:
    number = version or "of unknown version"
    return f"{segmenter.title} {number}, {'task' if len(tasks) == 1 else 'tasks'} {' + '.join(tasks)}"


def _left_out(task: SegmenterTask, error: MaskError) -> Finding:
    text = f"The task {task.name} was left out: {' '.join(error.message.split())}"
    return Finding(code="segmenter_task_left_out", stage=_STAGE, severity=Severity.WARN, message=text)


def _weaknesses(labels: NDArray[np.uint16], segmenter: Segmenter, version: str) -> tuple[Finding, ...]:
    found = []
    if not version:
        text = f"{segmenter.title} does not tell its version: the result cannot be repeated with certainty."
        found.append(Finding(code="segmenter_version_unknown", stage=_STAGE, severity=Severity.INFO, message=text))
    if not labels.any():
        text = f"{segmenter.title} found none of its bones in this study."
        found.append(Finding(code="no_marrow_found", stage=_STAGE, severity=Severity.FAIL, message=text))
    return tuple(found)
