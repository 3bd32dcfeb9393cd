"""A manifest as a spreadsheet program leaves it: its rows read and checked, all that is wrong told at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.errors import InputError, MarrowSignalError, UsageError
from marrowsignal.exports.layout import check_case_name
from marrowsignal.protocol import load_protocol

__all__ = ["ManifestRow", "manifest_refused", "read_manifest_rows"]

_STAGE = "read_manifest"
_COLUMNS = ("study", "study2", "case", "protocol", "marrow", "t1_uid", "stir_uid")
_DELIMITERS = ",;\t"
# Excel reads this line as a choice of delimiter and shows it to nobody.
_ANNOUNCED = re.compile(r'"?sep=([,;\t])"?\r?\n')
_TOML = ".toml"
# PS3.5, 9.1
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_LONGEST_UID = 64
_MOST_TOLD = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One study of a manifest; paths are no longer relative to it.

    Attributes
    ----------
    number : int
        Row in the spreadsheet, the header being the first.
    paths : tuple of Path
        Where the study lies: one or two.
    case, protocol, t1_uid, stir_uid : str or None
        As the options of ``analyze``; None where the cell is empty.
    marrow : Path or None
        The label map.
    """

    number: int
    paths: tuple[Path, ...]
    case: str | None = None
    protocol: str | None = None
    marrow: Path | None = None
    t1_uid: str | None = None
    stir_uid: str | None = None


def read_manifest_rows(file: Path) -> tuple[ManifestRow, ...]:
    """Read and check all rows of a manifest.

    Parameters
    ----------
    file : Path
        CSV with a header; comma, semicolon or tab; UTF-8, UTF-16 with its mark, or Windows-1252. Only ``study`` is
        required; blank rows are passed over.

    Raises
    ------
    InputError
        If it cannot be read.
    UsageError
        If the header or a row is wrong; every wrong cell is told by row number and column, none is repeated.
    """
    lines = _lines(file)
    header = next(lines, (1, []))[1]
    columns = _columns_of(header)
    rows, wrong, cases = [], [], dict[str, int]()
    for number, cells in lines:
        row = _Row(number, columns, cells, file.parent)
        read = row.read()
        if read.case is not None:
            # Windows and macOS take names that differ in case for one folder.
            first = cases.setdefault(read.case.casefold(), number)
            if first != number:
                row.tell("case", f"row {first} has the same one")
        rows.append(read)
        wrong += row.wrong
    if wrong:
        raise manifest_refused(wrong)
    if not rows:
        raise manifest_refused(["there is no row below the header"])
    return tuple(rows)


def manifest_refused(wrong: list[str]) -> UsageError:
    """Return the error that tells everything that is wrong with a manifest."""
    told = "".join(f"\n  - {one}" for one in wrong[:_MOST_TOLD])
    more = f"\n  - and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
    return UsageError(
        f"the manifest cannot be used:{told}{more}",
        code="manifest_invalid",
        stage=_STAGE,
        hint=f"nothing was begun; its columns are {', '.join(_COLUMNS)}, and paths are relative to it",
    )


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each row that is not blank."""
    try:
        text = _decoded(file.read_bytes())
        announced = _ANNOUNCED.match(text)
        text = text[announced.end() :] if announced else text
        delimiter = announced[1] if announced else _delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for number, cells in enumerate(reader, start=1):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped
    except (OSError, csv.Error) as error:
        raise InputError(
            "the manifest cannot be read" if isinstance(error, OSError) else "the manifest is no CSV",
            code="manifest_unreadable",
            stage=_STAGE,
            hint="save it from the spreadsheet as CSV in UTF-8",
        ) from error


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel writes as "CSV" in western Europe.
        return data.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    return max(_DELIMITERS, key=header.count)


def _columns_of(header: list[str]) -> dict[str, int]:
    names = [name.casefold().replace(" ", "_") for name in header]
    while names and not names[-1]:
        names.pop()
    unknown = [place for place, name in enumerate(names, start=1) if name not in _COLUMNS]
    wrong = [f"row 1: the name of column {place} is not known" for place in unknown]
    wrong += [f"row 1: column {name} is there twice" for name in _COLUMNS if names.count(name) > 1]
    if "study" not in names:
        wrong.append("row 1: there is no column study")
    if wrong:
        raise manifest_refused(wrong)
    return {name: place for place, name in enumerate(names)}


class _Row:
    """One row while it is checked."""

    def __init__(self, number: int, columns: dict[str, int], cells: list[str], folder: Path) -> None:
        self.wrong: list[str] = []
        self._number = number
        self._columns = columns
        self._cells = cells
        self._folder = folder

    def tell(self, column: str, what: str) -> None:
        """Note that a cell is wrong."""
        self.wrong.append(f"row {self._number}, column {column}: {what}")

    def read(self) -> ManifestRow:
        """Return the row as far as it is right."""
        if any(self._cells[len(self._columns) :]):
            self.wrong.append(f"row {self._number}: there are more cells than columns; quote what holds the delimiter")
        if self._cell("study") is None:
            self.tell("study", "it is empty")
        paths = (self._path(name, "no file or folder") for name in ("study", "study2"))
        return ManifestRow(
            number=self._number,
            paths=tuple(path for path in paths if path is not None),
            case=self._case(),
            protocol=self._protocol(),
            marrow=self._path("marrow", "no file", is_file=True),
            t1_uid=self._uid("t1_uid"),
            stir_uid=self._uid("stir_uid"),
        )

    def _cell(self, column: str) -> str | None:
        place = self._columns.get(column)
        return (self._cells[place] or None) if place is not None and place < len(self._cells) else None

    def _path(self, column: str, what: str, *, is_file: bool = False) -> Path | None:
        named = self._cell(column)
        if named is None:
            return None
        path = self._place(named)
        if not _is_there(path) or (is_file and not path.is_file()):
            self.tell(column, f"there is {what}")
        return path

    def _place(self, named: str) -> Path:
        path = self._folder / named
        # Written on Windows and read on Linux, where a name may hold a backslash itself.
        return path if _is_there(path) else self._folder / named.replace("\\", "/")

    def _case(self) -> str | None:
        case = self._cell("case")
        try:
            return None if case is None else check_case_name(case)
        except UsageError as error:
            self.tell("case", f"it {error.message.removeprefix('the case name ')}; {error.hint}")
            return None

    def _protocol(self) -> str | None:
        named = self._cell("protocol")
        if named is None:
            return None
        if named.lower().endswith(_TOML):
            named = str(self._place(named))
        try:
            load_protocol(named)
        except MarrowSignalError as error:
            self.tell("protocol", f"it cannot be used [{error.code}]; marrowsignal protocol check says why")
        return named

    def _uid(self, column: str) -> str | None:
        uid = self._cell(column)
        if uid is not None and (len(uid) > _LONGEST_UID or not _UID.fullmatch(uid)):
            # 1.2E+30 is what a spreadsheet makes of a short UID.
            self.tell(column, "it is no UID")
        return uid


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
