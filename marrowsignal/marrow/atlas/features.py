"""What the trees look at in every undecided voxel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.marrow.atlas.fusion import Votes

__all__ = ["Seen", "voxel_features"]

# In-plane widths and steps: of trabeculae and cortex, of a foramen, of a whole joint.
_SMOOTH_MM = (0.6, 1.2, 2.4, 4.8)
_STEPS_MM = (3.0, 6.0, 12.0)
_BOX_MM = (3.0, 6.0)
_RIDGE_MM = (0.9, 1.8)
_VOTE_SMOOTH_MM = (1.5, 4.0)
_BONE_SMOOTH_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A study as far as the votes reach.

    Attributes
    ----------
    contrasts : tuple of ndarray of float32, shape (slice, row, column)
        Local contrast of each series, T1 first.
    wide : ndarray of float32, same shape
        T1 against a wide neighbourhood.
    votes : Votes
        Of the atlas.
    prior : ndarray of float32, same shape
        Share of subjects with marrow after affine alignment.
    place_mm : tuple of ndarray of float32, same shape
        Point of the template: column, row, slice.
    bones : tuple of ndarray of float16, same shape
        What a network that has seen phantoms only takes each voxel for.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    contrasts: tuple[NDArray[np.float32], ...]
    wide: NDArray[np.float32]
    votes: Votes
    prior: NDArray[np.float32]
    place_mm: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    bones: tuple[NDArray[np.float16], ...]
    spacing_mm: tuple[float, float, float]


def voxel_features(seen: Seen, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return one row a voxel of `where`, shape (voxel, feature), finite."""
    columns = [volume[where] for volume in _volumes(seen)]
    return np.stack(columns, axis=1).astype(np.float32, copy=False)


def _volumes(seen: Seen) -> Iterator[NDArray[np.float32]]:
    pixel = seen.spacing_mm[1:]
    for contrast in seen.contrasts:
        yield from _look(contrast, pixel)
    yield seen.wide
    yield _smooth(seen.wide, 2.4, pixel)
    yield from seen.place_mm
    yield seen.prior
    votes = seen.votes
    yield from (votes.share, votes.plain, votes.spread, votes.likeness, votes.best, votes.expected)
    yield seen.contrasts[0] - votes.expected
    for mm in _VOTE_SMOOTH_MM:
        yield _smooth(votes.share, mm, pixel)
    yield from _neighbour_slices(votes.share)
    yield _signed_depth(votes.share > 0.5, pixel)
    for share in seen.bones:
        bone = share.astype(np.float32)
        yield bone
        yield _smooth(bone, _BONE_SMOOTH_MM, pixel)
    yield _signed_depth(seen.bones[0] < 0.5, pixel)


def _look(contrast: NDArray[np.float32], pixel: tuple[float, ...]) -> Iterator[NDArray[np.float32]]:
    """One series at several scales, and what lies around."""
    yield contrast
    smooth = [_smooth(contrast, mm, pixel) for mm in _SMOOTH_MM]
    yield from smooth
    fine, middle = smooth[0], smooth[2]
    for mm in _BOX_MM:
        size = (1, *(2 * round(mm / 2 / d) + 1 for d in pixel))
        yield ndimage.minimum_filter(fine, size)
        yield ndimage.maximum_filter(fine, size)
    yield np.sqrt(np.maximum(_smooth(contrast * contrast, 1.2, pixel) - smooth[1] ** 2, 0))
    for mm in _RIDGE_MM:
        yield from _ridges(contrast, mm, pixel)
    for mm in _STEPS_MM:
        source = smooth[1] if mm < 10 else middle
        for axis, d in ((1, pixel[0]), (2, pixel[1])):
            yield _stepped(source, round(mm / d), axis)
            yield _stepped(source, -round(mm / d), axis)
    yield from _neighbour_slices(smooth[1])


def _ridges(contrast: NDArray[np.float32], mm: float, pixel: tuple[float, ...]) -> Iterator[NDArray[np.float32]]:
    """Gradient and the two in-plane curvatures."""
    sigma = [0.0, *(mm / d for d in pixel)]

    def derived(rows: int, columns: int) -> NDArray[np.float32]:
        return np.asarray(ndimage.gaussian_filter(contrast, sigma, order=(0, rows, columns), mode="nearest"))

    yield np.hypot(derived(1, 0), derived(0, 1))
    rr, cc, rc = derived(2, 0), derived(0, 2), derived(1, 1)
    half, root = (rr + cc) / 2, np.sqrt(((rr - cc) / 2) ** 2 + rc**2)
    yield (half + root).astype(np.float32)
    yield (half - root).astype(np.float32)


def _smooth(array: NDArray[np.float32], mm: float, pixel: tuple[float, ...]) -> NDArray[np.float32]:
    sigma = [0.0, *(mm / d for d in pixel)]
    return np.asarray(ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3.0))


def _neighbour_slices(array: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    yield _stepped(array, 1, 0)
    yield _stepped(array, -1, 0)


def _stepped(array: NDArray[np.float32], step: int, axis: int) -> NDArray[np.float32]:
    """Value `step` voxels on, that of the edge beyond it."""
    n = array.shape[axis]
    return np.take(array, np.clip(np.arange(n) + step, 0, n - 1), axis=axis)


def _signed_depth(mask: NDArray[np.bool_], pixel: tuple[float, ...]) -> NDArray[np.float32]:
    """In-plane distance to the edge of a mask, positive inside, mm."""
    most = np.float32(20.0)
    planes = []
    for plane in mask:
        if not plane.any() or plane.all():
            planes.append(np.full(plane.shape, most if plane.any() else -most, np.float32))
            continue
        inside = ndimage.distance_transform_edt(plane, sampling=pixel)
        outside = ndimage.distance_transform_edt(~plane, sampling=pixel)
        planes.append(np.clip(inside - outside, -most, most).astype(np.float32))
    return np.stack(planes)
