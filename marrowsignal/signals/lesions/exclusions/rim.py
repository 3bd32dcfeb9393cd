"""Rims: partial volume along the mask's edge."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from marrowsignal.signals.lesions.scene import Candidate, LesionScene

__all__ = ["rim"]


def rim(candidate: Candidate, scene: LesionScene) -> str:
    """Tell a candidate half of which hugs the mask's edge in plane; empty when it reaches into marrow.

    The edge voxels of a mask share the signal of what lies beyond: vessels, fluid, fat of other chemical shift.
    """
    marrow = scene.marrow[candidate.box]
    depth = [_depth(plane, scene.spacing_mm[1:])[part] for plane, part in zip(marrow, candidate.mask, strict=True)]
    median = float(np.median(np.concatenate(depth)))
    if median > max(scene.settings.rim_depth.value, 2 * max(scene.spacing_mm[1:])):
        return ""
    return f"half of it lies within {median:.1f} mm of the mask's edge"


def _depth(plane: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    # a plane without an edge has no distance to it
    return (
        ndimage.distance_transform_edt(plane, sampling=spacing_mm) if not plane.all() else np.full(plane.shape, np.inf)
    )
