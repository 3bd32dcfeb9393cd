"""Registration and shading as printed facts."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, PieceMotion
from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import AlignmentSettings
from marrowsignal.report.views.court_view import CourtRow, court_rows
from marrowsignal.report.views.quality_view import Mark, mark
from marrowsignal.report.views.series_view import Fact
from marrowsignal.report.views.wording import VERDICT_WORDS, patient_point, with_unit

__all__ = ["AlignmentView", "alignment_facts", "alignment_view", "bias_facts"]


_TOLD_MM = 0.1  # less is no motion of its own that a reader could see


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentView:
    """What the page says of registration."""

    mark: Mark
    verdict: str
    reason: str
    grid: str
    court: tuple[CourtRow, ...]
    facts: tuple[Fact, ...]


def alignment_view(pair: AlignedPair, limits: AlignmentSettings) -> AlignmentView | None:
    """Put verdict, reason and measures of registration in words; None without a STIR series."""
    quality = pair.quality
    if quality is None:
        return None
    state, verdict = VERDICT_WORDS[quality.verdict]
    kept = quality.interpolator == "none"
    return AlignmentView(
        mark=mark(state),
        verdict=verdict,
        reason=quality.reason,
        grid="STIR was acquired on the T1 grid" if kept else "STIR is interpolated onto the T1 grid",
        court=court_rows(quality, limits),
        facts=alignment_facts(pair),
    )


def alignment_facts(pair: AlignedPair) -> tuple[Fact, ...]:
    """How STIR was moved, parts that moved on their own, and the grids; none without a STIR series."""
    quality = pair.quality
    if quality is None:
        return ()
    return (*_motion_facts(pair, quality), *_grid_facts(pair, quality))


def _motion_facts(pair: AlignedPair, quality: AlignmentQuality) -> tuple[Fact, ...]:
    if quality.interpolator == "none":
        samples = "STIR's own samples; nothing was interpolated"
    else:
        samples = f"interpolated once ({quality.interpolator}) from the acquired samples"
    return (
        Fact(
            name="STIR was moved by (median), turned by",
            value=f"{with_unit(quality.displacement_mm, 'mm')}, {with_unit(quality.rotation_deg, 'deg')}",
        ),
        *(_piece_fact(piece) for piece in pair.pieces if piece.beyond_rigid_mm >= _TOLD_MM),
        Fact(name="STIR on the T1 grid", value=samples),
    )


def _piece_fact(piece: PieceMotion) -> Fact:
    return Fact(
        name=f"A part about {patient_point(piece.centre_lps_mm)} mm moved on its own",
        value=f"{with_unit(piece.beyond_rigid_mm, 'mm')} (median) beyond the motion of the whole",
    )


def _grid_facts(pair: AlignedPair, quality: AlignmentQuality) -> tuple[Fact, ...]:
    grid = quality.grid_difference
    return (
        Fact(
            name="Acquired grids",
            value=f"{'same' if grid.same_shape else 'different'} matrix, corners up to "
            f"{with_unit(grid.max_corner_mm, 'mm')} apart",
        ),
        Fact(
            name="Frame of reference",
            value="the same" if quality.same_frame_of_reference else "different or not stated",
        ),
        Fact(name="T1 volume covered by STIR", value=with_unit(100 * float(pair.covered_mask.mean()), "percent")),
    )


def bias_facts(pair: AlignedPair, references: References) -> tuple[Fact, ...]:
    """Shading that remains after correction, as variation of muscle over the field of view."""
    if pair.bias is None:
        return (Fact(name="Bias correction", value="not made"),)
    return tuple(
        Fact(
            name=f"{name}: shading left in muscle",
            value=with_unit(
                None if left is None else 100 * left,
                "percent",
                missing="not measured: too little muscle over the field of view",
            ),
        )
        for name, left, volume in (
            ("T1", references.t1_residual_bias_fraction, pair.t1),
            ("STIR", references.stir_residual_bias_fraction, pair.stir),
        )
        if volume is not None
    )
