"""Write a synthetic T1 + STIR study with its truth."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import Metal, acquire
from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.catalogue import PhantomSpec, load_spec
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.maps import TissueMaps, build_maps
from marrowsignal.phantom.options import StudyOptions, overridden, usual_series
from marrowsignal.phantom.patterns import MarrowPattern, marrow_state
from marrowsignal.phantom.scene import SliceProfile, render
from marrowsignal.phantom.study_files import SimulatedStudy, write_dicom
from marrowsignal.phantom.subject import Subject, draw_subject
from marrowsignal.phantom.tissues import Sequence, signals
from marrowsignal.phantom.truth import BiasTruth, PhantomTruth, build_truth, write_truth
from marrowsignal.phantom.views import View

__all__ = ["SimulatedStudy", "clean_image", "make_study", "simulate_study", "tissue_maps"]

Array = NDArray[np.float64]


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
    bones = {bone.name for bone in anatomy.bones}
    unknown = [name for name in spec.regions if name not in bones]
    if unknown:
        raise UsageError(
            f"the {spec.body} has no bone '{unknown[0]}' to be a region",
            code="unknown_region",
            stage="phantom",
            hint="one of: " + ", ".join(sorted(bones)),
        )
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
    profile = _profile(stack, options.geometry, options.sub_slices)
    stir_profile = _profile(stack, options.stir_geometry or options.geometry, options.sub_slices)
    usual_t1, usual_stir = usual_series(spec.magnetic_field_strength_t)
    t1_physics = options.t1 or overridden(usual_t1, spec.t1, series="t1")
    stir_physics = options.stir or overridden(usual_stir, spec.stir, series="stir")
    pose = (options.motion or spec.motion).matrix
    stir_physics = replace(stir_physics, metal=tuple(_moved(metal, pose) for metal in stir_physics.metal))
    maps = _maps(spec, grid, subject=subject, pose=np.eye(4), profile=profile)
    t1 = acquire(maps.species_fractions, grid, series=t1_physics, rng=np.random.default_rng([seed, 21]), workers=2)
    species = maps.species_fractions
    if stir_grid is not grid or not np.array_equal(pose, np.eye(4)):
        species = _maps(spec, stir_grid, subject=subject, pose=pose, profile=stir_profile).species_fractions
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


def _profile(stack: View, geometry: VolumeGeometry | None, samples: int) -> SliceProfile:
    """Profile of the stack; a grid of one's own has slices as thick as they are apart."""
    if geometry is None:
        return stack.profile(samples=samples)
    return SliceProfile(thickness_mm=geometry.spacing_mm[0], samples=samples)


def _moved(metal: Metal, pose: Array) -> Metal:
    x, y, z = (pose @ np.array([*metal.centre_lps_mm, 1.0]))[:3]
    return replace(metal, centre_lps_mm=(float(x), float(y), float(z)))


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
    try:
        # before the long work, so that a folder that cannot be written is told at once
        folder.mkdir(parents=True, exist_ok=True)
        study = simulate_study(name, seed=seed, options=options)
        write_truth(study.truth, folder / "truth")
        write_dicom(study, folder / "dicom", options, seed=seed)
    except OSError as error:
        # half a study would block the next try and pass for a whole one
        shutil.rmtree(folder / "dicom", ignore_errors=True)
        raise OutputError(
            f"folder '{folder.name}' cannot be written", code="output_not_writable", stage="phantom"
        ) from error
    return study.truth
