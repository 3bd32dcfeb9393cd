"""What the voxel model looks at in every voxel of marrow; nothing depends on the order of voxels or slices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.learned_lesions.view import LesionView, MuscleLevels

__all__ = ["context_features", "voxel_features"]

# In-plane widths: of noise, of a subchondral plate, of a vessel, of a lesion, of a sacral ala.
_SMOOTH_MM = (0.8, 1.6, 3.2, 6.4)
_BOX_MM = (3.0, 7.0)
_TUBE_MM = (0.9, 1.8)
_AROUND_MM = 40.0
_CONTEXT_MM = (1.5, 4.0, 8.0)
_FAR_MM = 40.0


def voxel_features(view: LesionView, muscle: MuscleLevels) -> NDArray[np.float32]:
    """Return one row a voxel of `view.looked_at`, shape (voxel, feature), finite.

    Parameters
    ----------
    view : LesionView
        A study.
    muscle : MuscleLevels
        Its own, or the usual one where it has none.
    """
    where = view.looked_at
    return np.stack([volume[where] for volume in _volumes(view, muscle)], axis=1).astype(np.float32, copy=False)


def context_features(view: LesionView, probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a first answer says of the surroundings, one row a voxel of `view.looked_at`.

    Parameters
    ----------
    view : LesionView
        A study.
    probability : ndarray of float32, shape (voxel,)
        First answer for each voxel of `view.looked_at`.
    """
    volume = np.zeros(view.looked_at.shape, np.float32)
    volume[view.looked_at] = probability
    return np.stack([part[view.looked_at] for part in _contexts(view, volume)], axis=1).astype(np.float32, copy=False)


def _volumes(view: LesionView, muscle: MuscleLevels) -> Iterator[NDArray[np.float32]]:
    pixel = view.spacing_mm[1:]
    yield from _look(view.excess, view)
    stir = [_smooth(view.stir, mm, pixel) for mm in _SMOOTH_MM[:3]]
    yield stir[0]
    yield stir[1]
    yield stir[1] / np.float32(muscle.stir)
    yield stir[2] / np.float32(muscle.stir)
    t1 = [_smooth(view.t1, mm, pixel) for mm in _SMOOTH_MM]
    yield from t1
    yield t1[1] / np.float32(muscle.t1)
    yield t1[1] - _around(view.t1, view.marrow, pixel)
    yield t1[0] - t1[2]
    yield _edge(view.t1, 1.2, pixel)
    yield from _tubes(view.t1, _TUBE_MM[1], pixel)
    yield from _neighbours(t1[1])
    yield _signed_depth(view.marrow, pixel)
    yield np.full(view.t1.shape, _FAR_MM, np.float32) if view.joint_mm is None else np.minimum(view.joint_mm, _FAR_MM)
    yield from view.place_mm
    yield _mirrored(_smooth(view.excess, _SMOOTH_MM[2], pixel), view)
    yield _mirrored(t1[2], view)


def _look(excess: NDArray[np.float32], view: LesionView) -> Iterator[NDArray[np.float32]]:
    """Excess at several scales, against its surroundings, and the shapes it forms."""
    pixel = view.spacing_mm[1:]
    yield excess
    smooth = [_smooth(excess, mm, pixel) for mm in _SMOOTH_MM]
    yield from smooth
    around = _around(excess, view.marrow, pixel)
    yield around
    yield smooth[1] - around
    yield smooth[0] - smooth[2]
    for mm in _BOX_MM:
        size = (1, *(2 * round(mm / 2 / d) + 1 for d in pixel))
        yield ndimage.minimum_filter(smooth[0], size)
        yield ndimage.maximum_filter(smooth[0], size)
    yield np.sqrt(np.maximum(_smooth(excess * excess, 1.6, pixel) - smooth[1] ** 2, 0))
    yield _edge(excess, 1.2, pixel)
    for mm in _TUBE_MM:
        yield from _tubes(excess, mm, pixel)
    yield from _neighbours(smooth[1])
    yield from _neighbours(smooth[2])


def _contexts(view: LesionView, volume: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    pixel = view.spacing_mm[1:]
    yield volume
    smooth = [_smooth(volume, mm, pixel) for mm in _CONTEXT_MM]
    yield from smooth
    yield from _neighbours(smooth[0])
    yield from _neighbours(smooth[1])
    yield _mirrored(smooth[1], view)
    size = tuple(2 * round(_AROUND_MM / 2 / d) + 1 for d in view.spacing_mm)
    yield ndimage.uniform_filter(volume, size, mode="constant")


def _smooth(array: NDArray[np.float32], mm: float, pixel: tuple[float, ...]) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(array, [0.0, *(mm / d for d in pixel)], mode="nearest", truncate=3.0))


def _around(array: NDArray[np.float32], marrow: NDArray[np.bool_], pixel: tuple[float, ...]) -> NDArray[np.float32]:
    """Mean of marrow in a wide box of the slice."""
    inside = marrow.astype(np.float32)
    size = (1, *(2 * round(_AROUND_MM / 2 / d) + 1 for d in pixel))
    weight, total = (ndimage.uniform_filter(part, size, mode="constant") for part in (inside, array * inside))
    return np.asarray(total / np.maximum(weight, np.float32(1e-3)))


def _edge(array: NDArray[np.float32], mm: float, pixel: tuple[float, ...]) -> NDArray[np.float32]:
    return np.hypot(_derived(array, mm, pixel, (1, 0)), _derived(array, mm, pixel, (0, 1)))


def _tubes(array: NDArray[np.float32], mm: float, pixel: tuple[float, ...]) -> Iterator[NDArray[np.float32]]:
    """Both in-plane curvatures: bright lines have one strongly negative, spots two."""
    rr, cc, rc = (_derived(array, mm, pixel, order) for order in ((2, 0), (0, 2), (1, 1)))
    half, root = (rr + cc) / 2, np.sqrt(((rr - cc) / 2) ** 2 + rc**2)
    yield np.asarray(half + root, np.float32)
    yield np.asarray(half - root, np.float32)


def _derived(
    array: NDArray[np.float32], mm: float, pixel: tuple[float, ...], order: tuple[int, int]
) -> NDArray[np.float32]:
    """Take the derivative at a scale, times the scale: of the unit of `array`."""
    sigma = [0.0, *(mm / d for d in pixel)]
    found = ndimage.gaussian_filter(array, sigma, order=(0, *order), mode="nearest", truncate=3.0)
    return np.asarray(found * np.float32(np.prod([(mm / d) ** k for d, k in zip(pixel, order, strict=True)])))


def _neighbours(array: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the lower and the higher of both neighbouring slices; that of the edge beyond it."""
    before, after = (np.take(array, np.clip(np.arange(len(array)) + k, 0, len(array) - 1), axis=0) for k in (-1, 1))
    yield np.minimum(before, after)
    yield np.maximum(before, after)


def _mirrored(array: NDArray[np.float32], view: LesionView) -> NDArray[np.float32]:
    """Value at the mirror image; the own value where there is none."""
    if view.mirror_index is None:
        return array
    index = view.mirror_index
    moved = ndimage.affine_transform(array, index[:3, :3], offset=index[:3, 3], order=1, mode="constant", cval=np.nan)
    return np.where(np.isnan(moved), array, moved)


def _signed_depth(mask: NDArray[np.bool_], pixel: tuple[float, ...]) -> NDArray[np.float32]:
    """In-plane distance to the edge of marrow, mm."""
    planes = [ndimage.distance_transform_edt(np.pad(plane, 1), sampling=pixel)[1:-1, 1:-1] for plane in mask]
    return np.stack(planes).astype(np.float32)
