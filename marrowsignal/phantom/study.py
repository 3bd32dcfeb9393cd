"""Write a synthetic T1 + STIR study with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import OutputError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import AcquiredImage, SeriesPhysics, acquire
from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.catalogue import PhantomSpec, load_spec
from marrowsignal.phantom.dicom_files import FatSuppression, SeriesHeader, SeriesKind, write_companions, write_series
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.maps import TissueMaps, build_maps
from marrowsignal.phantom.options import StudyOptions, overridden, usual_series
from marrowsignal.phantom.patterns import MarrowPattern, marrow_state
from marrowsignal.phantom.scene import SliceProfile, render
from marrowsignal.phantom.subject import Subject, draw_subject
from marrowsignal.phantom.tissues import (
    GRE_IN_PHASE_1_5T,
    GRE_IN_PHASE_3T,
    GRE_OPPOSED_PHASE_1_5T,
    GRE_OPPOSED_PHASE_3T,
    PD_FAT_SAT_1_5T,
    PD_FAT_SAT_3T,
    T2_FAT_SAT_1_5T,
    T2_FAT_SAT_3T,
    Sequence,
    signals,
)
from marrowsignal.phantom.truth import BiasTruth, PhantomTruth, build_truth, write_truth
from marrowsignal.phantom.views import View

__all__ = ["SimulatedStudy", "clean_image", "make_study", "simulate_study", "tissue_maps"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedStudy:
    """A study in memory.

    Attributes
    ----------
    t1, stir : AcquiredImage
        The two series in display units.
    t1_physics, stir_physics : SeriesPhysics
        How they were acquired.
    t1_geometry, stir_geometry : VolumeGeometry
        Their grids.
    stack : View
        Stack of slices; its grid holds only where no other was asked for.
    spec : PhantomSpec
        What it shows.
    truth : PhantomTruth
        What is known of it.
    """

    t1: AcquiredImage
    stir: AcquiredImage
    t1_physics: SeriesPhysics
    stir_physics: SeriesPhysics
    t1_geometry: VolumeGeometry
    stir_geometry: VolumeGeometry
    stack: View
    spec: PhantomSpec
    truth: PhantomTruth


def tissue_maps(  # noqa: PLR0913 - who, where and how finely are told apart
    name: str,
    geometry: VolumeGeometry,
    *,
    subject: Subject,
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sub_slices: int = 4,
    pose: Array | None = None,
    profile: SliceProfile | None = None,
) -> TissueMaps:
    """Voxel truth of a phantom without its images.

    Parameters
    ----------
    name : str
        One of `names`, or the path of a TOML file.
    geometry : VolumeGeometry
        Any grid in patient space.
    subject : Subject
        The person.
    centre_lps_mm : tuple of float
        Patient point where the body's origin lies, when no `pose` is given.
    sub_slices : int
        Samples through the thickness of a slice.
    pose : ndarray of float64, shape (4, 4), or None
        Rigid pose of the body in the scanner.
    profile : SliceProfile or None
        Slice profile; None for a rectangular one as thick as the slices are apart.

    Returns
    -------
    TissueMaps
        Voxel truth.

    Raises
    ------
    UsageError
        If the name is unknown.
    """
    spec = load_spec(name)
    if pose is None:
        pose = np.eye(4)
        pose[:3, 3] = centre_lps_mm
    if profile is None:
        profile = SliceProfile(thickness_mm=geometry.spacing_mm[0], samples=sub_slices)
    return _maps(spec, geometry, subject=subject, pose=pose, profile=profile)


def _maps(
    spec: PhantomSpec, geometry: VolumeGeometry, *, subject: Subject, pose: Array, profile: SliceProfile
) -> TissueMaps:
    anatomy = build_anatomy(spec.body, subject)
    pattern = MarrowPattern(background=spec.background, findings=spec.findings)
    rendering = render(anatomy, geometry, state=marrow_state(pattern, anatomy), profile=profile, body_to_patient=pose)
    return build_maps(rendering, geometry, anatomy=anatomy, spec=spec)


def clean_image(maps: TissueMaps, sequence: Sequence) -> Array:
    """Magnitude without noise, shading or limits of resolution, per unit of gain."""
    return voxel_magnitude(maps.species_fractions, signals(sequence))


def simulate_study(name: str, *, seed: int = 1, options: StudyOptions | None = None) -> SimulatedStudy:
    """Simulate a T1 + STIR study in memory.

    Parameters
    ----------
    name : str
        One of `names`, or the path of a TOML file.
    seed : int
        Anatomy, texture, shading, breathing and noise follow from it.
    options : StudyOptions or None
        Acquisition.

    Returns
    -------
    SimulatedStudy
        Images and truth.

    Raises
    ------
    UsageError
        If the phantom is unknown or its table malformed.
    """
    options = options or StudyOptions()
    spec = load_spec(name)
    person = options.person or spec.person
    subject = draw_subject(seed, sex=person.sex, age_years=person.age_years, mirrored=options.mirrored)
    stack = options.view or spec.stack
    grid = options.geometry or stack.geometry
    stir_grid = options.stir_geometry or grid
    profile = stack.profile(samples=options.sub_slices)
    if options.geometry is not None:
        profile = SliceProfile(thickness_mm=grid.spacing_mm[0], samples=options.sub_slices)
    usual_t1, usual_stir = usual_series(spec.magnetic_field_strength_t)
    t1_physics = options.t1 or overridden(usual_t1, spec.t1, series="t1")
    stir_physics = options.stir or overridden(usual_stir, spec.stir, series="stir")
    pose = options.motion.matrix
    maps = _maps(spec, grid, subject=subject, pose=np.eye(4), profile=profile)
    t1 = acquire(maps.species_fractions, grid, series=t1_physics, rng=np.random.default_rng([seed, 21]), workers=2)
    species = maps.species_fractions
    if stir_grid is not grid or not np.array_equal(pose, np.eye(4)):
        species = _maps(spec, stir_grid, subject=subject, pose=pose, profile=profile).species_fractions
    stir = acquire(species, stir_grid, series=stir_physics, rng=np.random.default_rng([seed, 22]), workers=2)
    truth = build_truth(
        maps,
        name=Path(name).stem,
        subject=subject,
        t1_to_stir_lps=pose,
        clean=(clean_image(maps, t1_physics.sequence), clean_image(maps, stir_physics.sequence)),
        bias=(BiasTruth.of(t1.bias, grid), BiasTruth.of(stir.bias, stir_grid)),
    )
    return SimulatedStudy(
        t1=t1,
        stir=stir,
        t1_physics=t1_physics,
        stir_physics=stir_physics,
        t1_geometry=grid,
        stir_geometry=stir_grid,
        stack=stack,
        spec=spec,
        truth=truth,
    )


def make_study(name: str, folder: Path, *, seed: int = 1, options: StudyOptions | None = None) -> PhantomTruth:
    """Write ``dicom/T1``, ``dicom/STIR`` and ``truth`` of a synthetic study.

    Parameters
    ----------
    name : str
        One of `names`, or the path of a TOML file.
    folder : Path
        Where; ``folder/dicom`` must not exist yet.
    seed : int
        Anatomy, texture, shading, breathing and noise follow from it.
    options : StudyOptions or None
        Acquisition and file options.

    Returns
    -------
    PhantomTruth
        What is known of it.

    Raises
    ------
    UsageError
        If the phantom is unknown or its table malformed, or a transfer syntax cannot be written here.
    OutputError
        If the study is already there or cannot be written.
    """
    options = options or StudyOptions()
    if (folder / "dicom").exists():
        raise OutputError(f"folder '{folder.name}' already holds a study", code="phantom_exists", stage="phantom")
    study = simulate_study(name, seed=seed, options=options)
    try:
        _write_dicom(study, folder / "dicom", options, seed=seed)
        write_truth(study.truth, folder / "truth")
    except OSError as error:
        raise OutputError(
            f"folder '{folder.name}' cannot be written", code="output_not_writable", stage="phantom"
        ) from error
    return study.truth


def _write_dicom(study: SimulatedStudy, folder: Path, options: StudyOptions, *, seed: int) -> None:
    header = _header(study, options)
    write_series(study.t1.signal, study.t1_geometry, header=header, folder=folder / "T1")
    stir = replace(header, series_number=4, sequence=study.stir_physics.sequence, kind=SeriesKind.STIR)
    write_series(study.stir.signal, study.stir_geometry, header=stir, folder=folder / "STIR")
    if options.companions:
        write_companions(study.t1.signal, study.t1_geometry, header=header, folder=folder)
        _write_lookalikes(study, folder, header, seed=seed)


def _header(study: SimulatedStudy, options: StudyOptions) -> SeriesHeader:
    """Header of the T1 series; the others change what differs."""
    subject, stack = study.truth.subject, study.stack
    age = f"{round(subject.age_years):03d}Y"
    one_sided = study.spec.body == "knee"
    return SeriesHeader(
        study_key=f"{study.truth.name}_{subject.seed}",
        series_number=3,
        sequence=study.t1_physics.sequence,
        options=replace(options.dicom, patient_age=age, patient_sex=subject.sex),
        kind=SeriesKind.T1,
        slice_gap_mm=0.0 if options.geometry is not None else stack.slice_distance_mm - stack.slice_thickness_mm,
        body_part=stack.body_part_examined,
        laterality=("R" if subject.mirrored else "L") if one_sided else "",
    )


# what must not be taken for the T1 or the STIR: folder, kind, sequences below and above 2.25 T, fat suppression
_LOOKALIKES: tuple[tuple[str, SeriesKind, tuple[Sequence, Sequence], FatSuppression], ...] = (
    ("IN_PHASE", SeriesKind.IN_PHASE, (GRE_IN_PHASE_1_5T, GRE_IN_PHASE_3T), FatSuppression.NONE),
    ("OPPOSED_PHASE", SeriesKind.OPPOSED_PHASE, (GRE_OPPOSED_PHASE_1_5T, GRE_OPPOSED_PHASE_3T), FatSuppression.NONE),
    ("PD_FS", SeriesKind.PD, (PD_FAT_SAT_1_5T, PD_FAT_SAT_3T), FatSuppression.SPECTRAL),
    ("T2_FS", SeriesKind.T2, (T2_FAT_SAT_1_5T, T2_FAT_SAT_3T), FatSuppression.SPECTRAL),
)
# tissue concentration minutes after a usual dose of 0.1 mmol/kg, engineering value [X]
_CONTRAST_MMOL_L = 0.8


def _write_lookalikes(study: SimulatedStudy, folder: Path, header: SeriesHeader, *, seed: int) -> None:
    """Simulate and write series of the same body that resemble the two by one trait each."""
    t1 = study.t1_physics.sequence
    high = int(t1.magnetic_field_strength_t > 2.25)
    after = replace(t1, contrast_concentration_mmol_l=_CONTRAST_MMOL_L)
    series = [(name, kind, sequences[high], fat, "") for name, kind, sequences, fat in _LOOKALIKES]
    series.append(("T1_POST", SeriesKind.T1, after, FatSuppression.NONE, "gadolinium chelate"))
    for number, (name, kind, sequence, fat, agent) in enumerate(series, start=5):
        image = acquire(
            study.truth.maps.species_fractions,
            study.t1_geometry,
            series=replace(study.t1_physics, sequence=sequence),
            rng=np.random.default_rng([seed, 20 + number]),
            workers=2,
        )
        like = replace(
            header, series_number=number, sequence=sequence, kind=kind, fat_suppression=fat, contrast_agent=agent
        )
        write_series(image.signal, study.t1_geometry, header=like, folder=folder / name)
