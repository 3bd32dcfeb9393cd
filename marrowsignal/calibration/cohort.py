"""Read a cohort: the ``result.json`` of analyzed cases, and the table of their labels."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowsignal.calibration.records import CohortCase, Label, MeasuredRegion
from marrowsignal.errors import InputError, UsageError

__all__ = ["cohort_sha256", "first_studies", "read_cohort"]

_STAGE = "calibrate"
_COLUMNS = ("case", "label", "group", "site")


class _Form(BaseModel):
    """What is asked of a ``result.json``; the rest of it may change."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Value(_Form):
    name: str
    value: float | None
    status: str


class _Place(_Form):
    key: str = ""
    region_key: str = ""
    side: str = "none"
    core_volume_ml: float = 0.0
    volume_ml: float | None = None
    measurements: tuple[_Value, ...]


class _Acquisition(_Form):
    patient_age_y: float | None
    patient_sex: str | None
    magnetic_field_strength_t: float | None


class _Series(_Form):
    acquisition: _Acquisition


class _Pair(_Form):
    t1: _Series


class _Protocol(_Form):
    name: str
    sha256: str


class _Provenance(_Form):
    input_sha256: str


class _Result(_Form):
    case: str = Field(min_length=1)
    protocol: _Protocol
    series: _Pair
    provenance: _Provenance
    whole: _Place
    regions: tuple[_Place, ...]
    parts: tuple[_Place, ...]
    lesions: tuple[_Place, ...] | None
    symmetry: tuple[_Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What the table says of a case."""

    label: Label | None = None
    group: str = ""
    site: str = ""


def read_cohort(folder: Path, *, labels: Path | None = None, all_normal: bool = False) -> tuple[CohortCase, ...]:
    """Read every analyzed case below a folder.

    Parameters
    ----------
    folder : Path
        Searched to the bottom for ``result.json``.
    labels : Path, optional
        CSV with the columns ``case``, ``label`` and, if wanted, ``group`` (same for repeated studies of one person)
        and ``site``.
    all_normal : bool
        Every case without a row of its own is a normal one.

    Returns
    -------
    tuple of CohortCase
        By case identifier.

    Raises
    ------
    InputError
        If there is no case, one cannot be read, or the table cannot.
    UsageError
        If the table names a case that is not there, twice, or a label that does not exist; if two cases share an
        identifier.
    """
    rows = {} if labels is None else _rows(labels)
    files = sorted(folder.rglob("result.json"))
    if not files:
        raise InputError(
            "there is no result.json below the folder of the cohort",
            code="cohort_empty",
            stage=_STAGE,
            hint="give the folder that `marrowsignal analyze -o` wrote its cases to",
        )
    default = _Row(label=Label.NORMAL) if all_normal else _Row()
    cases = sorted((_case(file, number, rows, default) for number, file in enumerate(files, 1)), key=lambda c: c.case)
    names = [case.case for case in cases]
    if len(set(names)) < len(names):
        raise UsageError("two cases of the cohort share an identifier", code="cohort_case_twice", stage=_STAGE)
    unknown = len(set(rows) - set(names))
    if unknown:
        raise UsageError(
            f"{unknown} of {len(rows)} cases of the table of labels are not in the cohort",
            code="labels_unknown_case",
            stage=_STAGE,
            hint="the column case holds the identifiers of the case folders",
        )
    return tuple(cases)


def first_studies(cases: tuple[CohortCase, ...]) -> tuple[CohortCase, ...]:
    """One study a person, the first by identifier: repeats are not more people."""
    firsts: dict[str, CohortCase] = {}
    for case in cases:
        firsts.setdefault(case.person, case)
    return tuple(firsts.values())


def cohort_sha256(cases: tuple[CohortCase, ...]) -> str:
    """Hash of input, protocol and labels of a cohort, whatever the order of its files."""
    lines = sorted(
        "\t".join((c.input_sha256, c.protocol_sha256, c.label or "", c.person if c.person != c.case else "", c.site))
        for c in cases
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _case(file: Path, number: int, rows: dict[str, _Row], default: _Row) -> CohortCase:
    try:
        read = _Result.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        # A folder may be named after the patient: cases are named by their place.
        raise InputError(
            f"result.json number {number} of the cohort cannot be read",
            code="cohort_case_unreadable",
            stage=_STAGE,
            hint="analyze that case again with this version, or take it out of the folder",
        ) from error
    row, facts = rows.get(read.case, default), read.series.t1.acquisition
    field = facts.magnetic_field_strength_t
    return CohortCase(
        case=read.case,
        label=row.label,
        person=row.group or read.case,
        site=row.site,
        age_y=facts.patient_age_y,
        sex=facts.patient_sex,
        field_t=None if field is None else round(field, 1),
        protocol_name=read.protocol.name,
        protocol_sha256=read.protocol.sha256,
        input_sha256=read.provenance.input_sha256,
        whole=_region(read.whole),
        regions=tuple(_region(place) for place in read.regions),
        parts=tuple(_region(place) for place in read.parts),
        lesions=tuple(sorted((_region(place) for place in read.lesions or ()), key=lambda r: -r.volume_ml)),
        symmetry=tuple(_region(place) for place in read.symmetry),
    )


def _region(place: _Place) -> MeasuredRegion:
    return MeasuredRegion(
        key=place.key or place.region_key,
        side=place.side,
        volume_ml=place.core_volume_ml or place.volume_ml or 0.0,
        values=tuple((m.name, m.value) for m in place.measurements if m.value is not None and m.status == "measured"),
    )


def _rows(file: Path) -> dict[str, _Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = tuple(reader.fieldnames or ())
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("the table of labels cannot be read", code="labels_unreadable", stage=_STAGE) from error
    if not {"case", "label"} <= set(columns) or set(columns) - set(_COLUMNS):
        raise _malformed("its columns are not " + ", ".join(_COLUMNS))
    rows: dict[str, _Row] = {}
    for number, line in enumerate(lines, start=2):
        case, told = (line["case"] or "").strip(), (line["label"] or "").strip().lower()
        if not case or case in rows:
            raise _malformed(f"line {number} names no case, or one that it has named before")
        if told not in {"", *Label}:
            raise _malformed(f"line {number} holds a label that does not exist")
        rows[case] = _Row(
            label=Label(told) if told else None,
            group=(line.get("group") or "").strip(),
            site=(line.get("site") or "").strip(),
        )
    return rows


def _malformed(what: str) -> UsageError:
    return UsageError(
        f"the table of labels is malformed: {what}",
        code="labels_malformed",
        stage=_STAGE,
        hint="CSV with the columns case, label, and if wanted group, site; label is one of " + ", ".join(Label),
    )
