"""Fluid of D34: what is far too bright on STIR and too dark on T1 for marrow, edematous or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import LesionSettings

__all__ = ["fluid_mask"]


def fluid_mask(pair: AlignedPair, references: References, settings: LesionSettings) -> NDArray[np.bool_]:
    """Fluid of D34: very bright on STIR, at or below muscle on T1; empty without STIR or a muscle reference."""
    muscle = references.muscle
    if pair.stir is None or muscle.t1 is None or muscle.stir is None:
        return np.zeros(pair.t1.array.shape, bool)
    bright = pair.stir.array >= settings.fluid_ratio.value * muscle.stir
    return np.asarray(bright & (pair.t1.array <= settings.fluid_t1_to_muscle.value * muscle.t1))
