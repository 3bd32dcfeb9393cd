"""A simulated study as DICOM: the two series, and what lies beside them in real studies."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import AcquiredImage, SeriesPhysics, acquire
from marrowsignal.phantom.catalogue import PhantomSpec
from marrowsignal.phantom.dicom_files import (
    FatSuppression,
    SeriesHeader,
    SeriesKind,
    write_companions,
    write_series,
)
from marrowsignal.phantom.equations import fat_offset_hz
from marrowsignal.phantom.fat_fraction import proton_density_fat_percent
from marrowsignal.phantom.options import StudyOptions
from marrowsignal.phantom.tissues import (
    GRE_IN_PHASE_1_5T,
    PD_FAT_SAT_1_5T,
    PD_FAT_SAT_3T,
    T2_FAT_SAT_1_5T,
    T2_FAT_SAT_3T,
    Sequence,
)
from marrowsignal.phantom.truth import PhantomTruth
from marrowsignal.phantom.views import View

__all__ = ["SimulatedStudy", "write_dicom"]

# concentration in plasma minutes after a usual dose of 0.1 mmol/kg, engineering value [X]
_CONTRAST_MMOL_L = 0.8
_AGENT = "gadolinium chelate"
_SECOND_ECHO = 6
_FAT_FRACTION_NUMBER = 10


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


def write_dicom(study: SimulatedStudy, folder: Path, options: StudyOptions, *, seed: int) -> None:
    """Write ``T1`` and ``STIR``, and the companions when asked for.

    Parameters
    ----------
    study : SimulatedStudy
        Images and how they were acquired.
    folder : Path
        Gets a folder a series.
    options : StudyOptions
        File options.
    seed : int
        Noise of the companions follows from it.
    """
    t1 = _header(study, options, study.t1_physics, gap=options.geometry is None)
    write_series(study.t1.signal, study.t1_geometry, header=t1, folder=folder / "T1")
    own_grid = options.stir_geometry is not None or options.geometry is not None
    stir = replace(_header(study, options, study.stir_physics, gap=not own_grid), series_number=4)
    write_series(study.stir.signal, study.stir_geometry, header=stir, folder=folder / "STIR")
    if options.companions:
        write_companions(study.t1.signal, study.t1_geometry, header=t1, folder=folder)
        _write_lookalikes(study, folder, t1, seed=seed)


def _header(study: SimulatedStudy, options: StudyOptions, physics: SeriesPhysics, *, gap: bool) -> SeriesHeader:
    subject, stack, sequence = study.truth.subject, study.stack, physics.sequence
    # studies that differ in anything must differ in their UIDs, or an archive merges them
    told = zlib.crc32(repr((study.spec, options, subject.sex, subject.age_years)).encode())
    suppressed = sequence.fat_suppression_residual < 1.0
    return SeriesHeader(
        study_key=f"{study.truth.name}_{subject.seed}_{told:08x}",
        series_number=3,
        sequence=sequence,
        options=replace(options.dicom, patient_age=f"{round(subject.age_years):03d}Y", patient_sex=subject.sex),
        kind=_kind(sequence),
        fat_suppression=FatSuppression.SPECTRAL if suppressed else FatSuppression.NONE,
        contrast_agent=_AGENT if sequence.contrast_concentration_mmol_l > 0.0 else "",
        pixel_bandwidth_hz=physics.pixel_bandwidth_hz and abs(physics.pixel_bandwidth_hz),
        slice_gap_mm=stack.slice_distance_mm - stack.slice_thickness_mm if gap else 0.0,
        body_part=stack.body_part_examined,
        laterality=("R" if subject.mirrored else "L") if study.spec.body == "knee" else "",
    )


def _kind(sequence: Sequence) -> SeriesKind:
    """Name what a sequence's image is, by its physics."""
    if sequence.inversion_time_ms is not None:
        return SeriesKind.STIR
    if sequence.kind == "gre":
        half_turns = 2.0 * sequence.echo_time_ms * abs(fat_offset_hz(sequence.magnetic_field_strength_t)) / 1000.0
        return SeriesKind.OPPOSED_PHASE if round(half_turns) % 2 else SeriesKind.IN_PHASE
    if sequence.repetition_time_ms < 1200.0:
        return SeriesKind.T1
    return SeriesKind.PD if sequence.echo_time_ms <= 45.0 else SeriesKind.T2


def _lookalikes(t1: Sequence) -> tuple[tuple[str, Sequence], ...]:
    """Series that resemble the T1 or the STIR by one trait each, at the field of the T1."""
    field = t1.magnetic_field_strength_t
    proton, late = (PD_FAT_SAT_3T, T2_FAT_SAT_3T) if field > 2.25 else (PD_FAT_SAT_1_5T, T2_FAT_SAT_1_5T)
    turn_ms = 1000.0 / abs(fat_offset_hz(field))
    gre = replace(GRE_IN_PHASE_1_5T, magnetic_field_strength_t=field)
    return (
        ("IN_PHASE", replace(gre, echo_time_ms=turn_ms)),
        ("OPPOSED_PHASE", replace(gre, echo_time_ms=0.5 * turn_ms)),
        ("PD_FS", replace(proton, magnetic_field_strength_t=field)),
        ("T2_FS", replace(late, magnetic_field_strength_t=field)),
        ("T1_POST", replace(t1, contrast_concentration_mmol_l=_CONTRAST_MMOL_L)),
    )


def _write_lookalikes(study: SimulatedStudy, folder: Path, t1: SeriesHeader, *, seed: int) -> None:
    for number, (name, sequence) in enumerate(_lookalikes(study.t1_physics.sequence), start=5):
        physics = replace(study.t1_physics, sequence=sequence)
        image = acquire(
            study.truth.maps.species_fractions,
            study.t1_geometry,
            series=physics,
            rng=_chance(number, seed=seed, slices=study.t1_geometry.shape[0]),
            workers=2,
        )
        header = replace(
            t1,
            series_number=number,
            sequence=sequence,
            kind=_kind(sequence),
            fat_suppression=FatSuppression.SPECTRAL if sequence.fat_suppression_residual < 1.0 else FatSuppression.NONE,
            contrast_agent=_AGENT if sequence.contrast_concentration_mmol_l > 0.0 else "",
        )
        write_series(image.signal, study.t1_geometry, header=header, folder=folder / name)
    _write_fat_fraction(study, folder, t1)


def _chance(number: int, *, seed: int, slices: int) -> np.random.Generator:
    """Chance of one companion: both echoes of a gradient echo share the coil, and each has noise of its own."""
    second_echo = number == _SECOND_ECHO
    rng = np.random.default_rng([seed, 20 + number - second_echo])
    if second_echo:
        rng.spawn(slices)
    return rng


def _write_fat_fraction(study: SimulatedStudy, folder: Path, t1: SeriesHeader) -> None:
    """Write the true fat fraction, in tenths of a percent as maps of scanners are stored."""
    sequence = _lookalikes(study.t1_physics.sequence)[0][1]
    percent = proton_density_fat_percent(
        study.truth.maps.species_fractions, magnetic_field_strength_t=sequence.magnetic_field_strength_t
    )
    header = replace(t1, series_number=_FAT_FRACTION_NUMBER, sequence=sequence, kind=SeriesKind.FAT_FRACTION)
    write_series(10.0 * percent, study.t1_geometry, header=header, folder=folder / "FAT_FRACTION")
