"""Case folders of an output folder, and what of each the cohort reads: its ``result.json``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from marrowsignal.errors import InputError, UsageError
from marrowsignal.exports.layout import Layout, check_case_name
from marrowsignal.results.document_models import SCHEMA_VERSION
from marrowsignal.results.tabled_document import TabledDocument

__all__ = ["PRODUCTS", "CaseFolder", "UnusableCase", "case_folders", "names_case", "read_case"]

PRODUCTS = "cohort"
_STAGE = "cohort"
_RESULT = "result.json"
# What else a case folder holds from the moment it is there; a comparison has other files.
_MARKS = ("study.csv", "regions.csv")
_OTHERS = frozenset({PRODUCTS, "private"})
_HEAD_BYTES = 4096
_CASE_IN_HEAD = re.compile(rb'"case": "([A-Za-z0-9_][A-Za-z0-9._-]{0,63})"')
_KEYED = re.compile(r"(sub-)?[0-9a-f]{12}([-A-Za-z0-9_]{0,24})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFolder:
    """A folder that is, or was, a case.

    Attributes
    ----------
    name : str
        Of the folder. Someone may have named it after the patient: it reaches no output unless `names_case` says so.
    number : int
        Its place among all, from 1.
    """

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableCase:
    """A case folder that gives the tables no values.

    Attributes
    ----------
    case : str
        What to call it: its case name where that is known, else its place among the folders.
    code, reason : str
        Why, and what to do.
    """

    case: str
    code: str
    reason: str


def case_folders(out: Path) -> tuple[CaseFolder, ...]:
    """Find the case folders directly below `out`, of either layout, in the order of their names.

    Folders whose names begin with a dot, which are not whole yet, are left out; so is every folder that holds neither
    ``result.json`` nor tables of a case.

    Raises
    ------
    InputError
        If `out` cannot be listed.
    UsageError
        If a case has the name of the folder of the tables.
    """
    try:
        with os.scandir(out) as entries:
            names = sorted(
                e.name for e in entries if e.is_dir() and not e.name.startswith(".") and e.name not in _OTHERS
            )
    except OSError as error:
        raise InputError(
            f"the folder of cases cannot be listed ({error.strerror})",
            code="cohort_unreadable",
            stage=_STAGE,
            hint="give the folder that `marrowsignal batch -o` or `analyze -o` wrote its cases to",
        ) from error
    if any(os.access(out / other / _RESULT, os.F_OK) for other in _OTHERS):
        raise UsageError(
            "a case is called cohort or private, as the folders of the cohort are",
            code="cohort_place_taken",
            stage=_STAGE,
            hint="analyze it again under another --case, and delete the old folder",
        )
    found = [name for name in names if _is_case(out / name)]
    return tuple(CaseFolder(name=name, number=number) for number, name in enumerate(found, 1))


def read_case(out: Path, folder: CaseFolder) -> TabledDocument | UnusableCase:
    """Read what the tables need of a case, or say why its ``result.json`` does not give it."""
    try:
        content = _content(out / folder.name / _RESULT)
    except FileNotFoundError:
        return _unusable(folder, b"", "result_missing", "result.json is missing")
    except OSError as error:
        return _unusable(folder, b"", "result_unreadable", f"result.json cannot be read ({error.strerror})")
    try:
        document = TabledDocument.model_validate_json(content)
        check_case_name(document.case)
    except ValidationError as error:
        if any(one["loc"] == ("schema_version",) for one in error.errors(include_input=False, include_url=False)):
            reason = f"result.json is of another schema version than {SCHEMA_VERSION}"
            return _unusable(folder, content, "result_schema", reason)
        return _unusable(folder, content, "result_damaged", "result.json is damaged")
    except UsageError:
        return _unusable(folder, b"", "result_damaged", "result.json holds no case name")
    return document


def names_case(folder: CaseFolder, case: str) -> bool:
    """Whether a folder is named as one of the layouts names the folder of `case`: no user has renamed it."""
    try:
        return any(folder.name == layout.folder_name(case) for layout in Layout)
    except UsageError:
        return False


def _is_case(folder: Path) -> bool:
    try:
        return any((folder / mark).exists() for mark in (_RESULT, *_MARKS))
    except PermissionError:
        # It cannot be looked into; one that is named as a case may be one, and is told.
        try:
            return check_case_name(folder.name) == folder.name
        except UsageError:
            return False


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        # A new folder takes the place of an old one by two renames, and between them there is none.
        return file.read_bytes()


def _unusable(folder: CaseFolder, content: bytes, code: str, reason: str) -> UnusableCase:
    case = _told_name(folder, content[:_HEAD_BYTES])
    return UnusableCase(case=case, code=code, reason=f"{reason}: analyze the study again")


def _told_name(folder: CaseFolder, head: bytes) -> str:
    """Call a folder that cannot be read by its case where the file still says so, or where the name is a keyed hash."""
    match = _CASE_IN_HEAD.search(head)
    case = None if match is None else match[1].decode("ascii")
    if case is not None and names_case(folder, case):
        return case
    return folder.name if _KEYED.fullmatch(folder.name) else f"folder-{folder.number}"
