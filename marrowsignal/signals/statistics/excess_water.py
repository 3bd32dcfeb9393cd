"""How bright STIR marrow can be without edema, from the physics of the sequence (D07)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol.schema import TissueConstants

__all__ = ["constants_for_field", "inversion_recovery_signal", "predicted_stir_to_muscle"]

_FIELD_TOLERANCE = 0.25


def inversion_recovery_signal(  # noqa: PLR0913 - one tissue and one sequence
    *,
    proton_density: float,
    t1_ms: float,
    t2_ms: float,
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
    >>> round(inversion_recovery_signal(proton_density=1, t1_ms=288, t2_ms=1e9, repetition_time_ms=1e9,
    ...     echo_time_ms=0, inversion_time_ms=288 * float(np.log(2))), 6)
    0.0
    """
    recovered = 1 - np.exp(-(repetition_time_ms - inversion_time_ms - train_length_ms) / t1_ms)
    longitudinal = 1 - (1 + recovered) * np.exp(-inversion_time_ms / t1_ms)
    return float(proton_density * longitudinal * np.exp(-echo_time_ms / t2_ms))


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
    train_ms = _train_length_ms(acquisition)
    times = (acquisition.repetition_time_ms, acquisition.echo_time_ms, acquisition.inversion_time_ms)
    if any(time is None for time in times):
        raise ValueError("TR, TE or TI of the STIR series is not known")
    c = constants
    fat, water, muscle = (
        inversion_recovery_signal(
            proton_density=density.value,
            t1_ms=t1.value,
            t2_ms=t2.value,
            repetition_time_ms=float(times[0] or 0),
            echo_time_ms=float(times[1] or 0),
            inversion_time_ms=float(times[2] or 0),
            train_length_ms=train_ms,
        )
        for density, t1, t2 in (
            (c.fat_proton_density, c.fat_t1, c.fat_t2),
            (c.marrow_water_proton_density, c.marrow_water_t1, c.marrow_water_t2),
            (c.muscle_proton_density, c.muscle_t1, c.muscle_t2),
        )
    )
    ff = np.asarray(fat_fraction, float)
    return np.asarray((1 - c.bone_volume_fraction.value) * np.abs(ff * fat + (1 - ff) * water) / abs(muscle))


def _train_length_ms(acquisition: AcquisitionFacts) -> float:
    # Headers tell no echo spacing: the effective echo is taken for the middle one of the train.
    echoes = acquisition.echo_train_length or 0
    return 2.0 * float(acquisition.echo_time_ms or 0.0) * echoes / (echoes + 1)


def constants_for_field(field_t: float | None, tables: tuple[TissueConstants, ...]) -> TissueConstants | None:
    """Return the table within 25 % of the field strength, or None: constants do not carry over."""
    for table in tables:
        known = table.magnetic_field_strength.value
        if field_t is not None and abs(field_t - known) <= _FIELD_TOLERANCE * known:
            return table
    return None
