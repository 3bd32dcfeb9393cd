"""Tables that a site hands in beside its studies: read, and refused where they would name a person."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.errors import InputError, UsageError

__all__ = ["SiteTable", "read_site_table"]

_STAGE = "cohort"
_WORDS = re.compile(r"[^a-z0-9]+")
# Parts of a header, in the languages of Europe that our users write, that announce a person.
_PERSONAL = frozenset(
    """name names patientname lastname firstname surname forename givenname familyname fullname initials
    vorname nachname familienname geburtsname nom prenom nombre apellido apellidos cognome nome naam achternaam
    birth birthday birthdate dob dateofbirth geburtsdatum geburtstag geboren naissance nacimiento nascita
    date datum fecha data studydate scandate examdate
    mrn pid patientid patid patient person ssn nhs accession accessionnumber casenumber fallnummer
    address adresse street city zip postcode plz phone telephone telefon mobile email mail insurance
    uid studyuid studyinstanceuid seriesinstanceuid path file folder filename""".split()  # noqa: SIM905
)
_MONTH, _DAY = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12][0-9]|3[01])"
_FULL_DATE = re.compile(
    "(?<![0-9A-Za-z.])("
    f"(19|20)[0-9]{{2}}(?P<a>[-./]){_MONTH}(?P=a){_DAY}"
    "|(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
    f"|{_DAY}(?P<b>[-./]){_DAY}(?P=b)((19|20)[0-9]{{2}}|[0-9]{{2}})"
    ")(?![0-9A-Za-z.])"
)
_UID = re.compile(r"[0-9]+(\.[0-9]+){5,}")
_LONGEST_CELL = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """A table of a site.

    Attributes
    ----------
    what : str
        What to call it in messages.
    columns : tuple of str
        Headers, in lower case, in their order.
    rows : tuple of tuple of str
        Cells without blanks around them, as many a row as there are columns; empty ones are empty texts.
    """

    what: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...] | None:
        """Return the cells of a column; None where the table has none of that name."""
        if name not in self.columns:
            return None
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)

    def malformed(self, words: str, *, hint: str = "") -> UsageError:
        """Return the error that tells what is wrong with the table; no word of its cells is in it."""
        return UsageError(
            f"the table of {self.what} cannot be used: {words}", code=f"{self.what}_malformed", stage=_STAGE, hint=hint
        )


def read_site_table(file: Path, *, what: str) -> SiteTable:
    """Read a CSV file with a header: UTF-8, with comma, or semicolon where the header has no comma.

    Parameters
    ----------
    file : Path
        The file.
    what : str
        What to call it: ``covariates`` or ``labels``.

    Raises
    ------
    InputError
        If it cannot be read, or is no CSV in UTF-8.
    UsageError
        If it has no header, a header twice, a row of another length, or columns that name a person.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
        lines = list(csv.reader(text.splitlines(), delimiter=_delimiter(text), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"the table of {what} cannot be read",
            code=f"{what}_unreadable",
            stage=_STAGE,
            hint="save it as CSV in UTF-8, with a header",
        ) from error
    rows = [tuple(cell.strip() for cell in line) for line in lines if any(cell.strip() for cell in line)]
    header, body = (rows[0], rows[1:]) if rows else ((), [])
    table = SiteTable(what=what, columns=tuple(name.lower() for name in header), rows=tuple(body))
    _check_form(table)
    _check_persons(table)
    return table


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


def _check_form(table: SiteTable) -> None:
    if not table.columns or not all(table.columns):
        raise table.malformed("it has no header, or a column without one")
    if len(set(table.columns)) < len(table.columns):
        raise table.malformed("two columns have the same header")
    for number, row in enumerate(table.rows, 2):
        if len(row) != len(table.columns):
            raise table.malformed(f"row {number} has {len(row)} cells under {len(table.columns)} headers")


def _check_persons(table: SiteTable) -> None:
    hint = "take that column out: nothing that names a person may be in a cohort"
    for number, name in enumerate(table.columns, 1):
        words = set(_WORDS.split(name)) | {_WORDS.sub("", name)}
        if words & _PERSONAL:
            told = ", ".join(sorted(words & _PERSONAL))
            raise table.malformed(f"its column {number} looks like one that names a person ({told})", hint=hint)
        _check_cells(table, number, table.column(name) or (), hint=hint)


def _check_cells(table: SiteTable, number: int, cells: Sequence[str], *, hint: str) -> None:
    for row, cell in enumerate(cells, 2):
        if _FULL_DATE.search(cell) or _UID.fullmatch(cell):
            raise table.malformed(f"row {row} of its column {number} holds a full date or a UID", hint=hint)
        if len(cell) > _LONGEST_CELL:
            raise table.malformed(f"row {row} of its column {number} holds more than {_LONGEST_CELL} letters")
