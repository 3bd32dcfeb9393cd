"""DICOM studies of a few voxels, a T1 and a STIR analyzed in half a second, and what can be wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

from marrowsignal.cohort.records import CaseTask, StudySource
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series

SHAPE = (9, 16, 16)


def write_study(folder: Path, name: str = "study", *, stir: bool = True) -> Path:
    """Write a study whose StudyInstanceUID follows from its name."""
    spec = SeriesSpec(shape=SHAPE, study=name, frame=name)
    write_series(folder / "t1", spec)
    if stir:
        write_series(folder / "stir", stir_spec().but(shape=SHAPE, study=name, frame=name))
    return folder


def write_zip(file: Path, name: str) -> Path:
    """Write a study into an archive."""
    folder = write_study(file.with_suffix(""), name)
    shutil.make_archive(str(folder), "zip", folder)
    shutil.rmtree(folder)
    return file


def damage(folder: Path) -> Path:
    """Cut off each file of a folder amid its header."""
    for file in sorted(folder.rglob("*.dcm")):
        file.write_bytes(file.read_bytes()[:300])
    return folder


def task_of(*paths: Path, out: Path, name: str | None = None, **changes: object) -> CaseTask:
    """Return the task of the study of some paths, the one named or all that lies there; without DICOM objects."""
    study = None if name is None else str(uid(name))
    source = StudySource(key="0123456789ab", paths=tuple(map(str, paths)), study_instance_uid=study)
    of_source = {key: changes.pop(key) for key in list(changes) if key in StudySource.model_fields}
    return CaseTask(source=source.model_copy(update=of_source), out=str(out), **{"dicom": False, **changes})
