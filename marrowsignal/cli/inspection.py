"""The form of what ``marrowsignal inspect --json`` prints."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesPair
from marrowsignal.findings import Finding

__all__ = [
    "SCHEMA_VERSION",
    "FindingEntry",
    "InspectDocument",
    "PairEntry",
    "SeriesEntry",
    "to_inspect_document",
]

SCHEMA_VERSION = "1.0"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FindingEntry(_Model):
    """One fact that weakens a series, the catalog or the pair."""

    code: str
    severity: str
    message: str


class SeriesEntry(_Model):
    """One series; null means that the headers do not say."""

    series_instance_uid: str
    study_instance_uid: str
    series_number: int | None
    description: str
    identity: str
    identity_score: float
    usable: bool
    reasons: tuple[str, ...]
    files: int
    slices: int
    rows: int
    columns: int
    spacing_mm: tuple[float, float, float] | None
    orientation: str
    transfer_syntax: str
    repetition_time_ms: float | None
    echo_time_ms: float | None
    inversion_time_ms: float | None
    magnetic_field_strength_t: float | None
    findings: tuple[FindingEntry, ...]


class PairEntry(_Model):
    """The two series that `analyze` would take, and the protocol it would use.

    The indices count the document's `series` from 0: one SeriesInstanceUID may hold several stacks.
    """

    t1_index: int
    stir_index: int
    t1_series_instance_uid: str
    stir_series_instance_uid: str
    same_frame_of_reference: bool
    reasons: tuple[str, ...]
    protocol: str
    findings: tuple[FindingEntry, ...]


class InspectDocument(_Model):
    """Everything found below a path."""

    schema_version: str
    files_seen: int
    files_unreadable: int
    series: tuple[SeriesEntry, ...]
    pair: PairEntry | None
    pair_reason: str
    findings: tuple[FindingEntry, ...]


def to_inspect_document(
    catalog: SeriesCatalog, pair: SeriesPair | None, *, pair_reason: str, protocol: str
) -> InspectDocument:
    """Build the document.

    Parameters
    ----------
    catalog : SeriesCatalog
        Every series.
    pair : SeriesPair or None
        What would be analyzed.
    pair_reason : str
        Why this pair, or why there is none.
    protocol : str
        Name of the protocol that would be used; of no meaning without a pair.
    """
    return InspectDocument(
        schema_version=SCHEMA_VERSION,
        files_seen=catalog.files_seen,
        files_unreadable=catalog.files_unreadable,
        series=tuple(_series(series) for series in catalog.series),
        pair=_pair(catalog, pair, protocol) if pair else None,
        pair_reason=pair_reason,
        findings=_findings(catalog.findings),
    )


def _findings(findings: tuple[Finding, ...]) -> tuple[FindingEntry, ...]:
    return tuple(FindingEntry(code=f.code, severity=f.severity.value, message=f.message) for f in findings)


def _pair(catalog: SeriesCatalog, pair: SeriesPair, protocol: str) -> PairEntry:
    return PairEntry(
        t1_index=catalog.series.index(pair.t1),
        stir_index=catalog.series.index(pair.stir),
        t1_series_instance_uid=pair.t1.series_instance_uid,
        stir_series_instance_uid=pair.stir.series_instance_uid,
        same_frame_of_reference=pair.same_frame_of_reference,
        reasons=pair.reasons,
        protocol=protocol,
        findings=_findings(pair.findings),
    )


def _series(series: Series) -> SeriesEntry:
    facts = series.acquisition
    return SeriesEntry(
        series_instance_uid=series.series_instance_uid,
        study_instance_uid=series.study_instance_uid,
        series_number=series.series_number,
        description=series.description,
        identity=series.identity.value,
        identity_score=series.identity_score,
        usable=series.usable,
        reasons=series.reasons,
        files=len(series.files),
        slices=series.slices,
        rows=series.rows,
        columns=series.columns,
        spacing_mm=series.spacing_mm,
        orientation=series.orientation,
        transfer_syntax=series.transfer_syntax,
        repetition_time_ms=facts.repetition_time_ms,
        echo_time_ms=facts.echo_time_ms,
        inversion_time_ms=facts.inversion_time_ms,
        magnetic_field_strength_t=facts.magnetic_field_strength_t,
        findings=_findings(series.findings),
    )
