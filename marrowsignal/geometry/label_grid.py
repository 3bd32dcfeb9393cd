"""Labels from one grid to another, never interpolated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.itk_bridge import nearest_on_grid
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry

__all__ = ["labels_on_grid"]

_SAME_STEP = 1.05  # voxels: spacings that differ by rounding are one spacing
_MOST_PARTS = 9
_MOST_AT_ONCE = 1 << 25  # voxels

Box = tuple[slice, slice, slice]


def labels_on_grid(
    labels: LabelVolume, grid: VolumeGeometry, *, to_labels_lps: NDArray[np.float64] | None = None
) -> LabelVolume:
    """Bring labels to another grid without interpolating them.

    Parameters
    ----------
    labels : LabelVolume
        On any grid.
    grid : VolumeGeometry
        Where they are wanted.
    to_labels_lps : ndarray of float64, shape (4, 4), optional
        Takes a patient point of `grid` to the same tissue's point in the labels' space, LPS mm; by default they share
        one space.

    Returns
    -------
    LabelVolume
        On `grid`, with the same names. A voxel takes the label at its centre; where the labels are finer, it is inside
        when half of it or more is labelled, and takes the label most of that has (the smaller value of two equal ones).
    """
    array = np.zeros(grid.shape, np.uint16)
    box = _reach(labels, grid, to_labels_lps)
    if box is not None:
        parts = _parts_of_a_voxel(labels.geometry, grid)
        for block in _blocks(box, parts):
            fine = _divided(_cut(grid, block), parts)
            array[block] = _most_of(nearest_on_grid(labels, fine, to_labels_lps=to_labels_lps), parts)
    return LabelVolume(array=array, geometry=grid, names=labels.names)


def _reach(labels: LabelVolume, grid: VolumeGeometry, to_labels_lps: NDArray[np.float64] | None) -> Box | None:
    """Box of voxels of `grid` that labels may reach; None where none does."""
    found = ndimage.find_objects(labels.mask.astype(np.uint8))
    if not found:
        return None
    ends = np.array(np.meshgrid(*((part.start - 1, part.stop) for part in found[0]), indexing="ij")).reshape(3, 8).T
    points = labels.geometry.to_patient(ends)
    if to_labels_lps is not None:
        back = np.linalg.inv(to_labels_lps)
        points = points @ back[:3, :3].T + back[:3, 3]
    index = grid.to_index(points)
    low = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)) + 1, grid.shape).astype(int)
    if np.any(high <= low):
        return None
    slices, rows, columns = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return slices, rows, columns


def _blocks(box: Box, parts: tuple[int, int, int]) -> Iterator[Box]:
    """Cut a box into runs of slices, so that their parts stay small in memory."""
    slices, rows, columns = box
    together = max(1, _MOST_AT_ONCE // (math.prod(parts) * (rows.stop - rows.start) * (columns.stop - columns.start)))
    for start in range(slices.start, slices.stop, together):
        yield slice(start, min(start + together, slices.stop)), rows, columns


def _cut(grid: VolumeGeometry, box: Box) -> VolumeGeometry:
    affine = grid.affine_lps.copy()
    affine[:3, 3] = grid.to_patient([part.start for part in box])
    slices, rows, columns = (part.stop - part.start for part in box)
    return VolumeGeometry(affine_lps=affine, shape=(slices, rows, columns))


def _parts_of_a_voxel(fine: VolumeGeometry, coarse: VolumeGeometry) -> tuple[int, int, int]:
    """Into how many parts each axis of a coarse voxel is cut: an odd number, so that one lies at its centre."""
    steps = np.abs(np.linalg.inv(fine.affine_lps[:3, :3]) @ coarse.affine_lps[:3, :3]).max(axis=0)
    slices, rows, columns = (min(2 * math.ceil((step - _SAME_STEP) / 2) + 1, _MOST_PARTS) for step in steps)
    return slices, rows, columns


def _divided(grid: VolumeGeometry, parts: tuple[int, int, int]) -> VolumeGeometry:
    affine = grid.affine_lps @ np.diag([*(1 / n for n in parts), 1.0])
    affine[:3, 3] = grid.to_patient([(1 / n - 1) / 2 for n in parts])
    slices, rows, columns = (length * n for length, n in zip(grid.shape, parts, strict=True))
    return VolumeGeometry(affine_lps=affine, shape=(slices, rows, columns))


def _most_of(fine: NDArray[np.uint16], parts: tuple[int, int, int]) -> NDArray[np.uint16]:
    if parts == (1, 1, 1):
        return fine
    inside = _count(fine > 0, parts)
    most, winner = np.zeros(inside.shape, np.uint16), np.zeros(inside.shape, np.uint16)
    for label in np.unique(fine[fine > 0]):
        votes = _count(fine == label, parts)
        winner[votes > most] = label
        most = np.maximum(most, votes)
    return np.where(2 * inside >= math.prod(parts), winner, 0).astype(np.uint16)


def _count(mask: NDArray[np.bool_], parts: tuple[int, int, int]) -> NDArray[np.uint16]:
    """Count, in each voxel, the parts that are set."""
    found: NDArray[np.uint8 | np.uint16] = mask.view(np.uint8)
    for axis, length in enumerate(parts):
        if length > 1:
            first, *others = (found[(slice(None),) * axis + (slice(start, None, length),)] for start in range(length))
            total = first.astype(np.uint16)
            for other in others:
                total += other
            found = total
    return found.astype(np.uint16, copy=False)
