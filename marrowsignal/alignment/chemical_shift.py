"""Chemical-shift series onto the T1 grid: in and opposed phase, fat-fraction map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.engine import prepare, register
from marrowsignal.alignment.records import AlignedPair, AlignmentVerdict, ChemicalShift
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.dicom import read_volume
from marrowsignal.dicom.chemical_shift import ChemicalShiftSeries
from marrowsignal.dicom.records import Series
from marrowsignal.errors import DicomError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.thinned import every_nth
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["align_chemical_shift", "read_chemical_shift"]

_STAGE = "read_chemical_shift"
_POINT_STRIDE = 499
_GRID_TOLERANCE_MM = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """Where the series lie against T1."""

    matrix: NDArray[np.float64]
    verdict: AlignmentVerdict | None = None
    findings: tuple[Finding, ...] = ()


def read_chemical_shift(
    series: ChemicalShiftSeries, pair: AlignedPair, *, settings: AlignmentSettings
) -> ChemicalShift | None:
    """Read the chemical-shift series of a study and bring them onto the T1 grid.

    Parameters
    ----------
    series : ChemicalShiftSeries
        What `find_chemical_shift` found.
    pair : AlignedPair
        Whose T1 grid is wanted.
    settings : AlignmentSettings
        Cuts of the registration.

    Returns
    -------
    ChemicalShift or None
        None where no pixels can be read: they are a bonus, and a study is never lost to them.
    """
    try:
        fraction = None if series.fat_fraction is None else read_volume(_in_percent_units(series.fat_fraction))
        phases = (
            None
            if series.in_phase is None or series.opposed_phase is None
            else (read_volume(series.in_phase), read_volume(series.opposed_phase))
        )
    except DicomError:
        return None
    found = align_chemical_shift(pair, fat_fraction=fraction, phases=phases, settings=settings)
    return replace(found, findings=(*series.findings, *found.findings))


def align_chemical_shift(
    pair: AlignedPair,
    *,
    fat_fraction: SignalVolume | None,
    phases: tuple[SignalVolume, SignalVolume] | None,
    settings: AlignmentSettings,
) -> ChemicalShift:
    """Bring chemical-shift images onto the T1 grid, interpolated once.

    Parameters
    ----------
    pair : AlignedPair
        Whose T1 grid is wanted.
    fat_fraction : SignalVolume or None
        Fat-fraction map.
    phases : tuple of SignalVolume or None
        In phase, opposed phase; one grid.
    settings : AlignmentSettings
        Cuts of the registration.

    Returns
    -------
    ChemicalShift
        In phase is registered to T1, there and back, and the others go with it; a map alone lies where its header says,
        with a finding.
    """
    place = _as_the_headers_say() if phases is None else _registered(pair, phases[0], settings)
    grid = pair.t1.geometry
    covered = np.ones(grid.shape, bool)
    placed: list[NDArray[np.float32] | None] = []
    for volume in (fat_fraction, *(phases or (None, None))):
        if volume is None:
            placed.append(None)
            continue
        if np.array_equal(place.matrix, np.eye(4)) and grid.difference(volume.geometry).within(_GRID_TOLERANCE_MM):
            placed.append(volume.array)
            continue
        array, inside = resample_onto(volume, grid, place.matrix)
        placed.append(array)
        covered &= inside
    return ChemicalShift(
        fat_fraction=placed[0],
        in_phase=placed[1],
        opposed_phase=placed[2],
        covered_mask=covered,
        t1_to_chemical_shift_lps=place.matrix,
        verdict=place.verdict,
        findings=place.findings,
    )


def _as_the_headers_say() -> _Place:
    text = "Nothing tells where the fat-fraction map lies against T1 but the headers: motion between them is not seen."
    finding = Finding(code="fat_fraction_unregistered", stage=_STAGE, severity=Severity.WARN, message=text)
    return _Place(matrix=np.eye(4), findings=(finding,))


def _registered(pair: AlignedPair, in_phase: SignalVolume, settings: AlignmentSettings) -> _Place:
    """Register in phase to T1, there and back, without the court that lesions on STIR need."""
    t1, there = prepare(pair.t1), prepare(in_phase)
    body = body_mask(in_phase.array, spacing_mm=in_phase.geometry.spacing_mm)
    points = pair.t1.geometry.to_patient(every_nth(pair.body_mask, _POINT_STRIDE))
    try:
        matrix = register(t1, there, mask=pair.body_mask, initial=np.eye(4))
        back = register(there, t1, mask=body, initial=np.eye(4))
    except RuntimeError as none:
        return _lost(str(none))
    moved_mm = float(np.median(displacements_mm(matrix, np.eye(4), points)))
    if moved_mm > settings.max_displacement.value:
        return _lost(f"the registration asked for {moved_mm:.0f} mm")
    missed = displacements_mm(back @ matrix, np.eye(4), points)
    error_mm = float(np.sqrt(np.mean(missed**2)))
    if moved_mm <= settings.keep_grid_below.value * max(pair.t1.geometry.spacing_mm[1:]):
        matrix = np.eye(4)
    verdict = _verdict(error_mm, settings)
    if verdict is AlignmentVerdict.FAIL:
        return _lost(f"there and back misses by {error_mm:.1f} mm")
    return _Place(matrix=matrix, verdict=verdict)


def _verdict(error_mm: float, settings: AlignmentSettings) -> AlignmentVerdict:
    cuts = (
        (settings.pass_error.value, AlignmentVerdict.PASS),
        (settings.warn_error.value, AlignmentVerdict.WARN),
        (settings.region_only_error.value, AlignmentVerdict.REGION_ONLY),
    )
    return next((verdict for cut, verdict in cuts if error_mm <= cut), AlignmentVerdict.FAIL)


def _lost(why: str) -> _Place:
    text = f"In phase could not be registered to T1, so chemical shift is not measured: {why}."
    finding = Finding(code="chemical_shift_alignment_fail", stage=_STAGE, severity=Severity.WARN, message=text)
    return _Place(matrix=np.eye(4), verdict=AlignmentVerdict.FAIL, findings=(finding,))


def _in_percent_units(series: Series) -> Series:
    """Leave Philips' own scale slope out: the values of a map are those displayed, not the floating-point signal."""
    sources = tuple(replace(one, layout=replace(one.layout, scale_slope=None)) for one in series.sources)
    return replace(series, sources=sources)
