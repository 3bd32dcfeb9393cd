"""STIR onto the T1 grid: registered, resampled once, judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.court import Judgement, Overlay, judge
from marrowsignal.alignment.engine import Prepared, information, prepare, register
from marrowsignal.alignment.lone_t1 import t1_alone
from marrowsignal.alignment.pieces import moved_on_their_own
from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, AlignmentVerdict, PieceMotion
from marrowsignal.alignment.resample import INTERPOLATOR, resample_onto, unfilled_onto
from marrowsignal.alignment.rigid import displacements_mm, rotation_deg
from marrowsignal.alignment.water import settled_on_water
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.distance import near_to
from marrowsignal.geometry.thinned import every_nth
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings, BiasSettings
from marrowsignal.shading import shading_fields

__all__ = ["align_pair"]

_STAGE = "align_pair"
_GRID_TOLERANCE_MM = 0.05
_POINT_STRIDE = 4999


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """Two series, made ready, and where their match counts."""

    t1: SignalVolume
    stir: SignalVolume
    matched: tuple[SignalVolume, SignalVolume]
    prepared: tuple[Prepared, Prepared]
    body: NDArray[np.bool_]
    where: NDArray[np.bool_]
    settings: AlignmentSettings

    @property
    def same_grid(self) -> bool:
        """Whether STIR could stay as it is."""
        return self.t1.geometry.difference(self.stir.geometry).within(_GRID_TOLERANCE_MM)

    def median_displacement_mm(self, matrix: NDArray[np.float64]) -> float:
        """How far a transform moves what counts."""
        points = self.t1.geometry.to_patient(every_nth(self.where, _POINT_STRIDE))
        return float(np.median(displacements_mm(matrix, np.eye(4), points))) if len(points) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """What a registration asks for, or why it was discarded."""

    matrix: NDArray[np.float64]
    pieces: tuple[PieceMotion, ...] = ()
    discarded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Placed:
    """STIR on the T1 grid."""

    matrix: NDArray[np.float64]
    pieces: tuple[PieceMotion, ...]
    array: NDArray[np.float32]
    covered: NDArray[np.bool_]
    interpolator: str


def align_pair(
    t1: SignalVolume,
    stir: SignalVolume | None,
    *,
    same_frame_of_reference: bool,
    settings: AlignmentSettings,
    focus: LabelVolume | None = None,
    shading: BiasSettings | None = None,
) -> AlignedPair:
    """Bring STIR onto the T1 grid.

    Parameters
    ----------
    t1 : SignalVolume
        As read.
    stir : SignalVolume or None
        As read; without it the pair is `t1_alone`.
    same_frame_of_reference : bool
        Whether the headers claim one patient space; told in the result, never trusted.
    settings : AlignmentSettings
        Cuts of the protocol.
    focus : LabelVolume, optional
        Marrow on the T1 grid when it is known: the match is made and judged around it, since belly and skin move on
        their own.
    shading : BiasSettings, optional
        How shading is modelled; with it each series is levelled by itself before they are matched, which steep coils
        need. The pair holds the signals as acquired all the same.

    Returns
    -------
    AlignedPair
        STIR is interpolated once at most, and not at all where the grids agree and the images lie within
        `keep_grid_below` of each other as they are.
    """
    if stir is None:
        return t1_alone(t1)
    body = body_mask(t1.array, spacing_mm=t1.geometry.spacing_mm)
    where = (
        body
        if focus is None
        else near_to(focus.mask, spacing_mm=t1.geometry.spacing_mm, reach_mm=settings.focus_margin.value)
    )
    task = _task(t1, stir, body, where, settings=settings, shading=shading)
    found = _found(task)
    placed = _place(task, found.matrix, found.pieces)
    overlap = float(np.mean(placed.covered[body])) if body.any() else 0.0
    overlay = Overlay(
        t1=t1,
        moved=placed.array,
        covered=placed.covered,
        where=where,
        matrix=placed.matrix,
        prepared=task.prepared,
        pieces=placed.pieces,
    )
    judgement = judge(overlay, overlap_fraction=overlap, settings=settings)
    evidence = judgement.evidence
    moved_mm = task.median_displacement_mm(placed.matrix)
    quality = AlignmentQuality(
        grid_difference=t1.geometry.difference(stir.geometry),
        same_frame_of_reference=same_frame_of_reference,
        mutual_information_before=information(*task.prepared, mask=where, matrix=np.eye(4)),
        mutual_information_after=information(*task.prepared, mask=where, matrix=placed.matrix),
        displacement_mm=moved_mm,
        rotation_deg=rotation_deg(placed.matrix),
        overlap_fraction=overlap,
        forward_backward_mm=None if evidence is None else evidence.forward_backward_mm,
        jackknife_mm=None if evidence is None else evidence.jackknife_mm,
        edge_distance_mm=None if evidence is None else evidence.edge_mm,
        local_residual_mm=None if evidence is None else evidence.local_mm,
        estimated_error_mm=judgement.estimated_error_mm,
        error_source=judgement.error_source,
        interpolator=placed.interpolator,
        verdict=judgement.verdict,
        reason=_reason(judgement, found.discarded, moved_mm, overlap),
    )
    return AlignedPair(
        t1=t1,
        stir=SignalVolume(array=placed.array, geometry=t1.geometry, acquisition=stir.acquisition),
        covered_mask=placed.covered,
        body_mask=body,
        t1_to_stir_lps=placed.matrix,
        quality=quality,
        pieces=placed.pieces,
        findings=_findings(quality, settings),
    )


def _task(
    t1: SignalVolume,
    stir: SignalVolume,
    body: NDArray[np.bool_],
    where: NDArray[np.bool_],
    *,
    settings: AlignmentSettings,
    shading: BiasSettings | None,
) -> _Task:
    matched = (_levelled(t1, shading, body), _levelled(stir, shading))
    return _Task(
        t1=t1,
        stir=stir,
        matched=matched,
        prepared=(prepare(matched[0]), prepare(matched[1])),
        body=body,
        where=where,
        settings=settings,
    )


def _levelled(
    volume: SignalVolume, shading: BiasSettings | None, body: NDArray[np.bool_] | None = None
) -> SignalVolume:
    """Divide a series by its own shading, as far as it can be told without the other."""
    if shading is None or not np.ptp(volume.array):
        return volume
    spacing_mm = volume.geometry.spacing_mm
    body = body_mask(volume.array, spacing_mm=spacing_mm) if body is None else body
    (field,) = shading_fields((volume.array,), (body,), body, spacing_mm=spacing_mm, settings=shading)
    return replace(volume, array=volume.array / field)


def _found(task: _Task) -> _Found:
    """Rigid transform and pieces that do not follow it; as the headers say where the images ask for nothing else."""
    t1, stir = task.prepared
    try:
        rigid = register(t1, stir, mask=task.where, initial=np.eye(4))
        matrix = settled_on_water(*task.matched, mask=task.where, matrix=rigid, settings=task.settings)
    except RuntimeError as none:
        return _Found(matrix=np.eye(4), discarded=str(none))
    moved_mm = task.median_displacement_mm(matrix)
    most = task.settings.max_displacement.value
    if moved_mm > most:
        why = f"the registration was discarded: it asked for {moved_mm:.0f} mm, more than {most:g} mm"
        return _Found(matrix=np.eye(4), discarded=why)
    pieces = moved_on_their_own(t1, stir, mask=task.where, rigid=rigid, settled=matrix, settings=task.settings)
    pixel_mm = max(task.t1.geometry.spacing_mm[1:])
    near = task.same_grid and moved_mm <= task.settings.keep_grid_below.value * pixel_mm
    return _Found(matrix=np.eye(4)) if near and not pieces else _Found(matrix=matrix, pieces=pieces)


def _place(task: _Task, matrix: NDArray[np.float64], pieces: tuple[PieceMotion, ...]) -> _Placed:
    t1, stir = task.t1, task.stir
    as_it_is = task.same_grid and np.array_equal(matrix, np.eye(4)) and not pieces
    if as_it_is:
        array, covered = np.maximum(stir.array, 0), np.ones(stir.array.shape, bool)
    else:
        array, covered = resample_onto(stir, t1.geometry, matrix, pieces=pieces)
    covered &= ~unfilled_onto(stir, t1, task.body, matrix, pieces=pieces)
    return _Placed(
        matrix=matrix,
        pieces=pieces,
        array=array,
        covered=covered,
        interpolator="none" if as_it_is else INTERPOLATOR,
    )


def _reason(judgement: Judgement, discarded: str, moved_mm: float, overlap: float) -> str:
    moved = (
        f"STIR was moved by {moved_mm:.1f} mm (median)" if moved_mm > 0 else "STIR was left where the scanner put it"
    )
    if discarded:
        moved = f"{moved} ({discarded})"
    return f"{moved}; {judgement.reason}; it covers {overlap:.0%} of the tissue"


def _findings(quality: AlignmentQuality, settings: AlignmentSettings) -> tuple[Finding, ...]:
    found = []
    if quality.verdict is not AlignmentVerdict.PASS:
        failed = quality.verdict is AlignmentVerdict.FAIL
        found.append(
            Finding(
                code=f"alignment_{quality.verdict}",
                stage=_STAGE,
                severity=Severity.FAIL if failed else Severity.WARN,
                message=f"Registration: {quality.reason}.",
            )
        )
    if not quality.same_frame_of_reference:
        found.append(
            Finding(
                code="frame_of_reference_differs",
                stage=_STAGE,
                severity=Severity.INFO,
                message="The headers do not claim one frame of reference for T1 and STIR; the images decided.",
            )
        )
    overlap = quality.overlap_fraction or 0.0
    if settings.min_overlap.value <= overlap < settings.full_overlap.value:
        found.append(
            Finding(
                code="stir_covers_part",
                stage=_STAGE,
                severity=Severity.WARN,
                message=f"STIR covers {overlap:.0%} of the T1 series' tissue; the rest is not measured.",
            )
        )
    return tuple(found)
