"""Which lesions of two dates are the same disease, by how they overlap in one space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

__all__ = ["group_lesions", "overlap_of_smaller"]

Labels = NDArray[np.uint16]
Group = tuple[tuple[int, ...], tuple[int, ...]]


def overlap_of_smaller(
    first: Labels, second: Labels, *, spacing_mm: tuple[float, float, float], tolerance_mm: float
) -> NDArray[np.float64]:
    """Share of the smaller of two lesions that lies in the larger one, widened by a tolerance.

    Parameters
    ----------
    first, second : ndarray of uint16, shape (slice, row, column)
        Lesions of two dates on one grid, numbered from 1.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    tolerance_mm : float
        What the registration may miss by.

    Returns
    -------
    ndarray of float64, shape (lesions of first, lesions of second)
        0 to 1.
    """
    sizes = [np.bincount(labels.ravel(), minlength=int(labels.max(initial=0)) + 1)[1:] for labels in (first, second)]
    in_first = _inside(first, second, spacing_mm, tolerance_mm)
    in_second = _inside(second, first, spacing_mm, tolerance_mm).T
    smaller_is_first = sizes[0][:, None] <= sizes[1][None, :]
    voxels = np.where(smaller_is_first, in_second, in_first)
    least = np.minimum(sizes[0][:, None], sizes[1][None, :])
    return np.divide(voxels, least, out=np.zeros(least.shape), where=least > 0)


def group_lesions(overlap: NDArray[np.float64], *, least: float) -> tuple[Group, ...]:
    """Group lesions that overlap, directly or by way of others.

    Parameters
    ----------
    overlap : ndarray of float64, shape (lesions of first, lesions of second)
        From `overlap_of_smaller`.
    least : float
        Share from which two lesions are one.

    Returns
    -------
    tuple of (tuple of int, tuple of int)
        Labels of the first and of the second date, from 1; one of the two may be empty.

    Examples
    --------
    >>> group_lesions(np.array([[0.9, 0.0], [0.5, 0.0]]), least=0.25)
    (((1, 2), (1,)), ((), (2,)))
    """
    rows, columns = overlap.shape
    linked = np.zeros((rows + columns, rows + columns), bool)
    linked[:rows, rows:] = overlap >= least
    count, group = sparse.csgraph.connected_components(sparse.csr_matrix(linked), directed=False)
    return tuple(
        (
            tuple(int(k) + 1 for k in np.flatnonzero(group[:rows] == number)),
            tuple(int(k) + 1 for k in np.flatnonzero(group[rows:] == number)),
        )
        for number in range(count)
    )


def _inside(
    wide: Labels, other: Labels, spacing_mm: tuple[float, float, float], tolerance_mm: float
) -> NDArray[np.int64]:
    """Voxels of each lesion of `other` in each lesion of `wide` with the tolerance; shape (wide, other)."""
    count = int(other.max(initial=0))
    margin = [int(tolerance_mm // step) + 1 for step in spacing_mm]
    found = np.zeros((int(wide.max(initial=0)), count), np.int64)
    for number, box in enumerate(ndimage.find_objects(wide)):
        if box is None:
            continue
        near = tuple(slice(max(part.start - more, 0), part.stop + more) for part, more in zip(box, margin, strict=True))
        distance = ndimage.distance_transform_edt(wide[near] != number + 1, sampling=spacing_mm)
        found[number] = np.bincount(other[near][distance <= tolerance_mm], minlength=count + 1)[1:]
    return found
