"""The sequences of the phantom, and the signal each species gives in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.equations import (
    fat_water_cosine,
    ir_mz,
    ir_tse_signal,
    se_signal,
    spoiled_gre_signal,
    t1_with_contrast_ms,
    tse_signal,
)
from marrowsignal.phantom.relaxation import (
    ADIPOSE_WATER_SHARE,
    CONTRAST_UPTAKE,
    FAT_LIKE,
    Species,
    TissueConstants,
    constants_of,
)

__all__ = [
    "GRE_IN_PHASE_1_5T",
    "GRE_IN_PHASE_3T",
    "GRE_OPPOSED_PHASE_1_5T",
    "GRE_OPPOSED_PHASE_3T",
    "PD_FAT_SAT_1_5T",
    "PD_FAT_SAT_3T",
    "STIR_0_3T",
    "STIR_1_5T",
    "STIR_3T",
    "T1_SE_0_3T",
    "T1_SE_1_5T",
    "T1_TSE_1_5T",
    "T1_TSE_3T",
    "T2_FAT_SAT_1_5T",
    "T2_FAT_SAT_3T",
    "Sequence",
    "Species",
    "TissueConstants",
    "constants_of",
    "signals",
]

Array = NDArray[np.float64]
Kind = Literal["se", "tse", "ir_tse", "gre"]

# dephasing in a gradient echo beside T2, in ms T: 40 ms at 1.5 T; engineering value [X]
_T2_PRIME_MS_T = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """How the signal of a series is made.

    Attributes
    ----------
    kind : {"se", "tse", "ir_tse", "gre"}
        Spin echo, turbo spin echo, turbo spin echo after an inversion, spoiled gradient echo.
    repetition_time_ms, echo_time_ms : float
        TR, effective TE.
    echo_spacing_ms : float
        Distance of the echoes of a train; 0 without one.
    echo_train_length : int
        Echoes per excitation.
    inversion_time_ms : float or None
        TI of ``ir_tse``; None for all others.
    inversion_efficiency : float
        1 for a perfect inversion.
    flip_angle_deg : float
        Of the excitation; only the gradient echo depends on it.
    magnetic_field_strength_t : float
        Field strength, T.
    fat_suppression_residual : float
        Share of the lipid signal that is left by spectral suppression; 1 without any.
    contrast_concentration_mmol_l : float
        Gadolinium agent in blood plasma; tissues take it up by `CONTRAST_UPTAKE`.
    """

    kind: Kind
    repetition_time_ms: float
    echo_time_ms: float
    echo_spacing_ms: float = 0.0
    echo_train_length: int = 1
    inversion_time_ms: float | None = None
    inversion_efficiency: float = 1.0
    flip_angle_deg: float = 90.0
    magnetic_field_strength_t: float = 1.5
    fat_suppression_residual: float = 1.0
    contrast_concentration_mmol_l: float = 0.0

    def __post_init__(self) -> None:
        if (self.kind == "ir_tse") != (self.inversion_time_ms is not None):
            raise ValueError("an inversion time belongs to ir_tse, and to it alone")
        if min(self.repetition_time_ms, self.echo_time_ms) <= 0.0 or self.echo_train_length < 1:
            raise ValueError("TR and TE are positive, and a train has an echo at least")
        if self.train_length_ms >= self.repetition_time_ms - (self.inversion_time_ms or 0.0):
            raise ValueError("the echo train does not fit into TR")
        if not (0.0 <= self.inversion_efficiency <= 1.0 and 0.0 <= self.fat_suppression_residual <= 1.0):
            raise ValueError("inversion efficiency and what is left of fat are shares")

    @property
    def train_length_ms(self) -> float:
        """Duration of the echo train."""
        return self.echo_train_length * self.echo_spacing_ms


T1_SE_0_3T = Sequence(kind="se", repetition_time_ms=470.0, echo_time_ms=20.0, magnetic_field_strength_t=0.3)
T1_SE_1_5T = Sequence(kind="se", repetition_time_ms=550.0, echo_time_ms=12.0)
T1_TSE_1_5T = Sequence(
    kind="tse", repetition_time_ms=550.0, echo_time_ms=11.0, echo_spacing_ms=11.0, echo_train_length=3
)
T1_TSE_3T = Sequence(
    kind="tse",
    repetition_time_ms=650.0,
    echo_time_ms=10.0,
    echo_spacing_ms=10.0,
    echo_train_length=3,
    magnetic_field_strength_t=3.0,
)
STIR_0_3T = Sequence(
    kind="ir_tse",
    repetition_time_ms=3300.0,
    echo_time_ms=60.0,
    echo_spacing_ms=20.0,
    echo_train_length=7,
    inversion_time_ms=110.0,
    magnetic_field_strength_t=0.3,
)
STIR_1_5T = Sequence(
    kind="ir_tse",
    repetition_time_ms=5000.0,
    echo_time_ms=60.0,
    echo_spacing_ms=10.0,
    echo_train_length=11,
    inversion_time_ms=150.0,
)
STIR_3T = Sequence(
    kind="ir_tse",
    repetition_time_ms=4500.0,
    echo_time_ms=60.0,
    echo_spacing_ms=10.0,
    echo_train_length=12,
    inversion_time_ms=210.0,
    magnetic_field_strength_t=3.0,
)
PD_FAT_SAT_1_5T = Sequence(
    kind="tse",
    repetition_time_ms=2800.0,
    echo_time_ms=30.0,
    echo_spacing_ms=10.0,
    echo_train_length=7,
    fat_suppression_residual=0.08,
)
PD_FAT_SAT_3T = Sequence(
    kind="tse",
    repetition_time_ms=3200.0,
    echo_time_ms=30.0,
    echo_spacing_ms=10.0,
    echo_train_length=8,
    magnetic_field_strength_t=3.0,
    fat_suppression_residual=0.05,
)
T2_FAT_SAT_1_5T = Sequence(
    kind="tse",
    repetition_time_ms=4000.0,
    echo_time_ms=70.0,
    echo_spacing_ms=11.0,
    echo_train_length=13,
    fat_suppression_residual=0.08,
)
T2_FAT_SAT_3T = Sequence(
    kind="tse",
    repetition_time_ms=4500.0,
    echo_time_ms=70.0,
    echo_spacing_ms=10.0,
    echo_train_length=14,
    magnetic_field_strength_t=3.0,
    fat_suppression_residual=0.05,
)
GRE_IN_PHASE_1_5T = Sequence(kind="gre", repetition_time_ms=150.0, echo_time_ms=4.6, flip_angle_deg=70.0)
GRE_OPPOSED_PHASE_1_5T = Sequence(kind="gre", repetition_time_ms=150.0, echo_time_ms=2.3, flip_angle_deg=70.0)
GRE_IN_PHASE_3T = Sequence(
    kind="gre", repetition_time_ms=160.0, echo_time_ms=2.3, flip_angle_deg=65.0, magnetic_field_strength_t=3.0
)
GRE_OPPOSED_PHASE_3T = Sequence(
    kind="gre", repetition_time_ms=160.0, echo_time_ms=1.15, flip_angle_deg=65.0, magnetic_field_strength_t=3.0
)


def signals(sequence: Sequence) -> Array:
    """Signed signal of a voxel full of each species, proton density included.

    Parameters
    ----------
    sequence : Sequence
        How the image is made.

    Returns
    -------
    ndarray of float64, shape (len(Species),)
        Indexed by `Species`. Adipose tissue is lipid with its share of interstitial water; in a gradient echo
        lipid counts along the phase of water.

    Examples
    --------
    >>> t1 = signals(T1_TSE_1_5T)
    >>> bool(t1[Species.FAT] > t1[Species.MUSCLE] > t1[Species.EDEMA_WATER] > t1[Species.FLUID])
    True
    """
    every = [constants_of(s, magnetic_field_strength_t=sequence.magnetic_field_strength_t) for s in Species]
    uptake = np.array([CONTRAST_UPTAKE.get(s, 0.0) for s in Species])
    t1 = t1_with_contrast_ms(
        [c.t1_ms for c in every], concentration_mmol_l=uptake * sequence.contrast_concentration_mmol_l
    )
    density = np.array([c.proton_density_fraction for c in every])
    found = density * _per_proton(sequence, t1, np.array([c.t2_ms for c in every]))
    lipid = list(FAT_LIKE)
    found[lipid] *= sequence.fat_suppression_residual
    if sequence.kind == "gre":
        found[lipid] *= fat_water_cosine(
            sequence.echo_time_ms, magnetic_field_strength_t=sequence.magnetic_field_strength_t
        )
    water = ADIPOSE_WATER_SHARE
    found[Species.FAT] = (1.0 - water) * found[Species.FAT] + water * found[Species.MARROW_WATER]
    return np.asarray(found)


def _per_proton(sequence: Sequence, t1: Array, t2: Array) -> Array:
    times = {"repetition_time_ms": sequence.repetition_time_ms, "echo_time_ms": sequence.echo_time_ms}
    if sequence.kind == "se":
        return se_signal(t1, t2, **times)
    if sequence.kind == "gre":
        t2_star = 1.0 / (1.0 / t2 + sequence.magnetic_field_strength_t / _T2_PRIME_MS_T)
        return spoiled_gre_signal(t1, t2_star, flip_angle_deg=sequence.flip_angle_deg, **times)
    if sequence.inversion_time_ms is None:
        return tse_signal(t1, t2, train_length_ms=sequence.train_length_ms, **times)
    mz = ir_mz(
        t1,
        repetition_time_ms=sequence.repetition_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        train_length_ms=sequence.train_length_ms,
        inversion_efficiency=sequence.inversion_efficiency,
    )
    return ir_tse_signal(mz, t2, echo_time_ms=sequence.echo_time_ms)
