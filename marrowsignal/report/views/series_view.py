"""Series and their acquisition as printed facts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from marrowsignal.dicom.records import Series, SeriesPair
from marrowsignal.report.views.wording import number

__all__ = ["Fact", "SeriesRow", "series_rows"]

_NO_HEADER = "not in the header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series as printed."""

    role: str
    number: str
    description: str
    identity: str
    reasons: tuple[str, ...]
    facts: tuple[Fact, ...]


def series_rows(chosen: SeriesPair) -> tuple[tuple[SeriesRow, ...], tuple[SeriesRow, ...]]:
    """Rows of the series used, and of those rejected."""
    roles = (("T1", chosen.t1), ("STIR", chosen.stir))
    used = tuple(_series_row(role, series) for role, series in roles if series is not None)
    return used, tuple(_rejected_row(series, chosen) for series in chosen.rejected)


def _rejected_row(series: Series, chosen: SeriesPair) -> SeriesRow:
    row = _series_row("not used", series)
    if series.study_instance_uid != chosen.t1.study_instance_uid:
        return dataclasses.replace(row, reasons=("Of another study.", *row.reasons))
    if series.usable:
        return dataclasses.replace(row, reasons=("Could have served, but others fit better.", *row.reasons))
    return row


def _series_row(role: str, series: Series) -> SeriesRow:
    return SeriesRow(
        role=role,
        number=series.number_text,
        description=series.description or "(no description)",
        identity=f"{series.identity.value.replace('_', ' ')}, score {number(series.identity_score)}",
        reasons=series.reasons,
        facts=_acquisition_facts(series),
    )


def _acquisition_facts(series: Series) -> tuple[Fact, ...]:
    facts = series.acquisition
    spacing = series.spacing_mm
    matrix = f"{series.columns} × {series.rows} × {series.slices} slices"
    size = "spacing not in the header"
    if spacing is not None:
        size = f"{number(spacing[2])} × {number(spacing[1])} mm, slices {number(spacing[0])} mm apart"
    rows = (
        ("Plane", series.orientation),
        ("Matrix", f"{matrix}; {size}"),
        ("TR", _header(facts.repetition_time_ms, "ms")),
        ("TE", _header(facts.echo_time_ms, "ms")),
        ("TI", _header(facts.inversion_time_ms, "ms", missing="none or not in the header")),
        ("Field", _header(facts.magnetic_field_strength_t, "T")),
        ("Scanner", facts.manufacturer or _NO_HEADER),
        ("Position", facts.patient_position or _NO_HEADER),
        ("Age, sex", f"{_header(facts.patient_age_y, 'y')}, {facts.patient_sex or _NO_HEADER}"),
        ("Contrast agent", "given, by header or description" if facts.post_contrast else "not stated"),
        ("Stored as", series.transfer_syntax),
    )
    return tuple(Fact(name=name, value=value) for name, value in rows)


def _header(value: float | None, unit: str, missing: str = _NO_HEADER) -> str:
    # As the header has it: nothing is rounded that a protocol sheet would show.
    return missing if value is None else f"{value:g} {unit}"
