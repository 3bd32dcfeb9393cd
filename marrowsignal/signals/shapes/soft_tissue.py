"""Bright soft tissue next to a lesion's bone (SCIENCE D41)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.depth import deeper_than
from marrowsignal.geometry.distance import near_to
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.regions.records import Midline
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured
from marrowsignal.signals.statistics.ratios import asymmetry_percent

__all__ = ["SoftTissue", "soft_tissue_measurements", "soft_tissue_shell"]

Mask = NDArray[np.bool_]
_NAMES = (("D41", "soft_tissue_share"), ("D41", "soft_tissue_asymmetry"))
# Fine enough for a shell of 8 mm, and a quarter of the voxels of a usual matrix.
_COARSE_MM = 1.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftTissue:
    """Soft tissue next to bone, on every `stride`-th row and column.

    Attributes
    ----------
    judged : ndarray of bool, shape (slice, row, column)
        Soft tissue of the shell that is no fat and lies in no joint.
    bright : ndarray of bool, same shape
        Those that are bright on STIR.
    stride : int
        Rows and columns of the T1 grid from one voxel to the next.
    """

    judged: Mask
    bright: Mask
    stride: int


def soft_tissue_shell(  # noqa: PLR0913 - two images, two masks, levels, a grid and cuts
    t1: NDArray[np.float32],
    stir: NDArray[np.float32],
    marrow: Mask,
    allowed: Mask,
    *,
    levels: tuple[float, float, float],
    spacing_mm: tuple[float, float, float],
    settings: ShapeSettings,
) -> SoftTissue:
    """Find soft tissue next to bone, and what of it is bright.

    Parameters
    ----------
    t1, stir : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    marrow, allowed : ndarray of bool, same shape
        Marrow of all bones; the patient, where STIR has data.
    levels : tuple of float
        Lean muscle on T1 and on STIR, subcutaneous fat on T1.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ShapeSettings
        Shell and cuts.
    """
    stride = max(1, round(_COARSE_MM / spacing_mm[1]))
    t, s = (image[:, ::stride, ::stride] for image in (t1, stir))
    bone, body = (mask[:, ::stride, ::stride] for mask in (marrow, allowed))
    # Slices do not see each other.
    coarse = (np.inf, stride * spacing_mm[1], stride * spacing_mm[2])
    muscle, muscle_stir, fat = levels
    half = settings.soft_gap.value / 2
    near, inner, outer = (
        near_to(bone, spacing_mm=coarse, reach_mm=reach)
        for reach in (half, settings.soft_shell.low, settings.soft_shell.high)
    )
    joint = deeper_than(near, spacing_mm=coarse, depth_mm=half)
    shell = outer & ~inner
    fatty = t > muscle + settings.soft_max_fat_signal.value * (fat - muscle)
    judged = shell & ~joint & body & ~fatty
    bright = judged & (s >= settings.soft_stir_to_muscle.value * muscle_stir)
    return SoftTissue(judged=judged, bright=bright, stride=stride)


def soft_tissue_measurements(
    soft: SoftTissue | None,
    lesion_index: NDArray[np.intp],
    *,
    geometry: VolumeGeometry,
    midline: Midline | None,
    settings: ShapeSettings,
) -> tuple[Measurement, Measurement]:
    """D41 of one lesion: share of bright soft tissue near it, and against the mirrored place.

    Parameters
    ----------
    soft : SoftTissue or None
        None where a reference or STIR is missing.
    lesion_index : ndarray of int, shape (voxel, 3)
        The lesion on the T1 grid.
    geometry : VolumeGeometry
        The T1 grid.
    midline : Midline or None
        None where there is no other side.
    settings : ShapeSettings
        How near, and how much tissue is needed.
    """
    if soft is None:
        return _none("no STIR, muscle or fat to judge soft tissue by")
    index = _near(soft, lesion_index, geometry, settings.soft_near.value)
    voxel_ml = geometry.voxel_ml * soft.stride**2
    if len(index) * voxel_ml < settings.soft_min_volume.value:
        return _none(f"only {len(index) * voxel_ml:.2f} mL of soft tissue near the lesion")
    own = 100 * float(soft.bright[tuple(index.T)].mean())
    share = Measurement(id=_NAMES[0][0], name=_NAMES[0][1], value=own, unit="percent")
    if midline is None:
        return share, unmeasured(*_NAMES[1], "no other side", "percent")
    step = np.array([1, soft.stride, soft.stride])
    there = np.rint(_mirrored(index * step, geometry, midline) / step).astype(np.intp)
    there = there[np.all((there >= 0) & (there < soft.judged.shape), axis=1)]
    held = np.zeros(soft.judged.shape, bool)
    held[tuple(there.T)] = True
    there = np.argwhere(held & soft.judged)
    if len(there) * voxel_ml < settings.soft_min_volume.value:
        return share, unmeasured(*_NAMES[1], "too little soft tissue at the mirrored place", "percent")
    other = 100 * float(soft.bright[tuple(there.T)].mean())
    if max(own, other) < settings.soft_min_share.value:
        reason = f"less than {settings.soft_min_share.value:g} % of either side is bright"
        return share, unmeasured(*_NAMES[1], reason, "percent")
    value = float(asymmetry_percent(own, other))
    return share, Measurement(id=_NAMES[1][0], name=_NAMES[1][1], value=value, unit="percent")


def _near(
    soft: SoftTissue, lesion_index: NDArray[np.intp], geometry: VolumeGeometry, reach_mm: float
) -> NDArray[np.intp]:
    """Index of judged soft tissue within reach of a lesion."""
    step = np.array([1, soft.stride, soft.stride])
    spacing = np.asarray(geometry.spacing_mm) * step
    lesion = np.zeros(soft.judged.shape, bool)
    lesion[tuple((lesion_index // step).T)] = True
    return np.argwhere(soft.judged & near_to(lesion, spacing_mm=spacing, reach_mm=reach_mm))


def _mirrored(index: NDArray[np.intp], geometry: VolumeGeometry, midline: Midline) -> NDArray[np.float64]:
    points = geometry.to_patient(index)
    normal = np.asarray(midline.normal_lps)
    away = points @ normal - midline.offset_mm
    return np.asarray(geometry.to_index(points - 2 * away[:, None] * normal))


def _none(reason: str) -> tuple[Measurement, Measurement]:
    first, second = (unmeasured(d, name, reason, "percent") for d, name in _NAMES)
    return first, second
