"""Repeatability for comparisons over time, from people scanned twice without change (SCIENCE 7.4)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from marrowsignal.calibration.records import CohortCase, Outcome
from marrowsignal.calibration.repeatability import repeated_people, within_subject_sd
from marrowsignal.calibration.resampling import ends
from marrowsignal.protocol.schema import Protocol

__all__ = ["estimate_change"]

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One number of ``[change]``: which values it is of, and whether of their logarithm."""

    path: str
    names: tuple[str, ...]
    logarithm: bool
    in_symmetry: bool = False


# The ratio's number is a within-subject SD, the others are coefficients: the least change that counts.
_QUESTIONS = (
    _Question(path="ratio_variation", names=("t1_marrow_to_muscle", "stir_marrow_to_muscle"), logarithm=True),
    _Question(path="fat_signal_change", names=("fat_signal_index",), logarithm=False),
    _Question(path="fat_fraction_change", names=("pdff",), logarithm=False),
    _Question(path="asymmetry_change", names=("t1_asymmetry", "stir_asymmetry"), logarithm=False, in_symmetry=True),
)


def estimate_change(cases: tuple[CohortCase, ...], protocol: Protocol) -> tuple[Outcome, ...]:
    """Estimate the numbers of ``[change]`` that repeated scans tell.

    Parameters
    ----------
    cases : tuple of CohortCase
        All studies; repeats of a person share `person`.
    protocol : Protocol
        Old numbers, least cohorts.
    """
    return tuple(_outcome(question, cases, protocol) for question in _QUESTIONS)


def _outcome(question: _Question, cases: tuple[CohortCase, ...], protocol: Protocol) -> Outcome:
    settings, number = protocol.calibration, getattr(protocol.change, question.path)
    variance, freedom = repeated_people(
        cases, question.names, logarithm=question.logarithm, in_symmetry=question.in_symmetry
    )
    people, least = len(variance), settings.least_repeated.value
    if people < least:
        return Outcome(
            path=f"change.{question.path}",
            unit=number.unit,
            old=number.value,
            new=None,
            low=None,
            high=None,
            people=people,
            told=f"{people} people scanned more than once, {least:g} are needed",
        )
    factor = 1.0 if question.logarithm else settings.repeatability_factor.value
    sd, draws = within_subject_sd(
        variance, freedom, draws=int(settings.draws.value), seed=zlib.crc32(question.path.encode())
    )
    low, high = ends(factor * draws, level=settings.interval_level.value)
    kind = "within-subject SD of the logarithm" if question.logarithm else "repeatability coefficient"
    return Outcome(
        path=f"change.{question.path}",
        unit=number.unit,
        old=number.value,
        new=round(factor * sd, _DIGITS),
        low=low,
        high=high,
        people=people,
        told=f"{kind} of {', '.join(question.names)}",
    )
