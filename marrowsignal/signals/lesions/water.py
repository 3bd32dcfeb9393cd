"""STIR of every voxel against what red and yellow marrow can explain (D04, D07)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.signals.lesions.candidates import SeedRule
from marrowsignal.signals.lesions.scene import LesionScene
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from marrowsignal.signals.statistics.ratios import fat_signal_index

__all__ = ["seed_rule"]


def seed_rule(scene: LesionScene) -> SeedRule:
    """D04 and D07 of every voxel of marrow, as smooth as the excess.

    Returns
    -------
    SeedRule
        D04 is STIR over lean muscle. D07 is the D05 of the voxel over the same ratio predicted from its T1 by the
        sequence's TR, TE, TI and field, ``(S / s_N) p(FF_N) / p(FF)`` with p of `predicted_stir_to_muscle` and FF the
        clipped fat-signal index. Where T1 is at or below that of muscle no mixture of red and yellow marrow is
        possible (SCIENCE 0.7), and the voxel is predicted as own normal marrow. NaN outside marrow. None where
        references, header or constants of the field strength are missing.
    """
    sigma = [0.0, *(scene.settings.smoothing.value / step for step in scene.spacing_mm[1:])]
    muscle = scene.references.muscle
    to_muscle = None
    if muscle.stir is not None:
        to_muscle = np.asarray(ndimage.gaussian_filter(scene.stir, sigma) / np.float32(muscle.stir))
    return SeedRule(stir_to_muscle=to_muscle, excess_water=_excess_water(scene, sigma))


def _excess_water(scene: LesionScene, sigma: list[float]) -> NDArray[np.float32] | None:
    stir, muscle, fat = scene.pair.stir, scene.references.muscle.t1, scene.references.fat.t1
    if stir is None or muscle is None or fat is None:
        return None
    facts = stir.acquisition
    constants = constants_for_field(facts.magnetic_field_strength_t, scene.protocol.signals.tissue_constants)
    if constants is None or None in (facts.repetition_time_ms, facts.echo_time_ms, facts.inversion_time_ms):
        return None
    t1 = ndimage.gaussian_filter(scene.t1, sigma)[scene.marrow]
    normal = scene.normal_t1
    red_possible = t1 > scene.protocol.evidence.t1_muscle_grey.high * muscle
    t1 = np.where(red_possible, t1, max(normal, muscle))
    fat_signal = np.clip(fat_signal_index(np.append(t1, normal), muscle=muscle, fat=fat), 0.0, 1.0)
    predicted = predicted_stir_to_muscle(fat_signal, acquisition=facts, constants=constants)
    water = np.full(scene.marrow.shape, np.nan, np.float32)
    water[scene.marrow] = scene.excess.stir_to_normal[scene.marrow] / (predicted[:-1] / predicted[-1])
    return water
