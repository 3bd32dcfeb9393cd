"""Gates on motion: ghosts in the air, blurred edges, slices that do not fit their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.quality.air import air_structure
from marrowsignal.quality.edge_width import edge_widths_mm
from marrowsignal.quality.outcome import STIR, T1, Outcome, Steps, graded, not_evaluable
from marrowsignal.quality.records import GateState
from marrowsignal.quality.slice_consistency import (
    alternating_shift_mm,
    largest_level_step,
    largest_shift_step_mm,
    level_jump,
    slice_levels,
)
from marrowsignal.signals.statistics.quantiles import median

__all__ = ["edge_sharpness", "ghosts", "slice_jumps", "slice_shift"]

_SEVERITY = (GateState.PASS, GateState.WARN, GateState.FAIL)


def ghosts(steps: Steps, series: str) -> Outcome:
    """Structure in the air around the patient, percent of muscle."""
    volume, muscle = steps.volume(series), steps.muscle(series)
    if volume is None or not muscle:
        return not_evaluable(steps.pair.no_stir if volume is None else f"no muscle reference on {series}")
    # Fields of shading mean nothing in air: what was acquired is looked at, muscle with its own shading.
    acquired = _acquired(steps, series)
    muscle = median(acquired[steps.references.labels.array == ReferenceLabel.MUSCLE])
    found = air_structure(acquired, steps.air, steps.pair.shared_mask)
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
    t1 = steps.pair.t1.array
    widths = edge_widths_mm(t1, (t1, stir.array), where, spacing_mm=stir.geometry.spacing_mm)
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
    levels = slice_levels(_acquired(steps, series), seen, spacing_mm=volume.geometry.spacing_mm)
    jump, step = level_jump(levels), largest_level_step(levels)
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


def _acquired(steps: Steps, series: str) -> NDArray[np.float32]:
    volume, bias = steps.volume(series), steps.pair.bias
    assert volume is not None
    field = None if bias is None else bias.t1_field if series == T1 else bias.stir_field
    return volume.array if field is None else np.asarray(volume.array * field, np.float32)
