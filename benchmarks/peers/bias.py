"""Coil shading of T1 and STIR: SimpleITK's N4; what is left of it where a phantom's shading is known."""

from __future__ import annotations

from .measured import Comparison
from .setting import Setting, prepared, step

__all__ = ["comparisons"]


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try one phantom and one real study: N4 takes its time."""
    phantoms = [study for study in setting.studies if study.truth is not None]
    real = [study for study in setting.studies if study.truth is None]
    return tuple(
        Comparison(
            name="bias",
            study=study.name,
            threads=1,
            rounds=min(setting.rounds, 2),
            ways=(
                step("marrowsignal", "bias", prepared(setting, study)),
                step("N4", "bias", prepared(setting, study), shown="N4, body mask"),
                step("N4-Otsu", "bias", prepared(setting, study), shown="N4, Otsu mask"),
            ),
        )
        for study in (*phantoms[:1], *real[:1])
    )
