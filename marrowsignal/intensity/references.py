"""The patient's own muscle, fat and normal marrow, each with how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.noise import noise_sd
from marrowsignal.intensity.records import ReferenceLabel, References, ReferenceTissue, ReferenceVerdict
from marrowsignal.intensity.reference_verdicts import (
    MuscleFound,
    fat_to_muscle,
    found_on_t1_alone,
    judged_fat,
    judged_muscle,
    judged_normal,
)
from marrowsignal.intensity.sectors import residual_bias
from marrowsignal.intensity.tissue_masks import Tissues, find_tissues
from marrowsignal.protocol.schema import Protocol, Quantity
from marrowsignal.shading.mode import mode_of

__all__ = ["find_references"]

_STAGE = "find_references"
_NAMES = tuple((int(label), label.name.lower()) for label in ReferenceLabel)
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
    t1, stir = pair.t1.array, None if pair.comparable_stir is None else pair.comparable_stir.array
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
    for label, mask in zip(ReferenceLabel, (tissues.lean, tissues.fat, normal), strict=True):
        labels[mask] = label
    images = _Images(t1=t1, stir=stir, protocol=protocol, spacing_mm=pair.t1.geometry.spacing_mm)
    fat = judged_fat(images.measured("fat", tissues.fat, tissues.local_fat), protocol)
    # Organs and fluid are apart too; fat that is uneven as well tells that it is shading.
    uneven = (fat.stir_sector_variation_fraction or 0.0) > protocol.bias.warn_residual.value
    apart = tissues.stir_apart if uneven else None
    muscle = images.measured("muscle", tissues.lean, tissues.local_lean, stir_apart=apart)
    judged = judged_muscle(muscle, fat, MuscleFound.of(t1, tissues), protocol)
    references = References(
        muscle=judged,
        fat=fat,
        normal_marrow=judged_normal(images.measured("normal_marrow", normal, None), protocol),
        labels=LabelVolume(array=labels, geometry=pair.t1.geometry, names=_NAMES),
        noise_t1=_noise(t1, tissues, seen),
        noise_stir=None if stir is None else _noise(stir, tissues, seen),
        t1_residual_bias_fraction=judged.t1_sector_variation_fraction,
        stir_residual_bias_fraction=judged.stir_sector_variation_fraction,
        refused_fat_to_muscle=None if judged.t1 else fat_to_muscle(fat, muscle),
    )
    if stir is None:
        references = found_on_t1_alone(references)
    return replace(references, findings=_findings(references, protocol, with_stir=stir is not None))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Images:
    """The two images, and how a tissue is measured in them."""

    t1: NDArray[np.float32]
    stir: NDArray[np.float32] | None
    protocol: Protocol
    spacing_mm: tuple[float, float, float]

    def measured(
        self,
        key: str,
        mask: NDArray[np.bool_],
        local: NDArray[np.bool_] | None,
        *,
        stir_apart: NDArray[np.bool_] | None = None,
    ) -> ReferenceTissue:
        """Levels in the mask, and their variation over sectors where the tissue keeps levels of its own."""
        voxels = int(mask.sum())
        images = (self.t1, self.stir)
        levels = [_level_and_spread(i[mask]) if voxels and i is not None else (None, None) for i in images]
        cuts = self.protocol.references
        limits = (cuts.t1_sector_tolerance, cuts.stir_sector_tolerance)
        everything = (local, local if local is None or stir_apart is None else local | stir_apart)
        varied = [
            self._variation(image, tissue, level, limit)
            for image, tissue, (level, _), limit in zip(images, everything, levels, limits, strict=True)
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
            reason="large enough, and even where it was taken",
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
        # Beyond twice the tolerance it is another tissue, unless there is so much of it that it may as well be shaded.
        same = local & (np.abs(image / level - 1) <= 2 * tolerance.value)
        if same.sum() < (1 - self.protocol.references.max_apart.value) * local.sum():
            same = local
        return residual_bias(image, same, spacing_mm=self.spacing_mm, settings=self.protocol.bias)


def _noise(image: NDArray[np.float32], tissues: Tissues, seen: NDArray[np.bool_]) -> float | None:
    # Muscle has least texture between its streaks.
    found = (noise_sd(image, mask) for mask in (tissues.local_lean, tissues.local_fat, seen))
    return next((level for level in found if level is not None), None)


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
            text = f"{series} shading left after bias correction could not be measured: no muscle in enough sectors."
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
