"""The strictly long table: one row a measurement of anything, as ``result.json`` has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from marrowsignal.exports.tables.csv_text import Cell, csv_text
from marrowsignal.exports.tables.dictionary import MEASUREMENT_COLUMNS
from marrowsignal.results import document_models as form
from marrowsignal.results.document import ResultDocument
from marrowsignal.results.document_base import ValueDocument
from marrowsignal.results.measured_sections import value_section

__all__ = ["measurements_csv"]

_NOT_LOOKED_FOR = "lesions were not looked for"


def measurements_csv(document: ResultDocument) -> str:
    """Return one row a measurement: of places first, then of lesions and foci, then of what has no place of its own.

    Parameters
    ----------
    document : ResultDocument
        From `marrowsignal.results.to_document`.
    """
    header = [column.name for column in MEASUREMENT_COLUMNS]
    return csv_text(header, ([document.case, *row] for row in _rows(document)))


def _rows(document: ResultDocument) -> Iterator[list[Cell]]:
    for kind, places in (("whole", (document.whole,)), ("region", document.regions), ("part", document.parts)):
        for place in places:
            yield from _of_place(kind, place, no_lesions=document.lesions_reason)
    for kind, found in (("lesion", document.lesions), ("dark_focus", document.dark_foci)):
        for lesion in found or ():
            yield from _of_lesion(kind, lesion)
    for pair in document.symmetry:
        yield from _measured(["symmetry", None, pair.key, pair.name, "none"], pair.measurements)
    for bone in document.bones:
        yield from _measured(["bone", None, bone.key, bone.name, bone.side], bone.measurements)
    yield from _measured(["distribution", None, "all", "all marrow", "none"], document.distribution)
    yield from _of_references(document.references)


def _of_place(kind: str, place: form.RegionDocument, *, no_lesions: str) -> Iterator[list[Cell]]:
    what: list[Cell] = [kind, place.label, place.key, place.name, place.side]
    yield _value(what, "volume", value_section(place.volume_ml, "ml", "it has no voxels of its own"))
    yield _plain(what, "core_volume", place.core_volume_ml, "ml")
    yield _told(what, "t1_median", place.t1_median, "au", place.median_status, place.median_reason)
    yield _told(what, "stir_median", place.stir_median, "au", place.stir_median_status, place.stir_median_reason)
    yield _value(what, "lesion_volume", value_section(place.lesion_ml, "ml", no_lesions or _NOT_LOOKED_FOR))
    yield _told(what, "coverage", place.coverage_fraction, "fraction", place.coverage_status, place.coverage_reason)
    yield _value(what, "joint_distance_median", place.joint_distance_mm)
    yield from _measured(what, place.measurements)


def _of_lesion(kind: str, lesion: form.LesionDocument) -> Iterator[list[Cell]]:
    what: list[Cell] = [kind, lesion.label, lesion.region_key, lesion.region_name, lesion.side]
    yield _plain(what, "volume", lesion.volume_ml, "ml")
    yield _plain(what, "slices", lesion.slices, "slices")
    yield from _measured(what, lesion.measurements)


def _of_references(references: form.ReferencesDocument) -> Iterator[list[Cell]]:
    for tissue in references.tissues:
        what: list[Cell] = ["reference", None, tissue.key, tissue.key.replace("_", " "), "none"]
        yield _plain(what, "volume", tissue.volume_ml, "ml")
        yield _told(what, "t1_level", tissue.t1, "au", tissue.status, tissue.reason)
        yield _told(what, "stir_level", tissue.stir, "au", tissue.stir_status, tissue.stir_reason)
    noise: list[Cell] = ["reference", None, "noise", "noise", "none"]
    yield _told(noise, "t1_noise", references.noise_t1, "au", references.noise_t1_status, references.noise_t1_reason)
    yield _told(
        noise, "stir_noise", references.noise_stir, "au", references.noise_stir_status, references.noise_stir_reason
    )


def _measured(what: list[Cell], measurements: Iterable[form.MeasurementDocument]) -> Iterator[list[Cell]]:
    for one in measurements:
        yield [*what, one.id, one.name, one.value, one.ci_low, one.ci_high, one.unit, one.status, one.reason]


def _value(what: list[Cell], name: str, value: ValueDocument) -> list[Cell]:
    return _told(what, name, value.value, value.unit, value.status, value.reason)


def _plain(what: list[Cell], name: str, value: float, unit: str) -> list[Cell]:
    return _told(what, name, value, unit, "measured", "")


def _told(what: list[Cell], name: str, value: float | None, unit: str, status: str, reason: str) -> list[Cell]:
    return [*what, "", name, value, None, None, unit, status, reason]
