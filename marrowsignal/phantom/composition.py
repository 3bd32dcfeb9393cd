"""What tissues are made of: volume shares of the species that give signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.tissues import Species

__all__ = ["COMPOSITIONS", "Composition", "mix"]

Array = NDArray[np.float64]
Composition = Mapping[Species, float]

_S = Species
# engineering values; what is missing to 1 is air or flowing blood, which give no signal
COMPOSITIONS: Mapping[str, Composition] = MappingProxyType(
    {
        "air": {},
        "flowing_blood": {},
        "fat": {_S.FAT: 1.0},
        "skin": {_S.FIBROUS: 0.6, _S.SOFT_TISSUE: 0.4},
        # fibres with their sheaths, capillaries and the little fat of lean muscle, on average
        "muscle": {_S.MUSCLE: 0.9, _S.FAT: 0.04, _S.FIBROUS: 0.04, _S.FLUID: 0.02},
        "fascia": {_S.FIBROUS: 0.9, _S.FAT: 0.1},
        "tendon": {_S.FIBROUS: 1.0},
        "ligament": {_S.FIBROUS: 0.8, _S.FAT: 0.2},
        "meniscus": {_S.FIBROUS: 1.0},
        "cartilage": {_S.CARTILAGE: 1.0},
        "annulus": {_S.FIBROUS: 0.85, _S.SOFT_TISSUE: 0.15},
        "nucleus": {_S.NUCLEUS: 1.0},
        "fluid": {_S.FLUID: 1.0},
        "nerve": {_S.SOFT_TISSUE: 0.9, _S.FLUID: 0.1},
        "cord": {_S.SOFT_TISSUE: 1.0},
        "organ": {_S.SOFT_TISSUE: 1.0},
        "bowel_wall": {_S.SOFT_TISSUE: 0.9, _S.FAT: 0.1},
        "bowel_content": {_S.SOFT_TISSUE: 0.55, _S.FLUID: 0.25, _S.FAT: 0.2},
        "cortex": {_S.MINERAL: 1.0},
        "slow_blood": {_S.FLUID: 0.35, _S.SOFT_TISSUE: 0.4},
    }
)


def mix(
    fat: Array, edema: Array, tumor: Array, fluid: Array, fibrous: Array, mineral: Array
) -> Iterator[tuple[Species, Array]]:
    """Volume shares of a marrow voxel from the shares of its soft part and its mineral."""
    soft = 1.0 - mineral
    yield Species.MARROW_FAT, soft * fat
    yield Species.EDEMA_WATER, soft * edema
    yield Species.TUMOR_WATER, soft * tumor
    yield Species.FLUID, soft * fluid
    yield Species.FIBROUS, soft * fibrous
    yield Species.MARROW_WATER, soft * (1.0 - fat - edema - tumor - fluid - fibrous)
    yield Species.MINERAL, mineral
