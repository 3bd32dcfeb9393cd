"""Labels of a reader, of biopsy or of follow-up, for the cases of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from marrowsignal.calibration.records import Label
from marrowsignal.cohort.site_table import SiteTable, read_site_table
from marrowsignal.patterns.records import PatternClass

__all__ = ["CaseLabel", "read_labels"]

_COLUMNS = ("case", "label", "reader", "group", "site")
_KNOWN = {word.lower(): word.value for word in (*Label, *PatternClass)}
_HINT = "CSV with the columns case, label, and if wanted reader, group, site; label is one of " + ", ".join(
    _KNOWN.values()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLabel:
    """What one reader says of one case.

    Attributes
    ----------
    case : str
        Its name.
    label : str
        A word of `Label`, or a `PatternClass`.
    reader, group, site : str
        As the table has them; empty where it does not tell.
    """

    case: str
    label: str
    reader: str
    group: str
    site: str


def read_labels(file: Path) -> tuple[CaseLabel, ...]:
    """Read the table of labels; the one that ``calibrate`` takes will do.

    Parameters
    ----------
    file : Path
        CSV with the columns ``case``, ``label`` and, if wanted, ``reader``, ``group`` (the same for repeats of one
        person) and ``site``. Rows without a label are left out.

    Returns
    -------
    tuple of CaseLabel
        Ordered by case and reader.

    Raises
    ------
    InputError
        If it cannot be read.
    UsageError
        If it is malformed, names a person, holds an unknown label, or a case twice for one reader.
    """
    table = read_site_table(file, what="labels")
    if not {"case", "label"} <= set(table.columns) or set(table.columns) - set(_COLUMNS):
        raise table.malformed("its columns are not " + ", ".join(_COLUMNS), hint=_HINT)
    labels: dict[tuple[str, str], CaseLabel] = {}
    for number, row in enumerate(table.rows, 2):
        label = _label(table, row, number)
        if label is None:
            continue
        if (label.case, label.reader) in labels:
            raise table.malformed(
                f"row {number} names a case that a row before has named for the same reader", hint=_HINT
            )
        labels[label.case, label.reader] = label
    return tuple(labels[key] for key in sorted(labels))


def _label(table: SiteTable, row: tuple[str, ...], number: int) -> CaseLabel | None:
    cells = {name: row[table.columns.index(name)] if name in table.columns else "" for name in _COLUMNS}
    if not cells["case"]:
        raise table.malformed(f"row {number} names no case", hint=_HINT)
    if not cells["label"]:
        return None
    if cells["label"].lower() not in _KNOWN:
        raise table.malformed(f"row {number} holds a label that does not exist", hint=_HINT)
    return CaseLabel(
        case=cells["case"],
        label=_KNOWN[cells["label"].lower()],
        reader=cells["reader"],
        group=cells["group"],
        site=cells["site"],
    )
