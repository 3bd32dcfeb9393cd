"""Gates on the grids: slices, gaps, how much is covered, how much there is to measure."""

from __future__ import annotations

import numpy as np

from marrowsignal.quality.outcome import T1, Outcome, Steps, graded, not_evaluable
from marrowsignal.quality.records import GateState
from marrowsignal.regions.records import Side

__all__ = ["both_sides", "coverage", "marrow_volume", "slice_count", "slice_gap", "slice_thickness"]


def slice_thickness(steps: Steps, series: str) -> Outcome:
    """SliceThickness, mm."""
    facts = steps.facts(series)
    thickness = None if facts is None else facts.slice_thickness_mm
    if thickness is None:
        return not_evaluable(f"no SliceThickness of {series}")
    # 5 mm is already thick (SCIENCE 6), so that the limit itself warns.
    state = GateState.WARN if thickness >= steps.protocol.quality.thickness_warn.value else GateState.PASS
    return Outcome(state=state, reason=f"{series} slices of {thickness:.1f} mm", value=thickness)


def slice_gap(steps: Steps, series: str) -> Outcome:
    """Gap between slices in percent of their thickness; negative where they overlap."""
    facts, header = steps.facts(series), steps.header(series)
    thickness = None if facts is None else facts.slice_thickness_mm
    spacing = steps.pair.t1.geometry.spacing_mm if series == T1 else header and header.spacing_mm
    if not thickness or not spacing:
        return not_evaluable(f"SliceThickness or spacing of {series} is not known")
    settings = steps.protocol.quality
    gap = spacing[0] / thickness - 1
    return graded(
        100 * gap,
        f"slices of {thickness:.1f} mm every {spacing[0]:.1f} mm",
        # Headers round to a tenth of a millimetre or so.
        warn=100 * settings.gap_warn.value + 1,
        fail=100 * settings.gap_fail.value + 1,
    )


def coverage(steps: Steps, _series: str) -> Outcome:
    """Share of the marrow that STIR covers, percent."""
    mask = steps.marrow.labels.mask
    if steps.pair.no_stir or not mask.any():
        return not_evaluable(steps.pair.no_stir or "no marrow")
    share = float(np.mean(steps.pair.shared_mask[mask]))
    regions = steps.regions.labels.array
    cut = steps.protocol.signals.min_coverage.value
    partly = [r.name for r in steps.regions.regions if _share(steps, regions == r.label) < cut]
    text = f"STIR covers {share:.0%} of the marrow" + (f"; only part of {', '.join(partly)}" if partly else "")
    found = graded(100 * share, text, warn=100 * cut, fail=100 * steps.protocol.quality.coverage_fail.value, below=True)
    if partly and found.state is GateState.PASS:
        return Outcome(state=GateState.WARN, reason=text, value=100 * share)
    return found


def both_sides(steps: Steps, _series: str) -> Outcome:
    """Smaller side's share of the marrow, percent; symmetry needs both sides in view."""
    if not steps.protocol.symmetric_anatomy:
        return not_evaluable("this anatomy has no two sides in one field of view")
    volumes = [sum(r.volume_ml for r in steps.regions.regions if r.side is side) for side in (Side.LEFT, Side.RIGHT)]
    if steps.regions.midline is None or not all(volumes):
        seen = "no midline" if steps.regions.midline is None else "marrow of one side alone"
        return Outcome(state=GateState.FAIL, reason=f"{seen} in view: symmetry is not evaluable", value=0.0)
    share = min(volumes) / sum(volumes)
    least = steps.protocol.quality.smaller_side_min.value
    return graded(100 * share, f"the smaller side holds {share:.0%} of the marrow", warn=100 * least, below=True)


def marrow_volume(steps: Steps, _series: str) -> Outcome:
    """Volume of marrow core that was measured, mL."""
    settings, whole = steps.protocol.signals, steps.signals.whole
    return graded(
        whole.core_volume_ml,
        f"{whole.core_volume_ml:.1f} mL of marrow could be measured",
        warn=settings.full_volume.value,
        fail=settings.exploratory_volume.value,
        below=True,
    )


def slice_count(steps: Steps, _series: str) -> Outcome:
    """Slices with marrow core."""
    settings, whole = steps.protocol.signals, steps.signals.whole
    return graded(
        float(whole.slices),
        f"marrow could be measured on {whole.slices} slice{'' if whole.slices == 1 else 's'}",
        warn=settings.full_slices.value,
        fail=settings.exploratory_slices.value,
        below=True,
    )


def _share(steps: Steps, inside: np.ndarray) -> float:
    return float(np.mean(steps.pair.shared_mask[inside])) if inside.any() else 1.0
