"""Even adult marrow, for looking at anatomy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.scene import Bone, Marrow, Place
from marrowsignal.phantom.solids import Points

Array = NDArray[np.float64]
_FAT = {"vertebra": 0.4, "sacrum": 0.5, "flat": 0.5, "long": 0.75, "sesamoid": 0.9}


def plain(bone: Bone, p: Points, place: Place, depth_mm: Array) -> Marrow:
    """Fat fraction by kind of bone, more in epiphyses."""
    none = np.zeros_like(depth_mm)
    fat = _FAT[bone.kind] + (0.9 - _FAT[bone.kind]) * place.epiphysis
    fat = fat + 0.15 * (1 - fat) * np.clip(place.shaft_mm / 80.0, 0, 1)
    return Marrow(
        fat=fat, edema=none, tumor=none, fluid=none, fibrous=none, mineral=np.full_like(none, 0.12), lesion=none
    )
