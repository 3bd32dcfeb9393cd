"""Whether a region goes on outside the picture, and how much of it the picture holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.label_values import voxels_in
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.regions.records import Midline

__all__ = ["Coverage", "coverage_of", "touches_edge"]

_MIN_VOXELS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of a region the picture holds.

    Attributes
    ----------
    cut : bool
        Whether it reaches the picture's edge.
    fraction : float or None
        Share in the picture.
    reason : str
        How the share was found, or why it is not known.
    """

    cut: bool
    fraction: float | None
    reason: str


def touches_edge(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask reaches the first or last slice, row or column."""
    return any(bool(mask.take(end, axis=axis).any()) for axis in range(3) for end in (0, -1))


def coverage_of(
    mask: NDArray[np.bool_],
    *,
    partner: NDArray[np.bool_] | None,
    geometry: VolumeGeometry,
    midline: Midline | None,
    by_shape: float | None = None,
) -> Coverage:
    """Measure how much of a region the picture holds.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        The region.
    partner : ndarray of bool or None, same shape
        The same region of the other side.
    geometry : VolumeGeometry
        The grid.
    midline : Midline or None
        Between the two.
    by_shape : float or None
        Share in the picture that the region's own shape tells.

    Returns
    -------
    Coverage
        1 for a region off the edges. Otherwise by its shape, or by how much of the other side's mirror image lies in
        the picture, where that side is whole; else not known, never 0.
    """
    if not touches_edge(mask):
        return Coverage(cut=False, fraction=1.0, reason="it ends inside the picture")
    if by_shape is not None:
        return Coverage(cut=True, fraction=by_shape, reason="by the sphere fitted to its surface")
    whole = partner is not None and int(partner.sum()) >= _MIN_VOXELS and not touches_edge(partner)
    if partner is None or midline is None or not whole:
        return Coverage(cut=True, fraction=None, reason="it goes on outside the picture: its whole size is not known")
    points = geometry.to_patient(voxels_in(partner))
    normal = np.asarray(midline.normal_lps)
    mirrored = points - 2 * (points @ normal - midline.offset_mm)[:, None] * normal
    index = geometry.to_index(mirrored)
    inside = np.all((index >= -0.5) & (index <= np.asarray(geometry.shape) - 0.5), axis=1)
    return Coverage(cut=True, fraction=float(inside.mean()), reason="by the mirror image of the other side")
