"""What is known of a simulated study, as records and as JSON with units in the names."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.patterns import TissueMaps
from marrowsignal.phantom.tissues import Species

__all__ = ["LesionTruth", "PhantomTruth", "RegionTruth", "measure_regions", "reference_muscle", "truth_json"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTruth:
    """Noise-free, bias-free facts of one region; medians of ratios leave lesions out.

    Attributes
    ----------
    name : str
        ``sacrum``, ``left_ilium`` or ``right_ilium``.
    label : int
        Value in the marrow label map.
    volume_ml, lesion_ml : float
        Marrow volume, and how much of it is lesion.
    fat_fraction, bone_fraction : float
        Means outside lesions: fat of the soft part, mineral of the whole.
    t1_marrow_per_muscle, stir_marrow_per_muscle : float
        Median over lean muscle's median, outside lesions.
    """

    name: str
    label: int
    volume_ml: float
    lesion_ml: float
    fat_fraction: float
    bone_fraction: float
    t1_marrow_per_muscle: float
    stir_marrow_per_muscle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionTruth:
    """Noise-free facts of the lesion inside one region.

    Attributes
    ----------
    region : str
        Region it lies in.
    volume_ml : float
        Where edema reaches half its peak.
    edema_fraction : float
        Mean share of edema water in the soft part.
    t1_lesion_per_muscle, stir_lesion_per_muscle : float
        Median over lean muscle's median.
    """

    region: str
    volume_ml: float
    edema_fraction: float
    t1_lesion_per_muscle: float
    stir_lesion_per_muscle: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhantomTruth:
    """What is known of a study that was written.

    Attributes
    ----------
    name, pattern, side : str
        Study name, true class, ``left`` / ``right`` / ``both`` / ``none``.
    seed : int
        Seed of everything.
    regions : tuple of RegionTruth
        Sacrum, left ilium, right ilium.
    lesions : tuple of LesionTruth
        One a region that holds edema.
    t1_fat_per_muscle, stir_fat_per_muscle : float
        Subcutaneous fat over lean muscle, medians.
    t1_to_stir_lps : ndarray of float64, shape (4, 4)
        Takes a patient point of the T1 series to the same tissue's point in the STIR series.
    t1_pixels_sha256, stir_pixels_sha256 : str
        Of the stored pixels, slice by slice in patient order, little-endian uint16.
    maps : TissueMaps
        Voxel truth on the T1 grid.
    """

    name: str
    pattern: str
    side: str
    seed: int
    regions: tuple[RegionTruth, ...]
    lesions: tuple[LesionTruth, ...]
    t1_fat_per_muscle: float
    stir_fat_per_muscle: float
    t1_to_stir_lps: Array
    t1_pixels_sha256: str
    stir_pixels_sha256: str
    maps: TissueMaps


def reference_muscle(maps: TissueMaps) -> NDArray[np.bool_]:
    """Voxels that are all lean muscle."""
    return np.asarray(maps.species_fractions[Species.MUSCLE] >= 0.95)


def reference_fat(maps: TissueMaps) -> NDArray[np.bool_]:
    """Voxels that are all fat and no marrow."""
    return np.asarray(maps.species_fractions[Species.FAT] >= 0.99)


def measure_regions(
    t1: Array, stir: Array, *, maps: TissueMaps
) -> tuple[tuple[RegionTruth, ...], tuple[LesionTruth, ...]]:
    """Measure noise-free images of both sequences on the truth's grid.

    Parameters
    ----------
    t1, stir : ndarray of float64, shape (slice, row, column)
        Without noise and bias.
    maps : TissueMaps
        The truth.

    Returns
    -------
    tuple
        Regions and lesions.
    """
    muscle = reference_muscle(maps)
    t1_rel, stir_rel = t1 / np.median(t1[muscle]), stir / np.median(stir[muscle])
    voxel_ml, hurt = maps.geometry.voxel_ml, maps.lesion.mask
    regions, lesions = [], []
    for label, name in maps.marrow.names:
        every = maps.marrow.array == label
        clean, sick = every & ~hurt, every & hurt
        if not clean.any():
            continue
        regions.append(
            RegionTruth(
                name=name,
                label=label,
                volume_ml=float(every.sum()) * voxel_ml,
                lesion_ml=float(sick.sum()) * voxel_ml,
                fat_fraction=float(maps.fat_fraction[clean].mean(dtype=np.float64)),
                bone_fraction=float(maps.bone_fraction[clean].mean(dtype=np.float64)),
                t1_marrow_per_muscle=float(np.median(t1_rel[clean])),
                stir_marrow_per_muscle=float(np.median(stir_rel[clean])),
            )
        )
        if sick.any():
            lesions.append(
                LesionTruth(
                    region=name,
                    volume_ml=float(sick.sum()) * voxel_ml,
                    edema_fraction=float(maps.edema_fraction[sick].mean(dtype=np.float64)),
                    t1_lesion_per_muscle=float(np.median(t1_rel[sick])),
                    stir_lesion_per_muscle=float(np.median(stir_rel[sick])),
                )
            )
    return tuple(regions), tuple(lesions)


def truth_json(truth: PhantomTruth) -> str:
    """Everything but the maps, as JSON with units in the names; rounded to 4 decimals."""
    document = {
        "schema_version": "1",
        "name": truth.name,
        "pattern_class": truth.pattern,
        "side": truth.side,
        "seed": truth.seed,
        "lesion_total_ml": round(sum(x.volume_ml for x in truth.lesions), 4),
        "t1_fat_to_muscle_ratio": round(truth.t1_fat_per_muscle, 4),
        "stir_fat_to_muscle_ratio": round(truth.stir_fat_per_muscle, 4),
        "t1_to_stir_lps_mm": truth.t1_to_stir_lps.ravel().tolist(),
        "regions": [
            {
                "name": r.name,
                "label": r.label,
                "volume_ml": round(r.volume_ml, 4),
                "lesion_ml": round(r.lesion_ml, 4),
                "fat_fraction_mean": round(r.fat_fraction, 4),
                "bone_volume_fraction_mean": round(r.bone_fraction, 4),
                "t1_marrow_to_muscle_ratio": round(r.t1_marrow_per_muscle, 4),
                "stir_marrow_to_muscle_ratio": round(r.stir_marrow_per_muscle, 4),
            }
            for r in truth.regions
        ],
        "lesions": [
            {
                "region": x.region,
                "volume_ml": round(x.volume_ml, 4),
                "edema_water_fraction_mean": round(x.edema_fraction, 4),
                "t1_lesion_to_muscle_ratio": round(x.t1_lesion_per_muscle, 4),
                "stir_lesion_to_muscle_ratio": round(x.stir_lesion_per_muscle, 4),
            }
            for x in truth.lesions
        ],
        "t1_pixels_sha256": truth.t1_pixels_sha256,
        "stir_pixels_sha256": truth.stir_pixels_sha256,
    }
    return json.dumps(document, indent=2) + "\n"
