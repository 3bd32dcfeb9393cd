"""Truth of a fat-fraction map: protons of fat among those that a chemical-shift sequence can see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.relaxation import ADIPOSE_WATER_SHARE, FAT_LIKE, Species, constants_of

__all__ = ["proton_density_fat_percent"]


def proton_density_fat_percent(
    species_fractions: NDArray[np.floating], *, magnetic_field_strength_t: float
) -> NDArray[np.float32]:
    """Fat protons over all visible protons, percent.

    Parameters
    ----------
    species_fractions : ndarray of float, shape (len(Species), ...)
        Volume shares, indexed by `Species`.
    magnetic_field_strength_t : float
        Field, whose table holds the proton densities.

    Returns
    -------
    ndarray of float32, shape (...)
        0 to 100; 0 in air and bare mineral. Adipose tissue counts with its share of interstitial water.
    """
    density = np.array(
        [
            constants_of(species, magnetic_field_strength_t=magnetic_field_strength_t).proton_density_fraction
            for species in Species
        ]
    )
    fat = np.where(np.isin(np.arange(len(Species)), FAT_LIKE), density, 0.0)
    fat[Species.FAT] *= 1.0 - ADIPOSE_WATER_SHARE
    whole = density.copy()
    whole[Species.FAT] = fat[Species.FAT] + ADIPOSE_WATER_SHARE * density[Species.MARROW_WATER]
    fat_protons, protons = (np.tensordot(weights, species_fractions, axes=1) for weights in (fat, whole))
    share = np.divide(fat_protons, protons, out=np.zeros_like(protons), where=protons > 1e-3)
    return np.asarray(100.0 * share, np.float32)
