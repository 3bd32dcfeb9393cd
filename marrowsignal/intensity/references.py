"""The patient's own muscle, fat and normal marrow, each with how far it can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.intensity.tissue_masks import Tissues, find_tissues, mode_of
from marrowsignal.protocol.schema import BiasSettings, Protocol, ReferenceSettings

__all__ = ["find_references", "noise_sd", "residual_bias"]

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
    normal = _normal_marrow(t1, stir, core_mask & pair.covered_mask)
    labels = np.zeros(t1.shape, np.uint16)
    for value, mask in ((1, tissues.lean), (2, tissues.fat), (3, normal)):
        labels[mask] = value
    voxel_ml = pair.t1.geometry.voxel_ml
    spacing = pair.t1.geometry.spacing_mm
    references = References(
        muscle=_muscle(t1, stir, tissues, voxel_ml, protocol.references),
        fat=_fat(_tissue("fat", t1, stir, tissues.fat, voxel_ml), protocol.references),
        normal_marrow=_normal(_tissue("normal_marrow", t1, stir, normal, voxel_ml), protocol.references),
        labels=LabelVolume(array=labels, geometry=pair.t1.geometry, names=_NAMES),
        noise_t1=noise_sd(t1, seen),
        noise_stir=None if stir is None else noise_sd(stir, seen),
        t1_residual_bias_fraction=residual_bias(t1, tissues.lean, spacing_mm=spacing, settings=protocol.bias),
        stir_residual_bias_fraction=None
        if stir is None
        else residual_bias(stir, tissues.lean, spacing_mm=spacing, settings=protocol.bias),
    )
    if stir is None:
        references = _found_on_t1_alone(references)
    return replace(references, findings=_findings(references, protocol, with_stir=stir is not None))


def noise_sd(signal: NDArray[np.float32], mask: NDArray[np.bool_]) -> float | None:
    """Noise SD inside `mask` from the finest diagonal wavelet coefficients of each slice.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    mask : ndarray of bool, same shape
        Tissue; air has other noise.

    Returns
    -------
    float or None
        ``1.4826 median |c|`` of ``c = (a - b - c + d) / 2`` over 2 x 2 neighbours (Donoho, IEEE TIT 1995,
        doi:10.1109/18.382009); None without tissue. Interpolated images have less.
    """
    a, b = signal[:, :-1:2, :-1:2], signal[:, :-1:2, 1::2]
    c, d = signal[:, 1::2, :-1:2], signal[:, 1::2, 1::2]
    inside = mask[:, :-1:2, :-1:2][:, : d.shape[1], : d.shape[2]]
    rows, columns = d.shape[1:]
    detail = (a[:, :rows, :columns] - b[:, :rows] - c[:, :, :columns] + d)[inside] / 2
    return float(_MAD_TO_SD * np.median(np.abs(detail))) if detail.size else None


def residual_bias(
    signal: NDArray[np.float32],
    tissue: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    settings: BiasSettings,
) -> float | None:
    """Coefficient of variation of one tissue's level over sectors.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Bias-corrected image.
    tissue : ndarray of bool, same shape
        A tissue that should have one level.
    spacing_mm : tuple of float
        Between slices, rows, columns.

    settings : BiasSettings
        Edge of a sector, and the tissue it has to hold.

    Returns
    -------
    float or None
        SD over mean of the medians of cubic sectors. None with fewer than three sectors.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    index = np.argwhere(tissue)
    if len(index) == 0:
        return None
    cells = (index * np.asarray(spacing_mm) // settings.sector_size.value).astype(np.int64)
    _, sector, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    values = signal[tissue]
    enough = np.flatnonzero(counts * voxel_ml >= settings.sector_min_volume.value)
    if len(enough) < 3:
        return None
    levels = np.asarray(ndimage.median(values, sector.ravel(), enough))
    return float(np.std(levels) / np.mean(levels)) if np.mean(levels) > 0 else None


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


def _tissue(
    key: str,
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    mask: NDArray[np.bool_],
    voxel_ml: float,
) -> ReferenceTissue:
    voxels = int(mask.sum())
    levels = [_level_and_spread(image[mask]) if voxels and image is not None else (None, None) for image in (t1, stir)]
    return ReferenceTissue(
        key=key,
        t1=levels[0][0],
        stir=levels[1][0],
        t1_spread_fraction=levels[0][1],
        stir_spread_fraction=levels[1][1],
        voxels=voxels,
        volume_ml=voxels * voxel_ml,
        verdict=ReferenceVerdict.PASS,
        reason="homogeneous and large enough",
    )


def _level_and_spread(values: NDArray[np.float32]) -> tuple[float, float | None]:
    level = float(np.median(values))
    spread = float(_MAD_TO_SD * np.median(np.abs(values - level)))
    return level, spread / level if level > 0 else None


def _missing(tissue: ReferenceTissue, minimum_ml: float) -> ReferenceTissue:
    return replace(
        tissue,
        t1=None,
        stir=None,
        t1_spread_fraction=None,
        stir_spread_fraction=None,
        verdict=ReferenceVerdict.FAIL,
        reason=f"only {tissue.volume_ml:.1f} mL found, {minimum_ml:g} mL needed",
    )


def _spread_verdict(tissue: ReferenceTissue, limit: float) -> ReferenceTissue:
    spread = tissue.t1_spread_fraction
    if spread is not None and spread > limit:
        reason = f"T1 varies by {spread:.0%} inside it (at most {limit:.0%})"
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason)
    return tissue


def _muscle(
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    tissues: Tissues,
    voxel_ml: float,
    settings: ReferenceSettings,
) -> ReferenceTissue:
    tissue = _tissue("muscle", t1, stir, tissues.lean, voxel_ml)
    if tissue.volume_ml < settings.muscle_min_volume.value or not tissue.t1 or tissue.stir == 0:
        return _missing(tissue, settings.muscle_min_volume.value)
    gap = float(t1[tissues.muscle].mean()) / tissue.t1 - 1
    if gap > settings.muscle_max_mode_mean_gap.value:
        reason = f"muscle is fatty: its mean T1 is {gap:.0%} above the lean mode, which is used"
        return replace(tissue, verdict=ReferenceVerdict.WARN, reason=reason)
    return _spread_verdict(tissue, settings.muscle_max_spread.value)


def _fat(tissue: ReferenceTissue, settings: ReferenceSettings) -> ReferenceTissue:
    if tissue.volume_ml < settings.fat_min_volume.value or not tissue.t1:
        return _missing(tissue, settings.fat_min_volume.value)
    return _spread_verdict(tissue, settings.fat_max_spread.value)


def _normal(tissue: ReferenceTissue, settings: ReferenceSettings) -> ReferenceTissue:
    if tissue.volume_ml < settings.normal_min_volume.value or not tissue.t1 or tissue.stir == 0:
        return _missing(tissue, settings.normal_min_volume.value)
    return _spread_verdict(tissue, settings.normal_max_spread.value)


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
    if muscle.t1 and fat.t1 and not protocol.bias.fat_to_muscle_t1.holds(fat.t1 / muscle.t1):
        window = protocol.bias.fat_to_muscle_t1
        text = f"T1 fat/muscle is {fat.t1 / muscle.t1:.2f}, outside {window.low:g}-{window.high:g}: "
        found.append(_finding("t1_fat_to_muscle", False, text + "shading or a wrong reference."))
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
