"""How much a median moves when STIR or a border lies elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.signals.statistics.quantiles import median

__all__ = ["border_change", "shift_spread"]


def shift_spread(
    stir: NDArray[np.float32],
    index: NDArray[np.int64],
    *,
    spacing_mm: tuple[float, float, float],
    mm: float,
) -> float:
    """Tell how a STIR median spreads when STIR lies off by a length in a direction not known.

    Parameters
    ----------
    stir : ndarray of float32, shape (slice, row, column)
        On T1's grid.
    index : ndarray of int64, shape (voxel,)
        Flat index of the voxels measured.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    mm : float
        How far off.

    Returns
    -------
    float
        Standard deviation of the log: root mean square of ``log(median shifted / median)`` over the six directions
        along the axes; for a level that changes evenly this is that of all directions. Between voxels signal is
        interpolated linearly; beyond the outermost voxel it goes on as there. 0 where the level is not above 0.
    """
    flat = stir.reshape(-1)
    here = flat.take(index)
    level = median(here)
    if mm <= 0 or level <= 0:
        return 0.0
    place = np.unravel_index(index, stir.shape)
    changes = []
    for axis, spacing in enumerate(spacing_mm):
        whole, part = divmod(mm / spacing, 1.0)
        for way in (-1, 1):
            near, far = (
                flat.take(index + _offsets(stir.shape, axis, way * steps).take(place[axis])) if steps else here
                for steps in (int(whole), int(whole) + 1)
            )
            moved = median(near + np.float32(part) * (far - near))
            changes.append(np.log(moved / level) if moved > 0 else 0.0)
    return float(np.sqrt(np.mean(np.square(changes))))


def border_change(
    channels: tuple[NDArray[np.float32], ...],
    inner: NDArray[np.int64],
    outer: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Halve what each median changes from a border one voxel farther in to one farther out, on the log scale.

    Parameters
    ----------
    channels : tuple of ndarray of float32, shape (slice, row, column)
        Images.
    inner, outer : ndarray of int64, shape (voxel,)
        Flat index of the voxels within the inner border, and within the outer one; neither empty.

    Returns
    -------
    ndarray of float64, shape (channel,)
        Signed, so that T1 and STIR go together.
    """
    found = []
    for channel in channels:
        flat = channel.reshape(-1)
        low, high = median(flat.take(inner)), median(flat.take(outer))
        found.append(0.5 * np.log(high / low) if low > 0 and high > 0 else 0.0)
    return np.asarray(found)


def _offsets(shape: tuple[int, ...], axis: int, steps: int) -> NDArray[np.int64]:
    """Tell how far in flat index the voxel so many steps on along an axis lies, or the last there is."""
    places = np.arange(shape[axis])
    return np.asarray((np.clip(places + steps, 0, shape[axis] - 1) - places) * int(np.prod(shape[axis + 1 :])))
