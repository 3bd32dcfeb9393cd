"""Sections of ``result.json`` that hold how the study was acquired, aligned and corrected."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import NO_STIR, AlignedPair
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.intensity.records import References
from marrowsignal.regions.records import Midline
from marrowsignal.results import document_models as form
from marrowsignal.results.measured_sections import finite, value_section
from marrowsignal.results.provenance import Provenance

__all__ = [
    "alignment_section",
    "bias_section",
    "grid_section",
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
    error = finite(quality.estimated_error_mm)
    return form.AlignmentDocument(
        t1_to_stir_lps=_rows(matrix),
        verdict=quality.verdict.value,
        reason=quality.reason,
        estimated_error_mm=error,
        estimated_error_status="not_evaluable" if error is None else "measured",
        estimated_error_reason=quality.reason if error is None else "",
        displacement_mm=quality.displacement_mm,
        rotation_deg=quality.rotation_deg,
        mutual_information_before=quality.mutual_information_before,
        mutual_information_after=quality.mutual_information_after,
        same_frame_of_reference=quality.same_frame_of_reference,
        acquired_grid_same_shape=quality.grid_difference.same_shape,
        acquired_grid_max_corner_mm=quality.grid_difference.max_corner_mm,
        acquired_grid_spacing_fraction=quality.grid_difference.spacing_fraction,
        covered_fraction=float(pair.covered_mask.mean()),
    )


def _not_aligned(reason: str) -> form.AlignmentDocument:
    return form.AlignmentDocument(
        t1_to_stir_lps=None,
        verdict="not_evaluable",
        reason=reason,
        estimated_error_mm=None,
        estimated_error_status="not_evaluable",
        estimated_error_reason=reason,
        displacement_mm=None,
        rotation_deg=None,
        mutual_information_before=None,
        mutual_information_after=None,
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


def _rows(matrix: NDArray[np.float64]) -> form.Matrix:
    a, b, c, d = (tuple(float(x) for x in row) for row in np.asarray(matrix, float))
    return a, b, c, d  # type: ignore[return-value]
