"""Where a lesion lies and how far it reaches from a joint (SCIENCE D30, D31)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.depth import box_of, deeper_than
from marrowsignal.geometry.distance import distance_from, near_to
from marrowsignal.protocol.schema import LesionSettings
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["JointDistance", "joint_distance", "joint_measurements", "place_measurements", "region_of", "shell_mask"]

JointDistance = NDArray[np.float32]
_DEPTH_PERCENTILE = 95.0


def region_of(regions: RegionMap, labels: NDArray[np.integer]) -> Region | None:
    """Return the region that holds most of some voxels, by their region labels; None where none holds any."""
    counts = np.bincount(labels)
    counts[:1] = 0
    label = int(counts.argmax()) if counts.size else 0
    return next((r for r in regions.regions if r.label == label and counts[label]), None)


def joint_distance(joint: NDArray[np.bool_] | None, *, spacing_mm: tuple[float, float, float]) -> JointDistance | None:
    """Distance of every voxel from the joint surface, mm; None when it is not known."""
    if joint is None or not joint.any():
        return None
    return np.asarray(distance_from(joint, spacing_mm=spacing_mm, dtype=np.float32))


def place_measurements(
    lesion: NDArray[np.bool_],
    marrow: NDArray[np.bool_],
    distance_mm: JointDistance | None,
    *,
    spacing_mm: tuple[float, float, float],
    settings: LesionSettings,
    unknown_reason: str,
) -> tuple[Measurement, ...]:
    """Measure D30 and D31 of one lesion.

    Parameters
    ----------
    lesion, marrow : ndarray of bool, shape (slice, row, column)
        One component, and all marrow; both may be cut to one box.
    distance_mm : ndarray of float32 or None, same shape
        From the joint surface.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : LesionSettings
        Band and closing.
    unknown_reason : str
        Why the joint surface is not known.

    Returns
    -------
    tuple of Measurement
        Nearest distance to the joint (mm), share of the lesion within the subchondral band (percent), depth as the
        95th percentile of distance (mm), homogeneity: lesion over its closing within marrow (fraction).
    """
    near = joint_measurements(lesion, distance_mm, settings=settings, unknown_reason=unknown_reason)
    if distance_mm is None:
        return (
            *near,
            unmeasured("D31", "depth_from_joint", unknown_reason, "mm"),
            unmeasured("D31", "homogeneity", unknown_reason, "fraction"),
        )
    values = distance_mm[lesion]
    filled = _closed(lesion, settings.closing.value, spacing_mm) & marrow
    return (
        *near,
        Measurement(
            id="D31", name="depth_from_joint", value=float(np.percentile(values, _DEPTH_PERCENTILE)), unit="mm"
        ),
        Measurement(
            id="D31", name="homogeneity", value=float(lesion.sum() / max(1, (filled | lesion).sum())), unit="fraction"
        ),
    )


def joint_measurements(
    lesion: NDArray[np.bool_], distance_mm: JointDistance | None, *, settings: LesionSettings, unknown_reason: str
) -> tuple[Measurement, Measurement]:
    """Measure D30 alone: the first two of `place_measurements`."""
    if distance_mm is None:
        return (
            unmeasured("D30", "joint_distance", unknown_reason, "mm"),
            unmeasured("D30", "subchondral_share", unknown_reason, "percent"),
        )
    values = distance_mm[lesion]
    share = 100 * float(np.mean(values <= settings.subchondral_band.value))
    return (
        Measurement(id="D30", name="joint_distance", value=float(values.min()), unit="mm"),
        Measurement(id="D30", name="subchondral_share", value=share, unit="percent"),
    )


def shell_mask(
    lesion: NDArray[np.bool_],
    normal: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    inner_mm: float,
    outer_mm: float,
) -> NDArray[np.bool_]:
    """Marrow between two distances around a lesion (D10); `normal` is marrow core without any lesion."""
    nearer = near_to(lesion, spacing_mm=spacing_mm, reach_mm=np.nextafter(inner_mm, 0.0))
    return np.asarray(normal & ~nearer & near_to(lesion, spacing_mm=spacing_mm, reach_mm=outer_mm))


def _closed(mask: NDArray[np.bool_], radius_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Close by a ball; what it fills lies within the box of the mask."""
    closed = np.zeros_like(mask)
    tight = box_of(mask)
    if tight is not None:
        reach = [int(np.ceil(radius_mm / step)) + 1 for step in spacing_mm]
        grown = near_to(np.pad(mask[tight], [(r, r) for r in reach]), spacing_mm=spacing_mm, reach_mm=radius_mm)
        inner = tuple(slice(r, -r) for r in reach)
        closed[tight] = deeper_than(grown, spacing_mm=spacing_mm, depth_mm=radius_mm)[inner]
    return closed
