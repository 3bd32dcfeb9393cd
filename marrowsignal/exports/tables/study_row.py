"""The wide table: one row a study, so that thousands of them stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from marrowsignal.exports.tables.columns import TABLE_SCHEMA_VERSION
from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.study_columns import (
    GATE_NAMES,
    SIDES,
    TISSUES,
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
from marrowsignal.results.document import ResultDocument

__all__ = ["study_csv"]

_NOT_IN_VIEW = "not_in_view"
_SEVERAL = "several_in_view"


def study_csv(document: ResultDocument, *, protocol: Protocol) -> str:
    """Return the table: a header and one row.

    Parameters
    ----------
    document : ResultDocument
        From `marrowsignal.results.to_document`.
    protocol : Protocol
        The one that was used; it alone decides on the columns.
    """
    row: list[Cell] = [
        *_about(document),
        *_levels(document.references),
        *_quality(document),
        *_found(document.lesions),
        *_found(document.dark_foci),
        *_measured(DISTRIBUTION_DESCRIPTORS, document.distribution),
    ]
    pairs = {pair.key: pair for pair in document.symmetry}
    for key in pairs_of(protocol):
        row += _measured(SYMMETRY_DESCRIPTORS, pairs[key].measurements if key in pairs else ())
    row += _of_place((document.whole,))
    told: set[int] = set()
    for spec, side in places_of(protocol):
        places = [one for one in document.regions if one.key == spec.key and side in (None, Side(one.side))]
        row += _of_place(places)
        told |= {place.label for place in places}
    row.append(" ".join(dict.fromkeys(one.key for one in document.regions if one.label not in told)))
    return csv_text([column.name for column in study_columns(protocol)], [row])


def _about(document: ResultDocument) -> Iterator[Cell]:
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


def _quality(document: ResultDocument) -> Iterator[Cell]:
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


def _of_place(places: Sequence[form.RegionDocument]) -> list[Cell]:
    if len(places) != 1:
        absent = _SEVERAL if places else _NOT_IN_VIEW
        return [absent, None, None, None, None, *_measured(REGION_DESCRIPTORS, None, absent=absent)]
    place = places[0]
    return [
        "in_view",
        place.volume_ml,
        place.core_volume_ml,
        place.coverage_fraction,
        place.lesion_ml,
        *_measured(REGION_DESCRIPTORS, place.measurements),
    ]


def _measured(
    descriptors: Sequence[Descriptor],
    measurements: Iterable[form.MeasurementDocument] | None,
    *,
    absent: str = _NOT_IN_VIEW,
) -> list[Cell]:
    found = {item.name: item for item in measurements or ()}
    cells: list[Cell] = []
    for descriptor in descriptors:
        item = found.get(descriptor.name)
        if item is None:
            cells += (None, absent if measurements is None else "not_evaluable")
        else:
            cells += (item.value, item.status)
    return cells
