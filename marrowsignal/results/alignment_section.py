"""Section of ``result.json`` that holds the registration: transform, measures, verdict."""

from __future__ import annotations

from marrowsignal.alignment.records import NO_STIR, AlignedPair, AlignmentQuality, PieceMotion
from marrowsignal.results import acquired_models as form
from marrowsignal.results.document_base import ValueDocument, matrix_rows
from marrowsignal.results.measured_sections import value_section

__all__ = ["alignment_section"]


def alignment_section(pair: AlignedPair) -> form.AlignmentDocument:
    """Return the measures of registration; nothing but the reason without a STIR series."""
    quality, matrix = pair.quality, pair.t1_to_stir_lps
    if quality is None or matrix is None:
        return _not_aligned(NO_STIR)
    overlap, forward_backward, jackknife, edge_distance, local_residual = _court(quality)
    error = value_section(quality.estimated_error_mm, "mm", quality.reason)
    return form.AlignmentDocument(
        t1_to_stir_lps=matrix_rows(matrix),
        verdict=quality.verdict.value,
        reason=quality.reason,
        allows_lesions=quality.allows_lesions,
        allows_regions=quality.allows_regions,
        estimated_error_mm=error.value,
        estimated_error_status=error.status,
        estimated_error_reason=error.reason,
        error_source=quality.error_source,
        overlap_fraction=overlap.value,
        overlap_status=overlap.status,
        overlap_reason=overlap.reason,
        forward_backward_mm=forward_backward.value,
        forward_backward_status=forward_backward.status,
        forward_backward_reason=forward_backward.reason,
        jackknife_mm=jackknife.value,
        jackknife_status=jackknife.status,
        jackknife_reason=jackknife.reason,
        edge_distance_mm=edge_distance.value,
        edge_distance_status=edge_distance.status,
        edge_distance_reason=edge_distance.reason,
        local_residual_mm=local_residual.value,
        local_residual_status=local_residual.status,
        local_residual_reason=local_residual.reason,
        displacement_mm=quality.displacement_mm,
        rotation_deg=quality.rotation_deg,
        mutual_information_before=quality.mutual_information_before,
        mutual_information_after=quality.mutual_information_after,
        interpolator=quality.interpolator,
        pieces=tuple(_piece(piece) for piece in pair.pieces),
        same_frame_of_reference=quality.same_frame_of_reference,
        acquired_grid_same_shape=quality.grid_difference.same_shape,
        acquired_grid_max_corner_mm=quality.grid_difference.max_corner_mm,
        acquired_grid_spacing_fraction=quality.grid_difference.spacing_fraction,
        covered_fraction=float(pair.covered_mask.mean()),
    )


def _court(quality: AlignmentQuality) -> tuple[ValueDocument, ...]:
    measures = (
        (quality.overlap_fraction, "fraction", "there is no tissue"),
        (quality.forward_backward_mm, "mm", "no way back from STIR to T1 was found"),
        (quality.jackknife_mm, "mm", "too little tissue is seen in both series to leave slices out"),
        (quality.edge_distance_mm, "mm", "too few edges of bone are seen in both series"),
        (quality.local_residual_mm, "mm", "too little tissue is seen in both series to compare its parts"),
    )
    return tuple(value_section(value, unit, reason) for value, unit, reason in measures)


def _piece(piece: PieceMotion) -> form.PieceDocument:
    return form.PieceDocument(
        centre_lps_mm=piece.centre_lps_mm,
        t1_to_stir_lps=matrix_rows(piece.t1_to_stir_lps),
        beyond_rigid_mm=piece.beyond_rigid_mm,
        voxels=piece.voxels,
        reach_mm=piece.reach_mm,
    )


def _not_aligned(reason: str) -> form.AlignmentDocument:
    return form.AlignmentDocument(
        t1_to_stir_lps=None,
        verdict="not_evaluable",
        reason=reason,
        allows_lesions=None,
        allows_regions=None,
        estimated_error_mm=None,
        estimated_error_status="not_evaluable",
        estimated_error_reason=reason,
        error_source=None,
        overlap_fraction=None,
        overlap_status="not_evaluable",
        overlap_reason=reason,
        forward_backward_mm=None,
        forward_backward_status="not_evaluable",
        forward_backward_reason=reason,
        jackknife_mm=None,
        jackknife_status="not_evaluable",
        jackknife_reason=reason,
        edge_distance_mm=None,
        edge_distance_status="not_evaluable",
        edge_distance_reason=reason,
        local_residual_mm=None,
        local_residual_status="not_evaluable",
        local_residual_reason=reason,
        displacement_mm=None,
        rotation_deg=None,
        mutual_information_before=None,
        mutual_information_after=None,
        interpolator=None,
        pieces=None,
        same_frame_of_reference=None,
        acquired_grid_same_shape=None,
        acquired_grid_max_corner_mm=None,
        acquired_grid_spacing_fraction=None,
        covered_fraction=None,
    )
