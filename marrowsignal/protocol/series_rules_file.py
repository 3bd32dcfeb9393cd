"""Find, read, merge and hash the rules by which a series is recognised."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from marrowsignal.errors import ProtocolError
from marrowsignal.protocol.problems import first_problem
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_text import refuse_slow_pattern

__all__ = ["default_series_rules", "load_series_rules", "read_series_rules_text", "series_rules_sha256"]

_STAGE = "protocol"
_HINT = "compare with `marrowsignal protocol show series`"
_SITE_SOURCE = "the site's own rules"
_PATTERN_TABLES = ("text", "side")


def read_series_rules_text() -> str:
    """Return the shipped rules as TOML, comments included."""
    return resources.files("marrowsignal.protocol").joinpath("data/series.toml").read_text("utf-8")


@functools.cache
def default_series_rules() -> SeriesRules:
    """Return the rules shipped with the package.

    Raises
    ------
    ProtocolError
        If the shipped file is damaged.
    """
    return _validated(_parsed(read_series_rules_text(), "series.toml"), "series.toml")


def load_series_rules(path: Path) -> SeriesRules:
    """Load a site's rules: its file is merged over the shipped one, table by table.

    A table ``[also.text]`` (or ``also.image_type``, ``also.scan_options``, ``also.side``) adds words to the shipped
    ones instead of replacing them. A number changed without a `source` of its own is marked as the site's.

    Parameters
    ----------
    path : Path
        A TOML file with any part of what ``marrowsignal protocol show series`` prints.

    Raises
    ------
    ProtocolError
        If the file cannot be read, is not TOML, holds an unknown key or a value out of form, or a regular
        expression that does not compile or is slow; the message says where.

    Examples
    --------
    >>> load_series_rules(Path("nowhere.toml"))
    Traceback (most recent call last):
    marrowsignal.errors.ProtocolError: protocol: series rules file nowhere.toml cannot be read [series_rules_unreadable]
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(
            f"series rules file {file.name} cannot be read", code="series_rules_unreadable", stage=_STAGE
        ) from error
    own = _parsed(text, file.name)
    also = own.pop("also", {})
    merged = _merged(_parsed(read_series_rules_text(), "series.toml"), own)
    rules = _validated(_with_more(merged, also, file.name), file.name)
    _refuse_slow(rules, default_series_rules())
    return rules


def series_rules_sha256(rules: SeriesRules) -> str:
    """Hash of the resolved rules; any changed number, word, unit or source changes it."""
    return hashlib.sha256(rules.model_dump_json().encode()).hexdigest()


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(
            f"series rules {name} are not TOML: {error}", code="series_rules_not_toml", stage=_STAGE, hint=_HINT
        ) from error


def _validated(raw: dict[str, Any], name: str) -> SeriesRules:
    try:
        return SeriesRules.model_validate(raw)
    except ValidationError as error:
        raise ProtocolError(
            f"series rules {name}: {first_problem(error, 'series rules')}",
            code="series_rules_invalid",
            stage=_STAGE,
            hint=_HINT,
        ) from error


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge tables key by key; everything else, lists included, is replaced whole."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if not (isinstance(value, dict) and isinstance(known, dict)):
            merged[key] = value
        elif "source" in known and "source" not in value:
            merged[key] = _merged(known, {**value, "source": _SITE_SOURCE})
        else:
            merged[key] = _merged(known, value)
    return merged


def _with_more(rules: dict[str, Any], also: object, name: str) -> dict[str, Any]:
    """Add the words of ``[also.*]`` to the lists and patterns that are there."""
    if not isinstance(also, dict):
        raise _out_of_form(name, "also", "is not a table")
    merged = dict(rules)
    for table, words in also.items():
        if table not in (*_PATTERN_TABLES, "image_type", "scan_options") or not isinstance(words, dict):
            raise _out_of_form(name, f"also.{table}", "takes text, side, image_type or scan_options, each a table")
        known = dict(_table(merged, table))
        for key, value in words.items():
            if key not in known:
                raise _out_of_form(name, f"also.{table}.{key}", "there are no such words to add to")
            known[key] = [*_as_list(known[key]), *_as_list(value)]
        merged[table] = known
    return merged


def _table(raw: object, name: str) -> dict[str, Any]:
    found = raw.get(name, {}) if isinstance(raw, dict) else {}
    return found if isinstance(found, dict) else {}


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _out_of_form(name: str, where: str, what: str) -> ProtocolError:
    return ProtocolError(f"series rules {name}: {where}: {what}", code="series_rules_invalid", stage=_STAGE, hint=_HINT)


def _refuse_slow(rules: SeriesRules, shipped: SeriesRules) -> None:
    """Try the patterns that the site changed; the shipped ones are known to be quick."""
    for table in _PATTERN_TABLES:
        known = getattr(shipped, table)
        for key, pattern in getattr(rules, table):
            old = getattr(known, key)
            # Words that were added stand behind the shipped ones.
            added = next(
                (pattern.removeprefix(f"{head}|") for head in (old, f"(?:{old})") if pattern.startswith(f"{head}|")),
                pattern,
            )
            if pattern != old:
                refuse_slow_pattern(added, f"{table}.{key}")
