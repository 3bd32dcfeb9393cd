"""Gates on motion: ghosts in the air, blurred edges, slices that do not fit their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.quality.edge_width import edge_width_mm
from marrowsignal.quality.outcome import STIR, T1, Outcome, Steps, graded, not_evaluable
from marrowsignal.quality.records import GateState
from marrowsignal.quality.slice_consistency import (
    alternating_shift_mm,
    largest_level_step,
    largest_shift_step_mm,
    level_jump,
)

__all__ = ["air_structure", "edge_sharpness", "ghosts", "slice_jumps", "slice_shift"]

_SKIN_MM = 5.0
_BLOCK_MM = 6.0
_SHELLS_MM = (5.0, 10.0, 20.0, 40.0, 80.0)
_MIN_BLOCK_PX = 4
_MIN_BLOCKS = 500
_MIN_AIR = 0.05
# Magnitude noise in air is skewed (Rayleigh, 0.63): over blocks of two or more independent samples so much at most.
_NOISE_SKEW = 0.15
_SEVERITY = (GateState.PASS, GateState.WARN, GateState.FAIL)


def ghosts(steps: Steps, series: str) -> Outcome:
    """Structure in the air around the patient, percent of muscle."""
    volume, muscle = steps.volume(series), steps.muscle(series)
    if volume is None or not muscle:
        return not_evaluable(steps.pair.no_stir if volume is None else f"no muscle reference on {series}")
    # Fields of shading mean nothing in air: what was acquired is looked at, muscle with its own shading.
    acquired = _acquired(steps, series)
    muscle = float(np.median(acquired[steps.references.labels.array == ReferenceLabel.MUSCLE]))
    seen = steps.pair.shared_mask
    found = air_structure(acquired, steps.pair.body_mask, seen, spacing_mm=volume.geometry.spacing_mm)
    if found is None:
        return not_evaluable("no air around the patient in view")
    settings = steps.protocol.quality
    return graded(
        100 * found / muscle,
        f"ghosts in the air of {series} reach {found / muscle:.0%} of muscle",
        warn=100 * settings.ghost_warn.value,
        fail=100 * settings.ghost_fail.value,
    )


def edge_sharpness(steps: Steps, _series: str) -> Outcome:
    """Width of the edges that T1 shows, on STIR over on T1."""
    stir = steps.volume(STIR)
    if stir is None:
        return not_evaluable(steps.pair.no_stir)
    where = steps.pair.body_mask & steps.pair.shared_mask
    widths = [
        edge_width_mm(steps.pair.t1.array, image, where, spacing_mm=stir.geometry.spacing_mm)
        for image in (steps.pair.t1.array, stir.array)
    ]
    if widths[0] is None or widths[1] is None:
        return not_evaluable("no edges that both series show")
    settings, ratio = steps.protocol.quality, widths[1] / widths[0]
    return graded(
        ratio,
        f"edges are {widths[1]:.1f} mm wide on STIR and {widths[0]:.1f} mm on T1",
        warn=settings.edge_ratio_warn.value,
        fail=settings.edge_ratio_fail.value,
    )


def slice_jumps(steps: Steps, series: str) -> Outcome:
    """How far the level of a slice is from that of its neighbours, percent."""
    volume = steps.volume(series)
    if volume is None:
        return not_evaluable(steps.pair.no_stir)
    settings = steps.protocol.quality
    seen = steps.pair.body_mask & steps.pair.shared_mask
    acquired, spacing = _acquired(steps, series), volume.geometry.spacing_mm
    jump = level_jump(acquired, seen, spacing_mm=spacing)
    step = largest_level_step(acquired, seen, spacing_mm=spacing)
    if jump is None or step is None:
        return not_evaluable("too few slices to compare neighbors, or no signal")
    everywhere = graded(
        100 * jump,
        f"the level of {series} jumps by {jump:.0%} from slice to slice",
        warn=100 * settings.slice_jump_warn.value,
        fail=100 * settings.slice_jump_fail.value,
    )
    once = graded(
        100 * step,
        f"the level of {series} changes by a factor of {np.exp(step):.2f} between two slices",
        warn=100 * settings.slice_step_warn.value,
        fail=100 * settings.slice_step_fail.value,
    )
    return once if _SEVERITY.index(once.state) > _SEVERITY.index(everywhere.state) else everywhere


def slice_shift(steps: Steps, series: str) -> Outcome:
    """Shift of odd against even slices, or of STIR's slices from one on against T1's, mm: the patient moved."""
    volume = steps.volume(series)
    if volume is None:
        return not_evaluable(steps.pair.no_stir)
    where = steps.pair.body_mask & steps.pair.shared_mask
    shift = alternating_shift_mm(volume.array, where, spacing_mm=volume.geometry.spacing_mm)
    if shift is None:
        return not_evaluable("too few slices to compare neighbors, or no signal")
    cuts = steps.protocol.alignment
    text = f"odd and even slices of {series} lie {shift:.1f} mm apart"
    step = None
    if series == STIR:
        step = largest_shift_step_mm(steps.pair.t1.array, volume.array, where, spacing_mm=volume.geometry.spacing_mm)
    if step is not None and step > shift:
        shift, text = step, f"STIR against T1 moves by {step:.1f} mm between two slices"
    return graded(
        shift,
        text,
        warn=cuts.pass_error.value,
        fail=cuts.warn_error.value,
    )


def air_structure(
    signal: NDArray[np.float32],
    body: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
) -> float | None:
    """How far bright places in the air stand out beyond what noise does to dark ones.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image as acquired.
    body, seen : ndarray of bool, same shape
        Patient; voxels that the series holds.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    Returns
    -------
    float or None
        Sum of the 99th and the (negative) 1st percentile of means over blocks of 6 mm in plane, each less the median of
        its distance from the skin (coils and filters fade air with it), less what the skewness of magnitude noise adds;
        noise alone spreads to both sides nearly alike, ghosts to one. None with little air.
    """
    size = [max(_MIN_BLOCK_PX, round(_BLOCK_MM / s)) for s in spacing_mm[1:]]
    # Blocks overlap by half, so that a narrow ghost fills one.
    centres = tuple(slice(n // 2, None, max(1, n // 2)) for n in size)
    means, depths = [], []
    for plane, inside, known in zip(signal, body, seen, strict=True):
        if not inside.any():
            continue
        depth = ndimage.distance_transform_edt(~inside, sampling=spacing_mm[1:])
        air = ((depth > _SKIN_MM) & known & _outside(inside) & ~_padding(plane)).astype(np.float64)
        weight = ndimage.uniform_filter(air, size)[centres]
        total = ndimage.uniform_filter(plane * air, size)[centres]
        full = weight > 0.8
        means.append(total[full] / weight[full])
        depths.append(depth[centres][full])
    if sum(len(m) for m in means) < _MIN_BLOCKS:
        return None
    mean, depth = np.concatenate(means), np.concatenate(depths)
    shell = np.digitize(depth, _SHELLS_MM)
    middle = np.asarray(ndimage.median(mean, shell, np.arange(len(_SHELLS_MM) + 1)))
    low, high = np.percentile(mean - middle[shell], [1.0, 99.0])
    return float(max(0.0, high + low - _NOISE_SKEW * (high - low)))


def _outside(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    # Air around the patient reaches a corner of the picture; gas, and tissue too dim to be told, hardly do.
    labels, count = ndimage.label(~inside)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= _MIN_AIR * inside.size
    corners = np.unique(labels[[0, 0, -1, -1], [0, -1, 0, -1]])
    return np.isin(labels, corners[(corners > 0) & large[corners]])


def _padding(plane: NDArray[np.floating]) -> NDArray[np.bool_]:
    # Rows and columns that the scanner filled up with nothing are no air: noise is hardly ever nought all around.
    return np.asarray(ndimage.maximum_filter(plane, _MIN_BLOCK_PX) <= 0)


def _acquired(steps: Steps, series: str) -> NDArray[np.float32]:
    volume, bias = steps.volume(series), steps.pair.bias
    assert volume is not None
    field = None if bias is None else bias.t1_field if series == T1 else bias.stir_field
    return volume.array if field is None else np.asarray(volume.array * field, np.float32)
