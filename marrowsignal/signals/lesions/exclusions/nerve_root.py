"""Nerve roots, their veins and cerebrospinal fluid: bright on STIR, in fat, near the midline."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from marrowsignal.signals.lesions.scene import Candidate, LesionScene

__all__ = ["nerve_root"]


def nerve_root(candidate: Candidate, scene: LesionScene) -> str:
    """Tell a small candidate that lies in fat near the midline, as roots do in sacral foramina; empty for all others.

    Fat around it is brighter on T1 than both a share of subcutaneous fat and the patient's own marrow, so that fatty
    marrow around a lesion is not taken for it.
    """
    midline, fat = scene.regions.midline, scene.references.fat.t1
    if midline is None or fat is None:
        return ""
    settings = scene.settings
    if float(candidate.mask.sum()) * scene.pair.t1.geometry.voxel_ml > settings.root_max_volume.value:
        return ""
    index = np.argwhere(candidate.mask).mean(axis=0) + [s.start for s in candidate.box]
    point = scene.pair.t1.geometry.to_patient(index)
    off = abs(float(np.dot(midline.normal_lps, point)) - midline.offset_mm)
    if off > settings.root_midline_distance.value:
        return ""
    t1 = scene.t1[candidate.box]
    bright = t1 >= max(settings.root_fat_to_fat.value * fat, settings.root_fat_to_marrow.value * scene.normal_t1)
    around = _ring(candidate.mask, settings.root_ring.value, scene.spacing_mm[1:])
    share = float(bright[around].mean()) if around.any() else 0.0
    if share < settings.root_fat_share.value:
        return ""
    return f"{100 * share:.0f} % of what surrounds it is fat, {off:.0f} mm from the midline"


def _ring(mask: np.ndarray, reach_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    planes = [
        ndimage.distance_transform_edt(~plane, sampling=spacing_mm) <= reach_mm if plane.any() else plane
        for plane in mask
    ]
    return np.asarray(np.stack(planes) & ~mask)
