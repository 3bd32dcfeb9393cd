"""Left against right (SCIENCE D20-D23)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import SignalSettings
from marrowsignal.regions.records import Midline
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import size_status, unmeasured
from marrowsignal.signals.statistics.levels import Levels
from marrowsignal.signals.statistics.ratios import asymmetry_percent

__all__ = ["lesion_volume_asymmetry", "mirrored", "signal_asymmetry", "tolerant_dice"]

_NAMES = (("D20", "t1_asymmetry"), ("D20", "stir_asymmetry"), ("D21", "bias_cancelling_asymmetry"))


def signal_asymmetry(left: Levels | None, right: Levels | None, *, settings: SignalSettings) -> tuple[Measurement, ...]:
    """AI of T1, AI of STIR (D20) and their difference (D21), percent, positive when the left is larger.

    D21 = ``AI_STIR - AI_T1``: shading common to both series cancels. Without a STIR series only T1 is measured.
    """
    if left is None or right is None:
        return _unmeasured("one side has no marrow to measure")
    smaller = min((left, right), key=lambda side: side.volume_ml)
    status, reason = size_status(smaller.volume_ml, smaller.slices, settings)
    if status is MeasurementStatus.NOT_EVALUABLE:
        return _unmeasured(reason)
    t1, stir = (
        (asymmetry_percent(a, b), asymmetry_percent(a_draws, b_draws))
        for a, b, a_draws, b_draws in zip(left.point, right.point, left.draws, right.draws, strict=True)
    )
    made = []
    for (descriptor, name), (value, draws) in zip(_NAMES, (t1, stir, (stir[0] - t1[0], stir[1] - t1[1])), strict=True):
        if np.isnan(value):
            made.append(unmeasured(descriptor, name, left.no_stir if left.stir is None else "no signal", "percent"))
            continue
        low, high = interval(draws, level=settings.interval_level.value)
        point = float(value)
        made.append(
            Measurement(
                id=descriptor,
                name=name,
                value=point,
                ci_low=min(low, point),
                ci_high=max(high, point),
                unit="percent",
                status=status,
                reason=reason,
            )
        )
    return tuple(made)


def _unmeasured(reason: str) -> tuple[Measurement, ...]:
    return tuple(unmeasured(descriptor, name, reason, "percent") for descriptor, name in _NAMES)


def lesion_volume_asymmetry(left_ml: float, right_ml: float, *, firm_ml: float) -> Measurement:
    """LVAI (D23): ``100 (V_L - V_R) / (V_L + V_R)``, percent; exploratory below `firm_ml` in all.

    Examples
    --------
    >>> lesion_volume_asymmetry(3.0, 1.0, firm_ml=1.0).value
    50.0
    """
    if left_ml + right_ml <= 0:
        return unmeasured("D23", "lesion_volume_asymmetry", "no lesion on either side", "percent")
    value = 100 * (left_ml - right_ml) / (left_ml + right_ml)
    small = left_ml + right_ml < firm_ml
    return Measurement(
        id="D23",
        name="lesion_volume_asymmetry",
        value=value,
        unit="percent",
        status=MeasurementStatus.EXPLORATORY if small else MeasurementStatus.MEASURED,
        reason=f"small: {left_ml + right_ml:.2f} mL in all" if small else "",
    )


def mirrored(mask: NDArray[np.bool_], geometry: VolumeGeometry, midline: Midline) -> NDArray[np.bool_]:
    """Mirror image of `mask` across the midline, nearest voxel; outside the volume counts as False."""
    normal = np.asarray(midline.normal_lps)
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(normal, normal)
    matrix[:3, 3] = 2 * midline.offset_mm * normal
    index = np.linalg.inv(geometry.affine_lps) @ matrix @ geometry.affine_lps
    moved = ndimage.affine_transform(
        mask.astype(np.uint8), index[:3, :3], offset=index[:3, 3], order=0, mode="constant"
    )
    return np.asarray(moved > 0)


def tolerant_dice(
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float,
) -> float:
    """Share of both masks that lies within a tolerance of the other one.

    Parameters
    ----------
    a, b : ndarray of bool, shape (slice, row, column)
        Masks, not both empty.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    tolerance_mm : float
        Distance still counted as overlap.

    Returns
    -------
    float
        ``(|a near b| + |b near a|) / (|a| + |b|)``, 0 to 1; Dice for a tolerance of 0.
    """
    if not a.any() or not b.any():
        return 0.0
    near_b = a & (ndimage.distance_transform_edt(~b, sampling=spacing_mm) <= tolerance_mm)
    near_a = b & (ndimage.distance_transform_edt(~a, sampling=spacing_mm) <= tolerance_mm)
    return float((near_b.sum() + near_a.sum()) / (a.sum() + b.sum()))
