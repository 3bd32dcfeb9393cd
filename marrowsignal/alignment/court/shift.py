"""Which shift and turn two images still ask for, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from marrowsignal.alignment.court.matching import Compared, LocalFit, fit_locally

__all__ = ["Motion", "RigidShift", "rigid_shift", "stands_out"]

_STEPS = 6
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

    def displacements_mm(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much points move, shape (3, point)."""
        x, y, z = points_mm - self.centre_mm[:, None]
        rows = np.column_stack([self.turn - np.eye(3), self.shift_mm])
        return np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in rows])

    def after(self, small: NDArray[np.float64]) -> Motion:
        """Put three shifts and three turns (radians) before this motion."""
        turn = Rotation.from_rotvec(small[3:]).as_matrix()
        return Motion(turn=self.turn @ turn, shift_mm=self.shift_mm + self.turn @ small[:3], centre_mm=self.centre_mm)

    def moved(self, pair: Compared) -> NDArray[np.float32]:
        """Look at STIR after the motion: at every voxel what lies where that goes to."""
        scale = pair.spacing_mm
        at_origin = self.turn @ (pair.origin_mm - self.centre_mm) + self.centre_mm + self.shift_mm - pair.origin_mm
        return np.asarray(
            ndimage.affine_transform(
                pair.stir,
                self.turn * scale[None, :] / scale[:, None],
                offset=at_origin / scale,
                output_shape=pair.stir.shape,
                order=1,
                mode="nearest",
            )
        )


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


def rigid_shift(scales: tuple[Compared, ...], points_mm: NDArray[np.float64]) -> RigidShift:
    """Find the rigid motion of STIR that the local correlation with T1 prefers.

    Parameters
    ----------
    scales : tuple of Compared
        The same images from coarse to fine.
    points_mm : ndarray of float64, shape (3, point)
        Where the shift is told, along the axes of the grid.

    Returns
    -------
    RigidShift
        By weighted Gauss-Newton steps from where the images lie. Nothing of it is shared with the registration, which
        climbs mutual information: two measures seldom err alike.
    """
    centre = points_mm.mean(axis=1)
    motion = Motion(turn=np.eye(3), shift_mm=np.zeros(3), centre_mm=centre)
    for pair in scales:
        points = pair.positions_mm()
        motion, fit = _climbed(pair, points, motion)
    return RigidShift(
        pair=pair,
        motion=motion,
        shift_mm=_rms(motion.displacements_mm(points_mm)),
        jackknife_mm=_jackknife(pair, points - centre[:, None], fit, points_mm - centre[:, None]),
    )


def stands_out(pair: Compared) -> float:
    """Mean squared local correlation of two images as they lie over that some mm beside, in the plane of the slices."""
    still = Motion(turn=np.eye(3), shift_mm=np.zeros(3), centre_mm=np.zeros(3))
    beside = float(np.mean([_correlation(pair, _beside(still, way)) for way in range(4)]))
    return _correlation(pair, still) / max(beside, _NOTHING)


def _climbed(pair: Compared, points: NDArray[np.float64], motion: Motion) -> tuple[Motion, LocalFit]:
    chosen = points[:, :: max(1, points.shape[1] // _POINTS)]
    fit = fit_locally(pair, motion.moved(pair))
    for _ in range(_STEPS):
        system, pull = _normal_equations(fit, points - motion.centre_mm[:, None])
        small = _solved(system.sum(axis=0), pull.sum(axis=0))
        motion = motion.after(small)
        fit = fit_locally(pair, motion.moved(pair))
        if _rms(_displacements(small, chosen - motion.centre_mm[:, None])) < _SETTLED_MM:
            break
    return motion, fit


def _normal_equations(
    fit: LocalFit, offsets_mm: NDArray[np.float64], part: NDArray[np.intp] | None = None, parts: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Newton system of three shifts and three turns, of each part; shapes (part, 6, 6) and (part, 6)."""
    a, b, c = fit.slopes
    x, y, z = offsets_mm.astype(np.float32)
    columns = (a, b, c, y * c - z * b, z * a - x * c, x * b - y * a)
    group = np.zeros(a.size, np.intp) if part is None else part
    system, pull = np.zeros((parts, 6, 6)), np.zeros((parts, 6))
    for i, j in combinations_with_replacement(range(6), 2):
        system[:, i, j] = system[:, j, i] = np.bincount(group, fit.weight * columns[i] * columns[j], parts)
    for i in range(6):
        pull[:, i] = np.bincount(group, fit.weight * columns[i] * fit.residual, parts)
    return system, pull


def _solved(system: NDArray[np.float64], pull: NDArray[np.float64]) -> NDArray[np.float64]:
    damped = system + np.diag(_DAMPING * np.diag(system) + np.finfo(np.float32).tiny)
    return np.asarray(-np.linalg.solve(damped, pull))


def _jackknife(pair: Compared, offsets_mm: NDArray[np.float64], fit: LocalFit, told_mm: NDArray[np.float64]) -> float:
    count = pair.t1.shape[0]
    folds = min(_FOLDS, count)
    fold = (np.arange(count) * folds // count)[np.nonzero(pair.mask)[0]]
    system, pull = _normal_equations(fit, offsets_mm, fold, folds)
    kept = [k for k in range(folds) if np.any(system[k])]
    if len(kept) < 2:
        return float(np.linalg.norm(pair.spacing_mm))
    without = np.stack(
        [_displacements(_solved(system.sum(axis=0) - system[k], pull.sum(axis=0) - pull[k]), told_mm) for k in kept]
    )
    spread = np.sum((without - without.mean(axis=0)) ** 2, axis=(0, 1))
    return float(np.sqrt((len(kept) - 1) / len(kept) * spread.mean()))


def _displacements(small: NDArray[np.float64], offsets_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(small[:3, None] + np.cross(small[3:], offsets_mm, axisb=0).T)


def _beside(motion: Motion, way: int) -> Motion:
    away = np.zeros(3)
    away[1 + way // 2] = _FAR_MM if way % 2 else -_FAR_MM
    return Motion(turn=motion.turn, shift_mm=motion.shift_mm + away, centre_mm=motion.centre_mm)


def _correlation(pair: Compared, motion: Motion) -> float:
    return float(np.mean(fit_locally(pair, motion.moved(pair)).correlation, dtype=np.float64))


def _rms(vectors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.sum(vectors**2, axis=0))))
