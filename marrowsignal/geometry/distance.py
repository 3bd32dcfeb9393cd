"""Distance from a mask in millimetres: how far voxels are, and which are near enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of, deeper_than

__all__ = ["distance_from", "near_to"]


def distance_from(
    mask: NDArray[np.bool_], *, spacing_mm: Sequence[float], dtype: DTypeLike = np.float64
) -> NDArray[np.floating]:
    """Distance of every voxel from the nearest voxel of a mask.

    Bit by bit what ``scipy.ndimage.distance_transform_edt(~mask, sampling=spacing_mm)`` gives, in two thirds of its
    time and a third of its memory: SciPy holds the coordinates of every nearest voxel three times over.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        At least one voxel of it is True.
    spacing_mm : sequence of float
        Between slices, rows, columns.
    dtype : dtype
        Of the result; distances are computed in float64 whatever it is.

    Returns
    -------
    ndarray of float, same shape
        Between middles of voxels, mm; 0 in the mask.

    Raises
    ------
    ValueError
        If the mask is empty.

    Examples
    --------
    >>> mask = np.zeros((1, 3, 4), bool)
    >>> mask[0, 0, 0] = True
    >>> distance_from(mask, spacing_mm=(3.0, 0.5, 1.0))[0, 2].tolist()
    [1.0, 1.4142135623730951, 2.23606797749979, 3.1622776601683795]
    """
    if not mask.any():
        raise ValueError("an empty mask has no distance")
    nearest = np.empty((3, *mask.shape), np.int32)
    ndimage.distance_transform_edt(
        ~mask, sampling=spacing_mm, return_distances=False, return_indices=True, indices=nearest
    )
    place = [np.arange(length, dtype=np.int32) for length in mask.shape]
    between, rows_mm, columns_mm = spacing_mm
    distance = np.empty(mask.shape, dtype)
    for k, (slices, rows, columns) in enumerate(nearest.swapaxes(0, 1)):
        squared = ((slices - place[0][k]) * between) ** 2
        squared += ((rows - place[1][:, None]) * rows_mm) ** 2
        squared += ((columns - place[2]) * columns_mm) ** 2
        distance[k] = np.sqrt(squared, out=squared)
    return distance


def near_to(mask: NDArray[np.bool_], *, spacing_mm: Sequence[float], reach_mm: float) -> NDArray[np.bool_]:
    """Voxels no farther than a reach from a mask.

    The same as a Euclidean distance map up to the reach, in a fraction of its time where the reach is a few voxels.

    Parameters
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        Any mask.
    spacing_mm : sequence of float
        Between slices, rows, columns; infinite between slices that do not see each other.
    reach_mm : float
        Reach.

    Returns
    -------
    ndarray of bool, same shape
        Holds the mask itself; nothing where the mask is empty.

    Examples
    --------
    >>> near_to(np.array([[[True, False, False, False]]]), spacing_mm=(3.0, 1.0, 0.5), reach_mm=1.0).tolist()
    [[[True, True, True, False]]]
    """
    near = np.zeros_like(mask)
    box = box_of(mask, margin=[int(np.ceil(reach_mm / step)) for step in spacing_mm])
    if box is not None:
        near[box] = ~deeper_than(~mask[box], spacing_mm=spacing_mm, depth_mm=reach_mm)
    return near
