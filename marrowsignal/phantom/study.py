"""Write a synthetic T1 + STIR study with its truth."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.artifacts import add_rician_noise, bias_field
from marrowsignal.phantom.dicom_writer import SeriesHeader, pixel_values, write_series
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.options import SeriesOptions, StudyOptions, coronal_oblique_grid
from marrowsignal.phantom.patterns import PATTERNS, TissueMaps
from marrowsignal.phantom.subject import Subject, draw_subject
from marrowsignal.phantom.tissues import Species, signals
from marrowsignal.phantom.truth import (
    PhantomTruth,
    measure_regions,
    reference_fat,
    reference_muscle,
    truth_json,
)

__all__ = ["make_study", "names", "tissue_maps"]

Array = NDArray[np.float64]


def names() -> tuple[str, ...]:
    """Names `make_study` knows.

    Examples
    --------
    >>> names()
    ('focal_edema', 'normal', 'symmetric_reconversion')
    """
    return tuple(PATTERNS)


def tissue_maps(
    name: str,
    geometry: VolumeGeometry,
    *,
    subject: Subject,
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sub_slices: int = 4,
) -> TissueMaps:
    """Truth of a named pattern on any grid, without writing anything.

    Parameters
    ----------
    name : str
        One of `names()`.
    geometry : VolumeGeometry
        The grid.
    subject : Subject
        The person.
    centre_lps_mm : tuple of float
        Where the middle of S2 lies.
    sub_slices : int
        Samples through a slice.

    Returns
    -------
    TissueMaps
        Voxel truth.

    Raises
    ------
    UsageError
        If the name is unknown.
    """
    if name not in PATTERNS:
        raise UsageError(
            f"there is no phantom named '{name}'",
            code="unknown_phantom",
            stage="phantom",
            hint="choose one of: " + ", ".join(names()),
        )
    anatomy = build_anatomy(geometry, subject=subject, centre_lps_mm=centre_lps_mm, sub_slices=sub_slices)
    return PATTERNS[name](anatomy)


def make_study(name: str, folder: Path, *, seed: int = 1, options: StudyOptions | None = None) -> PhantomTruth:
    """Write ``dicom/T1``, ``dicom/STIR`` and ``truth`` of a synthetic study.

    Parameters
    ----------
    name : str
        One of `names()`.
    folder : Path
        Where; ``folder/dicom`` must not exist yet.
    seed : int
        Anatomy, bias and noise follow from it.
    options : StudyOptions or None
        Acquisition and file options.

    Returns
    -------
    PhantomTruth
        What is known of it.

    Raises
    ------
    UsageError
        If the name is unknown.
    OutputError
        If the study is already there or cannot be written.
    """
    options = options or StudyOptions()
    if (folder / "dicom").exists():
        raise OutputError(f"folder '{folder.name}' already holds a study", code="phantom_exists", stage="phantom")
    subject = draw_subject(seed, mirrored=options.mirrored)
    grid = options.t1.geometry or coronal_oblique_grid()
    maps = tissue_maps(name, grid, subject=subject, sub_slices=options.sub_slices)
    stir_grid = options.stir.geometry or grid
    moved = maps
    if options.stir.geometry is not None or any(options.stir_shift_lps_mm):
        moved = tissue_maps(
            name,
            stir_grid,
            subject=subject,
            centre_lps_mm=options.stir_shift_lps_mm,
            sub_slices=options.sub_slices,
        )
    t1 = _acquire(moved=maps, series=options.t1, seed=(seed, 21))
    stir = _acquire(moved=moved, series=options.stir, seed=(seed, 22))
    truth = _truth(name, seed, options, maps, (t1, stir))
    try:
        _write(truth, folder, (t1, stir), (grid, stir_grid), options)
    except OSError as error:
        raise OutputError(
            f"folder '{folder.name}' cannot be written", code="output_not_writable", stage="phantom"
        ) from error
    return truth


def _acquire(*, moved: TissueMaps, series: SeriesOptions, seed: tuple[int, int]) -> Array:
    """Image in display units: physics, bias, noise, gain."""
    rng = np.random.default_rng(list(seed))
    per_species = signals(series.sequence)
    clean = voxel_magnitude(moved.species_fractions, per_species)
    if series.bias_p95 > series.bias_p5:
        clean = clean * bias_field(moved.geometry, rng=rng, p5=series.bias_p5, p95=series.bias_p95)
    if series.muscle_snr is not None:
        sigma = abs(float(per_species[Species.MUSCLE])) / series.muscle_snr
        clean = add_rician_noise(clean, sigma=sigma, rng=rng)
    return clean * series.gain


def _pixel_hash(image: Array, slopes: tuple[float, ...]) -> str:
    digest = hashlib.sha256()
    for index in range(image.shape[0]):
        stored = pixel_values(image[index], rescale_slope=slopes[index % len(slopes)])
        digest.update(stored.astype("<u2").tobytes())
    return digest.hexdigest()


def _truth(name: str, seed: int, options: StudyOptions, maps: TissueMaps, images: tuple[Array, Array]) -> PhantomTruth:
    t1 = voxel_magnitude(maps.species_fractions, signals(options.t1.sequence))
    stir = voxel_magnitude(maps.species_fractions, signals(options.stir.sequence))
    regions, lesions = measure_regions(t1, stir, maps=maps)
    muscle, fat = reference_muscle(maps), reference_fat(maps)
    to_stir = np.eye(4)
    to_stir[:3, 3] = options.stir_shift_lps_mm
    slopes = options.dicom.rescale_slopes
    return PhantomTruth(
        name=name,
        pattern=maps.pattern,
        side=maps.side,
        seed=seed,
        regions=regions,
        lesions=lesions,
        t1_fat_per_muscle=float(np.median(t1[fat]) / np.median(t1[muscle])),
        stir_fat_per_muscle=float(np.median(stir[fat]) / np.median(stir[muscle])),
        t1_to_stir_lps=to_stir,
        t1_pixels_sha256=_pixel_hash(images[0], slopes),
        stir_pixels_sha256=_pixel_hash(images[1], slopes),
        maps=maps,
    )


def _write(
    truth: PhantomTruth,
    folder: Path,
    images: tuple[Array, Array],
    grids: tuple[VolumeGeometry, VolumeGeometry],
    options: StudyOptions,
) -> None:
    # SimpleITK is slow to import and only files need it
    from marrowsignal.geometry.itk_bridge import write_nifti  # noqa: PLC0415

    header = SeriesHeader(
        study_key=f"{truth.name}_{truth.seed}",
        description="t1_tse_cor_obl",
        sequence_name="*tse2d1_3",
        series_number=3,
        sequence=options.t1.sequence,
        options=options.dicom,
    )
    write_series(images[0], grids[0], header=header, folder=folder / "dicom" / "T1")
    header = replace(
        header,
        description="t2_tirm_cor_obl",
        sequence_name="*tir2d1_11",
        series_number=4,
        sequence=options.stir.sequence,
    )
    write_series(images[1], grids[1], header=header, folder=folder / "dicom" / "STIR")
    target = folder / "truth"
    target.mkdir(parents=True, exist_ok=True)
    other = LabelVolume(array=truth.maps.other_marrow_mask.astype(np.uint16), geometry=truth.maps.geometry)
    write_nifti(target / "marrow.nii.gz", truth.maps.marrow)
    write_nifti(target / "lesions.nii.gz", truth.maps.lesion)
    write_nifti(target / "lumbar_marrow.nii.gz", other)
    (target / "truth.json").write_text(truth_json(truth), encoding="utf-8", newline="\n")
