"""Where marrow lies on T1 against STIR, both over muscle, and how it moves when its tissue changes (SCIENCE 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import AddedWater, FatFractionFit, TissueConstants
from marrowsignal.signals.statistics.excess_water import fat_fraction_of, predicted_stir_to_muscle
from marrowsignal.signals.statistics.ratios import fat_signal_index
from marrowsignal.signals.statistics.sequence_signals import Tissue, stir_signal, t1_signal, tissues_of

__all__ = ["MarrowModel", "PlaneLine", "PlanePoint", "mixing_line", "replaced_ratio", "water_line"]

_STEPS = 41


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanePoint:
    """T1 and STIR of one tissue, over those of the patient's lean muscle; muscle itself is (1, 1)."""

    t1_to_muscle: float
    stir_to_muscle: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneLine:
    """Where marrow goes while one thing changes.

    Attributes
    ----------
    shares : ndarray of float64, shape (n,)
        What changes: the fat-signal index, or the share of the voxel that other water takes.
    t1_to_muscle, stir_to_muscle : ndarray of float64, shape (n,)
        Signal over muscle.
    """

    shares: NDArray[np.float64]
    t1_to_muscle: NDArray[np.float64]
    stir_to_muscle: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowModel:
    """What predicts signal of one patient's marrow.

    Attributes
    ----------
    t1, stir : AcquisitionFacts
        TR and TE of both, TI of STIR.
    constants : TissueConstants
        Of the field strength.
    fit : FatFractionFit or None
        The site's own line from fat-signal index to fat fraction.
    """

    t1: AcquisitionFacts
    stir: AcquisitionFacts
    constants: TissueConstants
    fit: FatFractionFit | None = None


def replaced_ratio(share: ArrayLike, *, start: ArrayLike, lost: ArrayLike, gained: ArrayLike) -> NDArray[np.float64]:
    """Signal of a voxel over what it was, a share of it replaced: ``|start + share (gained - lost)| / |start|``.

    Components add with sign before the magnitude is taken (SCIENCE 1.1).

    Parameters
    ----------
    share : array_like of float
        Of the voxel, 0-1.
    start, lost, gained : array_like of float
        Signed signal of the voxel as it was, of the tissue that goes and of that which comes; one unit.

    Examples
    --------
    >>> replaced_ratio([0.0, 0.5, 1.0], start=2.0, lost=2.0, gained=6.0).tolist()
    [1.0, 2.0, 3.0]
    """
    before = np.asarray(start, float)
    return np.asarray(np.abs(before + np.asarray(share, float) * (np.asarray(gained) - lost)) / np.abs(before))


def mixing_line(
    model: MarrowModel, *, fat: PlanePoint, normal: PlanePoint | None = None, times: float = 1.0
) -> PlaneLine:
    """Red and yellow marrow in any mixture: where excess water (D07) is 1, or `times` as much.

    The T1 of a mixture is that of its fat-signal index between lean muscle and subcutaneous fat (D03).

    Parameters
    ----------
    model : MarrowModel
        Times and constants.
    fat : PlanePoint
        The patient's subcutaneous fat.
    normal : PlanePoint, optional
        The patient's own normal marrow: then the line goes through it, as D07 of a lesion is calibrated; else it is
        that of the constants alone, as D07 of a region is measured.
    times : float
        Excess water along the line.
    """
    index = np.linspace(0.0, 1.0, _STEPS)
    stir = _predicted(index, model)
    if normal is not None:
        own = fat_signal_index(normal.t1_to_muscle, muscle=1.0, fat=fat.t1_to_muscle)
        stir = stir * (normal.stir_to_muscle / _predicted(own, model))
    return PlaneLine(
        shares=index, t1_to_muscle=1 + index * (fat.t1_to_muscle - 1), stir_to_muscle=np.asarray(times * stir)
    )


def water_line(
    model: MarrowModel, *, fat: PlanePoint, normal: PlanePoint, water: AddedWater, of_tumor: bool, most: float = 1.0
) -> PlaneLine:
    """Own normal marrow that takes up other water, from none to a share `most` of the voxel.

    Edema water thins fat and red marrow alike; tumor-like tissue takes the place of fat, and no more than there is.
    Both are relative to the marrow's own signal, which cancels what the constants get wrong in this patient.

    Parameters
    ----------
    model : MarrowModel
        Times and constants.
    fat, normal : PlanePoint
        The patient's subcutaneous fat and own normal marrow.
    water : AddedWater
        Of the field strength.
    of_tumor : bool
        Which water.
    most : float
        Largest share; for tumor-like tissue at most the fat fraction.
    """
    own = fat_signal_index(normal.t1_to_muscle, muscle=1.0, fat=fat.t1_to_muscle)
    of_fat = float(fat_fraction_of(own, model.fit))
    shares = np.linspace(0.0, min(most, of_fat) if of_tumor else most, _STEPS)
    moved = []
    for signal_of, facts, level in (
        (t1_signal, model.t1, normal.t1_to_muscle),
        (stir_signal, model.stir, normal.stir_to_muscle),
    ):
        yellow, red, _ = (signal_of(tissue, facts) for tissue in tissues_of(model.constants))
        start = of_fat * yellow + (1 - of_fat) * red
        new = signal_of(_water(water, of_tumor=of_tumor), facts)
        moved.append(level * replaced_ratio(shares, start=start, lost=yellow if of_tumor else start, gained=new))
    return PlaneLine(shares=shares, t1_to_muscle=moved[0], stir_to_muscle=moved[1])


def _predicted(index: ArrayLike, model: MarrowModel) -> NDArray[np.float64]:
    fat = fat_fraction_of(index, model.fit)
    return predicted_stir_to_muscle(fat, acquisition=model.stir, constants=model.constants)


def _water(water: AddedWater, *, of_tumor: bool) -> Tissue:
    if of_tumor:
        return Tissue.of(water.tumor_water_proton_density, water.tumor_water_t1, water.tumor_water_t2)
    return Tissue.of(water.edema_water_proton_density, water.edema_water_t1, water.edema_water_t2)
