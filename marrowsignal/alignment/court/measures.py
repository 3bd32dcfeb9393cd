"""Everything the court measures on one pair, before any weighing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.court.consistency import forward_backward_mm
from marrowsignal.alignment.court.edges import edge_distance_mm
from marrowsignal.alignment.court.local import local_shifts
from marrowsignal.alignment.court.matching import COARSE, FINE
from marrowsignal.alignment.court.shift import rigid_shift
from marrowsignal.alignment.engine import Prepared
from marrowsignal.geometry.volume import SignalVolume

__all__ = ["Evidence", "Overlay", "measure"]

_LEAST_VOXELS = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """A pair as registration leaves it.

    Attributes
    ----------
    t1 : SignalVolume
        As acquired.
    moved : ndarray of float32, shape of the T1 grid
        STIR on the T1 grid.
    covered : ndarray of bool, same shape
        Where STIR has data.
    where : ndarray of bool, same shape
        Tissue around which the match is judged.
    matrix : ndarray of float64, shape (4, 4)
        T1 point to STIR point, LPS mm; the rigid transform of the whole.
    prepared : tuple of Prepared
        T1 and STIR as acquired, ready for registration.
    """

    t1: SignalVolume
    moved: NDArray[np.float32]
    covered: NDArray[np.bool_]
    where: NDArray[np.bool_]
    matrix: NDArray[np.float64]
    prepared: tuple[Prepared, Prepared]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured on an overlay, mm.

    Attributes
    ----------
    shift_mm : float
        By which a measure other than the registration's would still move deep tissue.
    forward_backward_mm : float or None
        By which going there and back misses.
    jackknife_mm : float
        Standard error of the shift over slices.
    local_mm, most_local_mm : float
        In plane, what blocks of tissue ask for beyond the shift: root mean square and 90th percentile.
    edge_mm : float or None
        Distance of edges.
    pixel_mm, slice_mm : float
        Largest distance of pixels, and of slices, of both series as acquired.
    stands_out : float
        Local correlation as the images lie over that some mm beside.
    """

    shift_mm: float
    forward_backward_mm: float | None
    jackknife_mm: float
    local_mm: float
    most_local_mm: float
    edge_mm: float | None
    pixel_mm: float
    slice_mm: float
    stands_out: float


def measure(overlay: Overlay) -> Evidence | None:
    """Measure how far STIR still is from T1.

    Parameters
    ----------
    overlay : Overlay
        A pair as registration leaves it, or as anyone else puts it.

    Returns
    -------
    Evidence or None
        None where the two share too little tissue to measure anything.
    """
    seen = overlay.where & overlay.covered
    if np.count_nonzero(seen) < _LEAST_VOXELS:
        return None
    spacing = overlay.t1.geometry.spacing_mm
    images = (overlay.t1.array, overlay.moved, seen)
    rigid = rigid_shift(*images, spacing_mm=spacing, resolutions=(COARSE, FINE))
    local = local_shifts(rigid)
    fixed, moving = overlay.prepared
    grids = (fixed.geometry.spacing_mm, moving.geometry.spacing_mm)
    return Evidence(
        shift_mm=rigid.shift_mm,
        forward_backward_mm=forward_backward_mm(fixed, moving, overlay.matrix, seen),
        jackknife_mm=rigid.jackknife_mm,
        local_mm=local.beyond_mm,
        most_local_mm=local.most_mm,
        edge_mm=edge_distance_mm(*images, spacing_mm=spacing),
        pixel_mm=max(max(grid[1:]) for grid in grids),
        slice_mm=max(grid[0] for grid in grids),
        stands_out=rigid.correlation_here / max(rigid.correlation_away, 1e-6),
    )
