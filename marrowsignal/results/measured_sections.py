"""Sections of ``result.json`` that hold what was measured and what follows from it."""

from __future__ import annotations

import math

from marrowsignal.alignment.records import NO_STIR
from marrowsignal.intensity.records import ReferenceTissue
from marrowsignal.patterns.records import Criterion, PatternCall, RegionCall
from marrowsignal.regions.records import Region
from marrowsignal.results import document_models as form
from marrowsignal.results.document_base import ValueDocument
from marrowsignal.signals.records import (
    BoneSignals,
    DroppedCandidate,
    Lesion,
    Measurement,
    RegionSignals,
    Symmetry,
)

__all__ = [
    "bone_section",
    "coverage_section",
    "dropped_section",
    "finite",
    "lesion_section",
    "measurement_section",
    "median_sections",
    "pattern_section",
    "reference_section",
    "region_section",
    "symmetry_section",
    "value_section",
]


def finite(value: float | None) -> float | None:
    """Return a number, or None when it is missing, NaN or infinite."""
    return float(value) if value is not None and math.isfinite(value) else None


def value_section(value: float | None, unit: str, reason: str) -> ValueDocument:
    """Return a value that may be missing, with its reason."""
    number = finite(value)
    return ValueDocument(
        value=number,
        unit=unit,
        status="not_evaluable" if number is None else "measured",
        reason=reason if number is None else "",
    )


def measurement_section(item: Measurement) -> form.MeasurementDocument:
    """Return one descriptor; a value that is no finite number counts as not measured."""
    value = finite(item.value)
    lost = value is None and item.status.value != "not_evaluable"
    return form.MeasurementDocument(
        id=item.id,
        name=item.name,
        value=value,
        ci_low=finite(item.ci_low) if value is not None else None,
        ci_high=finite(item.ci_high) if value is not None else None,
        unit=item.unit,
        status="not_evaluable" if lost else item.status.value,
        reason=item.reason or ("the value is not a finite number" if lost else ""),
    )


def reference_section(tissue: ReferenceTissue, *, no_stir: str) -> form.ReferenceDocument:
    """Return one reference tissue; `no_stir` tells why there is no level of STIR beside one of T1."""
    missing = tissue.t1 is None and tissue.stir is None
    stir = value_section(tissue.stir, "1", tissue.reason if missing else no_stir)
    return form.ReferenceDocument(
        key=tissue.key,
        t1=finite(tissue.t1),
        stir=stir.value,
        t1_spread_fraction=finite(tissue.t1_spread_fraction),
        stir_spread_fraction=finite(tissue.stir_spread_fraction),
        t1_sector_variation_fraction=finite(tissue.t1_sector_variation_fraction),
        stir_sector_variation_fraction=finite(tissue.stir_sector_variation_fraction),
        voxels=tissue.voxels,
        volume_ml=tissue.volume_ml,
        verdict=tissue.verdict.value,
        status="not_evaluable" if missing else "measured",
        reason=tissue.reason,
        stir_status=stir.status,
        stir_reason=stir.reason,
    )


def median_sections(region: RegionSignals) -> tuple[ValueDocument, ValueDocument]:
    """Return the T1 and the STIR median of a region, each with its reason where it is missing."""
    empty = "the core of the region holds no voxel with a valid signal"
    t1 = value_section(region.t1_median, "au", empty)
    return t1, value_section(region.stir_median, "au", empty if t1.value is None else _why_no_stir(region))


def _why_no_stir(region: RegionSignals) -> str:
    # The ratio that needs nothing but the median of STIR and muscle knows whether the series is missing or withheld.
    reasons = (m.reason for m in region.measurements if m.name == "stir_marrow_to_muscle" and m.value is None)
    return next(reasons, "") or NO_STIR


def region_section(region: RegionSignals, place: Region | None, *, volume_ml: float | None) -> form.RegionDocument:
    """Return one region or part; without a `place` of its own it is all marrow."""
    t1, stir = median_sections(region)
    covered = coverage_section(place)
    distance = None if place is None else place.joint_distance_mm
    return form.RegionDocument(
        label=region.region_label,
        key=region.key,
        name=region.name,
        side=region.side.value,
        code=None if place is None else place.code,
        volume_ml=volume_ml,
        core_volume_ml=region.core_volume_ml,
        core_voxels=region.core_voxels,
        slices=region.slices,
        t1_median=t1.value,
        stir_median=stir.value,
        median_status=t1.status,
        median_reason=t1.reason,
        stir_median_status=stir.status,
        stir_median_reason=stir.reason,
        lesion_ml=region.lesion_ml,
        parent="" if place is None else place.parent,
        cut_by_field_of_view=None if place is None else place.cut_by_field_of_view,
        coverage_fraction=covered.value,
        coverage_status=covered.status,
        coverage_reason=covered.reason,
        joint_distance_mm=value_section(distance, "mm", "no joint surface belongs to it, or none was found"),
        measurements=tuple(measurement_section(item) for item in region.measurements),
    )


def coverage_section(place: Region | None) -> ValueDocument:
    """Return the share of a region that lies in the picture; its reason tells how it was found, too."""
    if place is None:
        return value_section(None, "fraction", "all marrow in the picture has no whole size to compare with")
    told = value_section(place.coverage_fraction, "fraction", place.coverage_reason)
    return told.model_copy(update={"reason": place.coverage_reason})


def lesion_section(lesion: Lesion) -> form.LesionDocument:
    """Return one lesion."""
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
        measurements=tuple(measurement_section(item) for item in lesion.measurements),
    )


def _criterion(item: Criterion) -> form.CriterionDocument:
    return form.CriterionDocument(
        id=item.id,
        group=item.group,
        direction=item.direction,
        statement=item.statement,
        value=finite(item.value),
        ci_low=finite(item.ci_low),
        ci_high=finite(item.ci_high),
        unit=item.unit,
        cut=item.cut,
        state=item.state.value,
        source=item.source,
    )


def _region_call(item: RegionCall) -> form.RegionCallDocument:
    return form.RegionCallDocument(
        key=item.key,
        name=item.name,
        side=item.side.value,
        low_fat=item.low_fat.value,
        high_fat=item.high_fat.value,
        low_t1=item.low_t1.value,
        excess_water=item.excess_water.value,
        lesion=item.lesion.value,
        words=item.words,
    )


def pattern_section(call: PatternCall) -> form.PatternDocument:
    """Return the outcome."""
    return form.PatternDocument(
        pattern_class=call.pattern_class.value,
        confidence=call.confidence.value,
        confidence_probability=call.confidence_probability,
        confidence_source=call.confidence_source,
        summary=call.summary,
        sentences=tuple(form.SentenceDocument(text=item.text, criteria=item.criteria) for item in call.sentences),
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
        regions=tuple(_region_call(item) for item in call.regions),
        add_ons=call.add_ons,
        background_prevalence=call.background_prevalence,
    )


def dropped_section(candidate: DroppedCandidate) -> form.DroppedDocument:
    """Return one component that is no lesion."""
    return form.DroppedDocument(
        kind=candidate.kind,
        reason=candidate.reason,
        volume_ml=candidate.volume_ml,
        region_name=candidate.region_name,
        centroid_lps_mm=candidate.centroid_lps_mm,
    )


def bone_section(bone: BoneSignals) -> form.BoneDocument:
    """Return one bone."""
    measured = tuple(measurement_section(item) for item in bone.measurements)
    return form.BoneDocument(key=bone.key, name=bone.name, side=bone.side.value, measurements=measured)


def symmetry_section(pair: Symmetry) -> form.SymmetryDocument:
    """Return one left-right pair."""
    return form.SymmetryDocument(
        key=pair.key, name=pair.name, measurements=tuple(measurement_section(item) for item in pair.measurements)
    )
