"""Sections of ``result.json`` that hold how the study was acquired and corrected."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.intensity.records import References
from marrowsignal.regions.records import Midline
from marrowsignal.results import acquired_models as form
from marrowsignal.results.document_base import ValueDocument, matrix_rows
from marrowsignal.results.measured_sections import finite, value_section
from marrowsignal.results.provenance import Provenance
from marrowsignal.signals.statistics.quantiles import percentile

__all__ = [
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
        shape=geometry.shape, spacing_mm=geometry.spacing_mm, index_to_lps=matrix_rows(geometry.affine_lps)
    )


def bias_section(pair: AlignedPair, references: References) -> form.BiasDocument:
    """Return the shading removed and what remains."""
    bias = pair.bias
    body = pair.body_mask
    none = "no bias correction was made" if bias is None else "there is no body to measure it in"
    t1 = _field_range(bias.t1_field[body] if bias else None)
    stir = _field_range(bias.stir_field[body] if bias and bias.stir_field is not None else None)
    left = "muscle was not found in enough sectors"
    no_stir = pair.no_stir
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
    values = field.astype(np.float64)
    low, high = (percentile(values, percent) for percent in _FIELD_PERCENTILES)
    return low, high


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
