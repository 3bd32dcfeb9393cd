"""A protocol as TOML: what it extends, and every number that differs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from marrowsignal.protocol.schema import Protocol

__all__ = ["protocol_text"]

_TABLES = ("signals", "evidence", "change")
_LISTS = ("regions", "other_bones", "parts")


def protocol_text(protocol: Protocol, base: Protocol, *, extends: str, comments: tuple[str, ...]) -> str:
    """Write what a protocol changes of its base.

    Parameters
    ----------
    protocol, base : Protocol
        The new one and the one extended.
    extends : str
        Name or file of the base.
    comments : tuple of str
        Lines above it all.

    Returns
    -------
    str
        TOML that `load_protocol` resolves to `protocol`. Lists of regions are written whole where one of their
        entries changed, for lists are replaced and not merged.
    """
    new, old = (one.model_dump(mode="json", exclude_none=True) for one in (protocol, base))
    lines = [*(f"# {line}" for line in comments), f"extends = {_value(extends)}"]
    lines += [f"{key} = {_value(new[key])}" for key in ("name", "version", "title") if new[key] != old[key]]
    for table in _TABLES:
        changed = {key: value for key, value in new[table].items() if value != old[table].get(key)}
        if changed:
            lines += ["", f"[{table}]", *(f"{key} = {_value(value)}" for key, value in changed.items())]
    if new["whole"] != old["whole"]:
        lines += ["", "[whole]", *_entries(new["whole"])]
    for name in _LISTS:
        if new[name] != old[name]:
            for entry in new[name]:
                lines += ["", f"[[{name}]]", *_entries(entry)]
    return "\n".join(lines) + "\n"


def _entries(table: dict[str, Any]) -> Iterable[str]:
    for key, value in table.items():
        if key == "expected_fat_signal":
            yield from (f"{key}.{part} = {_value(band)}" for part, band in value.items())
        else:
            yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    # Strings, booleans and numbers of JSON are those of TOML, but for the letters that JSON may leave alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
