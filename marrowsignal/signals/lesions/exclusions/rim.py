"""Rims: partial volume along the mask's edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.signals.lesions.scene import Candidate, LesionScene

__all__ = ["rim"]


def rim(candidate: Candidate, scene: LesionScene) -> str:
    """Tell a small, thin candidate half of which hugs the mask's edge in plane; empty for all others.

    The edge voxels of a mask share the signal of what lies beyond: vessels, fluid, fat of other chemical shift. That is
    a matter of a voxel or two: subchondral lesions lie at the edge as well, but are thicker or larger. Thickness is the
    radius of the largest disk that fits into the candidate within a slice.
    """
    settings, pixel = scene.settings, scene.spacing_mm[1:]
    if float(candidate.mask.sum()) * scene.pair.t1.geometry.voxel_ml > settings.rim_max_volume.value:
        return ""
    finest = settings.rim_pixels.value * max(pixel)
    radius = max(
        float(ndimage.distance_transform_edt(np.pad(plane, 1), sampling=pixel).max()) for plane in candidate.mask
    )
    if radius > max(settings.rim_radius.value, finest):
        return ""
    marrow = scene.marrow[candidate.box]
    depth = [_depth(plane, pixel)[part] for plane, part in zip(marrow, candidate.mask, strict=True)]
    median = float(np.median(np.concatenate(depth)))
    if median > max(settings.rim_depth.value, finest):
        return ""
    return f"{radius:.1f} mm thick at most from its middle, and half of it within {median:.1f} mm of the mask's edge"


def _depth(plane: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    # a plane without an edge has no distance to it
    if plane.all():
        return np.full(plane.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(plane, sampling=spacing_mm))
