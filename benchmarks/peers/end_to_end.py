"""A study from its files to its results: ``marrowsignal analyze`` with a mask against `chained_script`."""

from __future__ import annotations

import sys

from .measured import Comparison, Way
from .setting import Setting
from .studies import Study

__all__ = ["comparisons"]

_SCRIPT = "benchmarks/peers/chained_script.py"


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try one phantom and one real study, by one thread and by two."""
    phantoms = [study for study in setting.studies if study.truth is not None]
    real = [study for study in setting.studies if study.truth is None]
    return tuple(
        _compared(setting, study, threads) for study in (*phantoms[:1], *real[:1]) for threads in setting.threads
    )


def _compared(setting: Setting, study: Study, threads: int) -> Comparison:
    out = setting.scratch / "cases"
    script = (sys.executable, _SCRIPT, str(study.dicom), str(study.marrow), str(setting.scratch / "chained.csv"))
    return Comparison(
        name="end to end",
        study=study.name,
        threads=threads,
        rounds=setting.rounds,
        ways=(
            Way(
                name="marrowsignal analyze, all outputs",
                command=(
                    *(sys.executable, "-m", "marrowsignal", "analyze", str(study.dicom), "--output", str(out)),
                    *("--marrow", str(study.marrow), "--case", f"{study.name.replace(' ', '_')}_{threads}_{{round}}"),
                    "--quiet",
                ),
                tells=False,
            ),
            Way(name="chained script", command=script, tells=False),
            Way(name="chained script, N4 shrunk 4 x 4 x 4", command=(*script, "--shrink", "4", "4", "4"), tells=False),
        ),
    )
