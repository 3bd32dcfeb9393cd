"""From a `Comparison` to ``comparison.json``: no array, no path, no date, no patient module."""

from __future__ import annotations

import json
from dataclasses import fields

from marrowsignal import __version__
from marrowsignal.comparison import document_models as form
from marrowsignal.comparison.records import (
    Change,
    Comparison,
    DatesRegistration,
    DriftItem,
    LesionChange,
    ReferenceAgreement,
    RegionChange,
)
from marrowsignal.protocol import protocol_sha256
from marrowsignal.results.document import NOTICE
from marrowsignal.results.document_base import matrix_rows
from marrowsignal.results.document_models import FindingDocument, ProtocolDocument
from marrowsignal.results.measured_sections import finite, pattern_section
from marrowsignal.results.study_result import StudyResult

__all__ = ["comparison_json", "comparison_json_schema", "to_comparison_document"]

COMPARISON_LIMITS = (
    "Research use only. A change beyond repeatability is a change of signal, not of disease.",
    "Edema-like signal fluctuates: 58 % of the foci of elite runners changed within a season (Kornaat 2014).",
    "Repeatability was assumed until a site has measured its own by examining people twice.",
)


def to_comparison_document(comparison: Comparison) -> form.ComparisonDocument:
    """Build the document of one comparison.

    Parameters
    ----------
    comparison : Comparison
        What `compare_studies` returned.
    """
    c, protocol = comparison, comparison.protocol
    return form.ComparisonDocument(
        schema_version=form.COMPARISON_SCHEMA_VERSION,
        notice=NOTICE,
        case=c.case,
        summary=c.summary,
        interval_days=c.interval_days,
        comparable=not c.closed,
        closed_reason=c.closed,
        protocol=ProtocolDocument(
            name=protocol.name, version=protocol.version, title=protocol.title, sha256=protocol_sha256(protocol)
        ),
        baseline=_date(c.baseline),
        followup=_date(c.followup),
        drift=tuple(_drift(item) for item in c.drift),
        registration=None if c.registration is None else _registration(c.registration),
        references=tuple(_agreement(one) for one in c.references),
        regions=tuple(_region(row) for row in c.regions),
        lesions=_lesions(c.lesions),
        lesions_reason=c.lesions_reason,
        dark_foci=_lesions(c.dark_foci),
        dark_foci_reason=c.dark_foci_reason,
        time=form.TimeDocument(
            new_or_growing_dark_focus=c.time.new_or_growing_dark_focus.value,
            lesion_growth=c.time.lesion_growth.value,
            lesion_changed=c.time.lesion_changed.value,
            marrow_changed=c.time.marrow_changed.value,
            marrow_parallel=c.time.marrow_parallel.value,
            reason=c.time.reason,
        ),
        followup_pattern=pattern_section(c.followup_call),
        findings=tuple(
            FindingDocument(code=f.code, stage=f.stage, severity=f.severity.value, message=f.message)
            for f in c.findings
        ),
        limits=(*COMPARISON_LIMITS, *protocol.limits),
        version=__version__,
    )


def comparison_json(document: form.ComparisonDocument) -> str:
    """Return the document as JSON: fields in their declared order, floats in full, no NaN."""
    data = document.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_json_schema() -> str:
    """Return the JSON Schema of ``comparison.json``."""
    schema = form.ComparisonDocument.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"marrowsignal comparison.json, schema_version {form.COMPARISON_SCHEMA_VERSION}"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _date(result: StudyResult) -> form.DateDocument:
    return form.DateDocument(
        case=result.case,
        input_sha256=result.provenance.input_sha256,
        pattern_class=result.call.pattern_class.value,
        confidence=result.call.confidence.value,
        stir=result.pair.stir is not None,
    )


def _drift(item: DriftItem) -> form.DriftDocument:
    return form.DriftDocument(
        key=item.key,
        series=item.series,
        name=item.name,
        baseline=item.baseline,
        followup=item.followup,
        difference=finite(item.difference),
        unit=item.unit,
        limit=item.limit,
        state=item.state.value,
        closes=item.closes.value,
        reason=item.reason,
        source=item.source,
    )


def _registration(found: DatesRegistration) -> form.DatesRegistrationDocument:
    quality = found.quality
    return form.DatesRegistrationDocument(
        baseline_to_followup_lps=matrix_rows(found.baseline_to_followup_lps),
        moved_mm=found.moved_mm,
        rotation_deg=quality.rotation_deg,
        bones_moved_on_their_own=sum(piece.beyond_rigid_mm > 0 for piece in found.pieces),
        overlap_fraction=finite(quality.overlap_fraction),
        estimated_error_mm=finite(quality.estimated_error_mm),
        error_source=quality.error_source,
        verdict=quality.verdict.value,
    )


def _agreement(one: ReferenceAgreement) -> form.ReferenceAgreementDocument:
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    return form.ReferenceAgreementDocument(**values)


def _region(row: RegionChange) -> form.RegionChangeDocument:
    return form.RegionChangeDocument(
        level=row.level,
        key=row.key,
        name=row.name,
        side=row.side.value,
        baseline_core_ml=row.core_ml[0],
        followup_core_ml=row.core_ml[1],
        baseline_lesion_ml=row.lesion_ml[0],
        followup_lesion_ml=row.lesion_ml[1],
        changes=tuple(_change(change) for change in row.changes),
    )


def _change(change: Change) -> form.ChangeDocument:
    values = {field.name: getattr(change, field.name) for field in fields(change)}
    return form.ChangeDocument(**{**values, "state": change.state.value, "status": change.status.value})


def _lesions(changes: tuple[LesionChange, ...] | None) -> tuple[form.LesionChangeDocument, ...] | None:
    return None if changes is None else tuple(_lesion(one) for one in changes)


def _lesion(one: LesionChange) -> form.LesionChangeDocument:
    values = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "counts"}
    changed = {"state": one.state.value, "side": one.side.value, "beyond_repeatability": one.counts}
    return form.LesionChangeDocument(**{**values, **changed})
