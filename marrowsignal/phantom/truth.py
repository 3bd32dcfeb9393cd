"""What is known of a simulated study: records, JSON with units in the names, label maps and fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.phantom.maps import TissueMaps
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = [
    "BiasTruth",
    "LesionTruth",
    "PhantomTruth",
    "RegionTruth",
    "build_truth",
    "measure_regions",
    "reference_fat",
    "reference_muscle",
    "write_truth",
]

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
    """Noise-free facts of what findings take of one region.

    Attributes
    ----------
    region : str
        Region it lies in.
    volume_ml : float
        Where a finding reaches half its peak.
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
class BiasTruth:
    """Receive bias of one series, thinned out: it is smooth.

    Attributes
    ----------
    field : ndarray of float32
        Factor on the signal, every few voxels of the series' grid.
    geometry : VolumeGeometry
        The thinned grid.
    p5, p95 : float
        Percentiles over the whole grid.
    """

    field: NDArray[np.float32]
    geometry: VolumeGeometry
    p5: float
    p95: float

    @classmethod
    def of(cls, field: NDArray[np.floating], geometry: VolumeGeometry, *, step: int = 12) -> BiasTruth:
        """Keep every slice, and every `step`-th row and column."""
        low, high = np.percentile(field, [5.0, 95.0])
        affine = geometry.affine_lps.copy()
        affine[:3, 1:3] *= step
        thin = np.ascontiguousarray(field[:, ::step, ::step].astype(np.float32))
        grid = VolumeGeometry(affine_lps=affine, shape=(thin.shape[0], thin.shape[1], thin.shape[2]))
        return cls(field=thin, geometry=grid, p5=float(low), p95=float(high))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhantomTruth:
    """What is known of a study.

    Attributes
    ----------
    name, pattern, side : str
        Study name, true class, ``left`` / ``right`` / ``both`` / ``none``.
    subject : Subject
        The person; the seed is the seed of everything.
    regions : tuple of RegionTruth
        One a region of the study that lies in the field of view.
    lesions : tuple of LesionTruth
        One a region that holds a finding.
    t1_fat_per_muscle, stir_fat_per_muscle : float
        Subcutaneous fat over lean muscle, medians.
    t1_to_stir_lps : ndarray of float64, shape (4, 4)
        Takes a patient point of the T1 series to the same tissue's point in the STIR series.
    t1_bias, stir_bias : BiasTruth
        Receive bias of each series.
    maps : TissueMaps
        Voxel truth on the T1 grid.
    """

    name: str
    pattern: str
    side: str
    subject: Subject
    regions: tuple[RegionTruth, ...]
    lesions: tuple[LesionTruth, ...]
    t1_fat_per_muscle: float
    stir_fat_per_muscle: float
    t1_to_stir_lps: Array
    t1_bias: BiasTruth
    stir_bias: BiasTruth
    maps: TissueMaps


def reference_muscle(maps: TissueMaps) -> NDArray[np.bool_]:
    """Voxels of lean muscle: fibres with the grain of their sheaths and capillaries, and hardly any fat."""
    muscle, fat = maps.species_fractions[Species.MUSCLE], maps.species_fractions[Species.FAT]
    return np.asarray((muscle >= 0.85) & (fat <= 0.06))


def reference_fat(maps: TissueMaps) -> NDArray[np.bool_]:
    """Voxels that are all fat and no marrow: subcutaneous and between organs."""
    return np.asarray(maps.species_fractions[Species.FAT] >= 0.97)


def median_or_nan(values: Array) -> float:
    """Median; NaN where there is nothing, for example no muscle in the field of view."""
    return float(np.median(values)) if values.size else float("nan")


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
    t1_rel, stir_rel = t1 / median_or_nan(t1[muscle]), stir / median_or_nan(stir[muscle])
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


def build_truth(
    maps: TissueMaps,
    *,
    name: str,
    subject: Subject,
    t1_to_stir_lps: Array,
    clean: tuple[Array, Array],
    bias: tuple[BiasTruth, BiasTruth],
) -> PhantomTruth:
    """Gather what is known of a study.

    Parameters
    ----------
    maps : TissueMaps
        Voxel truth on the T1 grid.
    name : str
        Phantom.
    subject : Subject
        The person.
    t1_to_stir_lps : ndarray of float64, shape (4, 4)
        Motion of the person.
    clean : tuple of ndarray
        T1 and STIR on the T1 grid without noise and bias.
    bias : tuple of BiasTruth
        Of T1 and STIR.

    Returns
    -------
    PhantomTruth
        The truth.
    """
    t1, stir = clean
    regions, lesions = measure_regions(t1, stir, maps=maps)
    muscle, fat = reference_muscle(maps), reference_fat(maps)
    return PhantomTruth(
        name=name,
        pattern=maps.pattern,
        side=maps.side,
        subject=subject,
        regions=regions,
        lesions=lesions,
        t1_fat_per_muscle=median_or_nan(t1[fat]) / median_or_nan(t1[muscle]),
        stir_fat_per_muscle=median_or_nan(stir[fat]) / median_or_nan(stir[muscle]),
        t1_to_stir_lps=t1_to_stir_lps,
        t1_bias=bias[0],
        stir_bias=bias[1],
        maps=maps,
    )


def _truth_json(truth: PhantomTruth) -> str:
    """Everything but the maps, as JSON with units in the names; rounded to 4 decimals."""
    document = {
        "schema_version": "2",
        "name": truth.name,
        "pattern_class": truth.pattern,
        "side": truth.side,
        "seed": truth.subject.seed,
        "sex": truth.subject.sex,
        "age_years": truth.subject.age_years,
        "mirrored": truth.subject.mirrored,
        "lesion_total_ml": round(sum(x.volume_ml for x in truth.lesions), 4),
        "t1_fat_to_muscle_ratio": _number(truth.t1_fat_per_muscle),
        "stir_fat_to_muscle_ratio": _number(truth.stir_fat_per_muscle),
        "t1_to_stir_lps_mm": np.round(truth.t1_to_stir_lps, 9).ravel().tolist(),
        "t1_bias_p5_p95": [_number(truth.t1_bias.p5), _number(truth.t1_bias.p95)],
        "stir_bias_p5_p95": [_number(truth.stir_bias.p5), _number(truth.stir_bias.p95)],
        "regions": [
            {
                "name": r.name,
                "label": r.label,
                "volume_ml": _number(r.volume_ml),
                "lesion_ml": _number(r.lesion_ml),
                "fat_fraction_mean": _number(r.fat_fraction),
                "bone_volume_fraction_mean": _number(r.bone_fraction),
                "t1_marrow_to_muscle_ratio": _number(r.t1_marrow_per_muscle),
                "stir_marrow_to_muscle_ratio": _number(r.stir_marrow_per_muscle),
            }
            for r in truth.regions
        ],
        "lesions": [
            {
                "region": x.region,
                "volume_ml": _number(x.volume_ml),
                "edema_water_fraction_mean": _number(x.edema_fraction),
                "t1_lesion_to_muscle_ratio": _number(x.t1_lesion_per_muscle),
                "stir_lesion_to_muscle_ratio": _number(x.stir_lesion_per_muscle),
            }
            for x in truth.lesions
        ],
        "bone_labels": {name: value for value, name in truth.maps.bones.names},
        "tissue_labels": {name: value for value, name in truth.maps.tissue.names},
    }
    return json.dumps(document, indent=2) + "\n"


def _number(value: float) -> float | None:
    """Round to 4 decimals; None for what could not be measured."""
    return round(value, 4) if np.isfinite(value) else None


def write_truth(truth: PhantomTruth, folder: Path) -> None:
    """Write ``truth.json`` and the maps as NIfTI.

    ``marrow`` (regions of the study), ``bones`` (marrow of every bone), ``lesions`` and ``tissue`` are label
    maps whose values are named in truth.json; ``fat_percent`` is the fat fraction of marrow in percent, 255
    outside marrow; ``t1_bias`` and ``stir_bias`` are factors on thinned grids.

    Parameters
    ----------
    truth : PhantomTruth
        What is known.
    folder : Path
        Created when missing.
    """
    # SimpleITK is slow to import and only files need it
    from marrowsignal.geometry.itk_bridge import write_nifti  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    maps = truth.maps
    fat = np.where(maps.bones.mask, np.rint(100.0 * maps.fat_fraction), 255).astype(np.uint16)
    for name, volume in (
        ("marrow", maps.marrow),
        ("bones", maps.bones),
        ("lesions", maps.lesion),
        ("tissue", maps.tissue),
        ("fat_percent", LabelVolume(array=fat, geometry=maps.geometry)),
    ):
        write_nifti(folder / f"{name}.nii.gz", volume)
    for name, bias in (("t1_bias", truth.t1_bias), ("stir_bias", truth.stir_bias)):
        field = SignalVolume(array=bias.field, geometry=bias.geometry, acquisition=AcquisitionFacts())
        write_nifti(folder / f"{name}.nii.gz", field)
    (folder / "truth.json").write_text(_truth_json(truth), encoding="utf-8", newline="\n")
