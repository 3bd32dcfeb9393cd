"""Covariates of a cohort's studies: age, sex, blood tests, training, smoking; joined to the tables, never scored."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.cohort.site_table import SiteTable, read_site_table
from marrowsignal.exports.tables.columns import Column
from marrowsignal.exports.tables.csv_text import Cell

__all__ = ["Covariates", "read_covariates"]

_TABLE = "studies.csv"
_PREFIX = "cov_"
_NEVER = "Handed in by --covariates; joined, never scored."
_OLDEST = 90.0  # 45 CFR 164.514(b)(2): ages above 89 are told as one
_FEW_ROWS = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
# Header, unit, meaning; a unit of "text" is a text.
_KNOWN = (
    ("age_years", "years", "Age at the examination; above 89 told as 90."),
    ("sex", "text", "F or M."),
    ("hemoglobin_g_dl", "g/dl", "Hemoglobin in blood."),
    ("ferritin_ug_l", "ug/l", "Ferritin in serum."),
    ("esr_mm_h", "mm/h", "Erythrocyte sedimentation rate."),
    ("crp_mg_l", "mg/l", "C-reactive protein."),
    ("training_h_week", "h/week", "Training load."),
    ("smoking", "text", "As the table says it."),
)
_UNITS = {name: unit for name, unit, _ in _KNOWN}
_STEMS = {name.partition("_")[0]: name for name, *_ in _KNOWN}
_SEX = {"f": "F", "female": "F", "m": "M", "male": "M", "w": "F"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariates:
    """A table of covariates, checked.

    Attributes
    ----------
    columns : tuple of Column
        Of ``studies``, their names begin with ``cov_``.
    rows : tuple of (str, tuple of Cell)
        Case or study, and its cells; each named once.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def read_covariates(file: Path) -> Covariates:
    """Read the table of covariates.

    Parameters
    ----------
    file : Path
        CSV with a column ``case`` or ``key`` (a case, or a study for all of its pairs) and any of ``age_years``,
        ``sex``, ``hemoglobin_g_dl``, ``ferritin_ug_l``, ``esr_mm_h``, ``crp_mg_l``, ``training_h_week``, ``smoking``,
        and columns of the site's own: numbers, or few texts that tell groups apart. Empty cells are not known.

    Raises
    ------
    InputError
        If it cannot be read.
    UsageError
        If it is malformed, names a person, a case twice, or a known value without its unit.
    """
    table = read_site_table(file, what="covariates")
    keys = _keys(table)
    names = [name for name in table.columns if name not in ("case", "key")]
    if not names:
        raise table.malformed("it has no column but that of the case")
    cells = [_cells(table, name) for name in names]
    columns = tuple(_column(name, of) for name, of in zip(names, cells, strict=True))
    return Covariates(columns=columns, rows=tuple(zip(keys, zip(*cells, strict=True), strict=True)))


def _keys(table: SiteTable) -> tuple[str, ...]:
    named = [name for name in ("case", "key") if name in table.columns]
    if len(named) != 1:
        raise table.malformed("it needs one column case, or key", hint="as the column case or study of studies.csv")
    keys = table.column(named[0]) or ()
    seen: set[str] = set()
    for number, key in enumerate(keys, 2):
        if not key or key in seen:
            raise table.malformed(f"row {number} names no case, or one that a row before has named")
        seen.add(key)
    return keys


def _cells(table: SiteTable, name: str) -> list[Cell]:
    _check_header(table, name)
    texts = table.column(name) or ()
    unit = _UNITS.get(name)
    if name == "sex":
        return _sexes(table, texts)
    numbers = None if unit == "text" else _numbers(texts)
    if numbers is None and unit not in (None, "text"):
        raise table.malformed(f"its column {name} holds what is no number", hint="decimal point, no unit in the cells")
    if numbers is None:
        _check_groups(table, name, texts)
        return [text or None for text in texts]
    if name == "age_years":
        return [None if number is None else min(number, _OLDEST) for number in numbers]
    return list(numbers)


def _check_header(table: SiteTable, name: str) -> None:
    number = table.columns.index(name) + 1
    if not _NAME.fullmatch(name):
        hint = "letters of English, digits and underscores, beginning with a letter; at most 48"
        raise table.malformed(f"the header of its column {number} cannot name a column", hint=hint)
    known = _STEMS.get(name.partition("_")[0])
    if known is not None and name not in _UNITS:
        raise table.malformed(f"its column {number} must be called {known}", hint="the header says the unit")


def _numbers(texts: Sequence[str]) -> list[float | None] | None:
    """Return texts as numbers; None where one is no finite number."""
    try:
        numbers = [float(text) if text else None for text in texts]
    except ValueError:
        return None
    return numbers if all(number is None or math.isfinite(number) for number in numbers) else None


def _sexes(table: SiteTable, texts: Sequence[str]) -> list[Cell]:
    if any(text.lower() not in {"", *_SEX} for text in texts):
        raise table.malformed("its column sex holds what is neither F nor M", hint="leave empty what is not known")
    return [_SEX.get(text.lower()) for text in texts]


def _check_groups(table: SiteTable, name: str, texts: Sequence[str]) -> None:
    told = [text for text in texts if text]
    if len(told) >= _FEW_ROWS and 2 * len(set(told)) > len(told):
        raise table.malformed(
            f"the texts of its column {table.columns.index(name) + 1} are nearly all different, as names are",
            hint="a column of texts tells groups apart; take this one out",
        )


def _column(name: str, cells: Sequence[Cell]) -> Column:
    words = {known: meaning for known, _, meaning in _KNOWN}.get(name, "A column of the site's own.")
    text = any(isinstance(cell, str) for cell in cells)
    return Column(
        table=_TABLE,
        name=f"{_PREFIX}{name}",
        unit=_UNITS.get(name, "text" if text else "1" if name.endswith("_ratio") else "as told by its name"),
        description=f"{words} {_NEVER}",
        descriptor="",
        source=f"--covariates: {name}",
        allowed=("F", "M") if name == "sex" else (),
    )
