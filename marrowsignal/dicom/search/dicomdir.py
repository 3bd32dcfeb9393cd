"""Compare the files that a DICOMDIR names with those that are there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.findings import Finding, Severity

__all__ = [
    "MAX_DICOMDIRS",
    "MAX_DICOMDIR_BYTES",
    "DicomdirCheck",
    "check_dicomdir",
    "checked_dicomdir",
    "dicomdir_findings",
    "holds_file",
    "holds_name",
]

_STAGE = "find_series"

MAX_DICOMDIR_BYTES = 64 * 2**20
MAX_DICOMDIRS = 100

# ReferencedFileID (0004,1500), little and big endian.
_FILE_ID = re.compile(rb"\x04\x00\x00\x15|\x00\x04\x15\x00")
# Eight components of eight characters by PS3.10, 8.2; real ones are longer.
_LONGEST_ID = 1024
_MOST_IDS = 200_000

Components = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomdirCheck:
    """What a DICOMDIR names.

    Attributes
    ----------
    named : int
        Files named.
    missing : int
        Those that are not there.
    outside : int
        Names that lead out of its folder; never looked for.
    """

    named: int
    missing: int
    outside: int


def check_dicomdir(data: bytes, holds: Callable[[Components], bool]) -> DicomdirCheck:
    """Count the files that a DICOMDIR names and that are missing.

    Parameters
    ----------
    data : bytes
        The DICOMDIR. Its bytes are searched for ReferencedFileID instead of following its records, so that lengths
        and offsets that lie do no harm.
    holds : callable
        Whether the folder of the DICOMDIR holds a file, given by its components in lower case.
    """
    named = missing = outside = 0
    for components in _file_ids(data):
        named += 1
        if not all(_is_plain(part) for part in components):
            outside += 1
        elif not holds(components):
            missing += 1
    return DicomdirCheck(named=named, missing=missing, outside=outside)


def _file_ids(data: bytes) -> Iterator[Components]:
    for count, match in enumerate(_FILE_ID.finditer(data)):
        if count == _MOST_IDS:
            return
        value = _value_at(data, match.end(), little_endian=match.group()[0] == 4)
        if value:
            yield tuple(part.strip().casefold() for part in value.split("\\"))


def _value_at(data: bytes, offset: int, *, little_endian: bool) -> str:
    order = "little" if little_endian else "big"
    explicit = data[offset : offset + 2] == b"CS"
    start, stop = (offset + 2, offset + 4) if explicit else (offset, offset + 4)
    length = int.from_bytes(data[start:stop], order)  # type: ignore[arg-type]
    value = data[stop : stop + length] if 0 < length <= _LONGEST_ID else b""
    text = value.decode("latin-1").rstrip("\0 ")
    return text if text.isprintable() else ""


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and not any(letter in part for letter in "/:\0")


def holds_name(names: Iterable[str]) -> Callable[[Components], bool]:
    """Return a function that says whether `names`, relative paths with slashes, hold a file."""
    known = {form for name in names for form in _forms(name.casefold())}
    return lambda components: "/".join(components) in known


def checked_dicomdir(file: Path) -> DicomdirCheck:
    """Compare a DICOMDIR with the files of its folder; one that cannot be read names none."""
    try:
        with file.open("rb") as stream:
            return check_dicomdir(stream.read(MAX_DICOMDIR_BYTES), holds_file(file.parent))
    except OSError:
        return DicomdirCheck(named=0, missing=0, outside=0)


def dicomdir_findings(checks: Iterable[DicomdirCheck]) -> tuple[Finding, ...]:
    """Return what all DICOMDIRs of a search name and is not there, or lies outside."""
    missing = named = outside = 0
    for check in checks:
        missing, named, outside = missing + check.missing, named + check.named, outside + check.outside
    told = (
        (missing, "dicomdir_files_missing", f"{missing} of {named} files that the DICOMDIR names are not there."),
        (
            outside,
            "dicomdir_names_outside",
            f"{outside} of {named} names in the DICOMDIR lead out of its folder and were not followed.",
        ),
    )
    return tuple(
        Finding(code=code, stage=_STAGE, severity=Severity.WARN, message=message)
        for count, code, message in told
        if count
    )


def holds_file(folder: Path) -> Callable[[Components], bool]:
    """Return a function that says whether `folder` holds a file; each folder below is listed once at most."""
    listings: dict[str, dict[str, str]] = {}

    def listed(where: str) -> dict[str, str]:
        if where not in listings:
            listings[where] = _listing(where)
        return listings[where]

    def holds(components: Components) -> bool:
        where = str(folder)
        for part in components[:-1]:
            inner = listed(where).get(part)
            if inner is None:
                return False
            where = os.path.join(where, inner)  # noqa: PTH118 - a hundred thousand times
        return components[-1] in listed(where)

    return holds


def _listing(folder: str) -> dict[str, str]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return {}
    return {form: name for name in names for form in _forms(name.casefold())}


def _forms(name: str) -> tuple[str, ...]:
    """Return the forms a DICOMDIR may give a name: as it is, without a suffix added later or an ISO 9660 version."""
    return (name, os.path.splitext(name)[0], name.partition(";")[0])  # noqa: PTH122
