"""Reading T1 and STIR of a study: SimpleITK's series reader, dcm2niix."""

from __future__ import annotations

from .measured import Comparison, Way
from .setting import STEPS, Setting, step
from .studies import Study, phantom

__all__ = ["comparisons"]


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try phantoms, a study in uncompressed files, and real ones."""
    studies = list(setting.studies)
    if not setting.quick:
        folder = setting.made("plain", "-m", f"{STEPS}.plain_study")
        studies.insert(0, phantom(folder, "25 x 336 x 336 plain"))
    return tuple(_compared(setting, study) for study in studies)


def _compared(setting: Setting, study: Study) -> Comparison:
    found, why = setting.dcm2niix()
    out = setting.scratch / "nifti"
    out.mkdir(exist_ok=True)
    repeats = ("--repeats", "1") if setting.quick else ()
    command = (found, "-z", "n", "-b", "n", "-w", "1", "-f", "%s_%u", "-o", str(out), str(study.dicom))
    return Comparison(
        name="ingest",
        study=study.name,
        threads=1,
        rounds=setting.rounds,
        ways=(
            step("marrowsignal", "ingest", study.dicom, *repeats),
            step("SimpleITK", "ingest", study.dicom, *repeats),
            Way(name="dcm2niix, its start included", command=command, tells=False, missing=why),
        ),
    )
