"""The part of ``result.json`` that tables are made of; the rest is skipped, which saves time."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from marrowsignal.results import document_models as form
from marrowsignal.results.acquired_models import (
    AlignmentDocument,
    BiasDocument,
    MidlineDocument,
    ProvenanceDocument,
    SeriesChoiceDocument,
)
from marrowsignal.results.document_base import ValueDocument
from marrowsignal.results.mask_models import MarrowDocument
from marrowsignal.results.quality_models import QualityDocument

__all__ = ["TabledDocument", "TabledPattern"]


class _Part(BaseModel):
    """Frozen; fields that are not named here are skipped."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TabledPattern(_Part):
    """The outcome without its evidence; fields as of `PatternDocument`."""

    pattern_class: str = Field(alias="class")
    confidence: Literal["high", "moderate", "low", "none"]
    confidence_probability: float | None
    reasons: tuple[str, ...]
    add_ons: tuple[str, ...]


class TabledDocument(_Part):
    """One study as its tables tell it; fields as of `ResultDocument`."""

    schema_version: Literal["1.5"]
    case: str = Field(min_length=1)
    pattern: TabledPattern
    quality: QualityDocument
    protocol: form.ProtocolDocument
    series: SeriesChoiceDocument
    alignment: AlignmentDocument
    bias: BiasDocument
    metal_excluded: ValueDocument
    marrow: MarrowDocument
    midline: MidlineDocument
    references: form.ReferencesDocument
    whole: form.RegionDocument
    regions: tuple[form.RegionDocument, ...]
    parts: tuple[form.RegionDocument, ...]
    lesions: tuple[form.LesionDocument, ...] | None
    lesions_reason: str
    lesions_made_by: str
    dark_foci: tuple[form.LesionDocument, ...] | None
    symmetry: tuple[form.SymmetryDocument, ...]
    distribution: tuple[form.MeasurementDocument, ...]
    bones: tuple[form.BoneDocument, ...]
    findings: tuple[form.FindingDocument, ...]
    provenance: ProvenanceDocument
