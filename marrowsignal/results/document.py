"""From a `StudyResult` to ``result.json``.

The document holds no array, no path and no patient module. Its bytes are the same for the same input, protocol
and version, but for the one section ``run``.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.dicom.records import Series
from marrowsignal.intensity.records import References, ReferenceTissue
from marrowsignal.patterns.records import Criterion, PatternCall
from marrowsignal.regions.records import Midline
from marrowsignal.results import document_models as form
from marrowsignal.results.document_models import SCHEMA_VERSION, ResultDocument
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, Measurement, RegionSignals

__all__ = ["SCHEMA_VERSION", "ResultDocument", "result_json_schema", "to_document", "to_json"]

NOTICE = "Research use only. Patterns are '-like', never a diagnosis."
_FIELD_PERCENTILES = (1, 99)


def to_document(result: StudyResult) -> ResultDocument:
    """Build the document of one study.

    Parameters
    ----------
    result : StudyResult
        What `analyze_study` returned.

    Returns
    -------
    ResultDocument
        Frozen and validated.
    """
    volumes = {region.label: region for region in result.regions.regions}
    return ResultDocument(
        schema_version=SCHEMA_VERSION,
        notice=NOTICE,
        case=result.case,
        pattern=_pattern(result.call),
        protocol=form.ProtocolDocument(
            name=result.protocol.name,
            version=result.protocol.version,
            title=result.protocol.title,
            sha256=result.provenance.protocol_sha256,
        ),
        series=_series_choice(result),
        grid=_grid(result.pair),
        alignment=_alignment(result.pair),
        bias=_bias(result.pair, result.references),
        marrow=_marrow(result),
        midline=_midline(result.regions.midline),
        joint=form.JointDocument(
            known=result.regions.joint_mask is not None, source=result.regions.joint_source
        ),
        references=form.ReferencesDocument(
            tissues=tuple(_reference(tissue) for tissue in result.references.all_tissues()),
            noise_t1=result.references.noise_t1,
            noise_stir=result.references.noise_stir,
        ),
        whole=_region(result.signals.whole, code=None, volume_ml=_marrow_ml(result)),
        regions=tuple(
            _region(
                region,
                code=volumes[region.region_label].code if region.region_label in volumes else None,
                volume_ml=volumes[region.region_label].volume_ml if region.region_label in volumes else None,
            )
            for region in result.signals.regions
        ),
        lesions=tuple(_lesion(lesion) for lesion in result.signals.lesions),
        symmetry=tuple(
            form.SymmetryDocument(
                key=pair.key,
                name=pair.name,
                measurements=tuple(_measurement(item) for item in pair.measurements),
            )
            for pair in result.signals.symmetry
        ),
        findings=tuple(
            form.FindingDocument(
                code=finding.code,
                stage=finding.stage,
                severity=finding.severity.value,
                message=finding.message,
            )
            for finding in result.findings
        ),
        limits=result.protocol.limits,
        provenance=_provenance(result),
        run=form.RunDocument(
            finished_at=result.provenance.finished_at,
            step_times=tuple(
                form.StepDocument(step=time.step, seconds=time.seconds)
                for time in result.provenance.step_times
            ),
        ),
    )


def to_json(document: ResultDocument) -> str:
    """Return the document as JSON: fields in their declared order, floats in full, no NaN.

    Parameters
    ----------
    document : ResultDocument
        What `to_document` returned.
    """
    data = document.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def result_json_schema() -> str:
    """Return the JSON Schema of ``result.json``; the published file is this text."""
    schema = ResultDocument.model_json_schema(by_alias=True, mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"marrowsignal result.json, schema_version {SCHEMA_VERSION}"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _value(value: float | None, unit: str, reason: str) -> form.ValueDocument:
    number = _finite(value)
    return form.ValueDocument(
        value=number,
        unit=unit,
        status="not_evaluable" if number is None else "measured",
        reason=reason if number is None else "",
    )


def _measurement(item: Measurement) -> form.MeasurementDocument:
    # A non-finite number is a number that was not measured, whatever its status says.
    value = _finite(item.value)
    lost = value is None and item.status.value != "not_evaluable"
    return form.MeasurementDocument(
        id=item.id,
        name=item.name,
        value=value,
        ci_low=_finite(item.ci_low) if value is not None else None,
        ci_high=_finite(item.ci_high) if value is not None else None,
        unit=item.unit,
        status="not_evaluable" if lost else item.status.value,
        reason=item.reason or ("the value is not a finite number" if lost else ""),
    )


def _rows(matrix: NDArray[np.float64]) -> form.Matrix:
    a, b, c, d = (tuple(float(x) for x in row) for row in np.asarray(matrix, float))
    return a, b, c, d  # type: ignore[return-value]


def _grid(pair: AlignedPair) -> form.GridDocument:
    geometry = pair.t1.geometry
    return form.GridDocument(
        shape=geometry.shape, spacing_mm=geometry.spacing_mm, index_to_lps=_rows(geometry.affine_lps)
    )


def _series_choice(result: StudyResult) -> form.SeriesChoiceDocument:
    chosen = result.series
    return form.SeriesChoiceDocument(
        reasons=chosen.reasons,
        same_frame_of_reference=chosen.same_frame_of_reference,
        t1=_series(chosen.t1),
        stir=_series(chosen.stir),
        rejected=tuple(_series(series) for series in chosen.rejected),
    )


def _series(series: Series) -> form.SeriesDocument:
    return form.SeriesDocument(
        series_instance_uid=series.series_instance_uid,
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


def _alignment(pair: AlignedPair) -> form.AlignmentDocument:
    quality = pair.quality
    error = _finite(quality.estimated_error_mm)
    return form.AlignmentDocument(
        t1_to_stir_lps=_rows(pair.t1_to_stir_lps),
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


def _bias(pair: AlignedPair, references: References) -> form.BiasDocument:
    bias = pair.bias
    body = pair.body_mask
    none = "no bias correction was made" if bias is None else "there is no body to measure it in"
    t1 = _field_range(bias.t1_field[body] if bias else None)
    stir = _field_range(bias.stir_field[body] if bias else None)
    left = "muscle was not found in enough sectors"
    t1_left, stir_left = references.t1_residual_bias_fraction, references.stir_residual_bias_fraction
    if bias is not None:
        t1_left = bias.t1_residual_fraction if t1_left is None else t1_left
        stir_left = bias.stir_residual_fraction if stir_left is None else stir_left
    return form.BiasDocument(
        corrected=bias is not None,
        t1_field_low=_value(t1[0], "1", none),
        t1_field_high=_value(t1[1], "1", none),
        stir_field_low=_value(stir[0], "1", none),
        stir_field_high=_value(stir[1], "1", none),
        t1_residual=_value(t1_left, "fraction", left),
        stir_residual=_value(stir_left, "fraction", left),
    )


def _field_range(field: NDArray[np.float32] | None) -> tuple[float | None, float | None]:
    if field is None or field.size == 0:
        return None, None
    low, high = np.percentile(field.astype(np.float64), _FIELD_PERCENTILES)
    return float(low), float(high)


def _marrow_ml(result: StudyResult) -> float:
    return int(np.count_nonzero(result.marrow.labels.array)) * result.pair.t1.geometry.voxel_ml


def _marrow(result: StudyResult) -> form.MarrowDocument:
    mask = result.marrow
    return form.MarrowDocument(
        source=mask.source,
        confidence=_value(mask.confidence, "1", f"a mask whose source is '{mask.source}' carries no confidence"),
        volume_ml=_marrow_ml(result),
        core_volume_ml=int(np.count_nonzero(mask.core_mask)) * result.pair.t1.geometry.voxel_ml,
    )


def _midline(midline: Midline | None) -> form.MidlineDocument:
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
        symmetry=_finite(midline.symmetry),
        source=midline.source,
    )


def _reference(tissue: ReferenceTissue) -> form.ReferenceDocument:
    missing = tissue.t1 is None and tissue.stir is None
    return form.ReferenceDocument(
        key=tissue.key,
        t1=_finite(tissue.t1),
        stir=_finite(tissue.stir),
        t1_spread_fraction=_finite(tissue.t1_spread_fraction),
        stir_spread_fraction=_finite(tissue.stir_spread_fraction),
        voxels=tissue.voxels,
        volume_ml=tissue.volume_ml,
        verdict=tissue.verdict.value,
        status="not_evaluable" if missing else "measured",
        reason=tissue.reason,
    )


def _region(region: RegionSignals, *, code: str | None, volume_ml: float | None) -> form.RegionDocument:
    t1, stir = _finite(region.t1_median), _finite(region.stir_median)
    whole = t1 is not None and stir is not None
    return form.RegionDocument(
        label=region.region_label,
        key=region.key,
        name=region.name,
        side=region.side.value,
        code=code,
        volume_ml=volume_ml,
        core_volume_ml=region.core_volume_ml,
        core_voxels=region.core_voxels,
        slices=region.slices,
        t1_median=t1,
        stir_median=stir,
        median_status="measured" if whole else "not_evaluable",
        median_reason="" if whole else "the core of the region holds no voxel with a valid signal",
        lesion_ml=region.lesion_ml,
        measurements=tuple(_measurement(item) for item in region.measurements),
    )


def _lesion(lesion: Lesion) -> form.LesionDocument:
    return form.LesionDocument(
        label=lesion.label,
        region_key=lesion.region_key,
        region_name=lesion.region_name,
        side=lesion.side.value,
        volume_ml=lesion.volume_ml,
        voxels=lesion.voxels,
        slices=lesion.slices,
        first_slice=lesion.first_slice,
        last_slice=lesion.last_slice,
        centroid_lps_mm=lesion.centroid_lps_mm,
        measurements=tuple(_measurement(item) for item in lesion.measurements),
    )


def _criterion(item: Criterion) -> form.CriterionDocument:
    return form.CriterionDocument(
        id=item.id,
        group=item.group,
        direction=item.direction,
        statement=item.statement,
        value=_finite(item.value),
        ci_low=_finite(item.ci_low),
        ci_high=_finite(item.ci_high),
        unit=item.unit,
        cut=item.cut,
        state=item.state.value,
        source=item.source,
    )


def _pattern(call: PatternCall) -> form.PatternDocument:
    return form.PatternDocument(
        pattern_class=call.pattern_class.value,
        confidence=call.confidence.value,
        summary=call.summary,
        reasons=call.reasons,
        criteria=tuple(_criterion(item) for item in call.criteria),
        groups=tuple(
            form.GroupDocument(
                id=group.id,
                name=group.name,
                reconversion=group.reconversion.value,
                edema=group.edema.value,
                infiltration=group.infiltration.value,
                score_reconversion=group.score_reconversion,
                score_edema=group.score_edema,
                score_infiltration=group.score_infiltration,
            )
            for group in call.groups
        ),
        add_ons=call.add_ons,
        background_prevalence=call.background_prevalence,
    )


def _provenance(result: StudyResult) -> form.ProvenanceDocument:
    made = result.provenance
    return form.ProvenanceDocument(
        tool="marrowsignal",
        version=made.version,
        python=made.python,
        libraries=tuple(form.LibraryDocument(name=name, version=number) for name, number in made.libraries),
        protocol_sha256=made.protocol_sha256,
        input_sha256=made.input_sha256,
        mask_sha256=made.mask_sha256,
    )
