"""Which shift and turn two images still ask for, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from marrowsignal.alignment.court.matching import Compared, LocalFit, fit_locally, local_correlation
from marrowsignal.alignment.pyramid import moved_by

__all__ = ["Motion", "RigidShift", "rigid_motion", "rigid_shift", "stands_out"]

# a step by itself goes about half the way, so it is taken longer (successive over-relaxation)
_STEPS, _LONGER = 4, 1.5
_SETTLED_MM = 0.02
# Keeps directions that nothing tells about (a single slice, straight edges) at rest.
_DAMPING = 1e-3
_FOLDS = 5
_POINTS = 2000
_FAR_MM = 6.0
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A turn about a fixed point and a shift, in mm along the axes of a grid.

    Attributes
    ----------
    turn : ndarray of float64, shape (3, 3)
        Rotation matrix.
    shift_mm, centre_mm : ndarray of float64, shape (3,)
        A point p goes to ``turn (p - centre) + centre + shift``.
    """

    turn: NDArray[np.float64]
    shift_mm: NDArray[np.float64]
    centre_mm: NDArray[np.float64]

    @classmethod
    def at_rest(cls, centre_mm: NDArray[np.float64]) -> Motion:
        """Leave everything where it is."""
        return cls(turn=np.eye(3), shift_mm=np.zeros(3), centre_mm=centre_mm)

    def displacements_mm(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much points move, shape (3, point)."""
        x, y, z = points_mm - self.centre_mm[:, None]
        rows = np.column_stack([self.turn - np.eye(3), self.shift_mm])
        return np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in rows])

    def after(self, small: NDArray[np.float64]) -> Motion:
        """Put three shifts and three turns (radians) before this motion."""
        turn = Rotation.from_rotvec(small[3:]).as_matrix()
        return Motion(turn=self.turn @ turn, shift_mm=self.shift_mm + self.turn @ small[:3], centre_mm=self.centre_mm)

    def of_index(self, pair: Compared) -> NDArray[np.float64]:
        """Matrix, shape (4, 4), that takes an index of the pair's grid to the index where the motion sends it."""
        scale = pair.spacing_mm
        matrix = np.eye(4)
        matrix[:3, :3] = self.turn * scale[None, :] / scale[:, None]
        at_origin = self.turn @ (pair.origin_mm - self.centre_mm) + self.centre_mm + self.shift_mm - pair.origin_mm
        matrix[:3, 3] = at_origin / scale
        return matrix

    def moved(self, pair: Compared) -> NDArray[np.float32]:
        """Look at STIR after the motion: at every voxel near the mask what lies where that goes to."""
        return pair.stir_at(moved_by(self.of_index(pair), pair.places))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigidShift:
    """What the local correlation of two images still asks for.

    Attributes
    ----------
    pair : Compared
        At the finest scale.
    motion : Motion
        From where STIR is to where it should be.
    shift_mm : float
        Root of the mean square by which it moves them.
    jackknife_mm : float
        Standard error of that by leaving out a fifth of the slices at a time.
    """

    pair: Compared
    motion: Motion
    shift_mm: float
    jackknife_mm: float


def rigid_motion(pair: Compared, points_mm: NDArray[np.float64]) -> Motion:
    """Rigid motion of STIR that the local correlation prefers at one scale, to start from; as `rigid_shift`."""
    return _climbed(pair, Motion.at_rest(points_mm.mean(axis=1)))[0]


def rigid_shift(pair: Compared, points_mm: NDArray[np.float64], start: Motion) -> RigidShift:
    """Find the rigid motion of STIR that the local correlation with T1 prefers.

    Parameters
    ----------
    pair : Compared
        The images at the finest scale.
    points_mm : ndarray of float64, shape (3, point)
        Where the shift is told, along the axes of the grid.
    start : Motion
        That of a coarser scale.

    Returns
    -------
    RigidShift
        By weighted Gauss-Newton steps from where the images lie. Nothing of it is shared with the registration, which
        climbs mutual information: two measures seldom err alike.
    """
    motion, fit = _climbed(pair, start)
    return RigidShift(
        pair=pair,
        motion=motion,
        shift_mm=_rms(motion.displacements_mm(points_mm)),
        jackknife_mm=_jackknife(pair, motion, fit, points_mm),
    )


def stands_out(pair: Compared) -> float:
    """Mean squared local correlation of two images as they lie over that some mm beside, in the plane of the slices."""
    still = Motion.at_rest(np.zeros(3))
    beside = float(np.mean([_correlation(pair, _beside(still, way)) for way in range(4)]))
    return _correlation(pair, still) / max(beside, _NOTHING)


def _climbed(pair: Compared, motion: Motion) -> tuple[Motion, LocalFit]:
    arms = _arms(pair, motion)
    chosen = arms[:, :: max(1, arms.shape[1] // _POINTS)]
    fit = fit_locally(pair, motion.moved(pair))
    for _ in range(_STEPS):
        system, pull = _normal_equations(fit, arms)
        small = _LONGER * _solved(system, pull)
        motion = motion.after(small)
        fit = fit_locally(pair, motion.moved(pair))
        if _rms(_displacements(small, chosen)) < _SETTLED_MM:
            break
    return motion, fit


def _arms(pair: Compared, motion: Motion) -> NDArray[np.float32]:
    """From the centre of the motion to the voxels of the mask, mm."""
    return (pair.positions_mm() - motion.centre_mm[:, None]).astype(np.float32)


def _normal_equations(
    fit: LocalFit, arms_mm: NDArray[np.float32], part: slice = slice(None)
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Newton system of three shifts and three turns, of a part of the voxels; shapes (6, 6) and (6,)."""
    a, b, c = (slope[part] for slope in fit.slopes)
    x, y, z = arms_mm[:, part]
    columns = np.stack((a, b, c, y * c - z * b, z * a - x * c, x * b - y * a, fit.residual[part]))
    # no matrix product: it may sum in another order on another number of threads
    products = np.einsum("in,jn->ij", columns[:6] * fit.weight[part], columns).astype(np.float64)
    return products[:, :6], products[:, 6]


def _solved(system: NDArray[np.float64], pull: NDArray[np.float64]) -> NDArray[np.float64]:
    damped = system + np.diag(_DAMPING * np.diag(system) + np.finfo(np.float32).tiny)
    return np.asarray(-np.linalg.solve(damped, pull))


def _jackknife(pair: Compared, motion: Motion, fit: LocalFit, points_mm: NDArray[np.float64]) -> float:
    arms = _arms(pair, motion)
    # voxels come slice by slice, so a fold of slices is a stretch of them
    before = np.concatenate([[0], np.cumsum(np.count_nonzero(pair.mask, axis=(1, 2)))])
    count = len(pair.mask)
    folds = min(_FOLDS, count)
    edges = before[-(-np.arange(folds + 1) * count // folds)]
    parts = [slice(int(a), int(b)) for a, b in pairwise(edges) if a < b]
    if len(parts) < 2:
        return float(np.linalg.norm(pair.spacing_mm))
    systems, pulls = (
        np.stack(each) for each in zip(*(_normal_equations(fit, arms, part) for part in parts), strict=True)
    )
    told = points_mm - motion.centre_mm[:, None]
    without = np.stack(
        [
            _displacements(_solved(systems.sum(axis=0) - system, pulls.sum(axis=0) - pull), told)
            for system, pull in zip(systems, pulls, strict=True)
        ]
    )
    spread = np.sum((without - without.mean(axis=0)) ** 2, axis=(0, 1))
    return float(np.sqrt((len(parts) - 1) / len(parts) * spread.mean()))


def _displacements(small: NDArray[np.float64], offsets_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(small[:3, None] + np.cross(small[3:], offsets_mm, axisb=0).T)


def _beside(motion: Motion, way: int) -> Motion:
    away = np.zeros(3)
    away[1 + way // 2] = _FAR_MM if way % 2 else -_FAR_MM
    return Motion(turn=motion.turn, shift_mm=motion.shift_mm + away, centre_mm=motion.centre_mm)


def _correlation(pair: Compared, motion: Motion) -> float:
    return float(np.mean(local_correlation(pair, motion.moved(pair)), dtype=np.float64))


def _rms(vectors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.sum(vectors**2, axis=0))))
