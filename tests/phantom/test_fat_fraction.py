"""Fat fraction of the phantom's protons in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.phantom.fat_fraction import proton_density_fat_percent
from marrowsignal.phantom.relaxation import ADIPOSE_WATER_SHARE, Species, constants_of


def voxel(**shares: float) -> float:
    species = np.zeros((len(Species), 1))
    for name, share in shares.items():
        species[Species[name]] = share
    return float(proton_density_fat_percent(species, magnetic_field_strength_t=1.5)[0])


def density(species: Species) -> float:
    return constants_of(species, magnetic_field_strength_t=1.5).proton_density_fraction


def test_pure_voxels() -> None:
    assert voxel(MARROW_FAT=1.0) == pytest.approx(100.0)
    assert voxel(MUSCLE=1.0) == voxel(FLUID=0.3) == voxel(MINERAL=1.0) == voxel() == 0.0


def test_adipose_tissue_holds_its_water() -> None:
    fat = (1 - ADIPOSE_WATER_SHARE) * density(Species.FAT)
    water = ADIPOSE_WATER_SHARE * density(Species.MARROW_WATER)
    assert voxel(FAT=1.0) == pytest.approx(100 * fat / (fat + water), rel=1e-6)


def test_mineral_does_not_dilute_a_fraction() -> None:
    assert voxel(MARROW_FAT=0.2, MARROW_WATER=0.3, MINERAL=0.5) == pytest.approx(
        voxel(MARROW_FAT=0.4, MARROW_WATER=0.6), rel=1e-6
    )
