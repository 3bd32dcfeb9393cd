"""STIR onto the T1 grid: checked first, moved only when the images ask for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.lone_t1 import t1_alone
from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, AlignmentVerdict
from marrowsignal.alignment.residual import Residual, worst_residual
from marrowsignal.alignment.rigid import displacements_mm, register_rigid, resample_onto, rotation_deg
from marrowsignal.alignment.similarity import mutual_information
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.protocol.schema import AlignmentSettings

__all__ = ["align_pair"]

_STAGE = "align_pair"
_GRID_TOLERANCE_MM = 0.05
_SMOOTHING_MM = 1.0
_POINT_STRIDE = 4999


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Placed:
    """STIR on the T1 grid under one transform, and how well it lies there."""

    matrix: NDArray[np.float64]
    array: NDArray[np.float32]
    covered: NDArray[np.bool_]
    information: float
    residual: Residual
    halves_mm: float
    displacement_mm: float

    @property
    def error_mm(self) -> float | None:
        """Remaining shift and the disagreement of the halves in quadrature; None when unbounded."""
        if not all(self.residual.bounded):
            return None
        return float(np.hypot(self.residual.length_mm, self.halves_mm))


def align_pair(
    t1: SignalVolume,
    stir: SignalVolume | None,
    *,
    same_frame_of_reference: bool,
    settings: AlignmentSettings,
    focus: LabelVolume | None = None,
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
        Marrow on the T1 grid when it is known: the match is judged around it, since belly and skin move on
        their own.

    Returns
    -------
    AlignedPair
        STIR is interpolated once at most, and not at all where the grids agree and the images lie within
        `keep_grid_below` of each other as they are.
    """
    if stir is None:
        return t1_alone(t1)
    body = body_mask(t1.array, spacing_mm=t1.geometry.spacing_mm)
    where = body if focus is None else _around(focus.mask, t1.geometry.spacing_mm, settings.focus_margin.value)
    placed = before = _place(t1, stir, where, np.eye(4), halves_mm=0.0)
    if not _good_enough(before, settings) and (before.covered & where).any():
        placed = _better(before, _registered(t1, stir, where), settings)
    overlap = float(np.mean(placed.covered[body])) if body.any() else 0.0
    quality = AlignmentQuality(
        grid_difference=t1.geometry.difference(stir.geometry),
        same_frame_of_reference=same_frame_of_reference,
        mutual_information_before=before.information,
        mutual_information_after=placed.information,
        displacement_mm=placed.displacement_mm,
        rotation_deg=rotation_deg(placed.matrix),
        estimated_error_mm=placed.error_mm,
        verdict=_verdict(placed, overlap, settings),
        reason=_reason(placed, overlap),
    )
    return AlignedPair(
        t1=t1,
        stir=SignalVolume(array=placed.array, geometry=t1.geometry, acquisition=stir.acquisition),
        covered_mask=placed.covered,
        body_mask=body,
        t1_to_stir_lps=placed.matrix,
        quality=quality,
        findings=_findings(quality, overlap, settings),
    )


def _registered(t1: SignalVolume, stir: SignalVolume, where: NDArray[np.bool_]) -> _Placed | None:
    try:
        matrix = register_rigid(t1, stir, where)
        # Disjoint halves of the slices, registered apart: what they disagree on is the error of chance.
        odd = (np.arange(where.shape[0]) // 2 % 2 == 1)[:, None, None]
        halves = [register_rigid(t1, stir, where & part, initial=matrix) for part in (odd, ~odd)]
    except RuntimeError:
        return None
    points = t1.geometry.to_patient(np.argwhere(where)[::_POINT_STRIDE])
    halves_mm = float(np.median(displacements_mm(halves[0], halves[1], points))) / 2
    return _place(t1, stir, where, matrix, halves_mm=halves_mm)


def _place(
    t1: SignalVolume,
    stir: SignalVolume,
    where: NDArray[np.bool_],
    matrix: NDArray[np.float64],
    *,
    halves_mm: float,
) -> _Placed:
    same_grid = t1.geometry.difference(stir.geometry).within(_GRID_TOLERANCE_MM)
    if same_grid and np.array_equal(matrix, np.eye(4)):
        array, covered = np.asarray(stir.array), np.ones(stir.array.shape, bool)
    else:
        array, covered = resample_onto(stir, t1.geometry, matrix)
    spacing = t1.geometry.spacing_mm
    sigma = [_SMOOTHING_MM / s if s < 2 * _SMOOTHING_MM else 0.0 for s in spacing]
    fixed, moving = (ndimage.gaussian_filter(a, sigma) for a in (t1.array, array))
    seen = where & covered
    points = t1.geometry.to_patient(np.argwhere(where)[::_POINT_STRIDE])
    moved = displacements_mm(matrix, np.eye(4), points)
    return _Placed(
        matrix=matrix,
        array=array,
        covered=covered,
        information=mutual_information(fixed[seen], moving[seen]) if seen.any() else 0.0,
        residual=worst_residual(fixed, moving, seen, spacing_mm=spacing),
        halves_mm=halves_mm,
        displacement_mm=float(np.median(moved)) if len(moved) else 0.0,
    )


def _good_enough(placed: _Placed, settings: AlignmentSettings) -> bool:
    near = placed.residual.length_mm <= settings.keep_grid_below.value
    return near and all(placed.residual.bounded)


def _better(before: _Placed, after: _Placed | None, settings: AlignmentSettings) -> _Placed:
    if after is None or after.information <= before.information:
        return before
    return after if after.displacement_mm <= settings.max_displacement.value else before


def _verdict(placed: _Placed, overlap: float, settings: AlignmentSettings) -> AlignmentVerdict:
    seen_enough = overlap >= settings.min_overlap.value
    if not seen_enough or placed.information < settings.min_mutual_information.value:
        return AlignmentVerdict.FAIL
    if placed.error_mm is None:
        return AlignmentVerdict.REGION_ONLY
    for verdict, cut in (
        (AlignmentVerdict.PASS, settings.pass_error),
        (AlignmentVerdict.WARN, settings.warn_error),
        (AlignmentVerdict.REGION_ONLY, settings.region_only_error),
    ):
        if placed.error_mm <= cut.value:
            return verdict
    return AlignmentVerdict.FAIL


def _reason(placed: _Placed, overlap: float) -> str:
    moved = (
        f"STIR was moved by {placed.displacement_mm:.1f} mm (median)"
        if placed.displacement_mm > 0
        else "STIR was left where the scanner put it"
    )
    error = (
        "the remaining shift could not be bounded"
        if placed.error_mm is None
        else f"the remaining shift is estimated at {placed.error_mm:.1f} mm"
    )
    return f"{moved}; {error}; mutual information {placed.information:.2f} nats over {overlap:.0%} of the tissue"


def _findings(quality: AlignmentQuality, overlap: float, settings: AlignmentSettings) -> tuple[Finding, ...]:
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


def _around(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float], margin_mm: float) -> NDArray[np.bool_]:
    distance = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    return np.asarray(distance <= margin_mm)
