"""Everything the court measures on one pair, before any weighing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.court.consistency import forward_backward_mm
from marrowsignal.alignment.court.edges import edge_distance_mm
from marrowsignal.alignment.court.local import local_shift_mm
from marrowsignal.alignment.court.matching import COARSE, FINE, compare
from marrowsignal.alignment.court.shift import rigid_motion, rigid_shift, stands_out
from marrowsignal.alignment.court.water import water_of
from marrowsignal.alignment.engine import Prepared
from marrowsignal.alignment.records import PieceMotion
from marrowsignal.geometry.thinned import every_nth
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["Evidence", "Overlay", "measure"]

_LEAST_VOXELS = 5000
# Share of rows and columns left out on each side.
_MARGIN = 0.2
_TARGETS = 2000


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
    pieces : tuple of PieceMotion
        Parts that `moved` lets move on their own.
    """

    t1: SignalVolume
    moved: NDArray[np.float32]
    covered: NDArray[np.bool_]
    where: NDArray[np.bool_]
    matrix: NDArray[np.float64]
    prepared: tuple[Prepared, Prepared]
    pieces: tuple[PieceMotion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured on an overlay, mm.

    Attributes
    ----------
    shift_mm : float
        By which a measure other than the registration's would still move the middle of the picture.
    forward_backward_mm : float or None
        By which going there and back misses.
    jackknife_mm : float
        Standard error of the shift over slices.
    local_mm : float
        In plane, what blocks of tissue ask for beyond the shift of the whole: 90th percentile.
    pieces_mm : float
        Median distance by which pieces were already moved beyond the whole.
    edge_mm : float or None
        Distance of edges.
    pixel_mm : float
        Largest distance of pixels in either series as acquired.
    stands_out : float
        Local correlation as the images lie over that some mm beside.
    """

    shift_mm: float
    forward_backward_mm: float | None
    jackknife_mm: float
    local_mm: float
    pieces_mm: float
    edge_mm: float | None
    pixel_mm: float
    stands_out: float


def measure(overlay: Overlay, *, settings: AlignmentSettings) -> Evidence | None:
    """Measure how far STIR still is from T1.

    Parameters
    ----------
    overlay : Overlay
        A pair as registration leaves it, or as anyone else puts it.
    settings : AlignmentSettings
        What is fat.

    Returns
    -------
    Evidence or None
        None where the two share too little tissue to measure anything.
    """
    seen = overlay.where & overlay.covered
    if np.count_nonzero(seen) < _LEAST_VOXELS:
        return None
    spacing = overlay.t1.geometry.spacing_mm
    t1, moved = overlay.t1.array, overlay.moved
    coarse = compare(t1, moved, seen, spacing_mm=spacing, resolution=COARSE)
    fine = compare(t1, moved, seen, spacing_mm=spacing, resolution=FINE)
    water = water_of(overlay.t1, seen, settings)
    of_water = fine
    if water is not None:
        of_water = compare(water.signal, moved, water.mask, spacing_mm=spacing, resolution=FINE)
    targets = _targets(seen)
    points = overlay.t1.geometry.to_patient(targets)
    told = targets.T * np.asarray(spacing)[:, None]
    start = rigid_motion(coarse, told)
    rigid = rigid_shift(of_water, told, start)
    of_all = rigid if water is None else rigid_shift(fine, told, start)
    fixed, moving = overlay.prepared
    grids = (fixed.geometry.spacing_mm, moving.geometry.spacing_mm)
    return Evidence(
        shift_mm=rigid.shift_mm,
        forward_backward_mm=forward_backward_mm(
            fixed,
            moving,
            overlay.matrix,
            mask=seen,
            points_lps_mm=points,
        ),
        jackknife_mm=rigid.jackknife_mm,
        local_mm=local_shift_mm(of_all),
        pieces_mm=_moved_apart_mm(overlay, points),
        edge_mm=edge_distance_mm(t1, moved, seen, spacing_mm=spacing),
        pixel_mm=max(max(grid[1:]) for grid in grids),
        stands_out=stands_out(fine),
    )


def _targets(seen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Voxels at which errors are told, shape (voxel, 3): the middle of the picture, for which it was planned."""
    rows, columns = (int(_MARGIN * n) for n in seen.shape[1:])
    middle = np.zeros_like(seen)
    middle[:, rows : seen.shape[1] - rows, columns : seen.shape[2] - columns] = True
    chosen = seen & middle if (seen & middle).any() else seen
    return every_nth(chosen, max(1, int(np.count_nonzero(chosen)) // _TARGETS))


def _moved_apart_mm(overlay: Overlay, points_lps_mm: NDArray[np.float64]) -> float:
    there, whole = (displaced(points_lps_mm, overlay.matrix, pieces) for pieces in (overlay.pieces, ()))
    return float(np.median(np.linalg.norm(there - whole, axis=1)))
