"""Signal equations of the sequences (SCIENCE 1.1): pure functions of relaxation times in ms.

Signals come out signed and per unit of receive gain. The components of a voxel are added with their sign
and only then is the magnitude taken, because fat and water cancel when one is inverted and the other not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "fat_null_inversion_time_ms",
    "fat_offset_hz",
    "fat_water_cosine",
    "ir_mz",
    "ir_tse_signal",
    "larmor_mhz",
    "se_signal",
    "spoiled_gre_signal",
    "t1_with_contrast_ms",
    "tse_signal",
    "voxel_magnitude",
]

_GAMMA_MHZ_PER_T = 42.577478518  # CODATA 2018, proton over 2 pi
_FAT_SHIFT_PPM = 3.4  # methylene against water at 37 degrees C


def se_signal(
    t1_ms: ArrayLike, t2_ms: ArrayLike, *, repetition_time_ms: float, echo_time_ms: float
) -> NDArray[np.float64]:
    r"""Spin-echo signal per unit proton density.

    .. math:: S = [1 - 2 e^{-(TR - TE/2)/T_1} + e^{-TR/T_1}] \, e^{-TE/T_2}

    (SCIENCE 1.1; the refocusing pulse inverts what has recovered until TE/2.)

    Parameters
    ----------
    t1_ms, t2_ms : array_like of float
        Relaxation times, ms; broadcast against each other.
    repetition_time_ms, echo_time_ms : float
        TR and TE, ms.

    Returns
    -------
    ndarray of float64
        Signal, at most 1.

    Examples
    --------
    >>> round(float(se_signal(288.0, 165.0, repetition_time_ms=550.0, echo_time_ms=11.0)), 3)
    0.792
    """
    t1, t2 = np.asarray(t1_ms, np.float64), np.asarray(t2_ms, np.float64)
    half = np.exp(-(repetition_time_ms - echo_time_ms / 2.0) / t1)
    recovered = 1.0 - 2.0 * half + np.exp(-repetition_time_ms / t1)
    return np.asarray(recovered * np.exp(-echo_time_ms / t2))


def tse_signal(
    t1_ms: ArrayLike,
    t2_ms: ArrayLike,
    *,
    repetition_time_ms: float,
    echo_time_ms: float,
    train_length_ms: float = 0.0,
) -> NDArray[np.float64]:
    r"""Turbo spin-echo signal per unit proton density.

    .. math:: S = [1 - e^{-(TR - T_t)/T_1}] \, e^{-TE/T_2}

    with :math:`M_z \approx 0` at the end of the echo train (Bernstein,
    Handbook of MRI Pulse Sequences, 2004).

    Parameters
    ----------
    t1_ms, t2_ms : array_like of float
        Relaxation times, ms; broadcast against each other.
    repetition_time_ms, echo_time_ms, train_length_ms : float
        TR, effective TE and duration of the echo train (ETL times echo spacing), ms.

    Returns
    -------
    ndarray of float64
        Signal, 0 to 1.

    Examples
    --------
    >>> round(float(tse_signal(288.0, 165.0, repetition_time_ms=550.0, echo_time_ms=11.0)), 3)
    0.797
    """
    t1, t2 = np.asarray(t1_ms, np.float64), np.asarray(t2_ms, np.float64)
    recovered = -np.expm1(-(repetition_time_ms - train_length_ms) / t1)
    return np.asarray(recovered * np.exp(-echo_time_ms / t2))


def ir_mz(
    t1_ms: ArrayLike,
    *,
    repetition_time_ms: float,
    inversion_time_ms: float,
    train_length_ms: float = 0.0,
    inversion_efficiency: float = 1.0,
) -> NDArray[np.float64]:
    r"""Longitudinal magnetization at the excitation of an inversion-recovery TSE, signed.

    .. math:: M_z/M_0 = 1 - [1 + \epsilon (1 - e^{-T_d/T_1})] \, e^{-TI/T_1}, \quad T_d = TR - TI - T_t

    (Bydder, J Comput Assist Tomogr 1985, with the echo train as the end of the cycle.)

    Parameters
    ----------
    t1_ms : array_like of float
        T1, ms.
    repetition_time_ms, inversion_time_ms, train_length_ms : float
        TR, TI and duration of the echo train, ms.
    inversion_efficiency : float
        1 for a perfect 180 degree pulse, 0 for none.

    Returns
    -------
    ndarray of float64
        -1 (inverted) to 1 (at rest).

    Examples
    --------
    >>> round(float(ir_mz(288.0, repetition_time_ms=1e6, inversion_time_ms=288.0 * np.log(2))), 9)
    0.0
    """
    t1 = np.asarray(t1_ms, np.float64)
    delay_ms = repetition_time_ms - inversion_time_ms - train_length_ms
    before = -np.expm1(-delay_ms / t1)
    return np.asarray(1.0 - (1.0 + inversion_efficiency * before) * np.exp(-inversion_time_ms / t1))


def ir_tse_signal(mz: ArrayLike, t2_ms: ArrayLike, *, echo_time_ms: float) -> NDArray[np.float64]:
    r"""Inversion-recovery TSE (STIR) signal per unit proton density, signed.

    .. math:: S = M_z(TI)/M_0 \; e^{-TE/T_2}

    (SCIENCE 1.1; the magnitude is taken of the voxel's sum, not here.)

    Parameters
    ----------
    mz : array_like of float
        Longitudinal magnetization at the excitation, from `ir_mz`.
    t2_ms : array_like of float
        T2, ms.
    echo_time_ms : float
        Effective TE, ms.

    Returns
    -------
    ndarray of float64
        Negative before the tissue's null point, positive after it.

    Examples
    --------
    >>> muscle = ir_mz(1130.0, repetition_time_ms=5000.0, inversion_time_ms=150.0)
    >>> round(float(ir_tse_signal(muscle, 35.0, echo_time_ms=60.0)), 3)
    -0.133
    """
    return np.asarray(np.asarray(mz, np.float64) * np.exp(-echo_time_ms / np.asarray(t2_ms, np.float64)))


def spoiled_gre_signal(
    t1_ms: ArrayLike,
    t2_star_ms: ArrayLike,
    *,
    repetition_time_ms: float,
    echo_time_ms: float,
    flip_angle_deg: float,
) -> NDArray[np.float64]:
    r"""Steady-state signal of a spoiled gradient echo per unit proton density.

    .. math:: S = \sin\alpha \, \frac{1 - E_1}{1 - \cos\alpha \, E_1} \, e^{-TE/T_2^*}, \quad E_1 = e^{-TR/T_1}

    (Ernst & Anderson, Rev Sci Instrum 1966, 37:93.)

    Parameters
    ----------
    t1_ms, t2_star_ms : array_like of float
        Relaxation times, ms.
    repetition_time_ms, echo_time_ms : float
        TR and TE, ms.
    flip_angle_deg : float
        Flip angle.

    Returns
    -------
    ndarray of float64
        Signal, 0 to 1.

    Examples
    --------
    >>> ninety = spoiled_gre_signal(1000.0, 1e9, repetition_time_ms=1000.0, echo_time_ms=5.0, flip_angle_deg=90.0)
    >>> round(float(ninety), 4)
    0.6321
    """
    recovery = np.exp(-repetition_time_ms / np.asarray(t1_ms, np.float64))
    angle = np.deg2rad(flip_angle_deg)
    steady = np.sin(angle) * (1.0 - recovery) / (1.0 - np.cos(angle) * recovery)
    return np.asarray(steady * np.exp(-echo_time_ms / np.asarray(t2_star_ms, np.float64)))


def larmor_mhz(magnetic_field_strength_t: float) -> float:
    """Frequency of water protons, MHz.

    Examples
    --------
    >>> round(larmor_mhz(1.5), 2)
    63.87
    """
    return _GAMMA_MHZ_PER_T * magnetic_field_strength_t


def fat_offset_hz(magnetic_field_strength_t: float) -> float:
    """How much slower fat precesses than water: 3.4 ppm.

    Parameters
    ----------
    magnetic_field_strength_t : float
        Field, T.

    Returns
    -------
    float
        Hz.

    Examples
    --------
    >>> round(fat_offset_hz(1.5))
    217
    """
    return _FAT_SHIFT_PPM * larmor_mhz(magnetic_field_strength_t)


def fat_water_cosine(echo_time_ms: float, *, magnetic_field_strength_t: float) -> float:
    """Share of fat's signal along water's in a gradient echo: 1 in phase, -1 opposed.

    Parameters
    ----------
    echo_time_ms : float
        TE, ms.
    magnetic_field_strength_t : float
        Field, T.

    Returns
    -------
    float
        Cosine of the phase between fat and water. At the in- and opposed-phase echo times, where it is used,
        nothing is left across.

    Examples
    --------
    >>> round(fat_water_cosine(2.3, magnetic_field_strength_t=1.5), 2)
    -1.0
    """
    turns = fat_offset_hz(magnetic_field_strength_t) * echo_time_ms / 1000.0
    return float(np.cos(2.0 * np.pi * turns))


def t1_with_contrast_ms(
    t1_ms: ArrayLike, *, concentration_mmol_l: ArrayLike, relaxivity_l_per_mmol_s: float = 4.0
) -> NDArray[np.float64]:
    r"""T1 of a tissue that has taken up a gadolinium agent: :math:`1/T_1' = 1/T_1 + r_1 C`.

    Parameters
    ----------
    t1_ms : array_like of float
        T1 without the agent, ms.
    concentration_mmol_l : array_like of float
        Agent in the tissue.
    relaxivity_l_per_mmol_s : float
        r1; macrocyclic agents have 3.3 to 4.8 in plasma at 1.5 T (Szomolanyi, Invest Radiol 2019;54:559).

    Returns
    -------
    ndarray of float64
        T1, ms, never longer than before.

    Examples
    --------
    >>> float(t1_with_contrast_ms(1000.0, concentration_mmol_l=1.0, relaxivity_l_per_mmol_s=1.0))
    500.0
    """
    rate = 1.0 / np.asarray(t1_ms, np.float64)
    return np.asarray(1.0 / (rate + relaxivity_l_per_mmol_s * np.asarray(concentration_mmol_l, np.float64) / 1000.0))


def fat_null_inversion_time_ms(
    t1_ms: ArrayLike,
    *,
    repetition_time_ms: float,
    train_length_ms: float = 0.0,
    inversion_efficiency: float = 1.0,
) -> NDArray[np.float64]:
    r"""Inversion time that nulls a tissue, ms.

    Solves :math:`TI = T_1 \ln[1 + \epsilon (1 - e^{-(TR - TI - T_t)/T_1})]`, which in closed form is
    :math:`TI = T_1 \ln[(1 + \epsilon) / (1 + \epsilon e^{-(TR - T_t)/T_1})]` (SCIENCE 1.1;
    T1 ln 2 for long TR).

    Parameters
    ----------
    t1_ms : array_like of float
        T1, ms.
    repetition_time_ms, train_length_ms : float
        TR and duration of the echo train, ms.
    inversion_efficiency : float
        1 for a perfect 180 degree pulse.

    Returns
    -------
    ndarray of float64
        TI, ms.

    Examples
    --------
    >>> round(float(fat_null_inversion_time_ms(288.0, repetition_time_ms=5000.0)), 1)
    199.6
    """
    t1 = np.asarray(t1_ms, np.float64)
    tail = np.exp(-(repetition_time_ms - train_length_ms) / t1)
    return np.asarray(t1 * np.log((1.0 + inversion_efficiency) / (1.0 + inversion_efficiency * tail)))


def voxel_magnitude(fractions: ArrayLike, signals: ArrayLike) -> NDArray[np.float64]:
    r"""Magnitude of a voxel's signed sum, :math:`|\sum_i f_i S_i|`.

    The spin echo refocuses chemical shift, so fat and water add with the sign of their Mz only.

    Parameters
    ----------
    fractions : array_like of float, shape (n, ...)
        Volume fraction of each component; what is missing to 1 gives no signal (bone mineral, air).
    signals : array_like of float, shape (n,)
        Signed signal of a voxel full of each component, proton density included.

    Returns
    -------
    ndarray of float64, shape (...)
        Magnitude, in the units of `signals`.

    Examples
    --------
    >>> float(voxel_magnitude([0.5, 0.5], [0.2, -0.2]))
    0.0
    """
    return np.asarray(np.abs(np.tensordot(np.asarray(signals, float), np.asarray(fractions, float), axes=1)))
