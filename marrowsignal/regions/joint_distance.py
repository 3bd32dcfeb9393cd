"""How far parts of bones lie from a joint surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.label_values import voxels_in
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["JointDistance"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointDistance:
    """The nearest voxel of a joint for each voxel of a box.

    Attributes
    ----------
    box : tuple of slice
        Part of the picture that holds the joint and the bones.
    nearest : ndarray of int32, shape (3, slice, row, column)
        Index inside the box. Kept in place of distances, which only the voxels of bones are asked for.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    box: tuple[slice, slice, slice]
    nearest: NDArray[np.int32]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, joint: Mask, bones: Mask, geometry: VolumeGeometry) -> JointDistance | None:
        """Look at a joint; None for an empty one.

        Parameters
        ----------
        joint, bones : ndarray of bool, shape (slice, row, column)
            Joint surface, and where distances will be asked for.
        geometry : VolumeGeometry
            Their grid.
        """
        box = box_of(joint | bones)
        if box is None or not joint.any():
            return None
        spacing = geometry.spacing_mm
        nearest = ndimage.distance_transform_edt(
            ~joint[box], sampling=spacing, return_distances=False, return_indices=True
        )
        return cls(box=box, nearest=nearest, spacing_mm=spacing)

    def median_mm(self, mask: Mask) -> float:
        """Median distance of the voxels of a mask inside the box, mm."""
        index = voxels_in(mask[self.box]).T
        apart = (self.nearest[(slice(None), *index)] - index) * np.asarray(self.spacing_mm)[:, None]
        return float(np.median(np.sqrt(np.sum(apart * apart, axis=0))))
