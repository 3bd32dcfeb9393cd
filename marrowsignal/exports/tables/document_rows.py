"""Rows of the tables, from what ``result.json`` holds: a case writes them, and a cohort makes the same again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from marrowsignal.exports.tables.csv_text import Cell
from marrowsignal.results import document_models as form
from marrowsignal.results.descriptors import (
    BONE_DESCRIPTORS,
    LESION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)
from marrowsignal.results.document_models import ResultDocument
from marrowsignal.results.tabled_document import TabledDocument

__all__ = ["StudyDocument", "bone_rows", "lesion_rows", "quality_rows", "region_rows", "symmetry_rows"]

StudyDocument = ResultDocument | TabledDocument
_NOT_PART: tuple[Cell, ...] = (None, None, None, "not_evaluable", "not part of this analysis")


def region_rows(document: StudyDocument) -> Iterator[list[Cell]]:
    """Yield the rows of ``regions.csv``: all marrow without lesions, then regions, then parts of bones."""
    study = _study_cells(document)
    yield _region_row(study, document.whole, None)
    for place in (*document.regions, *document.parts):
        yield _region_row(study, place, place.volume_ml)


def lesion_rows(document: StudyDocument, found: Sequence[form.LesionDocument]) -> Iterator[list[Cell]]:
    """Yield the rows of ``lesions.csv`` or ``dark_foci.csv``: one a lesion or focus of `found`."""
    study = _study_cells(document)
    for lesion in found:
        yield [
            *study,
            lesion.label,
            lesion.region_key,
            lesion.region_name,
            lesion.side,
            lesion.volume_ml,
            lesion.voxels,
            lesion.slices,
            lesion.first_slice,
            lesion.last_slice,
            *lesion.centroid_lps_mm,
            *_cells(LESION_DESCRIPTORS, lesion.measurements),
        ]


def symmetry_rows(document: StudyDocument) -> Iterator[list[Cell]]:
    """Yield the rows of ``symmetry.csv``: one a left-right pair, all marrow first."""
    study = _study_cells(document)
    for pair in document.symmetry:
        yield [*study, pair.key, pair.name, *_cells(SYMMETRY_DESCRIPTORS, pair.measurements)]


def bone_rows(document: StudyDocument) -> Iterator[list[Cell]]:
    """Yield the rows of ``bones.csv``: one a bone with an epiphysis or a head."""
    study = _study_cells(document)
    for bone in document.bones:
        yield [*study, bone.key, bone.name, bone.side, *_cells(BONE_DESCRIPTORS, bone.measurements)]


def quality_rows(document: StudyDocument) -> Iterator[list[Cell]]:
    """Yield the rows of ``quality.csv``: one a gate."""
    study = _study_cells(document)
    for gate in document.quality.gates:
        yield [
            *study,
            gate.key,
            gate.name,
            gate.series,
            gate.state,
            gate.value,
            gate.unit,
            gate.limit,
            gate.consequence,
            gate.reason,
            gate.source,
            gate.status,
        ]


def _study_cells(document: StudyDocument) -> list[Cell]:
    pattern, protocol = document.pattern, document.protocol
    return [document.case, pattern.pattern_class, pattern.confidence, protocol.name, protocol.version]


def _region_row(study: list[Cell], place: form.RegionDocument, volume_ml: float | None) -> list[Cell]:
    return [
        *study,
        place.label,
        place.key,
        place.name,
        place.side,
        place.code,
        volume_ml,
        place.core_volume_ml,
        place.core_voxels,
        place.slices,
        place.t1_median,
        place.stir_median,
        place.median_status,
        place.median_reason,
        place.lesion_ml,
        *_cells(REGION_DESCRIPTORS, place.measurements),
        place.stir_median_status,
        place.stir_median_reason,
        place.parent,
        _yes_or_no(place.cut_by_field_of_view),
        place.coverage_fraction,
        place.coverage_status,
        place.coverage_reason,
        place.joint_distance_mm.value,
    ]


def _yes_or_no(answer: bool | None) -> str | None:
    return None if answer is None else "yes" if answer else "no"


def _cells(descriptors: Sequence[Descriptor], measurements: Iterable[form.MeasurementDocument]) -> list[Cell]:
    found = {one.name: one for one in measurements}
    cells: list[Cell] = []
    for descriptor in descriptors:
        one = found.get(descriptor.name)
        cells += _NOT_PART if one is None else (one.value, one.ci_low, one.ci_high, one.status, one.reason)
    return cells
