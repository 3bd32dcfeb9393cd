"""Headers stay where they are under one schema version.

The golden file is written anew only when asked for (``MARROWSIGNAL_WRITE_GOLDEN=1``),
after `TABLE_SCHEMA_VERSION` was raised.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from marrowsignal.exports.tables.columns import TABLE_SCHEMA_VERSION
from marrowsignal.exports.tables.comparison_tables import CHANGE_LESION_COLUMNS, CHANGE_REGION_COLUMNS
from marrowsignal.exports.tables.dictionary import TABLES
from marrowsignal.exports.tables.study_columns import study_columns
from tests.report.study_builder import build_protocol

GOLDEN = Path(__file__).parents[1] / "golden" / "table_columns.json"


def current() -> dict:
    tables = dict(TABLES)
    tables["study.csv"] = study_columns(build_protocol())
    tables["change_regions.csv"], tables["change_lesions.csv"] = CHANGE_REGION_COLUMNS, CHANGE_LESION_COLUMNS
    headers = {table: [column.name for column in columns] for table, columns in tables.items()}
    return {"schema_version": TABLE_SCHEMA_VERSION, "tables": headers}


def breach(before: dict, now: dict) -> str:
    """Say what breaks the rule: MAJOR when a column moves or vanishes, MINOR when one is added at the end."""
    old, new = (tuple(int(part) for part in told["schema_version"].split(".")) for told in (before, now))
    if before["tables"] == now["tables"]:
        return "" if old == new else "a new schema version without a change"
    moved = [
        table for table, headers in before["tables"].items() if now["tables"].get(table, [])[: len(headers)] != headers
    ]
    if moved and new[0] <= old[0]:
        return f"columns of {', '.join(moved)} moved or vanished: raise MAJOR"
    return "" if new > old else "columns were added: raise MINOR"


def test_headers_are_those_of_their_schema_version() -> None:
    now = current()
    before = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else None
    if os.environ.get("MARROWSIGNAL_WRITE_GOLDEN") == "1":
        assert before is None or not breach(before, now)
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        before = now
    assert before is not None
    assert not breach(before, now)
    assert before == now, "columns were added and the version raised: write the golden file anew"


def told(version: str, **tables: list[str]) -> dict:
    return {"schema_version": version, "tables": tables}


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (told("2.0", a=["x", "y"]), ""),
        (told("2.0", a=["y", "x"]), "MAJOR"),
        (told("2.1", a=["x"]), "MAJOR"),
        (told("2.1", b=["x", "y"]), "MAJOR"),
        (told("3.0", a=["y"]), ""),
        (told("2.0", a=["x", "y", "z"]), "MINOR"),
        (told("2.1", a=["x", "y", "z"]), ""),
        (told("2.1", a=["x", "y"], b=["z"]), ""),
        (told("2.1", a=["x", "y"]), "without a change"),
    ],
)
def test_what_the_rule_itself_sees(now: dict, words: str) -> None:
    found = breach(told("2.0", a=["x", "y"]), now)
    assert (words in found) if words else not found
