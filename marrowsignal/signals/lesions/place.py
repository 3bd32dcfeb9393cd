"""Where a lesion lies and how far it reaches from a joint (SCIENCE D30, D31)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import LesionSettings
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["JointDistance", "joint_distance", "place_measurements", "region_of", "shell_mask"]

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
    return np.asarray(ndimage.distance_transform_edt(~joint, sampling=spacing_mm), dtype=np.float32)


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
    if distance_mm is None:
        return (
            unmeasured("D30", "joint_distance", unknown_reason, "mm"),
            unmeasured("D30", "subchondral_share", unknown_reason, "percent"),
            unmeasured("D31", "depth_from_joint", unknown_reason, "mm"),
            unmeasured("D31", "homogeneity", unknown_reason, "fraction"),
        )
    values = distance_mm[lesion]
    share = 100 * float(np.mean(values <= settings.subchondral_band.value))
    filled = _closed(lesion, settings.closing.value, spacing_mm) & marrow
    return (
        Measurement(id="D30", name="joint_distance", value=float(values.min()), unit="mm"),
        Measurement(id="D30", name="subchondral_share", value=share, unit="percent"),
        Measurement(
            id="D31", name="depth_from_joint", value=float(np.percentile(values, _DEPTH_PERCENTILE)), unit="mm"
        ),
        Measurement(
            id="D31", name="homogeneity", value=float(lesion.sum() / max(1, (filled | lesion).sum())), unit="fraction"
        ),
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
    distance = ndimage.distance_transform_edt(~lesion, sampling=spacing_mm)
    return np.asarray(normal & (distance >= inner_mm) & (distance <= outer_mm))


def _closed(mask: NDArray[np.bool_], radius_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    padded = np.pad(mask, [(int(np.ceil(radius_mm / s)) + 1,) * 2 for s in spacing_mm])
    grown = ndimage.distance_transform_edt(~padded, sampling=spacing_mm) <= radius_mm
    shrunk = ndimage.distance_transform_edt(grown, sampling=spacing_mm) > radius_mm
    inner = tuple(slice(int(np.ceil(radius_mm / s)) + 1, -int(np.ceil(radius_mm / s)) - 1) for s in spacing_mm)
    return np.asarray(shrunk[inner])
