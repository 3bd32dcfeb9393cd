"""The dictionary of all columns: as JSON beside the tables, and as the generated part of the manual."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from marrowsignal.exports.tables.columns import TABLE_SCHEMA_VERSION, Column, RepeatedColumns
from marrowsignal.exports.tables.dictionary import TABLES
from marrowsignal.exports.tables.study_columns import STUDY_TABLE, study_head

__all__ = ["DICTIONARY_FILE", "columns_json", "dictionary_markdown"]

DICTIONARY_FILE = "columns.json"
_FORMAT = "RFC 4180, UTF-8 without byte order mark, decimal point; an empty cell means not measured"
_FAMILY_ENDS = ("_ci_low", "_ci_high", "_status", "_reason")
_TABLE_HEAD = ("", "| column | unit | descriptor | meaning |", "|---|---|---|---|")
_HEAD_OF_STUDY = (f"### {STUDY_TABLE}", *_TABLE_HEAD)
_PATTERNS_OF_STUDY = (
    "| `gate_GATE`, `gate_GATE_t1`, `gate_GATE_stir` | text |  | Outcome of each gate; empty where not asked. |",
    "| `distribution_DESCRIPTOR` | its own | D25 | As in `measurements.csv`. |",
    "| `symmetry_PAIR_DESCRIPTOR` | its own | D20-D23 | As in `symmetry.csv`; PAIR is all, background or a region. |",
    "| `PLACE_status` | text |  | in_view, as_part, or why it has no values: see above. |",
    "| `PLACE_volume_ml`, `PLACE_core_volume_ml` | ml |  | As in `regions.csv`. |",
    "| `PLACE_coverage_fraction` | fraction |  | As in `regions.csv`. |",
    "| `PLACE_lesion_ml` | ml |  | As in `regions.csv`. |",
    "| `PLACE_DESCRIPTOR` | its own | D01-D24 | PLACE is all, REGION, REGION_left or REGION_right. |",
    "| `other_regions_in_view` | text |  | Regions without columns here; see `regions.csv`. |",
)
_TOLD_AGAIN = ("median_", "stir_median_")


def columns_json(columns: Sequence[Column | RepeatedColumns]) -> str:
    """Return the data dictionary: every column in its order, with unit, type, allowed texts, meaning and source.

    What comes again is told once: the columns of a place for all places, and what stands beside the value of a
    descriptor for all descriptors of a table. ``docs/outputs.md`` has the rule to read it by.

    Parameters
    ----------
    columns : sequence of Column or RepeatedColumns
        Of one table after the other.

    Returns
    -------
    str
        JSON; what does not apply to a column is left out of its entry.
    """
    tables: dict[str, list[Column | RepeatedColumns]] = {}
    for one in columns:
        tables.setdefault(_table_of(one), []).append(one)
    told = [_table_json(table, parts) for table, parts in tables.items()]
    return _with_lines({"schema_version": TABLE_SCHEMA_VERSION, "format": _FORMAT}, "tables", told) + "\n"


def _table_of(one: Column | RepeatedColumns) -> str:
    return one.columns[0].table if isinstance(one, RepeatedColumns) else one.table


def _table_json(table: str, parts: Sequence[Column | RepeatedColumns]) -> str:
    """Tell one table, a line a column: an editor finds it, and a version control system shows what changed."""
    beside: dict[str, dict[str, object]] = {}
    lines = []
    for part in parts:
        told = _lines(part.columns if isinstance(part, RepeatedColumns) else (part,), beside)
        if isinstance(part, RepeatedColumns):
            told = [_with_lines({"word": part.word, "places": dict(part.places)}, "columns", told)]
        lines += told
    head: dict[str, object] = {"table": table}
    return _with_lines(head | ({"beside": list(beside.values())} if beside else {}), "columns", lines)


def _with_lines(head: Mapping[str, object], key: str, lines: Sequence[str]) -> str:
    """Return `head` and, under `key`, a list with a line for each of its parts."""
    return f"{_json(head)[:-1]}, {_json(key)}: [\n" + ",\n".join(lines) + "\n]}"


def _lines(columns: Sequence[Column], beside: dict[str, dict[str, object]]) -> list[str]:
    """Tell columns; those that stand beside the value of a descriptor go to `beside`, by their suffix."""
    lines = []
    for column in columns:
        suffix = next((end for end in _FAMILY_ENDS if column.descriptor and column.name.endswith(end)), "")
        if not suffix:
            lines.append(_json(_described(column)))
        elif suffix not in beside:
            own = _described(column) | {"field": column.source.rpartition(".")[2]}
            unit = {} if column.unit == "text" else {"unit": "as the value"}
            told = {key: value for key, value in own.items() if key not in ("name", "descriptor")}
            beside[suffix] = {"suffix": suffix} | told | unit
    return lines


def _described(column: Column) -> dict[str, object]:
    described = {
        "name": column.name,
        "unit": column.unit,
        "type": column.type.value,
        "allowed": column.allowed,
        "description": column.description,
        "descriptor": column.descriptor,
        "field": column.source,
    }
    return {key: value for key, value in described.items() if value}


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False)


def dictionary_markdown() -> str:
    """Return the data dictionary as Markdown tables: the generated part of ``docs/outputs.md``."""
    lines: list[str] = []
    for table, columns in TABLES:
        shown = [column for column in columns if not column.name.endswith(_FAMILY_ENDS) or not column.descriptor]
        lines += _section(table, [column for column in shown if not _told_with_value(column)])
    head = [_row(column) for column in study_head() if not (column.descriptor or column.name.startswith("gate_"))]
    return "\n".join([*lines, *_HEAD_OF_STUDY, *head, *_PATTERNS_OF_STUDY, ""])


def _told_with_value(column: Column) -> bool:
    return column.name.endswith(_FAMILY_ENDS) and not column.descriptor and not column.name.startswith(_TOLD_AGAIN)


def _section(table: str, columns: Sequence[Column]) -> list[str]:
    return [f"### {table}", *_TABLE_HEAD, *(_row(column) for column in columns), ""]


def _row(column: Column) -> str:
    words = column.description.replace("|", "\\|")
    return f"| `{column.name}` | {column.unit} | {column.descriptor} | {words} |"
