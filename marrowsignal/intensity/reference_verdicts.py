"""Whether a reference tissue that was found can be relied on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.intensity.tissue_masks import Tissues
from marrowsignal.protocol.schema import Protocol, ReferenceSettings

__all__ = ["MuscleFound", "fat_to_muscle", "found_on_t1_alone", "judged_fat", "judged_muscle", "judged_normal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MuscleFound:
    """How far the middle of all muscle is above its lean part on T1, and which share that is.

    Attributes
    ----------
    fatter : float
        Fraction of the lean part's level.
    lean : float
        Lean part over all that may be muscle.
    agreeing : float
        Lean part over what is lean where each sector keeps a level of its own.
    """

    fatter: float
    lean: float
    agreeing: float

    @classmethod
    def of(cls, t1: NDArray[np.float32], tissues: Tissues) -> MuscleFound:
        """Measure it."""
        if not tissues.lean.any():
            return cls(fatter=0.0, lean=0.0, agreeing=0.0)
        return cls(
            fatter=float(np.median(t1[tissues.muscle]) / np.median(t1[tissues.lean])) - 1.0,
            lean=float(tissues.lean.sum() / tissues.muscle.sum()),
            agreeing=float(tissues.lean.sum() / tissues.local_lean.sum()),
        )


def _missing(tissue: ReferenceTissue, minimum_ml: float, *, needs_stir: bool) -> ReferenceTissue | None:
    if tissue.volume_ml < minimum_ml or tissue.t1 is None:
        return _without_level(tissue, f"only {tissue.volume_ml:.1f} mL found, {minimum_ml:g} mL needed")
    # Nothing can be divided by a level of 0; fat alone may be nulled to it on STIR.
    divides = (("T1", tissue.t1), *((("STIR", tissue.stir),) if needs_stir else ()))
    empty = next((series for series, level in divides if level == 0), None)
    return None if empty is None else _without_level(tissue, f"its {empty} level is 0")


def _without_level(tissue: ReferenceTissue, reason: str) -> ReferenceTissue:
    return replace(
        tissue,
        t1=None,
        stir=None,
        t1_spread_fraction=None,
        stir_spread_fraction=None,
        t1_sector_variation_fraction=None,
        stir_sector_variation_fraction=None,
        verdict=ReferenceVerdict.FAIL,
        reason=reason,
    )


def _spread_verdict(tissue: ReferenceTissue, limit: float) -> ReferenceTissue:
    spread = tissue.t1_spread_fraction
    if spread is None or spread <= limit:
        return tissue
    reason = f"T1 varies by {spread:.0%} inside it (at most {limit:.0%})"
    return replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason)


def judged_muscle(
    tissue: ReferenceTissue, fat: ReferenceTissue, found: MuscleFound, protocol: Protocol
) -> ReferenceTissue:
    """Judge lean muscle; refused, it has no level."""
    settings = protocol.references
    gone = _missing(tissue, settings.muscle_min_volume.value, needs_stir=True)
    if gone is not None:
        return gone
    contrast = fat_to_muscle(fat, tissue)
    refused = _no_muscle(contrast, found, protocol)
    if refused is not None:
        return _without_level(tissue, refused)
    doubt = _doubtful_muscle(contrast, found, protocol.references)
    if doubt is not None:
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=doubt)
    return _spread_verdict(tissue, settings.muscle_max_spread.value)


def fat_to_muscle(fat: ReferenceTissue, muscle: ReferenceTissue) -> float | None:
    """T1 of fat over muscle, where both have a level."""
    return fat.t1 / muscle.t1 if fat.t1 and muscle.t1 else None


def _no_muscle(contrast: float | None, found: MuscleFound, protocol: Protocol) -> str | None:
    if found.lean < protocol.references.muscle_min_lean.value:
        return f"only {found.lean:.1%} of what may be muscle is lean: too little to be sure that it is muscle"
    window = protocol.bias.fat_to_muscle_t1
    if contrast is None or window.holds(contrast):
        return None
    cause = "muscle holds fat throughout, or shading is left" if contrast < window.low else "too dark for muscle"
    return f"T1 fat/muscle is {contrast:.2f}, outside {window.low:g}-{window.high:g}: {cause}"


def _doubtful_muscle(contrast: float | None, found: MuscleFound, settings: ReferenceSettings) -> str | None:
    usual = settings.lean_fat_to_muscle_t1.value
    if contrast is None:
        return "without a fat reference nothing tells lean muscle from fatty muscle"
    if contrast < usual:
        return f"T1 fat/muscle is {contrast:.2f} (lean: {usual:g} and more): muscle may hold fat throughout"
    if found.fatter > settings.muscle_max_mode_mean_gap.value:
        return f"muscle is fatty: half of it is {found.fatter:.0%} or more above its lean part on T1, which is used"
    if found.agreeing < settings.muscle_min_agreement.value:
        return f"only {found.agreeing:.0%} of what looks like lean muscle has one level, which is used"
    return None


def judged_fat(tissue: ReferenceTissue, protocol: Protocol) -> ReferenceTissue:
    """Judge subcutaneous fat."""
    settings = protocol.references
    gone = _missing(tissue, settings.fat_min_volume.value, needs_stir=False)
    if gone is not None:
        return gone
    # Shading left on T1, and on STIR of muscle, has a gate of its own; fat's STIR is uneven by its suppression too.
    varied, limit = tissue.stir_sector_variation_fraction, protocol.bias.warn_residual.value
    if varied is not None and varied > limit:
        reason = f"STIR differs by {varied:.0%} between parts of the field of view (at most {limit:.0%})"
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason)
    return _spread_verdict(tissue, settings.fat_max_spread.value)


def judged_normal(tissue: ReferenceTissue, protocol: Protocol) -> ReferenceTissue:
    """Judge the patient's own normal marrow."""
    settings = protocol.references
    gone = _missing(tissue, settings.normal_min_volume.value, needs_stir=True)
    return gone or _spread_verdict(tissue, settings.normal_max_spread.value)


def found_on_t1_alone(references: References) -> References:
    """Weaken what passed without a STIR to tell it from other tissue."""

    def weaker(tissue: ReferenceTissue, reason: str) -> ReferenceTissue:
        passed = tissue.verdict is ReferenceVerdict.PASS
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason) if passed else tissue

    return replace(
        references,
        muscle=weaker(references.muscle, "found on T1 alone, where disc, bowel and vessels look alike"),
        normal_marrow=weaker(
            references.normal_marrow, "the most frequent T1 level: without STIR no diseased marrow is left out"
        ),
    )
