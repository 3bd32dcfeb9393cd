"""What dividing one bone gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.regions.records import Side

__all__ = ["Division", "Piece", "undivided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a bone, made of one or more cells.

    Attributes
    ----------
    key : str
        Key of the part in the protocol.
    cells : tuple of int
        Cells that make it up.
    side : Side or None
        The patient's side; None where it is the bone's own.
    coverage_fraction : float or None
        Share that lies in the picture, where its shape tells.
    """

    key: str
    cells: tuple[int, ...]
    side: Side | None = None
    coverage_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """One bone cut into cells.

    Attributes
    ----------
    cells : ndarray of uint8, shape (n,)
        Cell of each voxel of the bone; 0 lies in no part.
    pieces : tuple of Piece
        What the cells are called.
    reason : str
        Why the bone could not be divided; empty when it was.
    """

    cells: NDArray[np.uint8]
    pieces: tuple[Piece, ...]
    reason: str = ""


def undivided(voxels: int, reason: str) -> Division:
    """Give a bone that could not be divided."""
    return Division(cells=np.zeros(voxels, np.uint8), pieces=(), reason=reason)
