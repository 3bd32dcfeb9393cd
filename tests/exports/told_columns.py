"""Columns as ``columns.json`` tells them, by the rule of ``docs/outputs.md``."""

from __future__ import annotations

import json


def told_columns(text: str) -> dict[str, list[dict]]:
    """Return every column of each table, in order."""
    tables = {}
    for table in json.loads(text)["tables"]:
        parts = [part if "places" in part else {"columns": [part]} for part in table["columns"]]
        tables[table["table"]] = [
            column
            for part in parts
            for prefix, field in part.get("places", {"": ""}).items()
            for value in part["columns"]
            for column in _with_those_beside(_of_place(value, part.get("word", ""), prefix, field), table)
        ]
    return tables


def _of_place(column: dict, word: str, prefix: str, field: str) -> dict:
    if not word:
        return column
    own = {"name": column["name"].replace(word, prefix, 1), "field": column["field"].replace("FIELD", field, 1)}
    return {**column, **own}


def _with_those_beside(value: dict, table: dict) -> list[dict]:
    if "descriptor" not in value:
        return [value]
    columns = [value]
    for beside in table["beside"]:
        own = {"name": value["name"] + beside["suffix"], "descriptor": value["descriptor"]}
        own["unit"] = value["unit"] if beside["unit"] == "as the value" else beside["unit"]
        own["field"] = value["field"].removesuffix("value") + beside["field"]
        columns.append({key: cell for key, cell in {**beside, **own}.items() if key != "suffix"})
    return columns
