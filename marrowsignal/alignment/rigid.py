"""What a rigid transform does to points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["displacements_mm", "rotation_deg"]


def displacements_mm(
    a: NDArray[np.float64], b: NDArray[np.float64], points_lps_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance between where two 4x4 transforms take each point, mm; shape (n,)."""
    # einsum, not a matrix product: the same bits on every number of threads
    moved = np.einsum("...j,ij->...i", points_lps_mm, (a - b)[:3, :3]) + (a - b)[:3, 3]
    return np.asarray(np.linalg.norm(moved, axis=-1))


def rotation_deg(matrix: NDArray[np.float64]) -> float:
    """Rotation angle of a rigid 4x4 transform, degrees.

    Examples
    --------
    >>> rotation_deg(np.eye(4))
    0.0
    """
    cosine = (np.trace(matrix[:3, :3]) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
