"""Columns of the wide table: one row a study, whose columns depend on the protocol and on nothing that was found."""

from __future__ import annotations

from enum import StrEnum

from marrowsignal.alignment.records import AlignmentVerdict
from marrowsignal.exports.tables.columns import FIELD, Column, RepeatedColumns, facts, value_header
from marrowsignal.marrow.records import MarrowSource, MaskVerdict
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.quality.records import GateState
from marrowsignal.quality.table import GATES
from marrowsignal.regions.records import Side
from marrowsignal.results.descriptors import (
    DISTRIBUTION_DESCRIPTORS,
    REGION_DESCRIPTORS,
    SYMMETRY_DESCRIPTORS,
    Descriptor,
)
from marrowsignal.signals.records import MeasurementStatus

__all__ = [
    "GATE_NAMES",
    "SIDES",
    "STUDY_TABLE",
    "TISSUES",
    "PlaceState",
    "pairs_of",
    "places_of",
    "study_columns",
    "study_head",
    "study_parts",
    "whole_columns",
]

STUDY_TABLE = "study.csv"
TISSUES = ("muscle", "fat", "normal_marrow")
SIDES = (Side.LEFT, Side.RIGHT, Side.NONE)
GATE_NAMES = tuple((gate.key, series) for gate in GATES for series in gate.series)


class PlaceState(StrEnum):
    """Whether a place has values in a study, and else why not."""

    IN_VIEW = "in_view"
    AS_PART = "as_part"
    DIVIDED = "divided"
    NOT_TOLD_APART = "not_told_apart"
    SEVERAL = "several_in_view"
    NOT_IN_VIEW = "not_in_view"


_PAIR = "PAIR"
_PLACE = "PLACE"
_WITH_VALUES = (PlaceState.IN_VIEW, PlaceState.AS_PART)
_WITHOUT = tuple(state.value for state in PlaceState if state not in _WITH_VALUES)
_MEASURED = tuple(status.value for status in MeasurementStatus)
_ABOUT = (
    ("case", "text", "case", "Case identifier; never a name."),
    ("schema_version", "text", "columns.json: schema_version", "Of the tables: their columns and their order."),
    ("marrowsignal_version", "text", "provenance.version", "Version that analyzed the study."),
    ("protocol", "text", "protocol.name", "Protocol whose cuts and regions were used; it decides on the columns."),
    ("protocol_version", "text", "protocol.version", "Its version."),
    ("protocol_sha256", "text", "protocol.sha256", "Hash of the protocol as it was used."),
    ("pair_label", "text", "series.label", "Which of several T1 + STIR pairs of a study; empty where there is one."),
    ("patient_age_years", "years", "series.t1.acquisition.patient_age_y", "Empty: not told. Above 89 told as 90."),
    ("patient_sex", "text", "series.t1.acquisition.patient_sex", "F or M; empty: not told."),
    ("magnetic_field_strength_t", "T", "series.t1.acquisition.magnetic_field_strength_t", "Field strength."),
    ("t1_repetition_time_ms", "ms", "series.t1.acquisition.repetition_time_ms", "RepetitionTime of T1."),
    ("t1_echo_time_ms", "ms", "series.t1.acquisition.echo_time_ms", "EchoTime of T1."),
    ("stir_repetition_time_ms", "ms", "series.stir.acquisition.repetition_time_ms", "RepetitionTime of STIR."),
    ("stir_echo_time_ms", "ms", "series.stir.acquisition.echo_time_ms", "EchoTime of STIR."),
    ("stir_inversion_time_ms", "ms", "series.stir.acquisition.inversion_time_ms", "InversionTime of STIR."),
    ("pattern_class", "text", "pattern.class", "Class of the study; never a diagnosis."),
    ("pattern_confidence", "text", "pattern.confidence", "Confidence of that class."),
    (
        "pattern_confidence_probability",
        "fraction",
        "pattern.confidence_probability",
        "How often a class of this confidence was right; empty where none is named.",
    ),
    ("pattern_add_ons", "text", "pattern.add_ons", "Names of further findings, one space between them."),
    ("alignment_verdict", "text", "alignment.verdict", "How well T1 and STIR lie on each other."),
    ("alignment_error_mm", "mm", "alignment.estimated_error_mm", "Estimated error of that."),
    ("alignment_error_status", "text", "alignment.estimated_error_status", "measured or not_evaluable."),
    ("mask_source", "text", "marrow.source", "Who made the marrow mask."),
    ("mask_check", "text", "marrow.check.verdict", "Whether the mask can be trusted."),
    ("mask_volume_ml", "ml", "marrow.volume_ml", "Marrow in the picture."),
    ("mask_core_volume_ml", "ml", "marrow.core_volume_ml", "The part that is measured."),
)
_ALLOWED = {
    "patient_sex": ("F", "M"),
    "alignment_verdict": (*(one.value for one in AlignmentVerdict), "not_evaluable"),
    "mask_source": tuple(one.value for one in MarrowSource),
    "mask_check": (*(one.value for one in MaskVerdict), "not_evaluable"),
}
_LEVELS = tuple(
    row
    for tissue in TISSUES
    for row in (
        (f"{tissue}_t1_au", "au", f"references.tissues[key={tissue}].t1", "Level of T1, the series' own units."),
        (f"{tissue}_t1_status", "text", f"references.tissues[key={tissue}].status", "measured or not_evaluable."),
        (f"{tissue}_stir_au", "au", f"references.tissues[key={tissue}].stir", "Level of STIR, the series' own units."),
        (f"{tissue}_stir_status", "text", f"references.tissues[key={tissue}].stir_status", "As of T1."),
    )
)
_QUALITY = tuple(
    (f"quality_{state}_count", "1", f"quality.{state}", f"Gates that {words}.")
    for state, words in (
        ("passed", "passed"),
        ("warned", "warned"),
        ("failed", "failed"),
        ("not_evaluable", "could not be evaluated"),
    )
)


def _found(word: str, section: str) -> tuple[tuple[str, str, str, str], ...]:
    rows = [
        (f"{word}_status", "text", section, "measured: looked for; else not_evaluable."),
        (f"{word}_count", "1", section, "How many; 0 means looked for and none found."),
        (f"{word}_volume_ml", "ml", f"{section}[].volume_ml", "Their volume; 0 means looked for and none found."),
    ]
    for side in SIDES:
        name, place = _side_word(side)
        rows += [
            (f"{word}_{name}_count", "1", section, f"Those {place}."),
            (f"{word}_{name}_volume_ml", "ml", f"{section}[].volume_ml", f"Volume of those {place}."),
        ]
    return (
        *rows,
        (f"{word}_largest_ml", "ml", f"{section}[0].volume_ml", "Volume of the largest; empty where there is none."),
        (f"{word}_largest_region", "text", f"{section}[0].region_key", "Region that holds most of the largest."),
        (f"{word}_largest_side", "text", f"{section}[0].side", "The patient's side of the largest."),
    )


def _side_word(side: Side) -> tuple[str, str]:
    if side is Side.NONE:
        return "no_side", "in regions without a side"
    return side.value, f"on the patient's {side.value}"


def places_of(protocol: Protocol) -> tuple[tuple[RegionSpec, Side | None], ...]:
    """Return the places with columns of their own, in order.

    Parameters
    ----------
    protocol : Protocol
        Its whole and its regions; bones that it only knows the names of have none, nor have parts of bones.

    Returns
    -------
    tuple of (RegionSpec, Side or None)
        Of a pair the left, the right, and the undivided where sides could not be told apart; None is any side.
    """
    specs = {spec.key: spec for spec in (protocol.whole, *protocol.regions)}
    return tuple((spec, side) for spec in specs.values() for side in (SIDES if _paired(spec, protocol) else (None,)))


def pairs_of(protocol: Protocol) -> tuple[str, ...]:
    """Return the keys whose symmetry has columns: all marrow, the same without lesions, each pair; none of a knee."""
    specs = {spec.key: spec for spec in (protocol.whole, *protocol.regions)}
    keys = tuple(key for key, spec in specs.items() if _paired(spec, protocol))
    return tuple(dict.fromkeys(("all", "background", *keys))) if protocol.symmetric_anatomy else ()


def _paired(spec: RegionSpec, protocol: Protocol) -> bool:
    return spec.paired and protocol.symmetric_anatomy


def _place_columns() -> tuple[Column, ...]:
    """Return the columns of one region and side, or of all marrow."""
    own = (
        (f"{_PLACE}_status", "text", FIELD, "Whether it has values in this study, and else why not."),
        (f"{_PLACE}_volume_ml", "ml", f"{FIELD}.volume_ml", "Marrow mask in it."),
        (f"{_PLACE}_core_volume_ml", "ml", f"{FIELD}.core_volume_ml", "The part that is measured."),
        (f"{_PLACE}_coverage_fraction", "fraction", f"{FIELD}.coverage_fraction", "Share that lies in the picture."),
        (f"{_PLACE}_lesion_ml", "ml", f"{FIELD}.lesion_ml", "Lesion volume in it; 0: looked for, none found."),
    )
    plain = facts(STUDY_TABLE, own, allowed={f"{_PLACE}_status": tuple(state.value for state in PlaceState)})
    return (*plain, *_descriptor_columns(_PLACE, FIELD, REGION_DESCRIPTORS))


def _descriptor_columns(prefix: str, section: str, descriptors: tuple[Descriptor, ...]) -> tuple[Column, ...]:
    return tuple(
        Column(
            table=STUDY_TABLE,
            name=f"{prefix}_{value_header(one)}{suffix}",
            unit=unit,
            description=words,
            descriptor=one.id,
            source=f"{section}.measurements[name={one.name}].{field}",
            allowed=(*_MEASURED, *_WITHOUT) if field == "status" else (),
        )
        for one in descriptors
        for suffix, field, unit, words in (
            ("", "value", one.unit, one.description),
            ("_status", "status", "text", "As in regions.csv; where the place has no values, why not."),
        )
    )


def study_columns(protocol: Protocol) -> tuple[Column, ...]:
    """Return the columns of `protocol`, in the order of the cells of `study_csv`."""
    return tuple(column for part in study_parts(protocol) for column in _each(part))


def study_parts(protocol: Protocol) -> tuple[Column | RepeatedColumns, ...]:
    """Return the same columns, those that come again for each pair and each place told once."""
    pairs = tuple((f"symmetry_{key}", f"symmetry[key={key}]") for key in pairs_of(protocol))
    symmetry = RepeatedColumns(
        word=_PAIR, places=pairs, columns=_descriptor_columns(_PAIR, FIELD, SYMMETRY_DESCRIPTORS)
    )
    head = (*study_head(), *((symmetry,) if pairs else ()))
    columns = _place_columns()
    whole = _whole()
    taken = [column.name for part in (*head, whole) for column in _each(part)]
    places = []
    for spec, side in places_of(protocol):
        # A protocol may call a region by a word that columns above begin with.
        name = f"region_{spec.key}" if any(one.startswith(f"{spec.key}_") for one in taken) else spec.key
        prefix = name if side in (None, Side.NONE) else f"{name}_{side}"
        places.append((prefix, f"regions[key={spec.key}{'' if side is None else f', side={side}'}]"))
    other = ("other_regions_in_view", "text", "regions[].key", "Regions without columns here; see regions.csv.")
    repeated = RepeatedColumns(word=_PLACE, places=(*whole.places, *places), columns=columns)
    return (*head, repeated, *facts(STUDY_TABLE, (other,)))


def whole_columns() -> tuple[Column, ...]:
    """Return the columns of all marrow, which every protocol has."""
    return _whole().each()


def _whole() -> RepeatedColumns:
    return RepeatedColumns(word=_PLACE, places=(("all", "whole"),), columns=_place_columns())


def _each(part: Column | RepeatedColumns) -> tuple[Column, ...]:
    return part.each() if isinstance(part, RepeatedColumns) else (part,)


def study_head() -> tuple[Column, ...]:
    """Return the columns that every protocol has, before those of symmetry and of places."""
    states = tuple(one.value for one in GateState)
    gates = tuple(
        (_gate_header(key, series), "text", f"quality.gates[key={key}].state", "Outcome; empty where it was not asked.")
        for key, series in GATE_NAMES
    )
    return (
        *facts(STUDY_TABLE, (*_ABOUT, *_LEVELS, *_QUALITY), allowed=_ALLOWED),
        *facts(STUDY_TABLE, gates, allowed=dict.fromkeys((name for name, *_ in gates), states)),
        *facts(STUDY_TABLE, (*_found("lesion", "lesions"), *_found("dark_focus", "dark_foci"))),
        *_descriptor_columns("distribution", "distribution", DISTRIBUTION_DESCRIPTORS),
    )


def _gate_header(key: str, series: str) -> str:
    return "_".join(part for part in ("gate", key, series.lower()) if part)
