"""The form of ``comparison.json``: one frozen model a section.

A value that can be missing is null, and a state or a reason stands beside it. Changing a field's name or meaning is
a new `COMPARISON_SCHEMA_VERSION`.
"""

from __future__ import annotations

from typing import Literal

from marrowsignal.results.document_base import Matrix, Point, Section, Status
from marrowsignal.results.document_models import FindingDocument, PatternDocument, ProtocolDocument

__all__ = ["COMPARISON_SCHEMA_VERSION", "ComparisonDocument"]

COMPARISON_SCHEMA_VERSION = "1.0"
SideName = Literal["left", "right", "none"]
CriterionStateName = Literal["positive", "negative", "indeterminate", "not_evaluable"]
ChangeStateName = Literal[
    "rose_beyond_repeatability", "fell_beyond_repeatability", "no_change_beyond_repeatability", "not_comparable"
]
LesionStateName = Literal["new", "gone", "larger", "smaller", "stable", "merged", "split", "not_comparable"]


class DateDocument(Section):
    """One of the two studies, as analyzed by itself."""

    case: str
    input_sha256: str
    pattern_class: str
    confidence: str
    stir: bool


class DriftDocument(Section):
    """One fact of the acquisition on both dates; `difference` is null for words and for what is not known."""

    key: str
    series: str
    name: str
    baseline: str
    followup: str
    difference: float | None
    unit: str
    limit: str
    state: Literal["same", "differs", "closes", "not_known"]
    closes: Literal["nothing", "t1", "stir", "lesions", "all"]
    reason: str
    source: str


class DatesRegistrationDocument(Section):
    """How the follow-up was brought to the baseline.

    `baseline_to_followup_lps` takes a patient point of the baseline's T1 to the same tissue's point in the
    follow-up's, LPS mm, row by row. `estimated_error_mm` is null where it could not be bounded.
    """

    baseline_to_followup_lps: Matrix
    moved_mm: float
    rotation_deg: float
    bones_moved_on_their_own: int
    overlap_fraction: float | None
    estimated_error_mm: float | None
    error_source: str
    verdict: Literal["pass", "warn", "region_only", "fail"]


class ReferenceAgreementDocument(Section):
    """Level of a reference tissue on one date, by its own search and over the voxels of both dates' searches."""

    tissue: str
    date: Literal["baseline", "followup"]
    series: Literal["T1", "STIR"]
    own: float | None
    common: float | None
    difference_fraction: float | None
    kept_share: float | None
    agrees: bool
    reason: str


class ChangeDocument(Section):
    """One descriptor on both dates; `status` is the weaker of the two measurements."""

    id: str
    name: str
    unit: str
    baseline: float | None
    followup: float | None
    change: float | None
    ci_low: float | None
    ci_high: float | None
    change_unit: str
    repeatability_low: float | None
    repeatability_high: float | None
    p_value: float | None
    q_value: float | None
    state: ChangeStateName
    status: Status
    reason: str


class RegionChangeDocument(Section):
    """One region, part of a bone or left-right pair; lesion volumes are null where lesions were not looked for."""

    level: Literal["whole", "region", "part", "symmetry"]
    key: str
    name: str
    side: SideName
    baseline_core_ml: float | None
    followup_core_ml: float | None
    baseline_lesion_ml: float | None
    followup_lesion_ml: float | None
    changes: tuple[ChangeDocument, ...]


class LesionChangeDocument(Section):
    """Lesions of both dates that are the same disease; a volume of 0 is looked for and not found, null not compared."""

    number: int
    state: LesionStateName
    beyond_repeatability: bool
    baseline_labels: tuple[int, ...]
    followup_labels: tuple[int, ...]
    region_key: str
    region_name: str
    side: SideName
    baseline_ml: float | None
    followup_ml: float | None
    change_percent: float | None
    baseline_contrast: float | None
    followup_contrast: float | None
    centroid_lps_mm: Point
    reason: str


class TimeDocument(Section):
    """Criteria for the pattern: D54 and group G8."""

    new_or_growing_dark_focus: CriterionStateName
    lesion_growth: CriterionStateName
    lesion_changed: CriterionStateName
    marrow_changed: CriterionStateName
    marrow_parallel: CriterionStateName
    reason: str


class ComparisonDocument(Section):
    """Two dates of one patient, as written to ``comparison.json``.

    `interval_days` counts from baseline to follow-up; no date is told. `comparable` is false where `closed_reason` says
    why. `lesions` and `dark_foci` are null where they were not compared; empty means none on either date.
    `followup_pattern` is the follow-up's pattern with `time` among its evidence, `followup` tells the one without.
    """

    schema_version: Literal["1.0"]
    notice: str
    case: str
    summary: str
    interval_days: int | None
    comparable: bool
    closed_reason: str
    protocol: ProtocolDocument
    baseline: DateDocument
    followup: DateDocument
    drift: tuple[DriftDocument, ...]
    registration: DatesRegistrationDocument | None
    references: tuple[ReferenceAgreementDocument, ...]
    regions: tuple[RegionChangeDocument, ...]
    lesions: tuple[LesionChangeDocument, ...] | None
    lesions_reason: str
    dark_foci: tuple[LesionChangeDocument, ...] | None
    dark_foci_reason: str
    time: TimeDocument
    followup_pattern: PatternDocument
    findings: tuple[FindingDocument, ...]
    limits: tuple[str, ...]
    version: str
