"""From a `StudyResult` to ``result.json``.

The document holds no array, no path and no patient module. Its bytes are the same for the same input, protocol
and version, but for the one section ``run``.
"""

from __future__ import annotations

import json

import numpy as np

from marrowsignal.findings import Finding
from marrowsignal.intensity.records import References
from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.results import document_models as form
from marrowsignal.results.acquired_sections import (
    bias_section,
    grid_section,
    metal_section,
    midline_section,
    provenance_section,
    series_section,
)
from marrowsignal.results.alignment_section import alignment_section
from marrowsignal.results.dicom_section import dicom_section
from marrowsignal.results.document_models import SCHEMA_VERSION, ResultDocument
from marrowsignal.results.mask_section import marrow_section
from marrowsignal.results.measured_sections import (
    bone_section,
    dropped_section,
    lesion_section,
    measurement_section,
    pattern_section,
    reference_section,
    region_section,
    symmetry_section,
    value_section,
)
from marrowsignal.results.provenance import Provenance
from marrowsignal.results.quality_section import quality_section
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion, RegionSignals

__all__ = ["SCHEMA_VERSION", "ResultDocument", "result_json_schema", "to_document", "to_json"]

NOTICE = "Research use only. Patterns are '-like', never a diagnosis."


def to_document(result: StudyResult, *, dicom: form.DicomDocument | None = None) -> ResultDocument:
    """Build the document of one study.

    Parameters
    ----------
    result : StudyResult
        What `analyze_study` returned.
    dicom : DicomDocument, optional
        Which DICOM objects were made, from `dicom_section`; by default none.

    Returns
    -------
    ResultDocument
        Frozen and validated.
    """
    return ResultDocument(
        schema_version=SCHEMA_VERSION,
        notice=NOTICE,
        case=result.case,
        pattern=pattern_section(result.call),
        quality=quality_section(result.quality),
        protocol=_protocol(result),
        series=series_section(result.series),
        grid=grid_section(result.pair),
        alignment=alignment_section(result.pair),
        bias=bias_section(result.pair, result.references),
        metal_excluded=metal_section(result.pair),
        marrow=marrow_section(result.marrow, voxel_ml=result.pair.t1.geometry.voxel_ml),
        midline=midline_section(result.regions.midline),
        joint=_joint(result.regions),
        references=_references(result.references, no_stir=result.pair.no_stir),
        whole=region_section(result.signals.whole, None, volume_ml=_marrow_ml(result)),
        regions=_placed(result.signals.regions, result.regions.regions),
        parts=_placed(result.signals.parts, result.regions.parts),
        parts_reason=result.regions.parts_reason,
        lesions=_lesions(result.signals.lesions),
        lesions_status="not_evaluable" if result.signals.lesions is None else "measured",
        lesions_reason=result.signals.lesions_reason,
        lesions_made_by=result.signals.lesions_made_by,
        lesions_quality=result.signals.lesions_quality,
        dropped=tuple(dropped_section(candidate) for candidate in result.signals.dropped),
        dark_foci=_lesions(result.signals.dark_foci),
        symmetry=tuple(symmetry_section(pair) for pair in result.signals.symmetry),
        distribution=tuple(measurement_section(item) for item in result.signals.distribution),
        bones=tuple(bone_section(bone) for bone in result.signals.bones),
        findings=tuple(_finding(finding) for finding in result.findings),
        limits=result.protocol.limits,
        dicom=dicom or dicom_section((), reason="no case folder was written"),
        provenance=provenance_section(result.provenance),
        run=_run(result.provenance),
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


def _marrow_ml(result: StudyResult) -> float:
    return int(np.count_nonzero(result.marrow.labels.array)) * result.pair.t1.geometry.voxel_ml


def _protocol(result: StudyResult) -> form.ProtocolDocument:
    protocol = result.protocol
    return form.ProtocolDocument(
        name=protocol.name,
        version=protocol.version,
        title=protocol.title,
        sha256=result.provenance.protocol_sha256,
    )


def _joint(regions: RegionMap) -> form.JointDocument:
    return form.JointDocument(known=regions.joint_mask is not None, source=regions.joint_source)


def _references(references: References, *, no_stir: str) -> form.ReferencesDocument:
    empty = "there is no tissue to measure it in"
    t1 = value_section(references.noise_t1, "au", empty)
    stir = value_section(references.noise_stir, "au", empty if t1.value is None else no_stir or empty)
    return form.ReferencesDocument(
        tissues=tuple(reference_section(tissue, no_stir=no_stir) for tissue in references.all_tissues()),
        noise_t1=t1.value,
        noise_t1_status=t1.status,
        noise_t1_reason=t1.reason,
        noise_stir=stir.value,
        noise_stir_status=stir.status,
        noise_stir_reason=stir.reason,
    )


def _lesions(found: tuple[Lesion, ...] | None) -> tuple[form.LesionDocument, ...] | None:
    return None if found is None else tuple(lesion_section(lesion) for lesion in found)


def _placed(measured: tuple[RegionSignals, ...], places: tuple[Region, ...]) -> tuple[form.RegionDocument, ...]:
    anatomy = {region.label: region for region in places}
    sections = []
    for signals in measured:
        place = anatomy.get(signals.region_label)
        sections.append(region_section(signals, place, volume_ml=None if place is None else place.volume_ml))
    return tuple(sections)


def _finding(finding: Finding) -> form.FindingDocument:
    return form.FindingDocument(
        code=finding.code, stage=finding.stage, severity=finding.severity.value, message=finding.message
    )


def _run(made: Provenance) -> form.RunDocument:
    steps = tuple(form.StepDocument(step=time.step, seconds=time.seconds) for time in made.step_times)
    return form.RunDocument(finished_at=made.finished_at, step_times=steps)
