"""Signal of one tissue in the two sequences, from its constants and the header's times (SCIENCE 1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import Quantity, TissueConstants

__all__ = ["Tissue", "inversion_recovery_signal", "spin_echo_signal", "stir_signal", "t1_signal", "tissues_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """One tissue at one field strength."""

    proton_density: float
    t1_ms: float
    t2_ms: float

    @classmethod
    def of(cls, proton_density: Quantity, t1: Quantity, t2: Quantity) -> Tissue:
        """Return the tissue that a protocol's quantities describe."""
        return cls(proton_density=proton_density.value, t1_ms=t1.value, t2_ms=t2.value)


def tissues_of(constants: TissueConstants) -> tuple[Tissue, Tissue, Tissue]:
    """Return fat, water of red marrow and muscle."""
    c = constants
    return (
        Tissue.of(c.fat_proton_density, c.fat_t1, c.fat_t2),
        Tissue.of(c.marrow_water_proton_density, c.marrow_water_t1, c.marrow_water_t2),
        Tissue.of(c.muscle_proton_density, c.muscle_t1, c.muscle_t2),
    )


def spin_echo_signal(tissue: Tissue, *, repetition_time_ms: float, echo_time_ms: float) -> float:
    """Spin-echo signal, arbitrary units: ``PD (1 - exp(-TR / T1)) exp(-TE / T2)``; the echo train is left out.

    Examples
    --------
    >>> water = Tissue(proton_density=2.0, t1_ms=500, t2_ms=1e12)
    >>> round(spin_echo_signal(water, repetition_time_ms=500 * float(np.log(2)), echo_time_ms=10), 6)
    1.0
    """
    relaxed = 1 - np.exp(-repetition_time_ms / tissue.t1_ms)
    return float(tissue.proton_density * relaxed * np.exp(-echo_time_ms / tissue.t2_ms))


def inversion_recovery_signal(
    tissue: Tissue,
    *,
    repetition_time_ms: float,
    echo_time_ms: float,
    inversion_time_ms: float,
    train_length_ms: float = 0.0,
) -> float:
    """Signed inversion-recovery spin-echo signal (SCIENCE 1.1), arbitrary units.

    ``PD (1 - [1 + (1 - exp(-(TR - TI - Tt) / T1))] exp(-TI / T1)) exp(-TE / T2)`` with ideal inversion and an echo
    train of length Tt.

    Examples
    --------
    >>> fat = Tissue(proton_density=1, t1_ms=288, t2_ms=1e9)
    >>> round(inversion_recovery_signal(fat, repetition_time_ms=1e9, echo_time_ms=0,
    ...     inversion_time_ms=288 * float(np.log(2))), 6)
    0.0
    """
    recovered = 1 - np.exp(-(repetition_time_ms - inversion_time_ms - train_length_ms) / tissue.t1_ms)
    longitudinal = 1 - (1 + recovered) * np.exp(-inversion_time_ms / tissue.t1_ms)
    return float(tissue.proton_density * longitudinal * np.exp(-echo_time_ms / tissue.t2_ms))


def t1_signal(tissue: Tissue, acquisition: AcquisitionFacts) -> float:
    """Signal of a tissue in the T1 series.

    Raises
    ------
    ValueError
        If TR or TE is missing.
    """
    repetition, echo = acquisition.repetition_time_ms, acquisition.echo_time_ms
    if repetition is None or echo is None:
        raise ValueError("TR or TE of the T1 series is not known")
    return spin_echo_signal(tissue, repetition_time_ms=repetition, echo_time_ms=echo)


def stir_signal(tissue: Tissue, acquisition: AcquisitionFacts) -> float:
    """Signed signal of a tissue in the STIR series.

    Where the echo train's length is known, the train counts as twice TE long, less half an echo spacing on either side:
    headers tell no echo spacing, so the effective echo is taken for the middle one of the train.

    Raises
    ------
    ValueError
        If TR, TE or TI is missing.
    """
    repetition, echo = acquisition.repetition_time_ms, acquisition.echo_time_ms
    inversion = acquisition.inversion_time_ms
    if repetition is None or echo is None or inversion is None:
        raise ValueError("TR, TE or TI of the STIR series is not known")
    echoes = acquisition.echo_train_length or 0
    return inversion_recovery_signal(
        tissue,
        repetition_time_ms=repetition,
        echo_time_ms=echo,
        inversion_time_ms=inversion,
        train_length_ms=2.0 * echo * echoes / (echoes + 1),
    )
