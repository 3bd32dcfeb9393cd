"""Make the document of ``marrowsignal inspect`` from what was found."""

from __future__ import annotations

from collections.abc import Sequence

from marrowsignal.cli.inspection import (
    SCHEMA_VERSION,
    ComparisonEntry,
    ErrorEntry,
    EvidenceEntry,
    FindingEntry,
    InspectDocument,
    PairEntry,
    RejectedEntry,
    SeriesEntry,
)
from marrowsignal.dicom.records import Comparison, Series, SeriesCatalog, SeriesIdentity, SeriesPair
from marrowsignal.errors import MarrowSignalError, NoUsablePairError
from marrowsignal.findings import Finding
from marrowsignal.protocol import choose_protocol_name

__all__ = ["failed_document", "to_inspect_document"]

_NO_CATALOG = SeriesCatalog(series=(), files_seen=0, files_unreadable=0)


def to_inspect_document(
    catalog: SeriesCatalog,
    pairs: Sequence[SeriesPair],
    *,
    error: MarrowSignalError | None = None,
) -> InspectDocument:
    """Build the document.

    Parameters
    ----------
    catalog : SeriesCatalog
        Every series.
    pairs : sequence of SeriesPair
        What would be analyzed.
    error : MarrowSignalError, optional
        Why there is none.
    """
    best = min(pairs, key=lambda pair: pair.rank, default=None)
    series = tuple(_series(one, _why_not_used(one, pairs, error)) for one in catalog.series)
    return InspectDocument(
        schema_version=SCHEMA_VERSION,
        files_seen=catalog.files_seen,
        files_unreadable=catalog.files_unreadable,
        studies=len({one.study_instance_uid for one in catalog.series}),
        series=series,
        pair=None if best is None else _pair(catalog, best),
        pairs=tuple(_pair(catalog, pair) for pair in pairs),
        pair_reason=_reason(best, error),
        rejected=tuple(RejectedEntry(index=i, reason=s.why_not_used) for i, s in enumerate(series) if s.why_not_used),
        error=_error(error) if error else None,
        findings=_findings(catalog.findings),
    )


def failed_document(error: MarrowSignalError) -> InspectDocument:
    """Build the document of a path that cannot be read."""
    return to_inspect_document(_NO_CATALOG, (), error=error)


def _reason(best: SeriesPair | None, error: MarrowSignalError | None) -> str:
    if best is not None:
        return " ".join(best.reasons)
    if error is None:
        return ""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _error(error: MarrowSignalError) -> ErrorEntry:
    return ErrorEntry(
        code=error.code, stage=error.stage, message=error.message, hint=error.hint, exit_code=error.exit_code
    )


def _why_not_used(series: Series, pairs: Sequence[SeriesPair], error: MarrowSignalError | None) -> str:
    if any(series is used for pair in pairs for used in (pair.t1, pair.stir)):
        return ""
    if not series.usable:
        return " ".join(series.reasons)
    if error is not None and not isinstance(error, NoUsablePairError):
        return "Usable, but nothing was chosen."
    for pair in pairs:
        for comparison in pair.comparisons:
            if comparison.decided and comparison.loser == series.label:
                return f"Not taken, but {comparison.winner}: {comparison.criterion} ({comparison.told})."
    if pairs and all(series.study_instance_uid != pair.t1.study_instance_uid for pair in pairs):
        return "Usable, but of another study."
    partner = "STIR" if series.identity is SeriesIdentity.T1 else "T1"
    return f"Usable, but no usable {partner} fits it."


def _findings(findings: Sequence[Finding]) -> tuple[FindingEntry, ...]:
    return tuple(FindingEntry(code=f.code, severity=f.severity.value, message=f.message) for f in findings)


def _pair(catalog: SeriesCatalog, pair: SeriesPair) -> PairEntry:
    place = {id(series): index for index, series in enumerate(catalog.series)}
    return PairEntry(
        label=pair.label,
        t1_index=place[id(pair.t1)],
        stir_index=None if pair.stir is None else place[id(pair.stir)],
        t1_series_instance_uid=pair.t1.series_instance_uid,
        stir_series_instance_uid=None if pair.stir is None else pair.stir.series_instance_uid,
        same_frame_of_reference=pair.same_frame_of_reference,
        reasons=pair.reasons,
        comparisons=tuple(_comparison(c) for c in pair.comparisons),
        protocol=choose_protocol_name(pair.t1.acquisition.body_part_examined),
        findings=_findings(pair.findings),
    )


def _comparison(comparison: Comparison) -> ComparisonEntry:
    return ComparisonEntry(
        criterion=comparison.criterion,
        winner=comparison.winner,
        loser=comparison.loser,
        verdict=comparison.verdict.value,
        decided=comparison.decided,
        told=comparison.told,
    )


def _series(series: Series, why_not_used: str) -> SeriesEntry:
    facts = series.acquisition
    return SeriesEntry(
        series_instance_uid=series.series_instance_uid,
        study_instance_uid=series.study_instance_uid,
        series_number=series.series_number,
        stack=series.stack,
        number=series.number_text,
        description=series.description,
        identity=series.identity.value,
        identity_score=series.identity_score,
        identity_margin=series.identity_margin,
        runner_up=None if series.runner_up is None else series.runner_up.value,
        evidence=tuple(
            EvidenceEntry(identity=e.identity.value, kind=e.kind.value, points=e.points, told=e.told)
            for e in series.evidence
        ),
        usable=series.usable,
        reasons=series.reasons,
        why_not_used=why_not_used,
        files=len(series.files),
        slices=series.slices,
        rows=series.rows,
        columns=series.columns,
        spacing_mm=series.spacing_mm,
        orientation=series.orientation,
        laterality=series.laterality,
        body_part_examined=facts.body_part_examined,
        transfer_syntax=series.transfer_syntax,
        manufacturer=facts.manufacturer,
        repetition_time_ms=facts.repetition_time_ms,
        echo_time_ms=facts.echo_time_ms,
        inversion_time_ms=facts.inversion_time_ms,
        echo_train_length=facts.echo_train_length,
        magnetic_field_strength_t=facts.magnetic_field_strength_t,
        post_contrast=facts.post_contrast,
        fat_suppressed=facts.fat_suppressed,
        findings=_findings(series.findings),
    )
