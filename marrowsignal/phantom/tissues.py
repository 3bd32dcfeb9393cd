"""Tissue constants, the species a voxel is made of, and the two sequences (SCIENCE 1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.equations import ir_mz, ir_tse_signal, tse_signal

__all__ = ["STIR_1_5T", "T1_TSE_1_5T", "Sequence", "Species", "TissueConstants", "constants_of", "signals"]


class Species(IntEnum):
    """What gives signal in a voxel; bone mineral and air give none."""

    FAT = 0
    MARROW_FAT = 1
    MARROW_WATER = 2
    EDEMA_WATER = 3
    MUSCLE = 4
    FLUID = 5
    SOFT_TISSUE = 6
    FIBROUS = 7


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


_GOLD = "Gold, AJR 2004;183:343"
_X = "engineering value, SCIENCE 1.2 [X]"
_TABLE_1_5T = (
    (Species.FAT, 288.0, 165.0, 0.95, _GOLD),
    (Species.MARROW_FAT, 288.0, 165.0, 0.95, _GOLD),
    (Species.MARROW_WATER, 900.0, 45.0, 1.0, _X),
    (Species.EDEMA_WATER, 1500.0, 90.0, 1.0, _X),
    (Species.MUSCLE, 1130.0, 35.0, 0.80, _GOLD),
    (Species.FLUID, 2850.0, 1210.0, 1.0, _GOLD),
    (Species.SOFT_TISSUE, 1000.0, 60.0, 0.85, _X),
    (Species.FIBROUS, 1000.0, 14.0, 0.55, _X),
)
_TABLE_3T = (
    (Species.FAT, 371.0, 133.0, 0.95, _GOLD),
    (Species.MARROW_FAT, 365.0, 133.0, 0.95, _GOLD),
    (Species.MARROW_WATER, 1150.0, 40.0, 1.0, _X),
    (Species.EDEMA_WATER, 1800.0, 80.0, 1.0, _X),
    (Species.MUSCLE, 1420.0, 32.0, 0.80, _GOLD),
    (Species.FLUID, 3620.0, 767.0, 1.0, _GOLD),
    (Species.SOFT_TISSUE, 1250.0, 55.0, 0.85, _X),
    (Species.FIBROUS, 1200.0, 12.0, 0.55, _X),
)


def constants_of(species: Species, *, magnetic_field_strength_t: float = 1.5) -> TissueConstants:
    """Relaxation times and proton density of a species.

    Parameters
    ----------
    species : Species
        The component.
    magnetic_field_strength_t : float
        Below 2.25 T the 1.5 T values are given, above the 3 T ones.

    Returns
    -------
    TissueConstants
        Times in ms, with the source.

    Examples
    --------
    >>> constants_of(Species.MUSCLE).t1_ms
    1130.0
    """
    table = _TABLE_1_5T if magnetic_field_strength_t < 2.25 else _TABLE_3T
    _, t1, t2, density, source = table[int(species)]
    return TissueConstants(t1_ms=t1, t2_ms=t2, proton_density_fraction=density, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A turbo spin-echo sequence, with an inversion pulse or without.

    Attributes
    ----------
    repetition_time_ms, echo_time_ms, echo_spacing_ms : float
        TR, effective TE, distance of the echoes.
    echo_train_length : int
        Echoes per excitation.
    inversion_time_ms : float or None
        TI; None for no inversion pulse.
    inversion_efficiency : float
        1 for a perfect inversion.
    magnetic_field_strength_t : float
        Field strength, T.
    """

    repetition_time_ms: float
    echo_time_ms: float
    echo_spacing_ms: float
    echo_train_length: int
    inversion_time_ms: float | None = None
    inversion_efficiency: float = 1.0
    magnetic_field_strength_t: float = 1.5

    @property
    def train_length_ms(self) -> float:
        """Duration of the echo train."""
        return self.echo_train_length * self.echo_spacing_ms


T1_TSE_1_5T = Sequence(repetition_time_ms=550.0, echo_time_ms=11.0, echo_spacing_ms=11.0, echo_train_length=3)
STIR_1_5T = Sequence(
    repetition_time_ms=5000.0,
    echo_time_ms=60.0,
    echo_spacing_ms=10.0,
    echo_train_length=11,
    inversion_time_ms=150.0,
)


def signals(sequence: Sequence) -> NDArray[np.float64]:
    """Signed signal of a voxel full of each species, proton density included.

    Parameters
    ----------
    sequence : Sequence
        How the image is made.

    Returns
    -------
    ndarray of float64, shape (len(Species),)
        Indexed by `Species`.

    Examples
    --------
    >>> t1 = signals(T1_TSE_1_5T)
    >>> bool(t1[Species.FAT] > t1[Species.MARROW_WATER] > t1[Species.MUSCLE] > t1[Species.FLUID])
    True
    """
    field = sequence.magnetic_field_strength_t
    every = [constants_of(s, magnetic_field_strength_t=field) for s in Species]
    t1 = np.array([c.t1_ms for c in every])
    t2 = np.array([c.t2_ms for c in every])
    density = np.array([c.proton_density_fraction for c in every])
    if sequence.inversion_time_ms is None:
        return density * tse_signal(
            t1,
            t2,
            repetition_time_ms=sequence.repetition_time_ms,
            echo_time_ms=sequence.echo_time_ms,
            train_length_ms=sequence.train_length_ms,
        )
    mz = ir_mz(
        t1,
        repetition_time_ms=sequence.repetition_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        train_length_ms=sequence.train_length_ms,
        inversion_efficiency=sequence.inversion_efficiency,
    )
    return density * ir_tse_signal(mz, t2, echo_time_ms=sequence.echo_time_ms)
