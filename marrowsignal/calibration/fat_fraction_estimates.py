"""The line from FSI to fat fraction, judged and put into the protocol's form."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.fat_fraction import fitted_line, line_check, paired_regions
from marrowsignal.calibration.records import CohortCase, FatFractionCheck, Outcome, Stamp
from marrowsignal.calibration.resampling import ends
from marrowsignal.protocol.schema import FatFractionFit, Protocol, Quantity, Range

__all__ = ["FitEstimate", "estimate_fit"]

_PATH = "signals.fat_fraction_fit"
_NAMES = ("intercept", "slope")
_UNITS = ("percent", "percent per FSI")
_DIGITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FitEstimate:
    """The line and how it does.

    Attributes
    ----------
    fit : FatFractionFit or None
        None where the cohort cannot tell it.
    check : FatFractionCheck or None
        Limits of agreement, errors at sites left out; None where too few people were measured.
    outcomes : tuple of Outcome
        Intercept and slope.
    """

    fit: FatFractionFit | None
    check: FatFractionCheck | None
    outcomes: tuple[Outcome, ...]


def estimate_fit(cases: tuple[CohortCase, ...], protocol: Protocol, stamp: Stamp) -> FitEstimate:
    """Estimate ``FF = intercept + slope FSI`` where PDFF was measured (SCIENCE 1.5).

    Parameters
    ----------
    cases : tuple of CohortCase
        One a person; labels do not matter.
    protocol : Protocol
        Old line, least cohorts.
    stamp : Stamp
        For the sources.
    """
    paired, settings = paired_regions(cases), protocol.calibration
    people, least = paired.people, settings.least_paired.value
    if people < least:
        why = f"{people} people with PDFF and FSI, {least:g} are needed"
        return FitEstimate(fit=None, check=None, outcomes=_rows(protocol, None, None, people, why))
    if protocol.signals.fat_fraction_fit is not None:
        why = "the cohort was analyzed with this line; extend the protocol without it to fit another"
        check = line_check(paired, _line_of(protocol.signals.fat_fraction_fit))
        return FitEstimate(fit=None, check=check, outcomes=_rows(protocol, None, None, people, why))
    line, draws = fitted_line(paired, draws=int(settings.draws.value), seed=zlib.crc32(_PATH.encode()))
    spans = tuple(ends(one, level=settings.interval_level.value) for one in draws.T)
    check = line_check(paired, line)
    if not np.all(np.isfinite(line)) or spans[1][0] <= 0:
        why = "PDFF does not rise with FSI: the interval of the slope reaches down to 0"
        return FitEstimate(fit=None, check=check, outcomes=_rows(protocol, None, spans, people, why))
    source = stamp.source(people, spans[0])
    fit = FatFractionFit(
        intercept=Quantity(value=round(float(line[0]), _DIGITS), unit=_UNITS[0], source=source),
        slope=Quantity(value=round(float(line[1]), _DIGITS), unit=_UNITS[1], source=stamp.source(people, spans[1])),
        agreement=Range(
            low=round(check.agreement_low, _DIGITS),
            high=round(check.agreement_high, _DIGITS),
            unit=_UNITS[0],
            source=f"{stamp.source(people)}; Bland-Altman limits of {check.regions} regions",
        ),
    )
    told = f"limits of agreement {check.agreement_low:.0f} to {check.agreement_high:.0f} percent"
    if check.site_errors:
        told += f"; site left out: mean error at most {max(abs(e) for _, e, _ in check.site_errors):.1f} percent"
    return FitEstimate(fit=fit, check=check, outcomes=_rows(protocol, line, spans, people, told))


def _line_of(fit: FatFractionFit) -> NDArray[np.float64]:
    return np.array([fit.intercept.value, fit.slope.value])


def _rows(
    protocol: Protocol,
    line: NDArray[np.float64] | None,
    spans: tuple[tuple[float, float], ...] | None,
    people: int,
    told: str,
) -> tuple[Outcome, ...]:
    old = protocol.signals.fat_fraction_fit
    return tuple(
        Outcome(
            path=f"{_PATH}.{name}",
            unit=unit,
            old=None if old is None else float(getattr(old, name).value),
            new=None if line is None else round(float(line[k]), _DIGITS),
            low=None if spans is None else spans[k][0],
            high=None if spans is None else spans[k][1],
            people=people,
            told=told,
        )
        for k, (name, unit) in enumerate(zip(_NAMES, _UNITS, strict=True))
    )
