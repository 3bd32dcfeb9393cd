"""Rigid registration of two series by mutual information, deterministic and cheap to repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.coarse import best_starts
from marrowsignal.alignment.evened import evened
from marrowsignal.alignment.information import FixedBins, smooth_information
from marrowsignal.alignment.minimize import minimized
from marrowsignal.alignment.motion import RigidMotion
from marrowsignal.alignment.pyramid import Level, moved_by, pyramid
from marrowsignal.alignment.similarity import mutual_information
from marrowsignal.geometry.volume import SignalVolume, VolumeGeometry

__all__ = ["Prepared", "information", "prepare", "prepare_finest", "register", "register_shift"]

_LEVELS = 3
_SAMPLES = (80_000, 30_000, 10_000)
_VOXELS_A_SAMPLE = 8
_COARSE_SAMPLES = 2_000
_STARTS = 5
_KEPT = 2
_SEED = 20_190_101
_MIN_INSIDE = 0.2
# mm^2 per nat: a peak of mutual information is some millimetres wide
_FIRST_INVERSE = 10.0
# of a voxel; what other samples would find lies five times as far away
_ENOUGH = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """An image made ready for registration once.

    Attributes
    ----------
    geometry : VolumeGeometry
        Of the image as acquired.
    levels : tuple of Level
        The finest first.
    """

    geometry: VolumeGeometry
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """A motion, the inverse curvature learned on the way to it, and the information it gives."""

    matrix: NDArray[np.float64]
    inverse: NDArray[np.float64]
    information: float = 0.0


def prepare(volume: SignalVolume) -> Prepared:
    """Make an image ready for any number of registrations: without coil shading, at three resolutions.

    Parameters
    ----------
    volume : SignalVolume
        As read.
    """
    even = evened(volume.array, volume.geometry.spacing_mm)
    return Prepared(geometry=volume.geometry, levels=pyramid(even, volume.geometry, levels=_LEVELS))


def prepare_finest(volume: SignalVolume) -> Prepared:
    """Make an image ready as it is and at the finest level alone, for `register_shift`."""
    return Prepared(geometry=volume.geometry, levels=pyramid(volume.array, volume.geometry, levels=1))


def register(
    fixed: Prepared,
    moving: Prepared,
    *,
    mask: NDArray[np.bool_],
    initial: NDArray[np.float64],
    start_level: int | None = None,
    slice_mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Rigid transform that takes points of the fixed image to points of the moving one.

    Parameters
    ----------
    fixed, moving : Prepared
        Any two grids in one patient space.
    mask : ndarray of bool, shape of the fixed grid
        Where the similarity is measured.
    initial : ndarray of float64, shape (4, 4)
        Where to start, LPS mm.
    start_level : int, optional
        Coarsest level looked at, 0 for the finest alone; without it all, after a search 24 mm and 7 degrees around.
    slice_mask : ndarray of bool, shape (slice,), optional
        Slices of the fixed image that count; all by default.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        LPS mm; maximizes mutual information over samples drawn once, between the voxels of both images so that no
        grid is favoured (Pluim et al., CVIU 2000, doi:10.1006/cviu.1999.0816; Likar and Pernus, Image and Vision
        Computing 2001, doi:10.1016/S0262-8856(00)00053-6). The same bits on every number of threads.

    Raises
    ------
    RuntimeError
        If the images do not overlap in `mask`, or one shows nothing.
    """
    if not (fixed.levels[-1].has_contrast and moving.levels[-1].has_contrast):
        raise RuntimeError("nothing to register: an image has no contrast")
    points = _points(fixed.geometry, mask, slice_mask)
    found = [_Found(matrix=np.asarray(initial, np.float64), inverse=_FIRST_INVERSE * np.eye(6))]
    last = len(fixed.levels) - 1
    if start_level is None:
        few = points[:, :_COARSE_SAMPLES]
        starts = best_starts(fixed.levels[last], moving.levels[last], few, found[0].matrix, count=_STARTS)
        found = [_Found(matrix=start, inverse=found[0].inverse) for start in starts]
    for number in range(last if start_level is None else start_level, -1, -1):
        here = points[:, : _SAMPLES[number]]
        found = [_climbed(fixed.levels[number], moving.levels[number], here, each) for each in found]
        found = sorted(found, key=lambda each: -each.information)[: _KEPT if number == last else 1]
    if found[0].information <= 0.0:
        raise RuntimeError("nothing to register: the images do not overlap")
    return found[0].matrix


def register_shift(
    fixed: Prepared, moving: Prepared, *, mask: NDArray[np.bool_], initial: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correct a rigid transform by a shift along the rows and columns of the fixed image, at the finest level.

    Parameters, result and error as in `register`.
    """
    points = _points(fixed.geometry, mask, None)
    plane = np.zeros((6, 2))
    plane[3:] = initial[:3, :3] @ fixed.geometry.directions_lps[:, 1:]
    start = _Found(matrix=initial, inverse=_FIRST_INVERSE * np.eye(2))
    return _climbed(fixed.levels[0], moving.levels[0], points, start, free=plane).matrix


def information(fixed: Prepared, moving: Prepared, *, mask: NDArray[np.bool_], matrix: NDArray[np.float64]) -> float:
    """Mutual information of the finest level under a transform, nats; 0 where nothing overlaps.

    Parameters as in `register`.
    """
    if not mask.any():
        return 0.0
    points = _points(fixed.geometry, mask, None)
    seen = fixed.levels[0].look_up(points)
    look = moving.levels[0].look_up(points[:, seen.inside], matrix=matrix)
    return mutual_information(seen.values[look.inside], look.values) if look.inside.any() else 0.0


def _points(
    geometry: VolumeGeometry, mask: NDArray[np.bool_], slice_mask: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Draw points of the mask, anywhere within their voxels, in an order of chance; shape (3, n)."""
    voxels = np.flatnonzero(mask if slice_mask is None else mask & slice_mask[:, None, None])
    if voxels.size == 0:
        raise RuntimeError("nothing to register: the mask is empty")
    # A small part holds little that is new: a point for every eighth voxel is enough.
    count = min(_SAMPLES[0], voxels.size // _VOXELS_A_SAMPLE + 1)
    rng = np.random.default_rng(_SEED)
    drawn = voxels[rng.integers(0, voxels.size, count)]
    index = np.stack(np.unravel_index(drawn, mask.shape)) + rng.uniform(-0.5, 0.5, (3, drawn.size))
    return moved_by(geometry.affine_lps, index)


def _climbed(
    fixed: Level, moving: Level, points: NDArray[np.float64], start: _Found, *, free: NDArray[np.float64] | None = None
) -> _Found:
    """Climb at one level; `free` maps the numbers that may change to the six of `RigidMotion`."""
    seen = fixed.look_up(points)
    points = points[:, seen.inside]
    if points.shape[1] == 0:
        return start
    bins = FixedBins.of(seen.values)
    motion = RigidMotion.about(points, start=start.matrix)
    # within some hundred mm of their middle single precision tells points to 0.0001 mm
    arms = (points - motion.centre_lps_mm[:, None]).astype(np.float32)
    to_points = np.eye(4)
    to_points[:3, 3] = motion.centre_lps_mm
    per_mm = moving.index_of_lps[:3, :3].T
    ways = np.eye(6) if free is None else free

    def loss(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        all_numbers = ways @ numbers
        look = moving.look_up(arms, matrix=motion.matrix(all_numbers) @ to_points)
        if np.count_nonzero(look.inside) < _MIN_INSIDE * look.inside.size:
            return 0.0, np.zeros(len(numbers))
        information, slope = smooth_information(bins, look.inside, look.values, top=moving.top)
        pull = look.slopes
        pull *= slope
        there = arms if look.inside.all() else arms[:, look.inside]
        # no matrix product: it may sum in another order on another number of threads
        moments = np.einsum("an,bn->ab", pull, there)
        return -information, -motion.slope(all_numbers, per_mm @ pull.sum(axis=1), per_mm @ moments) @ ways

    coarse_mm = float(moving.spacing_mm.min())
    numbers, inverse, value = minimized(loss, inverse=start.inverse, longest=2 * coarse_mm, enough=_ENOUGH * coarse_mm)
    matrix = motion.matrix(ways @ numbers)
    _, inside = moving.place(arms, matrix=matrix @ to_points)
    return _Found(matrix=matrix, inverse=inverse, information=-value * float(inside.mean()))
