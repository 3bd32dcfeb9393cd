"""Rigid registration of STIR to T1: itk-elastix, SimpleITK; error where the phantom's motion is known."""

from __future__ import annotations

from pathlib import Path

from .measured import Comparison, Way
from .setting import STEPS, Setting, lacks, prepared, step
from .studies import Study, phantom

__all__ = ["comparisons", "elastix"]


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try a phantom that moved, and real studies, whose motion nobody knows."""
    quick = ("--quick",) if setting.quick else ()
    folder = setting.made("moved", "-m", f"{STEPS}.moved_study", *quick)
    studies = (phantom(folder, "focal_edema moved 6 mm"), *(study for study in setting.studies if study.truth is None))
    return tuple(_compared(setting, study, threads) for study in studies for threads in setting.threads)


def _compared(setting: Setting, study: Study, threads: int) -> Comparison:
    folder = prepared(setting, study)
    return Comparison(
        name="registration",
        study=study.name,
        threads=threads,
        rounds=setting.rounds,
        ways=(
            step("marrowsignal", "registration", folder),
            elastix(setting.peers, folder),
            step("SimpleITK", "registration", folder, shown="SimpleITK, 1 % of voxels"),
        ),
    )


def elastix(peers: Path, folder: Path) -> Way:
    """Return itk-elastix as a way, by the interpreter of an environment that has it."""
    command = (str(peers), "-m", f"{STEPS}.elastix", str(folder))
    return Way(name="itk-elastix", command=command, missing=lacks(peers, "import itk; itk.ElastixRegistrationMethod"))
