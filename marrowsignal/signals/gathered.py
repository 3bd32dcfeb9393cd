"""Voxels of every region gathered in one pass, so that no region looks at the whole image again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.regions.records import Region, RegionMap

__all__ = ["CORE_EDGE", "GatheredVoxels", "LabelIndex", "gather", "rim_of"]

CORE_EDGE = 2
_RING, _INSIDE = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelIndex:
    """Voxels of a label map, label by label.

    Attributes
    ----------
    index : ndarray of int64, shape (voxel,)
        Flat index of every labelled voxel, those of one label together, ascending within it.
    ends : ndarray of int64, shape (label + 1,)
        Where the voxels of each label end.
    """

    index: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.uint16], within: NDArray[np.bool_] | None = None) -> LabelIndex:
        """Gather the voxels of every label above 0, those `within` a mask alone where there is one."""
        # By runs of one label along the rows: they are far fewer than voxels.
        flat = labels.reshape(-1)
        mask = None if within is None else within.reshape(-1)
        changes = flat[1:] != flat[:-1]
        if mask is not None:
            changes |= mask[1:] != mask[:-1]
        first = np.concatenate([[0], np.flatnonzero(changes) + 1])
        length, values = np.diff(first, append=flat.size), flat[first]
        runs = np.flatnonzero(values if mask is None else values * mask[first])
        runs = runs[np.argsort(values[runs], kind="stable")]
        first, length, values = first[runs], length[runs], values[runs]
        past = np.concatenate([[0], np.cumsum(length)])
        index = np.repeat(first - past[:-1], length)
        index += np.arange(index.size)
        ends = past[np.searchsorted(values, np.arange(int(values.max(initial=0)) + 1), side="right")]
        return cls(index=index, ends=ends)

    def voxels(self, label: int) -> NDArray[np.int64]:
        """Flat index of the voxels of one label, above 0; empty for one that is not there."""
        return self.index[self.ends[label - 1] : self.ends[label]] if label < self.ends.size else self.index[:0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatheredVoxels:
    """Voxels of the regions and of the cells that parts are made of; `cells` is None without parts."""

    regions: LabelIndex
    cells: LabelIndex | None

    def inside(self, region: Region) -> NDArray[np.int64]:
        """Flat index of the voxels of a region of the first level or of a part, as `RegionMap.inside` has them."""
        if not region.parent:
            return self.regions.voxels(region.label)
        if self.cells is None or not region.cells:
            return self.regions.index[:0]
        return np.concatenate([self.cells.voxels(cell) for cell in region.cells])


def gather(regions: RegionMap) -> GatheredVoxels:
    """Gather the voxels of all regions and parts."""
    parts = regions.part_labels
    return GatheredVoxels(
        regions=LabelIndex.of(regions.labels.array), cells=None if parts is None else LabelIndex.of(parts.array)
    )


def rim_of(core: NDArray[np.bool_], within: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Tell the core's inside from its outermost voxels, and from those around it.

    Parameters
    ----------
    core : ndarray of bool, shape (slice, row, column)
        Where signals are measured.
    within : ndarray of bool, same shape
        How far it could reach: marrow without lesions.

    Returns
    -------
    ndarray of uint8, same shape
        1 next to the core in plane and in `within`, 2 core next to what is not core, 3 core; 0 elsewhere. The edge of
        the picture is no border.
    """
    inside, near = core.copy(), core.copy()
    for ahead, behind in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(None), slice(None), slice(1, None)), (slice(None), slice(None), slice(None, -1))),
    ):
        for here, there in ((ahead, behind), (behind, ahead)):
            inside[here] &= core[there]
            near[here] |= core[there]
    rim = np.zeros(core.shape, np.uint8)
    rim[near & within] = _RING
    rim[core & within] = CORE_EDGE
    rim[inside & within] = _INSIDE
    return rim
