"""Gates on what the numbers are measured against: alignment, references, shading, noise, low signal, metal."""

from __future__ import annotations

import math

import numpy as np

from marrowsignal.alignment.records import AlignmentVerdict
from marrowsignal.intensity.records import ReferenceTissue, ReferenceVerdict
from marrowsignal.quality.outcome import T1, Outcome, Steps, graded, not_evaluable, passed
from marrowsignal.quality.records import Consequence, GateState

__all__ = [
    "alignment",
    "fat_reference",
    "fat_to_muscle",
    "low_signal_marrow",
    "metal",
    "muscle_reference",
    "noise",
    "normal_level",
    "normal_marrow_reference",
    "residual_shading",
]

_OF_ALIGNMENT = {
    AlignmentVerdict.PASS: (GateState.PASS, Consequence.NONE),
    AlignmentVerdict.WARN: (GateState.WARN, Consequence.LOWERS_CONFIDENCE),
    AlignmentVerdict.REGION_ONLY: (GateState.FAIL, Consequence.NO_LESIONS),
    AlignmentVerdict.FAIL: (GateState.FAIL, Consequence.NO_ASSESSMENT),
}
_OF_REFERENCE = {
    ReferenceVerdict.PASS: GateState.PASS,
    ReferenceVerdict.WARN: GateState.WARN,
    ReferenceVerdict.FAIL: GateState.FAIL,
}


def alignment(steps: Steps, _series: str) -> Outcome:
    """Estimated registration error and the verdict on it."""
    quality = steps.pair.quality
    if quality is None:
        return not_evaluable(steps.pair.no_stir)
    state, consequence = _OF_ALIGNMENT[quality.verdict]
    reason = f"registration failed: {quality.reason}" if quality.verdict is AlignmentVerdict.FAIL else quality.reason
    # A number that has no bound is not the same as a check that has no number.
    error = math.inf if quality.estimated_error_mm is None else quality.estimated_error_mm
    return Outcome(state=state, reason=reason, value=error, consequence=consequence)


def muscle_reference(steps: Steps, _series: str) -> Outcome:
    """Lean muscle's verdict."""
    found = _reference(steps.references.muscle)
    if found.state is not GateState.FAIL:
        return found
    text = f"no lean-muscle reference ({found.reason}): only T1/fat, STIR/normal marrow and the excess index hold"
    return Outcome(state=found.state, reason=text, value=found.value)


def fat_reference(steps: Steps, _series: str) -> Outcome:
    """Subcutaneous fat's verdict."""
    return _reference(steps.references.fat)


def normal_marrow_reference(steps: Steps, _series: str) -> Outcome:
    """Own normal marrow's verdict."""
    return _reference(steps.references.normal_marrow)


def normal_level(steps: Steps, _series: str) -> Outcome:
    """Whether STIR of the marrow has a level that lesions stand out from."""
    if steps.pair.no_stir:
        return not_evaluable(steps.pair.no_stir)
    missing = steps.found("no_normal_level")
    if missing is not None:
        return Outcome(state=GateState.FAIL, reason=missing.rstrip("."))
    return passed("STIR of the marrow has a most frequent level")


def fat_to_muscle(steps: Steps, _series: str) -> Outcome:
    """T1 of fat over muscle."""
    fat, muscle = steps.fat(T1), steps.muscle(T1)
    ratio = fat / muscle if fat and muscle else steps.references.refused_fat_to_muscle
    if ratio is None:
        return not_evaluable("no fat or no muscle reference")
    window = steps.protocol.bias.fat_to_muscle_t1
    text = f"T1 fat/muscle is {ratio:.2f}" + ("" if window.holds(ratio) else ": shading or a wrong reference")
    return Outcome(state=GateState.PASS if window.holds(ratio) else GateState.WARN, reason=text, value=ratio)


def residual_shading(steps: Steps, series: str) -> Outcome:
    """Variation of muscle, and on T1 of fat, over sectors after bias correction: the larger, percent."""
    if steps.volume(series) is None:
        # a series that is not there is told by the gate of its own
        return Outcome(state=GateState.NOT_EVALUABLE, reason=steps.pair.no_stir, consequence=Consequence.NONE)
    left, tissue = max(_varied(steps, series), default=(None, ""))
    if left is None:
        text = f"{series} shading left after bias correction could not be measured: no muscle in enough sectors"
        return not_evaluable(text)
    settings = steps.protocol.bias
    found = graded(
        100 * left,
        f"{series} of {tissue} varies by {left:.0%} over the field of view after bias correction",
        warn=100 * settings.pass_residual.value,
        fail=100 * settings.warn_residual.value,
    )
    cancelled = any(row.measurement("bias_cancelling_asymmetry").value is not None for row in steps.signals.symmetry)
    if found.state is not GateState.FAIL or cancelled:
        return found
    # With both sides in view the bias-cancelling asymmetry still holds; without them nothing does (SCIENCE 4.2).
    text = f"{found.reason}, and no left-right comparison cancels it"
    return Outcome(state=GateState.FAIL, reason=text, value=found.value, consequence=Consequence.NO_ASSESSMENT)


def _varied(steps: Steps, series: str) -> list[tuple[float, str]]:
    references = steps.references
    if references.muscle.verdict is ReferenceVerdict.FAIL:
        return []
    found = [(references.stir_residual_bias_fraction, "muscle")]
    if series == T1:
        fat = references.fat.t1_sector_variation_fraction
        found = [(references.t1_residual_bias_fraction, "muscle"), (fat, "fat")]
    return [(left, tissue) for left, tissue in found if left is not None]


def noise(steps: Steps, series: str) -> Outcome:
    """Lean muscle's signal over the noise."""
    muscle = steps.muscle(series)
    sd = steps.references.noise_t1 if series == T1 else steps.references.noise_stir
    if steps.volume(series) is None or not muscle or not sd:
        missing = steps.pair.no_stir if steps.volume(series) is None else ""
        return not_evaluable(missing or f"no muscle or no noise of {series} was measured")
    settings = steps.protocol.quality
    ratio = muscle / sd
    text = f"muscle is {ratio:.1f} times the noise on {series}"
    return graded(ratio, text, warn=settings.snr_warn.value, fail=settings.snr_fail.value, below=True)


def low_signal_marrow(steps: Steps, _series: str) -> Outcome:
    """Sum of fat and water abundance (D09) of the darkest region: iron, sclerosis and metal lower both series."""
    regions = steps.signals.regions or (steps.signals.whole,)
    found = [(m.value, m.ci_high, r.name) for r in regions if (m := r.measurement("abundance_sum")).value is not None]
    if not found:
        return not_evaluable("D09 was not measured in any region")
    cut = steps.protocol.evidence.abundance_sum.low
    # The lowest of all may be too uncertain to tell and hide a region that is surely dark.
    sure = [row for row in found if row[0] < cut and (row[1] is None or row[1] < cut)]
    least, _, name = min(sure or found, key=lambda row: row[0])
    text = f"fat and water of {name} sum up to {least:.2f} of what muscle and fat give"
    if sure:
        text += ": low-signal marrow (iron, sclerosis, fibrosis or metal), whose fat-signal index is not valid"
    return Outcome(state=GateState.WARN if sure else GateState.PASS, reason=text, value=least)


def metal(steps: Steps, _series: str) -> Outcome:
    """Share of the region most concerned that lies near metal, percent."""
    mask = steps.pair.metal_mask
    if mask is None:
        return not_evaluable("metal was not looked for: no fat or no muscle to compare with")
    at_edge = steps.found("void_at_edge")
    if not mask.any():
        if at_edge is not None:
            return Outcome(state=GateState.WARN, reason=at_edge.rstrip("."), value=0.0)
        return passed("no void with pile-up around it", 0.0)
    marrow, labels = steps.marrow.labels.mask, steps.regions.labels.array
    whole = float(np.mean(mask[marrow])) if marrow.any() else 0.0
    shares = [(float(np.mean(mask[labels == r.label])), r.name) for r in steps.regions.regions if r.voxels]
    worst, name = max([*shares, (whole, "the marrow")])
    cut = steps.protocol.quality.metal_share_fail.value
    text = f"metal in view; {worst:.0%} of {name} lies too near to be measured"
    text += "" if at_edge is None else f"; {at_edge.rstrip('.')}"
    if whole > cut:
        return Outcome(state=GateState.FAIL, reason=text, value=100 * worst, consequence=Consequence.NO_ASSESSMENT)
    # Metal in view is told even where no marrow is near.
    return Outcome(state=GateState.FAIL if worst > cut else GateState.WARN, reason=text, value=100 * worst)


def _reference(tissue: ReferenceTissue) -> Outcome:
    return Outcome(state=_OF_REFERENCE[tissue.verdict], reason=tissue.reason, value=tissue.volume_ml)
