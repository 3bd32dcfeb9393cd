"""Bands by age, sex and field strength, where enough normal people are there (SCIENCE 4.6, 7.5)."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.bands import Covariates, quantile_line
from marrowsignal.calibration.records import Outcome, Stamp
from marrowsignal.calibration.resampling import ends
from marrowsignal.protocol.schema import BandLine, CalibrationSettings, FieldTerm, FittedBand, Protocol, Range

__all__ = ["NormalPerson", "fitted_band"]

_DIGITS = 4
_UNIT = "FSI"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPerson:
    """FSI of one region of one normal person, both sides together."""

    value: float
    age_y: float | None
    sex: str | None
    field_t: float | None
    site: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """People whose age, sex and field are known, at field strengths that enough of them have."""

    values: Floats
    ages: Floats
    covariates: Covariates
    fields: tuple[float, ...]

    def taken(self, pick: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Design and values of a draw."""
        return self.covariates.design[pick], self.values[pick]


def fitted_band(
    key: str, people: tuple[NormalPerson, ...], protocol: Protocol, stamp: Stamp
) -> tuple[FittedBand | None, tuple[Outcome, ...]]:
    """Fit both ends of a region's band by quantile regression on age, sex and field strength.

    Parameters
    ----------
    key : str
        Region or part.
    people : tuple of NormalPerson
        Who shows it.
    protocol : Protocol
        Least cohorts; adult age.
    stamp : Stamp
        For the sources.

    Returns
    -------
    FittedBand or None
        None where too few people are there; sex is left out where one has too few.
    tuple of Outcome
        One a coefficient; empty with the band.
    """
    settings = protocol.calibration
    sample = _sample(people, settings, youngest=protocol.evidence.adult_age.value)
    if sample is None:
        return None, ()
    content = settings.normal_content.value
    tables = [_tables(sample, share, settings, key) for share in ((1 - content) / 2, (1 + content) / 2)]
    design = sample.covariates.design
    low, high = (design @ rows[0] for rows in tables)
    if np.any(low >= high):
        return None, ()
    lines = [_line(rows, sample, settings, stamp) for rows in tables]
    ages = Range(
        low=float(sample.ages.min()),
        high=float(sample.ages.max()),
        unit="years",
        source=stamp.source(len(sample.values)),
    )
    told = f"quantile regression, ages {ages.low:.0f} to {ages.high:.0f}"
    outcomes = [
        outcome
        for end, rows, line in zip(("low", "high"), tables, lines, strict=True)
        for outcome in _rows(f"{key}.fitted.{end}", rows, line, sample, settings, told)
    ]
    return FittedBand(low=lines[0], high=lines[1], age=ages), tuple(outcomes)


def _sample(people: tuple[NormalPerson, ...], settings: CalibrationSettings, *, youngest: float) -> _Sample | None:
    least = settings.least_per_stratum.value
    known = [p for p in people if p.age_y is not None and p.age_y >= youngest and p.sex in ("F", "M") and p.field_t]
    by_field = Counter(p.field_t for p in known)
    used = [p for p in known if by_field[p.field_t] >= least]
    enough = len(used) >= settings.least_normal_regression.value
    if not enough or min(Counter(p.site for p in used).values()) < least:
        return None
    sexes = Counter(p.sex for p in used)
    fields = tuple(sorted({p.field_t for p in used if p.field_t is not None}))
    ages = np.array([p.age_y for p in used], float)
    male = np.array([p.sex == "M" for p in used], float)
    return _Sample(
        values=np.array([p.value for p in used]),
        ages=ages,
        covariates=Covariates(
            decades=(ages - 50.0) / 10.0,
            male=male if min(sexes["F"], sexes["M"]) >= least else None,
            fields=np.array([fields.index(p.field_t or 0.0) for p in used], np.int64),
        ),
        fields=fields,
    )


def _tables(sample: _Sample, share: float, settings: CalibrationSettings, key: str) -> Floats:
    """Coefficients of the sample in the first row, of its draws in the others."""
    rng = np.random.default_rng(zlib.crc32(f"{key} {share:.3f}".encode()))
    count = len(sample.values)
    picks = [np.arange(count), *rng.integers(0, count, (int(settings.regression_draws.value), count))]
    # A draw without anybody at a field strength has no line there.
    whole = [pick for pick in picks if np.unique(sample.covariates.fields[pick]).size == len(sample.fields)]
    return np.array([quantile_line(*sample.taken(pick), share=share) for pick in whole])


def _terms(rows: Floats, fields: int) -> Floats:
    """At 50 years and the first field, per decade, for men, added by each field; shape (draw, term)."""
    male = rows[:, fields + 1 :] if rows.shape[1] > fields + 1 else np.zeros((len(rows), 1))
    return np.hstack([rows[:, :1], rows[:, fields : fields + 1], male, rows[:, :fields] - rows[:, :1]])


def _line(rows: Floats, sample: _Sample, settings: CalibrationSettings, stamp: Stamp) -> BandLine:
    terms = _terms(rows, len(sample.fields))
    span = ends(terms[1:, 0], level=settings.interval_level.value)
    at_50_y, per_decade, male, *added = (round(float(value), _DIGITS) for value in terms[0])
    return BandLine(
        at_50_y=at_50_y,
        per_decade=per_decade,
        male=male,
        fields=tuple(FieldTerm(magnetic_field_strength=t, added=a) for t, a in zip(sample.fields, added, strict=True)),
        unit=_UNIT,
        source=f"{stamp.source(len(sample.values), span)} at 50 years",
    )


def _rows(
    path: str, rows: Floats, line: BandLine, sample: _Sample, settings: CalibrationSettings, told: str
) -> tuple[Outcome, ...]:
    terms = _terms(rows, len(sample.fields))[1:]
    values = (line.at_50_y, line.per_decade, line.male, *(field.added for field in line.fields))
    names = ("at_50_y", "per_decade", "male", *(f"at_{field:g}_t" for field in sample.fields))
    spans = [ends(draws, level=settings.interval_level.value) for draws in terms.T]
    return tuple(
        Outcome(
            path=f"{path}.{name}",
            unit=_UNIT,
            old=None,
            new=value,
            low=span[0],
            high=span[1],
            people=len(sample.values),
            told=told,
        )
        for name, value, span in zip(names, values, spans, strict=True)
    )
