"""The wide table: one row a study, so that thousands of them stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from marrowsignal.exports.tables.columns import TABLE_SCHEMA_VERSION
from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.document_rows import StudyDocument
from marrowsignal.exports.tables.study_columns import (
    GATE_NAMES,
    SIDES,
    TISSUES,
    PlaceState,
    pairs_of,
    places_of,
    study_columns,
)
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Side
from marrowsignal.results import document_models as form
from marrowsignal.results.descriptors import (
    DISTRIBUTION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)
from marrowsignal.results.document_models import ResultDocument

__all__ = ["study_csv", "study_head_cells", "whole_cells"]


def study_csv(document: ResultDocument, *, protocol: Protocol) -> str:
    """Return the table: a header and one row.

    Parameters
    ----------
    document : ResultDocument
        From `marrowsignal.results.to_document`.
    protocol : Protocol
        The one that was used; it alone decides on the columns.
    """
    row = study_head_cells(document)
    pairs = {pair.key: pair for pair in document.symmetry}
    for key in pairs_of(protocol):
        row += _measured(SYMMETRY_DESCRIPTORS, pairs[key].measurements if key in pairs else ())
    row += whole_cells(document)
    for spec, side in places_of(protocol):
        row += _of_place(*_place(document, spec.key, side, whole=protocol.whole.key))
    known = {spec.key for spec, _ in places_of(protocol)}
    row.append(" ".join(dict.fromkeys(one.key for one in document.regions if one.key not in known)))
    return csv_text([column.name for column in study_columns(protocol)], [row])


def study_head_cells(document: StudyDocument) -> list[Cell]:
    """Return the cells that every protocol has, under `study_head`."""
    return [
        *_about(document),
        *_levels(document.references),
        *_quality(document),
        *_found(document.lesions),
        *_found(document.dark_foci),
        *_measured(DISTRIBUTION_DESCRIPTORS, document.distribution),
    ]


def whole_cells(document: StudyDocument) -> list[Cell]:
    """Return the cells of all marrow, under `whole_columns`."""
    return _of_place(PlaceState.IN_VIEW, document.whole)


def _about(document: StudyDocument) -> Iterator[Cell]:
    t1 = document.series.t1.acquisition
    stir = None if document.series.stir is None else document.series.stir.acquisition
    pattern, alignment, marrow = document.pattern, document.alignment, document.marrow
    yield from (document.case, TABLE_SCHEMA_VERSION, document.provenance.version)
    yield from (document.protocol.name, document.protocol.version, document.protocol.sha256, document.series.label)
    yield from (t1.patient_age_y, t1.patient_sex, t1.magnetic_field_strength_t)
    yield from (t1.repetition_time_ms, t1.echo_time_ms)
    yield from (
        (None, None, None) if stir is None else (stir.repetition_time_ms, stir.echo_time_ms, stir.inversion_time_ms)
    )
    yield from (pattern.pattern_class, pattern.confidence, pattern.confidence_probability, " ".join(pattern.add_ons))
    yield from (alignment.verdict, alignment.estimated_error_mm, alignment.estimated_error_status)
    yield from (marrow.source, marrow.check.verdict, marrow.volume_ml, marrow.core_volume_ml)


def _levels(references: form.ReferencesDocument) -> Iterator[Cell]:
    tissues = {tissue.key: tissue for tissue in references.tissues}
    for key in TISSUES:
        tissue = tissues[key]
        yield from (tissue.t1, tissue.status, tissue.stir, tissue.stir_status)


def _quality(document: StudyDocument) -> Iterator[Cell]:
    quality = document.quality
    yield from (quality.passed, quality.warned, quality.failed, quality.not_evaluable)
    states = {(gate.key, gate.series): gate.state for gate in quality.gates}
    for name in GATE_NAMES:
        yield states.get(name)


def _found(found: Sequence[form.LesionDocument] | None) -> list[Cell]:
    """Count lesions or foci; all empty where they were not looked for."""
    groups = [found, *(None if found is None else [one for one in found if one.side == side] for side in SIDES)]
    cells: list[Cell] = ["not_evaluable" if found is None else "measured"]
    for group in groups:
        cells += (None, None) if group is None else (len(group), sum((one.volume_ml for one in group), 0.0))
    largest = max(found, key=lambda one: one.volume_ml) if found else None
    return [*cells, *((None, None, None) if largest is None else (largest.volume_ml, largest.region_key, largest.side))]


def _place(
    document: ResultDocument, key: str, side: Side | None, *, whole: str
) -> tuple[PlaceState, form.RegionDocument | None]:
    """Find a place among the regions, or among the parts of a mask that does not tell its bones apart."""
    asked = [one for one in document.regions if one.key == key and side in (None, one.side)]
    if len(asked) == 1:
        return PlaceState.IN_VIEW, asked[0]
    if asked:
        return PlaceState.SEVERAL, None
    part = next((one for one in document.parts if one.key == key and side in (None, one.side)), None)
    if part is not None:
        return PlaceState.AS_PART, part
    return _why_not(document, key, side, whole=whole), None


def _why_not(document: ResultDocument, key: str, side: Side | None, *, whole: str) -> PlaceState:
    """Say why a place has no values: it is not there, or only what it is divided into, or only what holds it."""
    sides = {Side(one.side) for one in (*document.regions, *document.parts) if one.key == key}
    if (side is Side.NONE and sides) or (key == whole and document.regions and not sides):
        return PlaceState.DIVIDED
    if Side.NONE in sides or (key != whole and any(one.key == whole for one in document.regions)):
        return PlaceState.NOT_TOLD_APART
    return PlaceState.NOT_IN_VIEW


def _of_place(state: PlaceState, place: form.RegionDocument | None) -> list[Cell]:
    if place is None:
        return [state.value, None, None, None, None, *_measured(REGION_DESCRIPTORS, (), absent=state.value)]
    return [
        state.value,
        place.volume_ml,
        place.core_volume_ml,
        place.coverage_fraction,
        place.lesion_ml,
        *_measured(REGION_DESCRIPTORS, place.measurements),
    ]


def _measured(
    descriptors: Sequence[Descriptor],
    measurements: Iterable[form.MeasurementDocument],
    *,
    absent: str = "not_evaluable",
) -> list[Cell]:
    found = {item.name: item for item in measurements}
    cells: list[Cell] = []
    for descriptor in descriptors:
        item = found.get(descriptor.name)
        if item is None:
            cells += (None, absent)
        else:
            cells += (item.value, item.status)
    return cells
