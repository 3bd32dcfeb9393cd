"""An image on another grid, interpolated once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.cubic import CubicImage
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.geometry.distance import near_to
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry

__all__ = ["INTERPOLATOR", "resample_onto", "unfilled_onto"]

INTERPOLATOR = "cubic B-spline"
_FIELD_MM = 4.0
_WIDE_MM = 4.0
_TISSUE_SHARE = 0.25


def resample_onto(
    volume: SignalVolume,
    grid: VolumeGeometry,
    transform_lps: NDArray[np.float64],
    *,
    pieces: tuple[PieceMotion, ...] = (),
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Interpolate `volume` once onto `grid`.

    Parameters
    ----------
    volume : SignalVolume
        What is moved.
    grid : VolumeGeometry
        Where it is wanted.
    transform_lps : ndarray of float64, shape (4, 4)
        Takes a point of `grid`'s space to the same tissue's point in `volume`'s.
    pieces : tuple of PieceMotion
        Parts that move otherwise; their transforms are blended smoothly before anything is interpolated.

    Returns
    -------
    signal : ndarray of float32, shape of `grid`
        Cubic B-spline, not below 0; 0 outside.
    covered : ndarray of bool, shape of `grid`
        Where `volume` has data.
    """
    spline = CubicImage.through(volume.array)
    signal, covered = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, bool)
    for number, index in enumerate(_indices(volume.geometry, grid, transform_lps, pieces)):
        inside = _inside(index, volume.array.shape)
        covered[number].flat = inside
        if inside.all():
            signal[number].flat = spline.at(index)
        elif inside.any():
            signal[number][covered[number]] = spline.at(index[:, inside])
    return np.maximum(signal, 0, out=signal), covered


def unfilled_onto(
    volume: SignalVolume,
    t1: SignalVolume,
    body: NDArray[np.bool_],
    transform_lps: NDArray[np.float64],
    *,
    pieces: tuple[PieceMotion, ...] = (),
) -> NDArray[np.bool_]:
    """Where `volume` was filled up with nothing although T1 shows tissue.

    Parameters
    ----------
    volume : SignalVolume
        As acquired.
    t1 : SignalVolume
        On the grid wanted.
    body : ndarray of bool, shape of `t1`
        Patient on T1.
    transform_lps, pieces
        As in `resample_onto`.

    Returns
    -------
    ndarray of bool, shape of `t1`
        Voxels without signal that reach a face of `volume`, are wide in the plane of T1's slices and not dark on T1
        too: not air that the scanner blanked, cortex or gas.
    """
    blank = _reaching_a_face(volume.array <= 0)
    if not blank.any():
        return np.zeros(body.shape, bool)
    there = np.zeros(body.shape, bool)
    for number, index in enumerate(_indices(volume.geometry, t1.geometry, transform_lps, pieces)):
        seen = body[number].ravel() & _inside(index, blank.shape)
        nearest = np.floor(index[:, seen] + 0.5).astype(np.intp)
        there[number].flat[seen] = blank[tuple(nearest)]
    spacing = t1.geometry.spacing_mm
    deep = deeper_in_slices(there, spacing_mm=spacing, depth_mm=_WIDE_MM)
    wide = there & near_to(deep, spacing_mm=(np.inf, *spacing[1:]), reach_mm=_WIDE_MM)
    if not wide.any():
        return wide
    labels, count = ndimage.label(wide)
    bright = np.asarray(ndimage.median(t1.array, labels, np.arange(count + 1)))
    tissue = bright > _TISSUE_SHARE * float(np.median(t1.array[body]))
    tissue[0] = False
    return np.asarray(tissue[labels])


def _reaching_a_face(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    reaching = np.zeros(count + 1, bool)
    for axis in range(3):
        reaching[np.unique(labels.take((0, -1), axis=axis))] = True
    reaching[0] = False
    return np.asarray(reaching[labels])


def _indices(
    moved: VolumeGeometry, grid: VolumeGeometry, transform_lps: NDArray[np.float64], pieces: tuple[PieceMotion, ...]
) -> Iterator[NDArray[np.float64]]:
    """For slice after slice of `grid` the indices on `moved` that its voxels go to, shape (3, row x column)."""
    to_index = np.asarray(np.linalg.inv(moved.affine_lps), np.float64)
    whole = to_index @ transform_lps @ grid.affine_lps
    _, rows, columns = np.ogrid[: grid.shape[0], : grid.shape[1], : grid.shape[2]]
    bend = _Bend.of(grid, to_index, transform_lps, pieces) if pieces else None
    for number in range(grid.shape[0]):
        index = np.stack([row[2] * columns[0] + (row[1] * rows[0] + (row[0] * number + row[3])) for row in whole[:3]])
        if bend is not None:
            index += bend.of_slice(number)
        yield index.reshape(3, -1)


def _inside(index: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether indices lie in a voxel of an image of that shape."""
    inside = np.ones(index.shape[1], bool)
    for axis, length in zip(index, shape, strict=True):
        inside &= (axis >= -0.5) & (axis < length - 0.5)
    return inside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bend:
    """By how many voxels pieces move tissue beyond the whole.

    It is smooth, so every fourth millimetre tells it, with one step beyond the grid at either end.
    """

    field: NDArray[np.float64]
    step: NDArray[np.float64]
    shape: tuple[int, int, int]

    @classmethod
    def of(
        cls,
        grid: VolumeGeometry,
        to_index: NDArray[np.float64],
        transform_lps: NDArray[np.float64],
        pieces: tuple[PieceMotion, ...],
    ) -> _Bend:
        step = np.maximum(1.0, _FIELD_MM / np.asarray(grid.spacing_mm))
        counts = np.ceil((np.asarray(grid.shape) - 1) / step).astype(int) + 3
        at = (np.moveaxis(np.indices(tuple(counts)), 0, -1) - 1) * step
        points = grid.to_patient(at).reshape(-1, 3)
        beyond = displaced(points, transform_lps, pieces) - displaced(points, transform_lps, ())
        return cls(field=(beyond @ to_index[:3, :3].T).T.reshape(3, *counts), step=step, shape=grid.shape)

    def of_slice(self, number: int) -> NDArray[np.float64]:
        """Interpolate linearly, shape (3, row, column)."""
        field = _linear(self.field, 1, np.array([number / self.step[0] + 1]))
        for axis in (1, 2):
            field = _linear(field, axis + 1, np.arange(self.shape[axis]) / self.step[axis] + 1)
        return field[:, 0]


def _linear(field: NDArray[np.float64], axis: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    low = at.astype(int)
    near, far = field.take(low, axis=axis), field.take(low + 1, axis=axis)
    share = (at - low).reshape([-1 if k == axis else 1 for k in range(field.ndim)])
    return np.asarray(near + share * (far - near))
