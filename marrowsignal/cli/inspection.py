"""The form of what ``marrowsignal inspect --json`` prints."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = [
    "SCHEMA_VERSION",
    "ComparisonEntry",
    "ErrorEntry",
    "EvidenceEntry",
    "FindingEntry",
    "InspectDocument",
    "PairEntry",
    "RejectedEntry",
    "SeriesEntry",
]

SCHEMA_VERSION = "2.0"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FindingEntry(_Model):
    """One fact that weakens a series, the catalog or the pair."""

    code: str
    severity: str
    message: str


class ErrorEntry(_Model):
    """Why nothing can be analyzed, as scripts tell errors apart."""

    code: str
    stage: str
    message: str
    hint: str
    exit_code: int


class EvidenceEntry(_Model):
    """One piece of evidence for an identity; the points of one identity add up to its score."""

    identity: str
    kind: str
    points: float
    told: str


class SeriesEntry(_Model):
    """One series, or one of the stacks that share a SeriesInstanceUID; null means that the headers do not say."""

    series_instance_uid: str
    study_instance_uid: str
    series_number: int | None
    stack: int
    number: str
    description: str
    identity: str
    identity_score: float
    identity_margin: float
    runner_up: str | None
    evidence: tuple[EvidenceEntry, ...]
    usable: bool
    reasons: tuple[str, ...]
    why_not_used: str
    files: int
    slices: int
    rows: int
    columns: int
    spacing_mm: tuple[float, float, float] | None
    orientation: str
    laterality: str
    body_part_examined: str | None
    transfer_syntax: str
    manufacturer: str | None
    repetition_time_ms: float | None
    echo_time_ms: float | None
    inversion_time_ms: float | None
    echo_train_length: int | None
    magnetic_field_strength_t: float | None
    post_contrast: bool
    fat_suppressed: bool
    findings: tuple[FindingEntry, ...]


class ComparisonEntry(_Model):
    """One criterion by which a series was chosen rather than another."""

    criterion: str
    winner: str
    loser: str
    verdict: str
    decided: bool
    told: str


class PairEntry(_Model):
    """Two series that `analyze` would take, and the protocol it would use; without a STIR, a T1 alone.

    The indices count the document's `series` from 0: one SeriesInstanceUID may hold several stacks.
    """

    label: str
    t1_index: int
    stir_index: int | None
    t1_series_instance_uid: str
    stir_series_instance_uid: str | None
    same_frame_of_reference: bool
    reasons: tuple[str, ...]
    comparisons: tuple[ComparisonEntry, ...]
    protocol: str
    findings: tuple[FindingEntry, ...]


class RejectedEntry(_Model):
    """A series that no pair holds; `index` counts the document's `series` from 0."""

    index: int
    reason: str


class InspectDocument(_Model):
    """Everything found below a path, and what would be analyzed.

    `pair` is the one that `select_pair` takes, the only or the best of `pairs`.
    """

    schema_version: str
    files_seen: int
    files_unreadable: int
    studies: int
    series: tuple[SeriesEntry, ...]
    pair: PairEntry | None
    pairs: tuple[PairEntry, ...]
    pair_reason: str
    rejected: tuple[RejectedEntry, ...]
    error: ErrorEntry | None
    findings: tuple[FindingEntry, ...]
