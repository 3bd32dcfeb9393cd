"""The patient's own muscle, fat and normal marrow, each with how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.noise import noise_sd
from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.intensity.sectors import residual_bias
from marrowsignal.intensity.tissue_masks import Tissues, find_tissues, mode_of
from marrowsignal.protocol.schema import Protocol, Quantity, ReferenceSettings

__all__ = ["find_references"]

_STAGE = "find_references"
_NAMES = ((1, "muscle"), (2, "fat"), (3, "normal_marrow"))
_MAD_TO_SD = 1.4826


def find_references(
    pair: AlignedPair, marrow: LabelVolume, core_mask: NDArray[np.bool_], *, protocol: Protocol
) -> References:
    """Find lean muscle, subcutaneous fat and own normal marrow.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : LabelVolume
        Never used as muscle or fat.
    core_mask : ndarray of bool, shape (slice, row, column)
        Core of the marrow; its most frequent signal is the patient's own normal marrow.
    protocol : Protocol
        Ranges and cuts.

    Returns
    -------
    records.References
        Levels are medians over the masks. A tissue that is missing or too small has no level and verdict ``fail``.
    """
    t1, stir = pair.t1.array, None if pair.stir is None else pair.stir.array
    seen = pair.body_mask & pair.measurable_mask
    tissues = find_tissues(
        t1,
        stir,
        body=seen,
        exclude=marrow.mask,
        spacing_mm=pair.t1.geometry.spacing_mm,
        settings=protocol.references,
    )
    normal = _normal_marrow(t1, stir, core_mask & seen)
    labels = np.zeros(t1.shape, np.uint16)
    for value, mask in ((1, tissues.lean), (2, tissues.fat), (3, normal)):
        labels[mask] = value
    images = _Images(t1=t1, stir=stir, protocol=protocol, spacing_mm=pair.t1.geometry.spacing_mm)
    fat = _fat(images.measured("fat", tissues.fat, tissues.local_fat), protocol)
    muscle = images.measured("muscle", tissues.lean, tissues.local_lean)
    references = References(
        muscle=_muscle(muscle, fat, _MuscleFound.of(t1, tissues), protocol),
        fat=fat,
        normal_marrow=_normal(images.measured("normal_marrow", normal, None), protocol),
        labels=LabelVolume(array=labels, geometry=pair.t1.geometry, names=_NAMES),
        noise_t1=_noise(t1, tissues, seen),
        noise_stir=None if stir is None else _noise(stir, tissues, seen),
        t1_residual_bias_fraction=muscle.t1_sector_variation_fraction,
        stir_residual_bias_fraction=muscle.stir_sector_variation_fraction,
    )
    if stir is None:
        references = _found_on_t1_alone(references)
    return replace(references, findings=_findings(references, protocol, with_stir=stir is not None))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Images:
    """The two images, and how a tissue is measured in them."""

    t1: NDArray[np.float32]
    stir: NDArray[np.float32] | None
    protocol: Protocol
    spacing_mm: tuple[float, float, float]

    def measured(self, key: str, mask: NDArray[np.bool_], local: NDArray[np.bool_] | None) -> ReferenceTissue:
        """Levels in the mask, and their variation over sectors where the tissue keeps levels of its own."""
        voxels = int(mask.sum())
        images = (self.t1, self.stir)
        levels = [_level_and_spread(i[mask]) if voxels and i is not None else (None, None) for i in images]
        cuts = self.protocol.references
        limits = (cuts.t1_sector_tolerance, cuts.stir_sector_tolerance)
        varied = [
            self._variation(image, local, level, limit)
            for image, (level, _), limit in zip(images, levels, limits, strict=True)
        ]
        return ReferenceTissue(
            key=key,
            t1=levels[0][0],
            stir=levels[1][0],
            t1_spread_fraction=levels[0][1],
            stir_spread_fraction=levels[1][1],
            voxels=voxels,
            volume_ml=voxels * float(np.prod(self.spacing_mm)) / 1000,
            verdict=ReferenceVerdict.PASS,
            reason="homogeneous and large enough",
            t1_sector_variation_fraction=varied[0],
            stir_sector_variation_fraction=varied[1],
        )

    def _variation(
        self,
        image: NDArray[np.float32] | None,
        local: NDArray[np.bool_] | None,
        level: float | None,
        tolerance: Quantity,
    ) -> float | None:
        if image is None or local is None or not level:
            return None
        # Beyond twice the tolerance it is no shading but another tissue.
        same = local & (np.abs(image / level - 1) <= 2 * tolerance.value)
        return residual_bias(image, same, spacing_mm=self.spacing_mm, settings=self.protocol.bias)


def _noise(image: NDArray[np.float32], tissues: Tissues, seen: NDArray[np.bool_]) -> float | None:
    # Muscle has least texture between its streaks.
    found = (noise_sd(image, mask) for mask in (tissues.local_lean, tissues.local_fat, seen))
    return next((level for level in found if level is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MuscleFound:
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
    def of(cls, t1: NDArray[np.float32], tissues: Tissues) -> _MuscleFound:
        if not tissues.lean.any():
            return cls(fatter=0.0, lean=0.0, agreeing=0.0)
        return cls(
            fatter=float(np.median(t1[tissues.muscle]) / np.median(t1[tissues.lean])) - 1.0,
            lean=float(tissues.lean.sum() / tissues.muscle.sum()),
            agreeing=float(tissues.lean.sum() / tissues.local_lean.sum()),
        )


def _normal_marrow(
    t1: NDArray[np.float32], stir: NDArray[np.float32] | None, core: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    if not core.any():
        return core
    # The most frequent STIR level of the patient's marrow: disease fills the bright tail, void the dark one.
    guide = t1 if stir is None else stir
    mode = mode_of(guide[core])
    below = guide[core & (guide < mode)]
    spread = _MAD_TO_SD * float(np.median(mode - below)) if below.size else 0.0
    near = core & (np.abs(guide - mode) <= spread)
    middle = np.median(t1[near])
    deviation = _MAD_TO_SD * np.median(np.abs(t1[near] - middle))
    return np.asarray(near & (np.abs(t1 - middle) <= 2 * deviation))


def _level_and_spread(values: NDArray[np.float32]) -> tuple[float, float | None]:
    level = float(np.median(values))
    spread = float(_MAD_TO_SD * np.median(np.abs(values - level)))
    return level, spread / level if level > 0 else None


def _missing(tissue: ReferenceTissue, minimum_ml: float) -> ReferenceTissue:
    return _without_level(tissue, f"only {tissue.volume_ml:.1f} mL found, {minimum_ml:g} mL needed")


def _without_level(tissue: ReferenceTissue, reason: str) -> ReferenceTissue:
    return replace(
        tissue,
        t1=None,
        stir=None,
        t1_spread_fraction=None,
        stir_spread_fraction=None,
        verdict=ReferenceVerdict.FAIL,
        reason=reason,
    )


def _spread_verdict(tissue: ReferenceTissue, limit: float, shading_limit: float) -> ReferenceTissue:
    reason = None
    spread = tissue.t1_spread_fraction
    if spread is not None and spread > limit:
        reason = f"T1 varies by {spread:.0%} inside it (at most {limit:.0%})"
    varied = (("T1", tissue.t1_sector_variation_fraction), ("STIR", tissue.stir_sector_variation_fraction))
    for series, variation in varied:
        if variation is not None and variation > shading_limit:
            reason = f"{series} differs by {variation:.0%} between parts of the field of view"
    return tissue if reason is None else replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason)


def _muscle(tissue: ReferenceTissue, fat: ReferenceTissue, found: _MuscleFound, protocol: Protocol) -> ReferenceTissue:
    settings = protocol.references
    if tissue.volume_ml < settings.muscle_min_volume.value or not tissue.t1 or tissue.stir == 0:
        return _missing(tissue, settings.muscle_min_volume.value)
    contrast = fat.t1 / tissue.t1 if fat.t1 else None
    refused = _no_muscle(contrast, found, protocol)
    if refused is not None:
        return _without_level(tissue, refused)
    doubt = _doubtful_muscle(contrast, found, protocol.references)
    if doubt is not None:
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=doubt)
    return _spread_verdict(tissue, settings.muscle_max_spread.value, protocol.bias.warn_residual.value)


def _no_muscle(contrast: float | None, found: _MuscleFound, protocol: Protocol) -> str | None:
    if found.lean < protocol.references.muscle_min_lean.value:
        return f"only {found.lean:.1%} of what may be muscle is lean: too little to be sure that it is muscle"
    window = protocol.bias.fat_to_muscle_t1
    if contrast is None or window.holds(contrast):
        return None
    cause = "muscle holds fat throughout, or shading is left" if contrast < window.low else "too dark for muscle"
    return f"T1 fat/muscle is {contrast:.2f}, outside {window.low:g}-{window.high:g}: {cause}"


def _doubtful_muscle(contrast: float | None, found: _MuscleFound, settings: ReferenceSettings) -> str | None:
    usual = settings.lean_fat_to_muscle_t1.value
    if contrast is None:
        return "without a fat reference nothing tells lean muscle from fatty muscle"
    if contrast < usual:
        return f"T1 fat/muscle is {contrast:.2f} (lean: {usual:g} and more): muscle may hold fat throughout"
    if found.fatter > settings.muscle_max_mode_mean_gap.value:
        return f"muscle is fatty: half of it is more than {found.fatter:.0%} above its lean part on T1, which is used"
    if found.agreeing < settings.muscle_min_agreement.value:
        return f"only {found.agreeing:.0%} of what looks like lean muscle has one level, which is used"
    return None


def _fat(tissue: ReferenceTissue, protocol: Protocol) -> ReferenceTissue:
    settings = protocol.references
    if tissue.volume_ml < settings.fat_min_volume.value or not tissue.t1:
        return _missing(tissue, settings.fat_min_volume.value)
    return _spread_verdict(tissue, settings.fat_max_spread.value, protocol.bias.warn_residual.value)


def _normal(tissue: ReferenceTissue, protocol: Protocol) -> ReferenceTissue:
    settings = protocol.references
    if tissue.volume_ml < settings.normal_min_volume.value or not tissue.t1 or tissue.stir == 0:
        return _missing(tissue, settings.normal_min_volume.value)
    return _spread_verdict(tissue, settings.normal_max_spread.value, protocol.bias.warn_residual.value)


def _found_on_t1_alone(references: References) -> References:
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


def _findings(references: References, protocol: Protocol, *, with_stir: bool) -> tuple[Finding, ...]:
    found = [
        _finding(f"reference_{t.key}", t.verdict is ReferenceVerdict.FAIL, f"Reference {_words(t.key)}: {t.reason}.")
        for t in references.all_tissues()
        if t.verdict is not ReferenceVerdict.PASS
    ]
    muscle, fat = references.muscle, references.fat
    suspect = protocol.references.stir_fat_to_muscle_warn.value
    if muscle.stir and fat.stir and fat.stir / muscle.stir > suspect:
        text = f"STIR fat/muscle is {fat.stir / muscle.stir:.2f} (above {suspect:g}): fat may not be suppressed."
        found.append(_finding("stir_suppression", False, text))
    residuals = (
        ("T1", references.t1_residual_bias_fraction),
        ("STIR", references.stir_residual_bias_fraction),
    )
    for series, residual in residuals if with_stir else residuals[:1]:
        if residual is None:
            text = f"{series} shading left after bias correction could not be measured: too little muscle in view."
            found.append(_finding(f"{series.lower()}_residual_unknown", False, text))
        elif residual > protocol.bias.pass_residual.value:
            failed = residual > protocol.bias.warn_residual.value
            text = f"{series} of muscle still varies by {residual:.0%} over the field of view after bias correction."
            found.append(_finding(f"{series.lower()}_residual_bias", failed, text))
    return tuple(found)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _finding(code: str, failed: bool, message: str) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=Severity.FAIL if failed else Severity.WARN, message=message)
