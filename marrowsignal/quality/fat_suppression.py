"""Gates on how well and how evenly STIR suppresses fat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.quality.header_checks import normalization
from marrowsignal.quality.outcome import STIR, T1, Outcome, Steps, graded, not_evaluable
from marrowsignal.quality.records import GateState
from marrowsignal.signals.statistics.quantiles import median

__all__ = ["evenness", "level", "nulled", "sector_levels"]

_NO_REFERENCE = "no fat or no muscle reference on STIR"


def level(steps: Steps, _series: str) -> Outcome:
    """STIR of subcutaneous fat over muscle (D08), and whether it reaches the lesions' range or T1's contrast."""
    fat, muscle = steps.fat(STIR), steps.muscle(STIR)
    if steps.pair.no_stir or fat is None or not muscle:
        return not_evaluable(steps.pair.no_stir or _NO_REFERENCE)
    ratio, cut = fat / muscle, steps.protocol.references.stir_fat_to_muscle_warn.value
    text = f"STIR fat/muscle is {ratio:.2f}"
    found = graded(ratio, text + (": fat may not be suppressed" if ratio > cut else ""), warn=cut)
    unsuppressed = "" if found.state is GateState.PASS else _unsuppressed(steps, fat, ratio)
    if not unsuppressed:
        return found
    return Outcome(state=GateState.FAIL, reason=f"{text}: fat is not suppressed and {unsuppressed}", value=ratio)


def evenness(steps: Steps, _series: str) -> Outcome:
    """Ratio of the brightest to the darkest sector of fat on STIR."""
    stir, muscle, fat = steps.volume(STIR), steps.muscle(STIR), steps.fat(T1)
    if stir is None or not muscle or not fat:
        return not_evaluable(steps.pair.no_stir or _NO_REFERENCE)
    settings = steps.protocol.quality
    levels = sector_levels(
        _with_its_own_shading(steps, stir),
        _plain_fat(steps, fat),
        sectors=int(settings.fat_sectors.value),
        min_voxels=steps.protocol.bias.sector_min_volume.value / stir.geometry.voxel_ml,
    )
    if levels.size < 3:
        return not_evaluable("fat lies in fewer than three sectors of the field of view")
    # Fat nulled to the noise has no ratio: below a fraction of muscle it is dark, however uneven.
    floor = settings.nulled_fat_min.value * muscle
    ratio = float(max(levels.max(), floor) / max(levels.min(), floor))
    text = f"STIR of fat differs by a factor of {ratio:.1f} between {levels.size} sectors of the field of view"
    found = graded(ratio, text, warn=settings.fat_sector_ratio_warn.value, fail=settings.fat_sector_ratio_fail.value)
    if found.state is GateState.FAIL and normalization(steps, STIR).state is GateState.WARN:
        # Shading that only one series has looks the same.
        text += "; only one series is normalised, so that it may be shading"
        return Outcome(state=GateState.WARN, reason=text, value=ratio)
    return found


def nulled(steps: Steps, _series: str) -> Outcome:
    """STIR of yellow marrow, else of subcutaneous fat, over muscle: near the null fat and water cancel."""
    stir, muscle, fat = steps.volume(STIR), steps.muscle(STIR), steps.fat(T1)
    if stir is None or not muscle or not fat:
        return not_evaluable(steps.pair.no_stir or _NO_REFERENCE)
    settings = steps.protocol.quality
    yellow = steps.marrow.core_mask & (steps.pair.t1.array > settings.yellow_t1_to_fat.value * fat)
    enough = yellow.sum() * stir.geometry.voxel_ml >= steps.protocol.signals.full_volume.value
    words = "yellow marrow" if enough else "subcutaneous fat"
    where = yellow if enough else steps.references.labels.array == ReferenceLabel.FAT
    if not where.any():
        return not_evaluable("neither yellow marrow nor subcutaneous fat in view")
    ratio = float(np.median(stir.array[where])) / muscle
    return graded(ratio, f"STIR of {words} is {ratio:.2f} of muscle", warn=settings.nulled_fat_min.value, below=True)


def sector_levels(
    signal: NDArray[np.float32], tissue: NDArray[np.bool_], *, sectors: int, min_voxels: float
) -> NDArray[np.float64]:
    """Median of a tissue in each angular sector about its middle in the plane of the slices.

    Parameters
    ----------
    signal : ndarray of float32, shape (slice, row, column)
        Image.
    tissue : ndarray of bool, same shape
        Where it is looked at.
    sectors : int
        Of equal angle.
    min_voxels : float
        Sectors with less tissue are left out.

    Returns
    -------
    ndarray of float64, shape (n,)
        Levels of the sectors that hold enough; n is at most `sectors`.

    Examples
    --------
    >>> image = np.where(np.arange(64) < 32, 1.0, 3.0)[None, None, :].repeat(64, axis=1).astype(np.float32)
    >>> sorted(sector_levels(image, image > 0, sectors=8, min_voxels=10).tolist())
    [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0]
    """
    index = np.argwhere(tissue)
    if len(index) == 0:
        return np.empty(0)
    middle = (np.asarray(signal.shape[1:]) - 1) / 2
    rows, columns = (index[:, 1:] - middle).T
    sector = (np.floor((np.arctan2(rows, columns) / (2 * np.pi) + 0.5) * sectors).astype(int)) % sectors
    enough = np.flatnonzero(np.bincount(sector, minlength=sectors) >= min_voxels)
    values = signal[tissue]
    return np.array([median(values[sector == k]) for k in enough], float)


def _plain_fat(steps: Steps, fat: float) -> NDArray[np.bool_]:
    # Told by T1 alone, of any place: a reference that asks for even STIR would leave out what this gate looks for.
    pair, share = steps.pair, steps.protocol.quality.yellow_t1_to_fat.value
    like_fat = pair.body_mask & pair.measurable_mask & ~steps.marrow.labels.mask & (pair.t1.array > share * fat)
    return np.asarray(ndimage.binary_erosion(like_fat, np.ones((1, 3, 3), bool)))


def _with_its_own_shading(steps: Steps, stir: SignalVolume) -> NDArray[np.float32]:
    # Bias correction takes failing suppression for shading. T1 sees the same coils and no suppression: its field alone
    # is taken out of STIR, where both were acquired alike.
    bias = steps.pair.bias
    if bias is None or bias.stir_field is None:
        return stir.array
    return np.asarray(stir.array * bias.stir_field / bias.t1_field, np.float32)


def _unsuppressed(steps: Steps, fat: float, ratio: float) -> str:
    """Say what only an unsuppressed STIR shows: fat as bright as lesions, or the contrast of T1."""
    settings, lesions = steps.protocol.quality, _lesion_level(steps)
    if lesions is not None and fat / lesions > settings.fat_to_lesion_fail.value:
        return f"reaches {fat / lesions:.0%} of the lesions' level"
    t1_fat, t1_muscle = steps.fat(T1), steps.muscle(T1)
    if t1_fat and t1_muscle and ratio > settings.fat_contrast_fail.value * t1_fat / t1_muscle:
        return f"stands out from muscle as on T1 ({t1_fat / t1_muscle:.2f})"
    return ""


def _lesion_level(steps: Steps) -> float | None:
    labels, stir = steps.signals.lesion_labels, steps.volume(STIR)
    if labels is None or stir is None or not labels.mask.any():
        return None
    return float(np.median(stir.array[labels.mask]))
