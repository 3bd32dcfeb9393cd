"""The numbers of a study that are compared over a cohort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.page_data import TableColumns

__all__ = ["Measure", "study_measures"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measure:
    """One number of every study.

    Attributes
    ----------
    key, title, unit : str
        Short name, words, and unit as printed; empty for a pure number.
    decimals : int
        As printed.
    values : ndarray of float64, shape (study,)
        NaN where not measured.
    logarithmic : bool
        Whether distances are told between logarithms: positive and skewed.
    high_only : bool
        Whether only large values can be wrong.
    of_marrow : bool
        Whether it is what is to be measured, and not how well that could be done.
    """

    key: str
    title: str
    unit: str
    decimals: int
    values: Floats
    logarithmic: bool = False
    high_only: bool = False
    of_marrow: bool = False

    def words(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{value:.{self.decimals}f}{f' {self.unit}' if self.unit else ''}".replace("-", "−")


def study_measures(studies: TableColumns) -> tuple[Measure, ...]:
    """Gather how a study was acquired, aligned and masked, in numbers that do not depend on a receiver's gain.

    Parameters
    ----------
    studies : TableColumns
        One row a study.

    Returns
    -------
    tuple of Measure
        Those that any study has.
    """
    t1_muscle, stir_muscle = studies.number("muscle_t1_au"), studies.number("muscle_stir_au")
    rows = (
        ("alignment", "alignment error", "mm", 2, studies.number("alignment_error_mm"), True, True),
        ("mask", "marrow mask", "mL", 0, studies.number("mask_volume_ml"), True, False),
        ("noise_t1", "noise / muscle, T1", "", 3, _over(studies.number("noise_t1_au"), t1_muscle), True, True),
        ("noise_stir", "noise / muscle, STIR", "", 3, _over(studies.number("noise_stir_au"), stir_muscle), True, True),
        ("shading_t1", "shading left, T1", "", 3, studies.number("t1_shading_residual_fraction"), True, True),
        ("shading_stir", "shading left, STIR", "", 3, studies.number("stir_shading_residual_fraction"), True, True),
        ("fat_t1", "fat / muscle, T1", "", 2, _over(studies.number("fat_t1_au"), t1_muscle), True, False),
        ("fat_stir", "fat / muscle, STIR", "", 2, _over(studies.number("fat_stir_au"), stir_muscle), True, False),
        ("marrow_t1", "marrow / muscle, T1", "", 2, studies.number("all_t1_marrow_to_muscle_ratio"), True, False),
        ("marrow_fat", "marrow / fat, T1", "", 2, studies.number("all_t1_marrow_to_fat_ratio"), True, False),
        ("marrow_stir", "marrow / muscle, STIR", "", 2, studies.number("all_stir_marrow_to_muscle_ratio"), True, False),
    )
    return tuple(
        Measure(
            key=key,
            title=title,
            unit=unit,
            decimals=decimals,
            values=values,
            logarithmic=skewed,
            high_only=high_only,
            of_marrow=key.startswith("marrow_"),
        )
        for key, title, unit, decimals, values, skewed, high_only in rows
        if np.isfinite(values).any()
    )


def _over(values: Floats, reference: Floats) -> Floats:
    found = np.full(values.shape, np.nan)
    np.divide(values, reference, out=found, where=np.isfinite(values) & (reference > 0))
    return found
