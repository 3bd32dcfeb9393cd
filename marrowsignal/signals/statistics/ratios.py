"""Ratios of two-series marrow signal to the patient's own tissues: one formula a function.

Levels are medians in bias-corrected signal, arbitrary units; results have unit 1. Scaling either series leaves every
result. Arrays and scalars broadcast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "abundance_sum",
    "asymmetry_percent",
    "excess_index",
    "fat_signal_index",
    "fat_water_ratio",
    "fat_water_ratio_to_normal",
    "ratio",
]


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Signal ratio: rTU (D01), rTF (D02), rSU (D04), rSN (D05), NI (D08), dT1 (D10).

    Examples
    --------
    >>> float(ratio(3.0, 2.0))
    1.5
    """
    return np.asarray(np.asarray(numerator, float) / np.asarray(denominator, float))


def fat_signal_index(t1: ArrayLike, *, muscle: ArrayLike, fat: ArrayLike) -> NDArray[np.float64]:
    """T1 fat-signal index (D03, SCIENCE 1.5): ``(T - t_U) / (t_F - t_U)``.

    0 is lean muscle, 1 is subcutaneous fat; never a fat fraction. Values outside 0-1 are kept; NaN where both coincide.

    Examples
    --------
    >>> float(fat_signal_index(1.5, muscle=1.0, fat=2.0))
    0.5
    """
    t_u = np.asarray(muscle, float)
    span = np.asarray(fat, float) - t_u
    return np.asarray((np.asarray(t1, float) - t_u) / np.where(span == 0, np.nan, span))


def excess_index(
    stir: ArrayLike, t1: ArrayLike, *, normal_level: ArrayLike, exponent: float, t1_floor: float = 0.0
) -> NDArray[np.float64]:
    """STIR excess that coil and proton density cancel from (D06): ``[S / T**exponent] / level``.

    Parameters
    ----------
    stir, t1 : array_like of float
        Signals.
    normal_level : array_like of float
        ``S / T**exponent`` of the patient's normal marrow.
    exponent : float
        0.5 in SCIENCE D06.
    t1_floor : float
        T1 below it counts as it: voids would divide by nearly nothing.

    Examples
    --------
    >>> float(excess_index(4.0, 4.0, normal_level=1.0, exponent=0.5))
    2.0
    """
    t = np.maximum(np.asarray(t1, float), t1_floor)
    return np.asarray(np.asarray(stir, float) / t**exponent / np.asarray(normal_level, float))


def abundance_sum(
    t1_to_muscle: ArrayLike,
    stir_to_muscle: ArrayLike,
    *,
    t1_fat_to_muscle: ArrayLike,
    stir_fat_to_muscle: ArrayLike,
) -> NDArray[np.float64]:
    """Sum of the two abundances of fat and muscle water that explain both signals (D09, SCIENCE 1.6).

    Solves ``[T; S] = [t_F 1; s_F 1] [a_F; a_U]`` in units of muscle and returns ``a_F + a_U``. Not 1 means that the
    voxel is no mixture of the two: above 1.5 water unlike muscle or red marrow, below 0.6 sclerosis, metal or iron.
    NaN where fat is alike on both, so that they cannot be told apart.

    Examples
    --------
    >>> float(abundance_sum(1.5, 1.0, t1_fat_to_muscle=2.0, stir_fat_to_muscle=1.0))
    1.0
    """
    t, s = np.asarray(t1_to_muscle, float), np.asarray(stir_to_muscle, float)
    t_f, s_f = np.asarray(t1_fat_to_muscle, float), np.asarray(stir_fat_to_muscle, float)
    span = t_f - s_f
    a_fat = (t - s) / np.where(span == 0, np.nan, span)
    return np.asarray(a_fat + (s - s_f * a_fat))


def fat_water_ratio(
    t1: ArrayLike, stir: ArrayLike, *, t1_fat: ArrayLike, stir_muscle: ArrayLike
) -> NDArray[np.float64]:
    """Fat-versus-water signal ratio FWR (D13): ``(t_r / t_F) / (s_r / s_U)``.

    Examples
    --------
    >>> float(fat_water_ratio(1.0, 2.0, t1_fat=2.0, stir_muscle=2.0))
    0.5
    """
    return ratio(ratio(t1, t1_fat), ratio(stir, stir_muscle))


def fat_water_ratio_to_normal(
    t1: ArrayLike, stir: ArrayLike, *, t1_normal: ArrayLike, stir_normal: ArrayLike
) -> NDArray[np.float64]:
    """Fat-versus-water ratio against own normal marrow FWRn (D14): ``(t_r / s_r) / (t_N / s_N)``.

    Examples
    --------
    >>> float(fat_water_ratio_to_normal(1.0, 2.0, t1_normal=1.0, stir_normal=1.0))
    0.5
    """
    return ratio(ratio(t1, stir), ratio(t1_normal, stir_normal))


def asymmetry_percent(left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Asymmetry index AI (D20): ``200 (L - R) / (L + R)``, percent; positive when the left is larger, NaN without both.

    Examples
    --------
    >>> float(asymmetry_percent(3.0, 1.0))
    100.0
    """
    x, y = np.asarray(left, float), np.asarray(right, float)
    both = x + y
    return np.asarray(200 * (x - y) / np.where(both == 0, np.nan, both))
