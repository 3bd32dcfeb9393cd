"""From a whole bone with its cortex to the marrow in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import PeelSettings

__all__ = ["peel_to_marrow"]

_ACROSS_SLICES_MM = 1e6  # so far apart that distances stay within their slice
_IN_PLANE = np.ones((1, 3, 3), bool)
_ALONG_SLICES = np.ones((3, 1, 1), bool)

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bone:
    """One bone in its box: where it is, how deep each voxel lies in it, and its T1 relative to marrow around."""

    mask: Mask
    depth_mm: NDArray[np.float64]
    signal: Image


def peel_to_marrow(
    labels: NDArray[np.uint16],
    t1: Image,
    *,
    spacing_mm: tuple[float, float, float],
    settings: PeelSettings,
    names: tuple[tuple[int, str], ...] = (),
) -> NDArray[np.uint16]:
    """Take the cortex off whole bones.

    In each slice the dark rim goes as far as it reaches, but never deeper than a cortex can be: voxels darker than
    half of the marrow around are cortex or share it, voxels with hardly any signal are cortex alone and may go on
    to the depth of a long bone's. What lies outside that dark line goes too. Bright marrow stays however thin the
    bone; only the outermost share of a voxel, which the mask's own edge cuts, goes by distance.

    Parameters
    ----------
    labels : ndarray of uint16, shape (slice, row, column)
        One value a bone, 0 elsewhere.
    t1 : ndarray of float32, same shape
        Bias-corrected T1.
    spacing_mm : tuple of float
        Between slices, rows, columns. Cortex is sought within slices, which are thick, and at their ends where a bone
        does not go on.
    settings : PeelSettings
        What is dark, and how thick a cortex can be.
    names : tuple of (int, str)
        Region key of each value, with or without side; long bones have thicker cortex.

    Returns
    -------
    ndarray of uint16, same shape
        `labels`, 0 where cortex was.
    """
    marrow = np.zeros_like(labels)
    known = {value: name.partition(":")[0] for value, name in names}
    for value, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        wide = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
        thickest = _thickest_mm(known.get(value, ""), settings)
        bone = _bone(labels[wide] == value, t1[wide], spacing_mm, settings)
        marrow[wide][_inside_cortex(bone, spacing_mm, settings, thickest)] = value
    return marrow


def _thickest_mm(key: str, settings: PeelSettings) -> float:
    return max([settings.thickest.value, *(one.thickest.value for one in settings.bones if key in one.keys)])


def _bone(mask: Mask, t1: Image, spacing_mm: tuple[float, float, float], settings: PeelSettings) -> _Bone:
    # A mask that the picture cuts has no cortex there.
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)), mode="edge")
    distance = ndimage.distance_transform_edt(padded, sampling=(_ACROSS_SLICES_MM, *spacing_mm[1:]))[:, 1:-1, 1:-1]
    depth = np.where(mask, distance - min(spacing_mm[1:]) / 2, 0.0)
    return _Bone(mask=mask, depth_mm=depth, signal=t1 / _marrow_level(mask, t1, depth, spacing_mm, settings))


def _marrow_level(
    mask: Mask, t1: Image, depth: NDArray[np.float64], spacing_mm: tuple[float, float, float], settings: PeelSettings
) -> Image:
    """T1 of the marrow around each voxel: the bright part of the bone's inside, smoothed."""
    inner = mask & (depth > min(settings.thickest.value, float(np.median(depth[mask]))))
    inner = inner if inner.any() else mask
    middle = float(np.median(t1[inner]))
    inner = inner & (t1 >= settings.dark.value * middle)
    if middle <= 0 or not inner.any():
        return np.full(t1.shape, np.float32(np.inf))
    sigma = [settings.level_size.value / step for step in spacing_mm]
    # A little of the whole bone's level where no inside is near.
    weight = ndimage.gaussian_filter(inner.astype(np.float32), sigma) + np.float32(1e-3)
    total = ndimage.gaussian_filter(np.where(inner, t1, np.float32(0)), sigma) + np.float32(1e-3 * middle)
    return np.asarray(total / weight)


def _inside_cortex(
    bone: _Bone, spacing_mm: tuple[float, float, float], settings: PeelSettings, thickest_mm: float
) -> Mask:
    dark = bone.mask & (bone.signal < settings.dark.value)
    void = bone.mask & (bone.signal < settings.void.value)
    reach = settings.outline_error.value + max(spacing_mm[1:]) / 2
    ends = bone.mask & ~ndimage.binary_erosion(bone.mask, _ALONG_SLICES, border_value=1)
    seeds = dark & ((bone.depth_mm <= reach) | ends)
    path = (dark & (bone.depth_mm <= settings.thickest.value)) | (void & (bone.depth_mm <= thickest_mm)) | seeds
    cortex = ndimage.binary_propagation(seeds, _IN_PLANE, mask=path)
    rest = bone.mask & ~cortex & (bone.depth_mm > settings.least.value)
    return np.asarray(rest & ~_outside(rest, cortex, bone.depth_mm, settings.thickest.value))


def _outside(rest: Mask, cortex: Mask, depth: NDArray[np.float64], thickest_mm: float) -> Mask:
    """Slivers between the mask's edge and the cortex: shallow pieces whose cortex lies deeper than they do."""
    pieces, count = ndimage.label(rest, structure=np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))]))
    if count == 0:
        return np.zeros_like(rest)
    near = ndimage.uniform_filter(cortex.astype(np.float64), (1, 3, 3))
    deep = ndimage.uniform_filter(np.where(cortex, depth, 0.0), (1, 3, 3))
    border = rest & (near > 1e-6)
    below = np.divide(deep, near, out=np.zeros_like(deep), where=border) - depth
    index = np.arange(count + 1)
    sums = np.bincount(pieces[border], weights=below[border], minlength=count + 1)
    deepest = np.asarray(ndimage.maximum(depth, pieces, index))
    drop = (sums > 0) & (deepest <= thickest_mm)
    drop[0] = False
    return np.asarray(drop[pieces])
