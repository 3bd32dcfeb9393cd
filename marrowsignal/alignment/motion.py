"""Rigid motions as six numbers in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

__all__ = ["RigidMotion"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigidMotion:
    """Rigid motions near one another, as six numbers that all move tissue by about as many mm.

    Attributes
    ----------
    start : ndarray of float64, shape (4, 4)
        The motion of six zeros.
    centre_lps_mm : ndarray of float64, shape (3,)
        Point that turns stay about, before `start`.
    radius_mm : float
        Distance from there at which a turn of one moves tissue by 1 mm.
    """

    start: NDArray[np.float64]
    centre_lps_mm: NDArray[np.float64]
    radius_mm: float

    @classmethod
    def about(cls, points: NDArray[np.float64], *, start: NDArray[np.float64]) -> RigidMotion:
        """Motions about the middle of points, shape (3, n), that move them by about as many mm as the numbers say."""
        centre = points.mean(axis=1)
        radius = float(np.sqrt(np.mean(np.sum((points - centre[:, None]) ** 2, axis=0))))
        return cls(start=start, centre_lps_mm=centre, radius_mm=max(radius, 1.0))

    def matrix(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the 4x4 matrix: `start`, then a turn about where the centre came to, then a shift."""
        turned = Rotation.from_rotvec(numbers[:3] / self.radius_mm).as_matrix()
        middle = self.start[:3, :3] @ self.centre_lps_mm + self.start[:3, 3]
        matrix = np.eye(4)
        matrix[:3, :3] = turned @ self.start[:3, :3]
        matrix[:3, 3] = turned @ (self.start[:3, 3] - middle) + middle + numbers[3:]
        return matrix

    def slope(
        self, numbers: NDArray[np.float64], pull: NDArray[np.floating], moments: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Turn pulls at moved points into the slope over the six numbers.

        Parameters
        ----------
        numbers : ndarray of float64, shape (6,)
            Where.
        pull : ndarray of float, shape (3,)
            Derivative of a sum by the moved points along x, y and z, summed over the points.
        moments : ndarray of float, shape (3, 3)
            The same times where each point was from the centre before the motion, x, y and z in the columns.

        Returns
        -------
        ndarray of float64, shape (6,)
            The derivative by the six numbers; the turn's by the left Jacobian of SO(3)
            (Sola et al., A micro Lie theory for state estimation, 2018, eq. 145).
        """
        arms = moments @ self.matrix(numbers)[:3, :3].T
        torque = np.array([arms[2, 1] - arms[1, 2], arms[0, 2] - arms[2, 0], arms[1, 0] - arms[0, 1]])
        turn = _left_jacobian(numbers[:3] / self.radius_mm).T @ torque / self.radius_mm
        return np.concatenate([turn, pull])


def _left_jacobian(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = float(np.linalg.norm(turn))
    x, y, z = turn
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-4:
        return np.asarray(np.eye(3) + cross / 2)
    first, second = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)
