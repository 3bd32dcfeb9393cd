"""A study as the voxel model sees it: in units of its own normal marrow and muscle, cut to the marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import LesionModelSettings, Protocol
from marrowsignal.regions.records import Midline, RegionMap
from marrowsignal.signals.lesions.excess import lower_side_spread, marrow_excess

__all__ = ["LesionView", "MuscleLevels", "reflection", "view_lesions"]

Box = tuple[slice, slice, slice]
_MARGIN_MM = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MuscleLevels:
    """Lean muscle in units of own normal marrow.

    Attributes
    ----------
    t1, stir : float
        Level over the most frequent signal of marrow.
    """

    t1: float
    stir: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionView:
    """What is known of every voxel in a box around marrow.

    Attributes
    ----------
    box : tuple of slice
        Where in the T1 grid.
    stir : ndarray of float32, shape (slice, row, column)
        STIR over its most frequent value in marrow.
    excess : ndarray of float32, same shape
        Excess of D06 in robust SD of normal marrow.
    t1 : ndarray of float32, same shape
        T1 over its most frequent value in marrow.
    marrow : ndarray of bool, same shape
        Where lesions may lie: marrow that both series cover, away from metal.
    looked_at : ndarray of bool, same shape
        Marrow next to anything that stands out: the only voxels that are judged.
    joint_mm : ndarray of float32 or None, same shape
        Distance from the joint surface.
    place_mm : tuple of ndarray of float32, same shape
        Patient point from the middle of marrow: lateral (no side), posterior, superior.
    mirror_index : ndarray of float64, shape (4, 4), or None
        Takes an index of the box to that of its mirror image.
    muscle : MuscleLevels or None
        None without a muscle reference.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    box: Box
    stir: NDArray[np.float32]
    excess: NDArray[np.float32]
    t1: NDArray[np.float32]
    marrow: NDArray[np.bool_]
    looked_at: NDArray[np.bool_]
    joint_mm: NDArray[np.float32] | None
    place_mm: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    mirror_index: NDArray[np.float64] | None
    muscle: MuscleLevels | None
    spacing_mm: tuple[float, float, float]


def view_lesions(
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    *,
    protocol: Protocol,
    settings: LesionModelSettings,
) -> LesionView | None:
    """Prepare a study; None where lesions cannot be looked for.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Where marrow is.
    regions : RegionMap
        Midline and joint surface.
    references : References
        Muscle.
    protocol : Protocol
        Smoothing and exponent of D06.
    settings : LesionModelSettings
        Where the model looks: of the atlas, whatever the protocol says by now.
    """
    mask = marrow.labels.mask & pair.measurable_mask
    stir = None if pair.no_lesions else pair.stir
    excess = None if stir is None or not mask.any() else marrow_excess(pair, mask, protocol)
    if stir is None or excess is None or not np.isfinite(excess.spread):
        return None
    geometry = pair.t1.geometry
    box = _box(mask, geometry.spacing_mm)
    t1_level, _ = lower_side_spread(pair.t1.array[mask])
    stir_level, _ = lower_side_spread(stir.array[mask])
    muscle = references.muscle
    known = muscle.t1 is not None and muscle.stir is not None
    joint = regions.joint_mask
    far = joint is None or not joint[box].any()
    above = np.asarray((excess.d[box] - 1) / excess.spread, np.float32)
    return LesionView(
        box=box,
        stir=np.asarray(stir.array[box] / stir_level, np.float32),
        excess=above,
        t1=np.asarray(pair.t1.array[box] / t1_level, np.float32),
        marrow=mask[box],
        looked_at=mask[box] & _near_bright(above, geometry.spacing_mm, settings),
        joint_mm=None
        if far or joint is None
        else ndimage.distance_transform_edt(~joint[box], sampling=geometry.spacing_mm).astype(np.float32),
        place_mm=_place(geometry, box, mask, regions.midline),
        mirror_index=None if regions.midline is None else _in_box(reflection(geometry, regions.midline), box),
        muscle=MuscleLevels(t1=float(muscle.t1 or 0) / t1_level, stir=float(muscle.stir or 0) / stir_level)
        if known
        else None,
        spacing_mm=geometry.spacing_mm,
    )


def reflection(geometry: VolumeGeometry, midline: Midline) -> NDArray[np.float64]:
    """Return what takes an index of the grid to that of its mirror image, shape (4, 4)."""
    normal = np.asarray(midline.normal_lps)
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(normal, normal)
    matrix[:3, 3] = 2 * midline.offset_mm * normal
    return np.asarray(np.linalg.inv(geometry.affine_lps) @ matrix @ geometry.affine_lps)


def _in_box(index: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    start = np.array([side.start for side in box], float)
    moved = index.copy()
    moved[:3, 3] += index[:3, :3] @ start - start
    return moved


def _box(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Box:
    spans = []
    for axis, step in enumerate(spacing_mm):
        filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        extra = int(np.ceil(_MARGIN_MM / step))
        spans.append(slice(max(0, int(filled[0]) - extra), min(mask.shape[axis], int(filled[-1]) + extra + 1)))
    return spans[0], spans[1], spans[2]


def _near_bright(
    above: NDArray[np.float32], spacing_mm: tuple[float, float, float], settings: LesionModelSettings
) -> NDArray[np.bool_]:
    size = (1, *(2 * round(settings.reach.value / 2 / d) + 1 for d in spacing_mm[1:]))
    return np.asarray(ndimage.maximum_filter(above, size) >= settings.stands_out.value)


def _place(
    geometry: VolumeGeometry, box: Box, mask: NDArray[np.bool_], midline: Midline | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    index = np.stack(np.meshgrid(*(np.arange(side.start, side.stop) for side in box), indexing="ij"), axis=-1)
    points = np.asarray(geometry.to_patient(index), np.float32)
    middle = np.median(points[mask[box]], axis=0)
    lateral = points[..., 0] - middle[0]
    if midline is not None:
        lateral = points @ np.asarray(midline.normal_lps, np.float32) - np.float32(midline.offset_mm)
    return np.abs(lateral), points[..., 1] - middle[1], points[..., 2] - middle[2]
