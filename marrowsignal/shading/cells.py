"""T1 and STIR as cells of a few millimetres: which of them hold one tissue, and how deep they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Cells", "cut_into_cells"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_CELL_MM = 4.0
# quarters of a cell that holds one tissue differ by less; STIR is noisier
_EVEN_SPREAD = (0.12, 0.24)
# of a noisy image the calmest cells serve
_EVEN_SHARE = 25.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """A study in cells: one slice thick, a few millimetres wide.

    Attributes
    ----------
    positions_mm : tuple of ndarray of float64
        Centres along slices, rows and columns, from the first voxel centre.
    volume_mm3 : float
        Of one cell.
    log_signal : ndarray of float64, shape (series, slice, row, column)
        Mean logarithm of the signal of a cell's quarters, T1 first; 0 where not `known`.
    known : ndarray of bool, same shape
        Whether the whole cell is tissue with signal in that series.
    even : ndarray of bool, shape (slice, row, column)
        Whether T1 is known and the cell holds one tissue, by each series that knows it.
    depth_mm : ndarray of float64, shape (slice, row, column)
        In the slice, to the nearest air outside the body; infinite without any.
    """

    positions_mm: tuple[Array, Array, Array]
    volume_mm3: float
    log_signal: Array
    known: Mask
    even: Mask
    depth_mm: Array


def cut_into_cells(
    images: tuple[NDArray[np.float32], ...],
    tissue: tuple[Mask, ...],
    body: Mask,
    *,
    spacing_mm: tuple[float, float, float],
) -> Cells | None:
    """Average images over cells.

    Parameters
    ----------
    images : tuple of ndarray of float32, shape (slice, row, column)
        T1, and STIR if there is one.
    tissue : tuple of ndarray of bool, same shape
        Where each image may be used.
    body : ndarray of bool, same shape
        Patient, for the depth.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    Cells or None
        None where the picture is smaller than a cell.
    """
    half = [max(1, round(_CELL_MM / 2 / step)) for step in spacing_mm[1:]]
    count = [n // (2 * h) for n, h in zip(body.shape[1:], half, strict=True)]
    if min(count) == 0:
        return None
    # centred, so that a mirrored picture has mirrored cells
    first = [(n - c * 2 * h) // 2 for n, c, h in zip(body.shape[1:], count, half, strict=True)]
    rows, columns = (slice(f, f + c * 2 * h) for f, c, h in zip(first, count, half, strict=True))

    def quarters(array: NDArray[Any], add: np.ufunc) -> NDArray[Any]:
        """Sum over the voxels of quarters of cells: slice, row of cells, its halves, column of cells, its halves."""
        total = _gathered(_gathered(array[:, rows, columns], 1, half[0], add), 2, half[1], add)
        return total.reshape(len(body), count[0], 2, count[1], 2)

    signal, known, spread = [], [], []
    for image, mask in zip(images, tissue, strict=True):
        usable: Mask = np.asarray(quarters(mask & (image > 0), np.logical_and).all(axis=(2, 4)))
        means = quarters(image.astype(np.float64), np.add) / (half[0] * half[1])
        logs = np.log(np.where(usable[:, :, None, :, None], means, 1.0))
        signal.append(logs.mean(axis=(2, 4)))
        spread.append(np.ptp(logs, axis=(2, 4)))
        known.append(usable)
    inside = quarters(body.astype(np.uint16), np.add).sum(axis=(2, 4))
    size_mm = (2 * half[0] * spacing_mm[1], 2 * half[1] * spacing_mm[2])
    return Cells(
        positions_mm=(
            _centres(0.0, spacing_mm[0], len(body)),
            _centres((first[0] + half[0] - 0.5) * spacing_mm[1], size_mm[0], count[0]),
            _centres((first[1] + half[1] - 0.5) * spacing_mm[2], size_mm[1], count[1]),
        ),
        volume_mm3=spacing_mm[0] * size_mm[0] * size_mm[1],
        log_signal=np.stack(signal),
        known=np.stack(known),
        even=_even(np.stack(spread), np.stack(known)),
        depth_mm=_depth(2 * inside >= 4 * half[0] * half[1], size_mm),
    )


def _gathered(array: NDArray[Any], axis: int, width: int, add: np.ufunc) -> NDArray[Any]:
    """Put together every `width` neighbours along an axis."""
    before = (slice(None),) * axis
    total = array[(*before, slice(0, None, width))].copy()
    for start in range(1, width):
        add(total, array[(*before, slice(start, None, width))], out=total)
    return total


def _centres(first_mm: float, step_mm: float, count: int) -> Array:
    return first_mm + step_mm * np.arange(count, dtype=np.float64)


def _even(spread: Array, known: Mask) -> Mask:
    even = known[0].copy()
    for values, seen, limit in zip(spread, known, _EVEN_SPREAD, strict=False):
        if seen.any():
            even &= ~seen | (values <= max(limit, float(np.percentile(values[seen], _EVEN_SHARE))))
    return np.asarray(even)


def _depth(body: Mask, size_mm: tuple[float, float]) -> Array:
    return np.stack(
        [
            np.full(plane.shape, np.inf) if plane.all() else ndimage.distance_transform_edt(plane, sampling=size_mm)
            for plane in body
        ]
    )
