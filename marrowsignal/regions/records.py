"""What labelling hands on: named left and right regions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume

__all__ = ["Midline", "Region", "RegionMap", "Side"]


class Side(StrEnum):
    """The patient's side."""

    LEFT = "left"
    RIGHT = "right"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One measured region, or one part of a bone.

    Attributes
    ----------
    label : int
        Value in the label map; for a part its number, which is the value in the part map where it is one cell.
    key : str
        Stable identifier without side, for example ``"sacrum"``; the left and right of a pair share it.
    name : str
        Words for people, with side.
    side : Side
        The patient's side.
    code : str or None
        SNOMED CT code of the anatomy (scheme SCT), None when the protocol gives none.
    voxels : int
        Voxels of the marrow mask in the region.
    volume_ml : float
        Their volume.
    parent : str
        Key of the bone a part belongs to; ``""`` for a region of the first level.
    cells : tuple of int
        Values of the part map that make up a part; empty for a region of the first level.
    cut_by_field_of_view : bool
        Whether it goes on outside the picture.
    coverage_fraction : float or None
        Share of it that lies in the picture; None when its whole size is not known.
    coverage_reason : str
        How the share was found, or why it is not known.
    joint_distance_mm : float or None
        Median distance of its voxels from the joint surface; None when no joint is known or the bone has none.
    """

    label: int
    key: str
    name: str
    side: Side
    code: str | None
    voxels: int
    volume_ml: float
    parent: str = ""
    cells: tuple[int, ...] = ()
    cut_by_field_of_view: bool = False
    coverage_fraction: float | None = None
    coverage_reason: str = "not looked at"
    joint_distance_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Midline:
    """The mid-sagittal plane: points p with dot(normal, p) = offset.

    Attributes
    ----------
    normal_lps : tuple of float
        Unit normal, pointing to the patient's left.
    offset_mm : float
        Distance of the plane from the patient origin along the normal.
    symmetry : float or None
        Correlation of the T1 image with its mirror image, -1 to 1.
    source : str
        How it was found: ``"image_symmetry"``, ``"declared_sides"`` or ``"paired_bones"``.
    detail_symmetry : float or None
        The same correlation of detail of 1 cm and less alone.
    """

    normal_lps: tuple[float, float, float]
    offset_mm: float
    symmetry: float | None
    source: str
    detail_symmetry: float | None = None

    @property
    def tilt_deg(self) -> float:
        """Angle between the plane and the patient's own x = const."""
        return float(np.degrees(np.arccos(min(abs(self.normal_lps[0]), 1.0))))

    def side_of(self, point_lps_mm: tuple[float, float, float]) -> Side:
        """Return the patient's side of a point."""
        along = sum(n * p for n, p in zip(self.normal_lps, point_lps_mm, strict=True))
        return Side.LEFT if along > self.offset_mm else Side.RIGHT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionMap:
    """Named regions on the T1 grid, and the parts of bones.

    Attributes
    ----------
    labels : LabelVolume
        One value a region.
    regions : tuple of Region
        In label order.
    parts : tuple of Region
        Parts of bones. They may share voxels: the sacral ala holds two quadrants. Empty when no bone is told apart.
    part_labels : LabelVolume or None
        Cells that no part divides further, 0 elsewhere; `names` has words for each. None without parts.
    parts_reason : str
        Why bones were not divided; empty when all were.
    midline : Midline or None
        None when the field of view shows no left and right.
    joint_mask : ndarray of bool or None, shape (slice, row, column)
        Voxels of the joint surface; None when it is not known.
    joint_source : str
        How the joint surface was found, or why it is not known.
    findings : tuple of Finding
        What weakens the map.
    """

    labels: LabelVolume
    regions: tuple[Region, ...]
    midline: Midline | None
    joint_mask: NDArray[np.bool_] | None
    joint_source: str
    parts: tuple[Region, ...] = ()
    part_labels: LabelVolume | None = None
    parts_reason: str = ""
    findings: tuple[Finding, ...] = ()

    def inside(self, region: Region) -> NDArray[np.bool_]:
        """Voxels of a region of the first level or of a part, on the T1 grid."""
        if not region.parent:
            return np.asarray(self.labels.array == region.label)
        if self.part_labels is None:
            return np.zeros(self.labels.array.shape, bool)
        return np.isin(self.part_labels.array, region.cells)
