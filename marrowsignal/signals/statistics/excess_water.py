"""How bright STIR marrow can be without edema, from the physics of the sequence (D07)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import AddedWater, FatFractionFit, TissueConstants
from marrowsignal.signals.statistics.sequence_signals import stir_signal, tissues_of

__all__ = ["constants_for_field", "fat_fraction_of", "predicted_stir_to_muscle"]

_Table = TypeVar("_Table", TissueConstants, AddedWater)
_FIELD_TOLERANCE = 0.25


def predicted_stir_to_muscle(
    fat_fraction: ArrayLike, *, acquisition: AcquisitionFacts, constants: TissueConstants
) -> NDArray[np.float64]:
    """STIR signal of marrow without edema over muscle, at a fat fraction.

    Parameters
    ----------
    fat_fraction : array_like of float
        0-1; the clipped fat-signal index stands for it.
    acquisition : AcquisitionFacts
        Of the STIR series; TR, TE and TI must be known. Where the echo train's length is known, the train counts as
        twice TE long, less half an echo spacing on either side.
    constants : TissueConstants
        Of the field strength.

    Returns
    -------
    ndarray of float64
        ``(1 - bvf) |FF s_fat + (1 - FF) s_red water| / |s_muscle|``; fat and water add with sign (SCIENCE 1.1).

    Raises
    ------
    ValueError
        If TR, TE or TI is missing.
    """
    fat, water, muscle = (stir_signal(tissue, acquisition) for tissue in tissues_of(constants))
    ff = np.asarray(fat_fraction, float)
    bone = constants.bone_volume_fraction.value
    return np.asarray((1 - bone) * np.abs(ff * fat + (1 - ff) * water) / abs(muscle))


def fat_fraction_of(fat_signal_index: ArrayLike, fit: FatFractionFit | None) -> NDArray[np.float64]:
    """Fat fraction, 0-1, that the prediction takes for a fat-signal index: the site's own line, or the index itself.

    Examples
    --------
    >>> fat_fraction_of([-0.2, 0.4, 1.3], None).tolist()
    [0.0, 0.4, 1.0]
    """
    index = np.asarray(fat_signal_index, float)
    fat = index if fit is None else (fit.intercept.value + fit.slope.value * index) / 100
    return np.asarray(np.clip(fat, 0.0, 1.0))


def constants_for_field(field_t: float | None, tables: tuple[_Table, ...]) -> _Table | None:
    """Return the table within 25 % of the field strength, or None: constants do not carry over."""
    for table in tables:
        known = table.magnetic_field_strength.value
        if field_t is not None and abs(field_t - known) <= _FIELD_TOLERANCE * known:
            return table
    return None
