"""What a mask is like by itself: pieces, ragged borders, jumps from slice to slice, cuts, left against right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["ShapeLook", "look_at_shape"]

_SPECK_SHARE = 0.02
_JUMP_PERCENT = 10.0
_FEW_SLICES = 3
_MIRROR_MM = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLook:
    """A mask without the image.

    Attributes
    ----------
    volume_ml : float
        Of all labels.
    pieces : int
        Connected pieces.
    crumbs_share : float
        Share of the volume in pieces of less than 2 % of it.
    ragged_per_mm : float
        Length of the in-plane border over the area: small and ragged masks have much of it.
    slice_dice : float
        Dice of neighbouring slices that both hold marrow, the lower tenth; 1 with fewer than three slices.
    left_to_right : float
        Volume on the patient's left of the body's middle over that of both sides; 0.5 is even.
    mirror_dice : float
        Dice of the mask with its mirror image, the patient's left for the right, shifted to where it is largest.
    cut_share : float
        Share of the outer surface that lies at the edge of the field of view.
    """

    volume_ml: float
    pieces: int
    crumbs_share: float
    ragged_per_mm: float
    slice_dice: float
    left_to_right: float
    mirror_dice: float
    cut_share: float


def look_at_shape(mask: NDArray[np.bool_], body: NDArray[np.bool_], *, geometry: VolumeGeometry) -> ShapeLook:
    """Measure the form of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Marrow, not empty.
    body : ndarray of bool, same shape
        Patient, whose middle parts left from right.
    geometry : VolumeGeometry
        Their grid.
    """
    spacing = geometry.spacing_mm
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    total = int(sizes.sum())
    edges = [np.count_nonzero(np.diff(mask, axis=axis)) * spacing[3 - axis] for axis in (1, 2)]
    area = total * spacing[1] * spacing[2]
    return ShapeLook(
        volume_ml=total * geometry.voxel_ml,
        pieces=count,
        crumbs_share=float(sizes[sizes < _SPECK_SHARE * total].sum() / total),
        ragged_per_mm=float(sum(edges) / area),
        slice_dice=_slice_dice(mask),
        left_to_right=_left_share(mask, body, geometry),
        mirror_dice=_mirror_dice(mask, geometry),
        cut_share=_cut_share(mask),
    )


def _slice_dice(mask: NDArray[np.bool_]) -> float:
    filled = mask[mask.any(axis=(1, 2))]
    if len(filled) < _FEW_SLICES:
        return 1.0
    both = np.logical_and(filled[1:], filled[:-1]).sum(axis=(1, 2))
    areas = filled.sum(axis=(1, 2))
    return float(np.percentile(2 * both / (areas[1:] + areas[:-1]), _JUMP_PERCENT))


def _left_share(mask: NDArray[np.bool_], body: NDArray[np.bool_], geometry: VolumeGeometry) -> float:
    x = geometry.affine_lps[0]
    planes = [np.arange(n) for n in mask.shape]
    position = x[3] + sum(np.reshape(x[a] * planes[a], [-1 if a == b else 1 for b in range(3)]) for a in range(3))
    where = body if body.any() else mask
    middle = float(np.median(np.broadcast_to(position, mask.shape)[where]))
    return float(np.mean(np.broadcast_to(position, mask.shape)[mask] > middle))


def _mirror_dice(mask: NDArray[np.bool_], geometry: VolumeGeometry) -> float:
    axis = int(np.argmax(np.abs(geometry.directions_lps[0])))
    spacing = geometry.spacing_mm
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    step = tuple(slice(None, None, max(1, int(_MIRROR_MM / s))) for s in spacing)
    part = mask[box][step].astype(np.float32)
    if not part.any():
        # a few scattered voxels, all between the steps: nothing to be lopsided
        return 1.0
    # The overlap at every shift is the mask's convolution with itself, and a mirror image in the other two axes.
    other = np.flip(part, tuple(a for a in range(3) if a != axis))
    size = [fft.next_fast_len(2 * n - 1, real=True) for n in part.shape]
    overlap = fft.irfftn(fft.rfftn(part, size) * fft.rfftn(other, size), size)
    return float(min(overlap.max() / part.sum(), 1.0))


def _cut_share(mask: NDArray[np.bool_]) -> float:
    padded = np.pad(mask, 1)
    surface = sum(np.count_nonzero(np.diff(padded, axis=axis)) for axis in range(3))
    ends = sum(np.count_nonzero(np.take(mask, (0, -1), axis=axis)) for axis in range(3))
    return float(ends / surface)
