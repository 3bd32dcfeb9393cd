"""Sections of ``result.json`` that hold how the study was acquired, aligned and corrected."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import NO_STIR, AlignedPair, AlignmentQuality, PieceMotion
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.intensity.records import References
from marrowsignal.regions.records import Midline
from marrowsignal.results import acquired_models as form
from marrowsignal.results.document_base import Matrix, ValueDocument
from marrowsignal.results.measured_sections import finite, value_section
from marrowsignal.results.provenance import Provenance

__all__ = [
    "alignment_section",
    "bias_section",
    "grid_section",
    "metal_section",
    "midline_section",
    "provenance_section",
    "series_section",
]

_FIELD_PERCENTILES = (1, 99)


def series_section(chosen: SeriesPair) -> form.SeriesChoiceDocument:
    """Return the pair that was measured and every series that was not."""
    stir = chosen.stir
    return form.SeriesChoiceDocument(
        label=chosen.label,
        reasons=chosen.reasons,
        same_frame_of_reference=None if stir is None else chosen.same_frame_of_reference,
        t1=_series(chosen.t1),
        stir=None if stir is None else _series(stir),
        rejected=tuple(_series(series) for series in chosen.rejected),
    )


def _series(series: Series) -> form.SeriesDocument:
    return form.SeriesDocument(
        series_number=series.series_number,
        description=series.description,
        identity=series.identity.value,
        identity_score=float(series.identity_score),
        usable=series.usable,
        reasons=series.reasons,
        orientation=series.orientation,
        rows=series.rows,
        columns=series.columns,
        slices=series.slices,
        spacing_mm=series.spacing_mm,
        transfer_syntax=series.transfer_syntax,
        acquisition=form.AcquisitionDocument(**asdict(series.acquisition)),
    )


def grid_section(pair: AlignedPair) -> form.GridDocument:
    """Return the T1 grid."""
    geometry = pair.t1.geometry
    return form.GridDocument(
        shape=geometry.shape, spacing_mm=geometry.spacing_mm, index_to_lps=_rows(geometry.affine_lps)
    )


def alignment_section(pair: AlignedPair) -> form.AlignmentDocument:
    """Return the measures of registration; nothing but the reason without a STIR series."""
    quality, matrix = pair.quality, pair.t1_to_stir_lps
    if quality is None or matrix is None:
        return _not_aligned(NO_STIR)
    overlap, forward_backward, jackknife, edge_distance, local_residual = _court(quality)
    error = value_section(quality.estimated_error_mm, "mm", quality.reason)
    return form.AlignmentDocument(
        t1_to_stir_lps=_rows(matrix),
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
        (quality.forward_backward_mm, "mm", "no registration from the other side was made"),
        (quality.jackknife_mm, "mm", "no registration with slices left out was made"),
        (quality.edge_distance_mm, "mm", "too few edges of bone are seen in both series"),
        (quality.local_residual_mm, "mm", "no part of the tissue could be matched by itself"),
    )
    return tuple(value_section(value, unit, reason) for value, unit, reason in measures)


def _piece(piece: PieceMotion) -> form.PieceDocument:
    return form.PieceDocument(
        centre_lps_mm=piece.centre_lps_mm,
        t1_to_stir_lps=_rows(piece.t1_to_stir_lps),
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


def bias_section(pair: AlignedPair, references: References) -> form.BiasDocument:
    """Return the shading removed and what remains."""
    bias = pair.bias
    body = pair.body_mask
    none = "no bias correction was made" if bias is None else "there is no body to measure it in"
    t1 = _field_range(bias.t1_field[body] if bias else None)
    stir = _field_range(bias.stir_field[body] if bias and bias.stir_field is not None else None)
    left = "muscle was not found in enough sectors"
    no_stir = NO_STIR if pair.stir is None else ""
    t1_left, stir_left = references.t1_residual_bias_fraction, references.stir_residual_bias_fraction
    return form.BiasDocument(
        corrected=bias is not None,
        t1_field_low=value_section(t1[0], "1", none),
        t1_field_high=value_section(t1[1], "1", none),
        stir_field_low=value_section(stir[0], "1", no_stir or none),
        stir_field_high=value_section(stir[1], "1", no_stir or none),
        t1_residual=value_section(t1_left, "fraction", left),
        stir_residual=value_section(stir_left, "fraction", no_stir or left),
    )


def _field_range(field: NDArray[np.float32] | None) -> tuple[float | None, float | None]:
    if field is None or field.size == 0:
        return None, None
    low, high = np.percentile(field.astype(np.float64), _FIELD_PERCENTILES)
    return float(low), float(high)


def metal_section(pair: AlignedPair) -> ValueDocument:
    """Return how much tissue is left out because metal is near."""
    mask = pair.metal_mask
    volume = None if mask is None else int(np.count_nonzero(mask)) * pair.t1.geometry.voxel_ml
    return value_section(volume, "ml", "metal was not looked for")


def midline_section(midline: Midline | None) -> form.MidlineDocument:
    """Return the mid-sagittal plane."""
    if midline is None:
        return form.MidlineDocument(
            status="not_evaluable",
            reason="the field of view shows no left and right",
            normal_lps=None,
            offset_mm=None,
            symmetry=None,
            source=None,
        )
    return form.MidlineDocument(
        status="measured",
        reason="",
        normal_lps=midline.normal_lps,
        offset_mm=midline.offset_mm,
        symmetry=finite(midline.symmetry),
        source=midline.source,
    )


def provenance_section(made: Provenance) -> form.ProvenanceDocument:
    """Return what made the result."""
    return form.ProvenanceDocument(
        tool="marrowsignal",
        version=made.version,
        python=made.python,
        libraries=tuple(form.LibraryDocument(name=name, version=number) for name, number in made.libraries),
        protocol_sha256=made.protocol_sha256,
        series_rules_sha256=made.series_rules_sha256,
        input_sha256=made.input_sha256,
        mask_sha256=made.mask_sha256,
    )


def _rows(matrix: NDArray[np.float64]) -> Matrix:
    a, b, c, d = (tuple(float(x) for x in row) for row in np.asarray(matrix, float))
    return a, b, c, d  # type: ignore[return-value]
