"""The studies that everything is tried on: those of ``sample_data``, and real ones where there are any."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .turns import ROOT

__all__ = ["Study", "real_studies", "sample_studies"]

_REAL = ("1013", "1016")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study with a mask of its marrow.

    Attributes
    ----------
    name : str
        As the table tells it.
    dicom, marrow : Path
        Its files and its mask.
    truth : Path or None
        Truth of a phantom.
    """

    name: str
    dicom: Path
    marrow: Path
    truth: Path | None = None


def sample_studies() -> tuple[Study, ...]:
    """Both phantoms that come with the project."""
    return tuple(phantom(ROOT / "sample_data" / name, name) for name in ("focal_edema_like", "reconversion_like"))


def phantom(folder: Path, name: str) -> Study:
    """Return a phantom as `marrowsignal.phantom.make_study` leaves it."""
    truth = folder / "truth"
    return Study(name=name, dicom=folder / "dicom", marrow=truth / "marrow.nii.gz", truth=truth)


def real_studies() -> tuple[Study, ...]:
    """Two sacroiliac studies of the folder that MARROWSIGNAL_REAL_DATA names, told by number; none without it."""
    root = os.environ.get("MARROWSIGNAL_REAL_DATA")
    if not root:
        return ()
    found = [
        Study(name=f"real {number}", dicom=folder / "dicom", marrow=folder / "masks" / "marrow.nii.gz")
        for number, folder in enumerate((Path(root).resolve() / "sij" / name for name in _REAL), start=1)
    ]
    return tuple(study for study in found if study.dicom.is_dir() and study.marrow.is_file())
