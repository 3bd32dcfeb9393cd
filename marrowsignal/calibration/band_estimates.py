"""Expected FSI bands from normal people (SCIENCE 4.6, 8.2)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.band_fit import NormalPerson, fitted_band
from marrowsignal.calibration.bands import tolerance_ends
from marrowsignal.calibration.records import CohortCase, Label, Outcome, Stamp
from marrowsignal.calibration.resampling import ends
from marrowsignal.protocol.schema import CalibrationSettings, ExpectedFatSignal, PartSpec, Protocol, Range, RegionSpec

__all__ = ["BandEstimate", "estimate_bands"]

_NAME = "fat_signal_index"
_UNIT = "FSI"
_DIGITS = 3
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEstimate:
    """The bands of one region after calibration.

    Attributes
    ----------
    key : str
        Region or part.
    bands : ExpectedFatSignal
        Old ones where the cohort is too small.
    outcomes : tuple of Outcome
        One a number.
    """

    key: str
    bands: ExpectedFatSignal
    outcomes: tuple[Outcome, ...]


def estimate_bands(cases: tuple[CohortCase, ...], protocol: Protocol, stamp: Stamp) -> tuple[BandEstimate, ...]:
    """Estimate the band of every region of the protocol that normal people of the cohort show.

    Parameters
    ----------
    cases : tuple of CohortCase
        One a person; those labelled normal count, with the mean of both sides.
    protocol : Protocol
        Old bands, least cohorts.
    stamp : Stamp
        For the sources.
    """
    normal = tuple(case for case in cases if case.label is Label.NORMAL)
    found: dict[str, BandEstimate] = {}
    specs: tuple[RegionSpec | PartSpec, ...] = (
        protocol.whole,
        *protocol.regions,
        *protocol.other_bones,
        *protocol.parts,
    )
    for spec in specs:
        people = _people(normal, spec.key)
        if people and spec.expected_fat_signal is not None and spec.key not in found:
            found[spec.key] = _estimate(spec.key, people, spec.expected_fat_signal, protocol, stamp)
    return tuple(found.values())


def _people(cases: tuple[CohortCase, ...], key: str) -> tuple[NormalPerson, ...]:
    found = []
    for case in cases:
        sides = [
            value
            for region in (*case.regions, *case.parts)
            if region.key == key and (value := region.value(_NAME)) is not None
        ]
        if sides:
            person = NormalPerson(
                value=float(np.mean(sides)), age_y=case.age_y, sex=case.sex, field_t=case.field_t, site=case.site
            )
            found.append(person)
    return tuple(found)


def _estimate(
    key: str, people: tuple[NormalPerson, ...], old: ExpectedFatSignal, protocol: Protocol, stamp: Stamp
) -> BandEstimate:
    youngest, border = protocol.evidence.adult_age.value, protocol.evidence.old_age.value
    aged = [(p.age_y, p.value) for p in people if p.age_y is not None]
    adults = np.array([value for age, value in aged if youngest <= age <= border])
    olders = np.array([value for age, value in aged if age > border])
    adult, told_adult = _band(f"{key}.adult", adults, old.adult, protocol.calibration, stamp)
    older, told_older = _band(f"{key}.older", olders, old.older, protocol.calibration, stamp)
    fitted, told_fit = fitted_band(key, people, protocol, stamp)
    return BandEstimate(
        key=key,
        bands=ExpectedFatSignal(adult=adult, older=older, fitted=fitted or old.fitted),
        outcomes=(*told_adult, *told_older, *told_fit),
    )


def _band(
    path: str, values: Floats, old: Range, settings: CalibrationSettings, stamp: Stamp
) -> tuple[Range, tuple[Outcome, ...]]:
    if len(values) < settings.least_normal.value:
        why = f"{len(values)} normal people of that age, {settings.least_normal.value:g} are needed"
        return old, tuple(_row(f"{path}.{end}", old, None, None, len(values), why) for end in ("low", "high"))
    rng = np.random.default_rng(zlib.crc32(path.encode()))
    drawn = values[rng.integers(0, len(values), (int(settings.draws.value), len(values)))]
    low, high = (float(end) for end in _ends_of(values, settings))
    spans = [ends(one, level=settings.interval_level.value) for one in _ends_of(drawn, settings)]
    widest, most = max(b - a for a, b in spans), settings.max_band_error.value * (high - low)
    if widest > most:
        why = f"an end is uncertain by {widest:.2f}, more than {most:.2f} of a band {high - low:.2f} wide"
        rows = zip(("low", "high"), spans, strict=True)
        return old, tuple(_row(f"{path}.{end}", old, None, span, len(values), why) for end, span in rows)
    source = f"{stamp.source(len(values), spans[0])}; upper end {spans[1][0]:.3f}-{spans[1][1]:.3f}"
    new = Range(low=round(low, _DIGITS), high=round(high, _DIGITS), unit=_UNIT, source=source)
    told = _how(values, new, settings)
    return new, tuple(
        _row(f"{path}.{end}", old, getattr(new, end), span, len(values), told)
        for end, span in zip(("low", "high"), spans, strict=True)
    )


def _ends_of(values: Floats, settings: CalibrationSettings) -> tuple[Floats, Floats]:
    content = settings.normal_content.value
    if values.shape[-1] < settings.least_normal_regression.value:
        return tolerance_ends(values, content=content, certainty=settings.normal_certainty.value)
    low, high = np.percentile(values, [50 * (1 - content), 50 * (1 + content)], axis=-1)
    return np.asarray(low), np.asarray(high)


def _how(values: Floats, new: Range, settings: CalibrationSettings) -> str:
    content = settings.normal_content.value
    low, high = np.percentile(values, [50 * (1 - content), 50 * (1 + content)])
    if len(values) >= settings.least_normal_regression.value:
        return f"{50 * (1 - content):.0f}th and {50 * (1 + content):.0f}th centile, pooled over sex, field and site"
    wider = (new.high - new.low) / max(float(high - low), 1e-9)
    return f"robust, pooled over sex, field and site; {wider:.1f} times as wide as the centiles, for few people"


def _row(
    where: str, old: Range, new: float | None, span: tuple[float, float] | None, people: int, told: str
) -> Outcome:
    low, high = span or (None, None)
    return Outcome(
        path=where,
        unit=_UNIT,
        old=float(getattr(old, where.rpartition(".")[2])),
        new=new,
        low=low,
        high=high,
        people=people,
        told=told,
    )
