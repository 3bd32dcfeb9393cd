"""What a voxel is made of, and the relaxation times of each species at 0.3, 1.5 and 3 T (SCIENCE 1.2).

Five constants differ from the usual tables, because with those the simulated sacroiliac protocol missed the
ratios of real studies (`benchmarks/phantom_against_real.py` prints both sides). [V], [M] and [X] mean verified
against the abstract or text, remembered and to be verified, engineering value:

- Muscle T1 at 1.5 T is 870 ms, not 1130: Bottomley's fit gives 868 [M], de Bazelaire 856 [M]. With 1130 fat/muscle
  on T1 is 3.1 to 3.5 (real: 2.2 to 2.8). Its T2 of 31 ms lies half-way between de Bazelaire's 27 [M] and Gold's 35 [M];
  at each field it is at the low end of its sources, because the interstitial water of whole muscle is drawn apart.
- Subcutaneous fat has a T1 of 295 ms, between Gold's 288 and the 312 of white fat by Hu 2010. Fat is so near its
  null on STIR that these 7 ms change its signal there by 5 %.
- Adipose tissue is not pure lipid: `ADIPOSE_WATER_SHARE` of it is interstitium.
- Marrow water carries the cells' protein: red marrow is 40 % water, 40 % fat and 20 % protein, so two thirds to
  three quarters of its fat-free part are visible. With a density of 1 red marrow reaches 1.8 x muscle on STIR,
  never seen without a lesion.
- Marrow-water T1 at 1.5 T is 800 ms, not 900: with the density above, marrow with little fat would else lie below
  muscle on T1, which red marrow does not (17 of 20 normal red marrows are above it, Carroll, JMRI 1997).

Magnetization transfer of the refocusing pulses of other slices darkens muscle and marrow water alike; it is
not separable from their proton density here and is contained in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

__all__ = ["ADIPOSE_WATER_SHARE", "CONTRAST_UPTAKE", "FAT_LIKE", "Species", "TissueConstants", "constants_of"]


class Species(IntEnum):
    """What a voxel is made of; mineral gives no signal, and air has no entry."""

    FAT = 0
    MARROW_FAT = 1
    MARROW_WATER = 2
    EDEMA_WATER = 3
    TUMOR_WATER = 4
    MUSCLE = 5
    FLUID = 6
    SOFT_TISSUE = 7
    FIBROUS = 8
    CARTILAGE = 9
    NUCLEUS = 10
    MINERAL = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueConstants:
    """Relaxation and density of one species at one field strength.

    Attributes
    ----------
    t1_ms, t2_ms : float
        Relaxation times.
    proton_density_fraction : float
        MR-visible protons relative to water.
    source : str
        Where the numbers come from.
    """

    t1_ms: float
    t2_ms: float
    proton_density_fraction: float
    source: str


# species that precess with fat: they shift along the frequency direction and obey spectral suppression
FAT_LIKE = (Species.FAT, Species.MARROW_FAT)

# water, protein and septa by volume; adipose tissue is 11 to 30 % water by mass (Woodard & White, Br J Radiol
# 1986;59:1209 [M]), subcutaneous fat of adults at the lean end
ADIPOSE_WATER_SHARE = 0.14

# extracellular volume, which an extracellular agent reaches within minutes; engineering values [X] around
# muscle 0.1 to 0.15 and myocardium 0.25. CSF and cartilage stay without agent that early, lipid always
CONTRAST_UPTAKE: Mapping[Species, float] = MappingProxyType(
    {
        Species.MARROW_WATER: 0.25,
        Species.EDEMA_WATER: 0.55,
        Species.TUMOR_WATER: 0.40,
        Species.MUSCLE: 0.13,
        Species.SOFT_TISSUE: 0.40,
        Species.FIBROUS: 0.05,
    }
)

_GOLD = "Gold, AJR 2004;183:343 [M]"
_BOTTOMLEY = "Bottomley, Med Phys 1984;11:425, T1 = A f^B [V], A and B [M]"
_BAZELAIRE = "de Bazelaire, Radiology 2004;230:652"
_POLAK = "486 to 521 / 37 to 40 at 0.23 T in rabbits and rats, Polak, Invest Radiol 1988;23:107 [V]"
_X = "engineering value, SCIENCE 1.2 [X]"
_NO_SIGNAL = "no signal at these echo times"
_DARK_BONE = (1000.0, 1.0, 0.0, _NO_SIGNAL)
_REAL = "engineering value [X], set so that reader-marked lesions reach 1.7 to 2.7 x muscle (SCIENCE 1.4)"
_RED = "engineering value [X], set so that red marrow with 20 % fat stays above muscle on T1 (Carroll, JMRI 1997)"

_Row = tuple[float, float, float, str]
_TABLE_0_3T: Mapping[Species, _Row] = MappingProxyType(
    {
        Species.FAT: (223.0, 165.0, 0.95, f"1.5 T value x 0.755, {_BOTTOMLEY}; T2 [X]"),
        Species.MARROW_FAT: (218.0, 165.0, 0.95, f"1.5 T value x 0.755, {_BOTTOMLEY}; T2 [X]"),
        Species.MARROW_WATER: (515.0, 52.0, 0.75, _X),
        Species.EDEMA_WATER: (1000.0, 80.0, 0.90, _X),
        Species.TUMOR_WATER: (1080.0, 70.0, 0.85, _X),
        Species.MUSCLE: (500.0, 37.0, 0.80, f"{_POLAK}; 441 by {_BOTTOMLEY}"),
        Species.FLUID: (2600.0, 1300.0, 1.0, _X),
        Species.SOFT_TISSUE: (600.0, 65.0, 0.85, _X),
        Species.FIBROUS: (650.0, 16.0, 0.55, _X),
        Species.CARTILAGE: (650.0, 46.0, 0.75, _X),
        Species.NUCLEUS: (850.0, 105.0, 0.85, _X),
        Species.MINERAL: _DARK_BONE,
    }
)
_TABLE_1_5T: Mapping[Species, _Row] = MappingProxyType(
    {
        Species.FAT: (295.0, 165.0, 0.95, f"288 {_GOLD}, 312 Hu 2010 [V]"),
        Species.MARROW_FAT: (288.0, 165.0, 0.95, _GOLD),
        Species.MARROW_WATER: (800.0, 46.0, 0.75, f"{_RED}; density: 40 % water to 20 % protein in red marrow"),
        Species.EDEMA_WATER: (1500.0, 75.0, 0.90, _REAL),
        Species.TUMOR_WATER: (1600.0, 65.0, 0.85, _X),
        Species.MUSCLE: (
            870.0,
            31.0,
            0.80,
            f"T1 868 {_BOTTOMLEY}, 856 {_BAZELAIRE} [M]; T2 34+-7 Pai 2008 [V], 35 {_GOLD}",
        ),
        Species.FLUID: (2850.0, 1210.0, 1.0, _GOLD),
        Species.SOFT_TISSUE: (1000.0, 60.0, 0.85, _X),
        Species.FIBROUS: (1000.0, 14.0, 0.55, _X),
        Species.CARTILAGE: (1060.0, 42.0, 0.75, _GOLD),
        Species.NUCLEUS: (1200.0, 95.0, 0.85, _X),
        Species.MINERAL: _DARK_BONE,
    }
)
_TABLE_3T: Mapping[Species, _Row] = MappingProxyType(
    {
        Species.FAT: (371.0, 133.0, 0.95, _GOLD),
        Species.MARROW_FAT: (365.0, 133.0, 0.95, _GOLD),
        Species.MARROW_WATER: (1020.0, 41.0, 0.75, f"{_RED}; density: 40 % water to 20 % protein in red marrow"),
        Species.EDEMA_WATER: (1800.0, 68.0, 0.90, f"1.5 T value, {_X}"),
        Species.TUMOR_WATER: (1850.0, 60.0, 0.85, _X),
        Species.MUSCLE: (1100.0, 29.0, 0.80, f"between 898+-33 / 29+-4 {_BAZELAIRE} [V] and 1420 / 32 {_GOLD}"),
        Species.FLUID: (3620.0, 767.0, 1.0, _GOLD),
        Species.SOFT_TISSUE: (1250.0, 55.0, 0.85, _X),
        Species.FIBROUS: (1200.0, 12.0, 0.55, _X),
        Species.CARTILAGE: (1240.0, 37.0, 0.75, _GOLD),
        Species.NUCLEUS: (1400.0, 85.0, 0.85, _X),
        Species.MINERAL: _DARK_BONE,
    }
)


def constants_of(species: Species, *, magnetic_field_strength_t: float = 1.5) -> TissueConstants:
    """Relaxation times and proton density of a species.

    Parameters
    ----------
    species : Species
        The component.
    magnetic_field_strength_t : float
        Field; the table of 0.3 T serves below 0.7 T, that of 1.5 T below 2.25 T, that of 3 T above. Nothing is
        interpolated: between the tables there are no measurements to interpolate.

    Returns
    -------
    TissueConstants
        Times in ms, with the source.

    Examples
    --------
    >>> constants_of(Species.MUSCLE).t1_ms
    870.0
    """
    if magnetic_field_strength_t < 0.7:
        table = _TABLE_0_3T
    else:
        table = _TABLE_1_5T if magnetic_field_strength_t < 2.25 else _TABLE_3T
    t1, t2, density, source = table[species]
    return TissueConstants(t1_ms=t1, t2_ms=t2, proton_density_fraction=density, source=source)
