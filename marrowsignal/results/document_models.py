"""The form of ``result.json``: one frozen model a section.

A value that can be missing is null, and a status and a reason stand beside it. Changing a field's name or
meaning is a new `SCHEMA_VERSION`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from marrowsignal.results.acquired_models import (
    AlignmentDocument,
    BiasDocument,
    GridDocument,
    MidlineDocument,
    ProvenanceDocument,
    SeriesChoiceDocument,
)
from marrowsignal.results.document_base import Point, Section, Status, ValueDocument
from marrowsignal.results.mask_models import MarrowDocument
from marrowsignal.results.quality_models import QualityDocument

__all__ = ["SCHEMA_VERSION", "ResultDocument"]

SCHEMA_VERSION = "1.5"
State = Literal["positive", "negative", "indeterminate", "not_evaluable"]
Verdict = Literal["pass", "warn", "fail"]
SideName = Literal["left", "right", "none"]


class MeasurementDocument(ValueDocument):
    """One descriptor with its interval."""

    id: str
    name: str
    ci_low: float | None
    ci_high: float | None


class FindingDocument(Section):
    """One fact that makes the result weaker."""

    code: str
    stage: str
    severity: Literal["info", "warn", "fail"]
    message: str


class ProtocolDocument(Section):
    """Which cuts were used."""

    name: str
    version: str
    title: str
    sha256: str


class JointDocument(Section):
    """Whether a joint surface is known and how it was found."""

    known: bool
    source: str


class ReferenceDocument(Section):
    """One reference tissue; levels are null when it was not found, those of STIR without a STIR series too.

    The sector variations, of the level over the field of view, are null where the tissue lies in too few sectors.
    """

    key: str
    t1: float | None
    stir: float | None
    t1_spread_fraction: float | None
    stir_spread_fraction: float | None
    t1_sector_variation_fraction: float | None
    stir_sector_variation_fraction: float | None
    voxels: int
    volume_ml: float
    verdict: Verdict
    status: Status
    reason: str
    stir_status: Status
    stir_reason: str


class ReferencesDocument(Section):
    """The patient's own reference tissues and the noise in bias-corrected signal."""

    tissues: tuple[ReferenceDocument, ...]
    noise_t1: float | None
    noise_t1_status: Status
    noise_t1_reason: str
    noise_stir: float | None
    noise_stir_status: Status
    noise_stir_reason: str


class RegionDocument(Section):
    """Signals of the core of one region, or of one part of a bone.

    `label` is the value in ``images/regions.nii.gz``; of a part, whose `parent` is the key of its bone, its number.
    `median_status` is that of `t1_median`. `coverage_fraction` is the share of the region that lies in the picture,
    null where its whole size is not known; `coverage_reason` says how it was found, or why it is not known.
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
    parent: str
    cut_by_field_of_view: bool | None
    coverage_fraction: float | None
    coverage_status: Status
    coverage_reason: str
    joint_distance_mm: ValueDocument
    measurements: tuple[MeasurementDocument, ...]


class LesionDocument(Section):
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


class DroppedDocument(Section):
    """A component that stood out on STIR and was not taken for a lesion, and why."""

    kind: str
    reason: str
    volume_ml: float
    region_name: str
    centroid_lps_mm: Point


class BoneDocument(Section):
    """What is asked of a bone and not of its voxels: epiphysis against metaphysis, necrosis of a head."""

    key: str
    name: str
    side: SideName
    measurements: tuple[MeasurementDocument, ...]


class SymmetryDocument(Section):
    """Left against right; the key ``all`` is the whole marrow, ``background`` the same without lesions."""

    key: str
    name: str
    measurements: tuple[MeasurementDocument, ...]


class CriterionDocument(Section):
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


class GroupDocument(Section):
    """One group of evidence; scores are for transparency only."""

    id: str
    name: str
    reconversion: State
    edema: State
    infiltration: State
    score_reconversion: float
    score_edema: float
    score_infiltration: float


class SentenceDocument(Section):
    """One sentence of the summary, and the ids of the criteria it rests on."""

    text: str
    criteria: tuple[str, ...]


class RegionCallDocument(Section):
    """What one region says by itself."""

    key: str
    name: str
    side: str
    low_fat: State
    high_fat: State
    low_t1: State
    excess_water: State
    lesion: State
    words: str


class PatternDocument(Section):
    """The outcome; never a diagnosis.

    `confidence_probability` is how often classes named with this confidence were right where `confidence_source` says;
    null where no class is named.
    """

    pattern_class: str = Field(alias="class")
    confidence: Literal["high", "moderate", "low", "none"]
    confidence_probability: float | None
    confidence_source: str
    summary: str
    sentences: tuple[SentenceDocument, ...]
    reasons: tuple[str, ...]
    criteria: tuple[CriterionDocument, ...]
    groups: tuple[GroupDocument, ...]
    regions: tuple[RegionCallDocument, ...]
    add_ons: tuple[str, ...]
    background_prevalence: str


class DicomDocument(Section):
    """Which DICOM objects lie beside it; `reason` says why some, or all, are missing, and is empty where none is."""

    status: Literal["written", "not_written"]
    files: tuple[str, ...]
    reason: str


class StepDocument(Section):
    """Wall time of one step."""

    step: str
    seconds: float


class RunDocument(Section):
    """The only part that differs between two runs over the same input."""

    finished_at: str
    step_times: tuple[StepDocument, ...]


class ResultDocument(Section):
    """Everything known about one study, as written to ``result.json``.

    `lesions` is null where lesions were not looked for; empty means looked for and none found. `lesions_made_by` is
    ``rules`` or the learned model that proposed them, `lesions_quality` how well that one did. `metal_excluded` is the
    tissue left out because metal is near; 0 means looked for and none found. `parts` are parts of bones, which may
    share voxels; `parts_reason` says why bones were not divided. `dark_foci` are dark on T1, `label` their value in
    ``images/dark_foci.nii.gz``, null where they were not looked for; `dropped` is what stood out on STIR and is no
    lesion; `distribution` holds what is asked of the whole field of view.
    """

    schema_version: Literal["1.5"]
    notice: str
    case: str
    pattern: PatternDocument
    quality: QualityDocument
    protocol: ProtocolDocument
    series: SeriesChoiceDocument
    grid: GridDocument
    alignment: AlignmentDocument
    bias: BiasDocument
    metal_excluded: ValueDocument
    marrow: MarrowDocument
    midline: MidlineDocument
    joint: JointDocument
    references: ReferencesDocument
    whole: RegionDocument
    regions: tuple[RegionDocument, ...]
    parts: tuple[RegionDocument, ...]
    parts_reason: str
    lesions: tuple[LesionDocument, ...] | None
    lesions_status: Status
    lesions_reason: str
    lesions_made_by: str
    lesions_quality: str
    dropped: tuple[DroppedDocument, ...]
    dark_foci: tuple[LesionDocument, ...] | None
    symmetry: tuple[SymmetryDocument, ...]
    distribution: tuple[MeasurementDocument, ...]
    bones: tuple[BoneDocument, ...]
    findings: tuple[FindingDocument, ...]
    limits: tuple[str, ...]
    dicom: DicomDocument
    provenance: ProvenanceDocument
    run: RunDocument
