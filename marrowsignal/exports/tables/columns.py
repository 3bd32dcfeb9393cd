"""What one column of a table is, and how its header is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from marrowsignal.patterns.records import Confidence, PatternClass
from marrowsignal.regions.records import Side
from marrowsignal.results.descriptors import Descriptor
from marrowsignal.signals.records import MeasurementStatus

__all__ = [
    "FIELD",
    "TABLE_SCHEMA_VERSION",
    "Column",
    "ColumnType",
    "RepeatedColumns",
    "facts",
    "family",
    "value_header",
]

# MAJOR changes when a column moves, vanishes or changes its meaning, MINOR when one is added at the end of a table.
TABLE_SCHEMA_VERSION = "2.0"
FIELD = "FIELD"  # stands for the field of a place where columns are told once for several places
_PURE_NUMBERS = ("ratio", "index", "sum", "difference")  # a name that says so needs no unit
_MEASURED = tuple(status.value for status in MeasurementStatus)
_YES_NO = ("yes", "no")
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "side": tuple(side.value for side in Side),
    "pattern_class": tuple(one.value for one in PatternClass),
    "pattern_confidence": tuple(one.value for one in Confidence),
    "cut_by_field_of_view": _YES_NO,
    "beyond_repeatability": _YES_NO,
}
_INTEGERS = frozenset(
    {"label", "number", "slices", "voxels", "core_voxels", "first_slice_index", "last_slice_index"}
    | {"baseline_lesions", "followup_lesions"}
)


class ColumnType(StrEnum):
    """What its cells hold, empty ones aside."""

    TEXT = "text"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of one table.

    Attributes
    ----------
    table : str
        File name of the table.
    name : str
        Header; ends in the unit.
    unit : str
        ``"text"``, ``"1"`` for pure numbers, the unit, or ``"varies"`` where another column has it.
    description : str
        One sentence.
    descriptor : str
        Descriptor of the scientific specification, for example ``"D01"``; empty for a plain fact.
    source : str
        Where the cell comes from: a field of ``result.json``.
    allowed : tuple of str
        Every text a cell may hold; empty where that is open. A cell may be empty as well.
    whole_number : bool
        Whether its numbers are counts or labels.
    """

    table: str
    name: str
    unit: str
    description: str
    descriptor: str
    source: str
    allowed: tuple[str, ...] = ()
    whole_number: bool = False

    @property
    def type(self) -> ColumnType:
        """What its cells hold."""
        if self.unit == "text":
            return ColumnType.CHOICE if self.allowed else ColumnType.TEXT
        return ColumnType.INTEGER if self.whole_number else ColumnType.NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedColumns:
    """Columns that come again for each of several places.

    Attributes
    ----------
    word : str
        Begins the names of `columns` and stands for the beginning of a place's headers.
    places : tuple of tuple of str
        Beginning of the headers, and field of ``result.json``, of each place.
    columns : tuple of Column
        Of one place, with `word` and ``FIELD`` for what is its own.
    """

    word: str
    places: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]

    def each(self) -> tuple[Column, ...]:
        """Return the columns of one place after the other."""
        return tuple(
            replace(
                column,
                name=prefix + column.name.removeprefix(self.word),
                source=field + column.source.removeprefix(FIELD),
            )
            for prefix, field in self.places
            for column in self.columns
        )


def value_header(descriptor: Descriptor) -> str:
    """Header of a descriptor's value: its name, then its unit.

    >>> value_header(Descriptor(id="D01", name="t1_marrow_to_muscle", unit="1", title="", description=""))
    't1_marrow_to_muscle_ratio'
    >>> value_header(Descriptor(id="D31", name="depth", unit="mm", title="", description=""))
    'depth_mm'
    """
    name, unit = descriptor.name, descriptor.unit.lower()
    if unit == "1":
        return name if any(word in name for word in _PURE_NUMBERS) else f"{name}_ratio"
    return name if name.endswith(f"_{unit}") else f"{name}_{unit}"


def facts(
    table: str,
    rows: Sequence[tuple[str, str, str, str]],
    *,
    allowed: Mapping[str, tuple[str, ...]] = _ALLOWED,
) -> tuple[Column, ...]:
    """Return columns that are no descriptors.

    Parameters
    ----------
    table : str
        File name of the table.
    rows : sequence of tuple of str
        Name, unit, field of ``result.json`` and meaning of each.
    allowed : mapping of str to tuple of str
        Every text that cells of a name may hold, beyond what holds for that name in each table.
    """
    known = {**_ALLOWED, **allowed}
    return tuple(
        Column(
            table=table,
            name=name,
            unit=unit,
            description=description,
            descriptor="",
            source=source,
            allowed=known.get(name, _MEASURED if unit == "text" and name.endswith("status") else ()),
            whole_number=name in _INTEGERS or name.endswith("_count"),
        )
        for name, unit, source, description in rows
    )


def family(table: str, section: str, descriptor: Descriptor) -> tuple[Column, ...]:
    """Return the five columns of a descriptor: value, both ends of its interval, status, reason."""
    header = value_header(descriptor)
    source = f"{section}[].measurements[name={descriptor.name}]"
    return tuple(
        Column(
            table=table,
            name=header + suffix,
            unit=unit,
            description=words,
            descriptor=descriptor.id,
            source=f"{source}.{field}",
            allowed=_MEASURED if suffix == "_status" else (),
        )
        for suffix, field, unit, words in (
            ("", "value", descriptor.unit, descriptor.description),
            ("_ci_low", "ci_low", descriptor.unit, "Lower end of the 90 % interval."),
            ("_ci_high", "ci_high", descriptor.unit, "Upper end of the 90 % interval."),
            ("_status", "status", "text", "measured, exploratory (too small to be firm) or not_evaluable."),
            ("_reason", "reason", "text", "Why it is exploratory or not evaluable; empty when measured."),
        )
    )
