"""One smooth motion out of the motions of pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.pyramid import moved_by
from marrowsignal.alignment.records import PieceMotion

__all__ = ["displaced"]

_TINY = 1e-12


def displaced(
    points_lps_mm: NDArray[np.float64], whole: NDArray[np.float64], pieces: tuple[PieceMotion, ...]
) -> NDArray[np.float64]:
    """Where points of T1 go.

    Parameters
    ----------
    points_lps_mm : ndarray of float64, shape (n, 3)
        T1 space.
    whole : ndarray of float64, shape (4, 4)
        Rigid transform of the whole, T1 to STIR.
    pieces : tuple of PieceMotion
        With their own transforms; a piece at rest holds its neighbours back.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        STIR space: where the pieces' transforms take the point, weighted by a Gaussian of the distance to each
        piece's centre (polyrigid: Arsigny et al., MICCAI 2003, doi:10.1007/978-3-540-39903-2_94).
    """
    base = moved_by(whole, points_lps_mm.T).T
    if not pieces:
        return np.asarray(base)
    centres = np.array([piece.centre_lps_mm for piece in pieces])
    squared = ((points_lps_mm[:, None] - centres) ** 2).sum(axis=2)
    reach = np.array([piece.reach_mm for piece in pieces])
    # Relative to the nearest one, so that far from all pieces the nearest still leads.
    exponent = -squared / (2 * reach**2)
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True) + _TINY
    moved = base.copy()
    for weight, piece in zip(weights.T, pieces, strict=True):
        moved += weight[:, None] * (moved_by(piece.t1_to_stir_lps, points_lps_mm.T).T - base)
    return moved
