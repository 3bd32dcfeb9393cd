"""Label tables of other programs: which value is which structure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from marrowsignal.errors import MaskError
from marrowsignal.marrow.supplied.records import NamedLabel

__all__ = ["read_label_table"]

_MOST_BYTES = 4 << 20
_TOP = 65535
_SNAP = re.compile(r'\s*(\d+)\s+\d+\s+\d+\s+\d+\s+[\d.]+\s+\d+\s+\d+\s+"([^"]*)"')
_CTBL = re.compile(r'\s*(\d+)\s+(?:"([^"]*)"|(\S+))(?:\s+\d+){4}\s*')
_PLAIN = re.compile(r'\s*(\d+)\s*[\s,:;=]\s*"?([^\W\d][^"]*)"?\s*')
_VALUE_COLUMNS = ("index", "labelvalue", "label_value", "value", "labelid", "label_id", "id", "label", "key")
_NAME_COLUMNS = ("name", "label_name", "labelname", "structure", "segmentlabel", "segment_label", "label", "region")
_CODE_COLUMNS = ("code", "type_codevalue", "typecodevalue", "snomed")
_SIDE_COLUMNS = ("side", "laterality", "typemodifier_codemeaning")
_LATERALITY = {"7771000": "left", "24028007": "right", "left": "left", "right": "right", "l": "left", "r": "right"}


def read_label_table(path: Path) -> tuple[NamedLabel, ...]:
    """Read a label table.

    Parameters
    ----------
    path : Path
        ITK-SNAP label descriptions (``.txt``); colour table of 3D Slicer (``.ctbl``, ``.csv``, ``.tsv``); any ``.csv``
        or ``.tsv`` with a column of values and one of names, such as ours or BIDS; ``.json`` of ours, of nnU-Net
        (``dataset.json``), of dcmqi, or names by values; or lines of a value and a name.

    Returns
    -------
    tuple of NamedLabel
        By value, without the background.

    Raises
    ------
    MaskError
        If the file cannot be read, is too large, names no value, or names one value twice.
    """
    text = _text(path)
    stripped = text.lstrip()
    in_json = stripped.startswith(("{", "["))
    found = _from_json(stripped) if in_json else _from_columns(text) or _from_lines(text)
    named = sorted((label for label in found if 0 < label.value <= _TOP), key=lambda label: label.value)
    if not named:
        raise _refused(
            "names no label value", "give lines of a value and a name, or a table with columns index and name"
        )
    values = [label.value for label in named]
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise _refused(f"names value {twice[0]} more than once", "give each value one name")
    return tuple(named)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _refused(f"cannot be read ({error.strerror})", "check its path and permissions") from error
    if len(content) > _MOST_BYTES or b"\0" in content:
        raise _refused("is no text of a few lines", "give the label table, not the label map")
    return content.decode("utf-8-sig", errors="replace")


def _refused(problem: str, hint: str) -> MaskError:
    return MaskError(f"the label table {problem}", code="label_table_unreadable", stage="segment_marrow", hint=hint)


def _from_lines(text: str) -> list[NamedLabel]:
    found = []
    for raw in text.splitlines():
        line = " ".join(raw.split())  # runs of spaces would be tried at every length
        if line.startswith(("#", "//")):
            continue
        match = _SNAP.match(line) or _CTBL.fullmatch(line) or _PLAIN.fullmatch(line)
        if match:
            name = next((part for part in match.groups()[1:] if part is not None), "")
            found.append(NamedLabel(value=_number(match[1]), name=name.strip()))
    return found


def _from_columns(text: str) -> list[NamedLabel]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return []
    delimiter = max("\t,;", key=lines[0].count)
    try:
        rows = list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error as error:
        raise _refused("has a cell that is no name", "save it anew") from error
    columns = {name.strip().lower(): name for name in (rows[0] if rows else {}) if name}
    value = next((columns[name] for name in _VALUE_COLUMNS if name in columns), None)
    name = next((columns[n] for n in _NAME_COLUMNS if n in columns and columns[n] != value), None)
    if value is None or name is None:
        return []
    code, side = (next((columns[n] for n in names if n in columns), None) for names in (_CODE_COLUMNS, _SIDE_COLUMNS))
    return [
        _entry(row[value], row[name], row.get(code or "", ""), row.get(side or "", ""))
        for row in rows
        if _number(row[value])
    ]


def _from_json(text: str) -> list[NamedLabel]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("is no valid JSON", "save it anew") from error
    if isinstance(content, Mapping) and isinstance(content.get("segmentAttributes"), list):
        items = [
            one for group in content["segmentAttributes"] for one in (group if isinstance(group, list) else [group])
        ]
        return [_dcmqi(item) for item in items if isinstance(item, Mapping)]
    inner = content.get("labels", content) if isinstance(content, Mapping) else content
    if isinstance(inner, Mapping):
        of_nnunet = inner is not content
        return [replace(entry, by_program=of_nnunet) for pair in inner.items() for entry in _by_value(*pair)]
    return [_described(item) for item in inner if isinstance(item, Mapping)] if isinstance(inner, list) else []


def _by_value(first: object, second: object) -> Iterable[NamedLabel]:
    """One pair of nnU-Net (name: value) or of names by values."""
    if isinstance(second, int) and not isinstance(second, bool):
        yield _entry(second, first)
    elif isinstance(second, str) and _number(first):
        yield _entry(first, second)


def _described(item: Mapping[str, object]) -> NamedLabel:
    value = next((item[key] for key in _VALUE_COLUMNS if isinstance(item.get(key), int)), 0)
    name = next((item[key] for key in _NAME_COLUMNS if isinstance(item.get(key), str)), "")
    return _entry(value, name, item.get("code"), item.get("side"))


def _dcmqi(item: Mapping[str, object]) -> NamedLabel:
    codes = [
        item.get(key) for key in ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence")
    ]
    kind, modifier = (code if isinstance(code, Mapping) else {} for code in codes)
    name = item.get("SegmentLabel") or item.get("SegmentDescription") or kind.get("CodeMeaning")
    entry = _entry(item.get("labelID", 0), name, kind.get("CodeValue"), modifier.get("CodeValue"))
    return replace(entry, by_program=item.get("SegmentAlgorithmType") == "AUTOMATIC")


def _entry(value: object, name: object, code: object = "", side: object = "") -> NamedLabel:
    told = {str(part).strip().lower() for part in (side, code)} - {"", "none", "n/a"}
    laterality = next((_LATERALITY[one] for one in sorted(told) if one in _LATERALITY), "")
    clean = str(code or "").strip()
    return NamedLabel(
        value=_number(value),
        name=str(name or "").strip(),
        codes=(clean,) if clean.isdecimal() else (),
        side=laterality,
    )


def _number(text: object) -> int:
    """Return a label value, 0 for what is none."""
    digits = str(text).strip()
    return int(digits) if digits.isdecimal() and len(digits) <= len(str(_TOP)) else 0
