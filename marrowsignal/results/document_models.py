"""The form of ``result.json``: one frozen model a section.

A value that can be missing is null, and a status and a reason stand beside it. Changing a field's name or
meaning is a new `SCHEMA_VERSION`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SCHEMA_VERSION", "ResultDocument"]

SCHEMA_VERSION = "1.1"
Status = Literal["measured", "exploratory", "not_evaluable"]
State = Literal["positive", "negative", "indeterminate", "not_evaluable"]
Verdict = Literal["pass", "warn", "fail"]
SideName = Literal["left", "right", "none"]
Point = tuple[float, float, float]
Row = tuple[float, float, float, float]
Matrix = tuple[Row, Row, Row, Row]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class ValueDocument(_Model):
    """One value that may not have been measured."""

    value: float | None
    unit: str
    status: Status
    reason: str


class MeasurementDocument(ValueDocument):
    """One descriptor with its interval."""

    id: str
    name: str
    ci_low: float | None
    ci_high: float | None


class FindingDocument(_Model):
    """One fact that makes the result weaker."""

    code: str
    stage: str
    severity: Literal["info", "warn", "fail"]
    message: str


class ProtocolDocument(_Model):
    """Which cuts were used."""

    name: str
    version: str
    title: str
    sha256: str


class AcquisitionDocument(_Model):
    """Header facts of a series; null means the header does not say."""

    modality: str | None
    scanning_sequence: tuple[str, ...]
    sequence_variant: tuple[str, ...]
    scan_options: tuple[str, ...]
    image_type: tuple[str, ...]
    sequence_name: str | None
    repetition_time_ms: float | None
    echo_time_ms: float | None
    inversion_time_ms: float | None
    echo_train_length: int | None
    magnetic_field_strength_t: float | None
    manufacturer: str | None
    body_part_examined: str | None
    patient_position: str | None
    patient_age_y: float | None
    patient_sex: str | None
    slice_thickness_mm: float | None
    post_contrast: bool
    fat_suppressed: bool


class SeriesDocument(_Model):
    """One series: what it is, and why it was or was not used; no UID, which would name the study at its site."""

    series_number: int | None
    description: str
    identity: str
    identity_score: float
    usable: bool
    reasons: tuple[str, ...]
    orientation: str
    rows: int
    columns: int
    slices: int
    spacing_mm: Point | None
    transfer_syntax: str
    acquisition: AcquisitionDocument


class SeriesChoiceDocument(_Model):
    """The pair that was measured and every series that was not.

    `label` tells the pairs of one study apart, for example ``left``; empty when there is only one. `stir` is null
    where a T1 alone was measured.
    """

    label: str
    reasons: tuple[str, ...]
    same_frame_of_reference: bool | None
    t1: SeriesDocument
    stir: SeriesDocument | None
    rejected: tuple[SeriesDocument, ...]


class GridDocument(_Model):
    """The grid all arrays share: index (slice, row, column, 1) to patient point (x, y, z, 1), LPS mm."""

    shape: tuple[int, int, int]
    spacing_mm: Point
    index_to_lps: Matrix


class AlignmentDocument(_Model):
    """Measures before and after registration.

    `t1_to_stir_lps` takes a patient point of the T1 series to the same tissue's point in the STIR series. Without a
    STIR series `verdict` is ``not_evaluable`` and everything but the reasons is null.
    """

    t1_to_stir_lps: Matrix | None
    verdict: Literal["pass", "warn", "region_only", "fail", "not_evaluable"]
    reason: str
    estimated_error_mm: float | None
    estimated_error_status: Status
    estimated_error_reason: str
    displacement_mm: float | None
    rotation_deg: float | None
    mutual_information_before: float | None
    mutual_information_after: float | None
    same_frame_of_reference: bool | None
    acquired_grid_same_shape: bool | None
    acquired_grid_max_corner_mm: float | None
    acquired_grid_spacing_fraction: float | None
    covered_fraction: float | None


class BiasDocument(_Model):
    """Shading removed from both series, as a range of the field in the body, and what remains of it."""

    corrected: bool
    t1_field_low: ValueDocument
    t1_field_high: ValueDocument
    stir_field_low: ValueDocument
    stir_field_high: ValueDocument
    t1_residual: ValueDocument
    stir_residual: ValueDocument


class MarrowDocument(_Model):
    """Where the mask comes from and how large it is."""

    source: str
    confidence: ValueDocument
    volume_ml: float
    core_volume_ml: float


class MidlineDocument(_Model):
    """The mid-sagittal plane: points p with dot(normal_lps, p) = offset_mm."""

    status: Status
    reason: str
    normal_lps: Point | None
    offset_mm: float | None
    symmetry: float | None
    source: str | None


class JointDocument(_Model):
    """Whether a joint surface is known and how it was found."""

    known: bool
    source: str


class ReferenceDocument(_Model):
    """One reference tissue; levels are null when it was not found, `stir` and its spread without a STIR series too."""

    key: str
    t1: float | None
    stir: float | None
    t1_spread_fraction: float | None
    stir_spread_fraction: float | None
    voxels: int
    volume_ml: float
    verdict: Verdict
    status: Status
    reason: str
    stir_status: Status
    stir_reason: str


class ReferencesDocument(_Model):
    """The patient's own reference tissues and the noise in bias-corrected signal."""

    tissues: tuple[ReferenceDocument, ...]
    noise_t1: float | None
    noise_t1_status: Status
    noise_t1_reason: str
    noise_stir: float | None
    noise_stir_status: Status
    noise_stir_reason: str


class RegionDocument(_Model):
    """Signals of one region's core; `label` is the value in ``images/regions.nii.gz``.

    `median_status` is that of `t1_median`.
    """

    label: int
    key: str
    name: str
    side: SideName
    code: str | None
    volume_ml: float | None
    core_volume_ml: float
    core_voxels: int
    slices: int
    t1_median: float | None
    stir_median: float | None
    median_status: Status
    median_reason: str
    stir_median_status: Status
    stir_median_reason: str
    lesion_ml: float | None
    measurements: tuple[MeasurementDocument, ...]


class LesionDocument(_Model):
    """One lesion; `label` is the value in ``images/lesions.nii.gz``; slices count from 0."""

    label: int
    region_key: str
    region_name: str
    side: SideName
    volume_ml: float
    voxels: int
    slices: int
    first_slice: int
    last_slice: int
    centroid_lps_mm: Point
    measurements: tuple[MeasurementDocument, ...]


class SymmetryDocument(_Model):
    """Left against right; the key ``all`` is the whole marrow, ``background`` the same without lesions."""

    key: str
    name: str
    measurements: tuple[MeasurementDocument, ...]


class CriterionDocument(_Model):
    """One question put to the measurements, with its answer; `value` is null when not evaluable."""

    id: str
    group: str
    direction: str
    statement: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    unit: str
    cut: str
    state: State
    source: str


class GroupDocument(_Model):
    """One group of evidence; scores are for transparency only."""

    id: str
    name: str
    reconversion: State
    edema: State
    infiltration: State
    score_reconversion: float
    score_edema: float
    score_infiltration: float


class PatternDocument(_Model):
    """The outcome; never a diagnosis."""

    pattern_class: str = Field(alias="class")
    confidence: Literal["high", "moderate", "low", "none"]
    summary: str
    reasons: tuple[str, ...]
    criteria: tuple[CriterionDocument, ...]
    groups: tuple[GroupDocument, ...]
    add_ons: tuple[str, ...]
    background_prevalence: str


class LibraryDocument(_Model):
    """A library that can change a number."""

    name: str
    version: str


class ProvenanceDocument(_Model):
    """What made the result."""

    tool: Literal["marrowsignal"]
    version: str
    python: str
    libraries: tuple[LibraryDocument, ...]
    protocol_sha256: str
    series_rules_sha256: str
    input_sha256: str
    mask_sha256: str | None


class StepDocument(_Model):
    """Wall time of one step."""

    step: str
    seconds: float


class RunDocument(_Model):
    """The only part that differs between two runs over the same input."""

    finished_at: str
    step_times: tuple[StepDocument, ...]


class ResultDocument(_Model):
    """Everything known about one study, as written to ``result.json``.

    `lesions` is null where lesions were not looked for; empty means looked for and none found.
    """

    schema_version: Literal["1.1"]
    notice: str
    case: str
    pattern: PatternDocument
    protocol: ProtocolDocument
    series: SeriesChoiceDocument
    grid: GridDocument
    alignment: AlignmentDocument
    bias: BiasDocument
    marrow: MarrowDocument
    midline: MidlineDocument
    joint: JointDocument
    references: ReferencesDocument
    whole: RegionDocument
    regions: tuple[RegionDocument, ...]
    lesions: tuple[LesionDocument, ...] | None
    lesions_status: Status
    lesions_reason: str
    symmetry: tuple[SymmetryDocument, ...]
    findings: tuple[FindingDocument, ...]
    limits: tuple[str, ...]
    provenance: ProvenanceDocument
    run: RunDocument
