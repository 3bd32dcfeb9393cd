"""One label map of what several calls gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import LabelVolume

__all__ = ["TaskLabels", "unite"]

TaskLabels = tuple[LabelVolume, tuple[str, ...]]


def unite(tasks: Sequence[TaskLabels], *, rim_mm: float) -> LabelVolume:
    """Lay the labels of later calls over those of earlier ones.

    Parameters
    ----------
    tasks : sequence of (LabelVolume, tuple of str)
        On one grid, one or more; with the regions of earlier calls that this call knows better.
    rim_mm : float
        Where a region that a later call knows better reaches beyond that call's labels by no more than this, or one
        voxel, it is the later call's too; further away it keeps its own name.

    Returns
    -------
    LabelVolume
        `names` holds the regions that are there, by value from 1.
    """
    first, _ = tasks[0]
    keys = tuple(dict.fromkeys(key for labels, _ in tasks for _, key in labels.names))
    value_of = {key: value for value, key in enumerate(keys, start=1)}
    united = np.zeros(first.geometry.shape, np.uint16)
    for labels, replaces in tasks:
        table = np.zeros(max((value for value, _ in labels.names), default=0) + 1, np.uint16)
        for value, key in labels.names:
            table[value] = value_of[key]
        new = table[labels.array]
        old = np.isin(united, [value_of[key] for key in replaces if key in value_of])
        over = (new > 0) & ((united == 0) | old)
        united[over] = new[over]
        if (old & over).any():
            _give_rim(united, old & ~over, over, spacing_mm=first.geometry.spacing_mm, rim_mm=rim_mm)
    there = set(np.unique(united).tolist())
    names = tuple((value, key) for key, value in value_of.items() if value in there)
    return LabelVolume(array=united, geometry=first.geometry, names=names)


def _give_rim(
    united: NDArray[np.uint16],
    left: NDArray[np.bool_],
    new: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    rim_mm: float,
) -> None:
    distance, nearest = ndimage.distance_transform_edt(~new, sampling=spacing_mm, return_indices=True)
    rim = left & (distance <= max(rim_mm, float(np.linalg.norm(spacing_mm))))
    united[rim] = united[tuple(axis[rim] for axis in nearest)]
