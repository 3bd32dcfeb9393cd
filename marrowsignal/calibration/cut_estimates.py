"""The cuts of D01, D04, D07 and D10, from a labelled cohort (SCIENCE 4.6)."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.cut_questions import QUESTIONS, Question
from marrowsignal.calibration.cuts import Parting, part_classes
from marrowsignal.calibration.records import CohortCase, Outcome
from marrowsignal.calibration.resampling import ends
from marrowsignal.protocol.schema import EvidenceCuts, Protocol

__all__ = ["estimate_cuts"]

_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """One value a person; what is measured does not tell the label.

    Attributes
    ----------
    values : ndarray of float64, shape (person,)
        Larger speaks for the class.
    positive : ndarray of bool, shape (person,)
        Class.
    shown : ndarray of bool, shape (person,)
        False for a person of the class in whom no lesion was found: the value is that of marrow, and says whether the
        labels mean anything, but not where lesions begin.
    where : str
        At which field strength, where not at all.
    """

    values: NDArray[np.float64]
    positive: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    where: str

    @property
    def counts(self) -> tuple[int, int]:
        """How many of the class, how many others can tell the cut."""
        return int((self.positive & self.shown).sum()), int((~self.positive).sum())

    @property
    def apart(self) -> float:
        """Distance of the classes' medians."""
        mine, others = self.values[self.positive & self.shown], self.values[~self.positive]
        return abs(float(np.median(mine)) - float(np.median(others)))

    @property
    def gap(self) -> tuple[float, float] | None:
        """Between which values nobody lies; None where the classes overlap."""
        lowest = float(self.values[self.positive & self.shown].min())
        highest = float(self.values[~self.positive].max())
        return (highest, lowest) if highest < lowest else None


def estimate_cuts(cases: tuple[CohortCase, ...], protocol: Protocol) -> tuple[Outcome, ...]:
    """Estimate every cut that the labels of a cohort can tell.

    Parameters
    ----------
    cases : tuple of CohortCase
        One a person.
    protocol : Protocol
        Old cuts, targets, least cohorts.

    Returns
    -------
    tuple of Outcome
        A cut whose interval over people is wider than its grey zone widens the zone; one that the cohort cannot tell
        is kept, with the reason.
    """
    return tuple(outcome for question in QUESTIONS for outcome in _outcomes(question, cases, protocol))


def _outcomes(question: Question, cases: tuple[CohortCase, ...], protocol: Protocol) -> tuple[Outcome, ...]:
    settings, old = protocol.calibration, protocol.evidence
    sample, sign = _sample(question, cases), -1.0 if question.low else 1.0
    people, least = len(sample.values), settings.least_per_class.value
    if min(sample.counts) < least:
        who = f"{sample.counts[0]} {question.positive} and {sample.counts[1]} others measured{sample.where}"
        return _kept(question, old, people, f"{who}, {least:g} of each are needed")
    every = _parted(question, sample, np.ones(people, bool), protocol)
    parting = _parted(question, sample, sample.shown, protocol)
    low, high = sorted(sign * end for end in ends(parting.draws, level=settings.interval_level.value))
    problem = _problem(question, every, parting, sample.apart, high - low, protocol)
    if problem:
        return _kept(question, old, people, f"{problem}{sample.where}", interval=(low, high))
    cut, told = sign * parting.cut, _told(question, sample, parting, every, protocol)
    zone = f"gray zone of the cut {cut:.3f} ({low:.3f} to {high:.3f}); {told}"
    return tuple(
        Outcome(
            path=f"evidence.{path}",
            unit="1",
            old=_old(old, path),
            new=round(new, _DIGITS),
            low=low if new == cut else None,
            high=high if new == cut else None,
            people=int(sample.shown.sum()),
            told=told if new == cut else zone,
        )
        for path, new in question.bounds(cut, low, high, old)
    )


def _parted(question: Question, sample: _Sample, who: NDArray[np.bool_], protocol: Protocol) -> Parting:
    settings = protocol.calibration
    return part_classes(
        sample.values[who],
        sample.positive[who],
        sensitivity=settings.red_flag_sensitivity.value if question.sensitive else None,
        draws=int(settings.draws.value),
        seed=zlib.crc32(question.name.encode()),
    )


def _told(question: Question, sample: _Sample, parting: Parting, every: Parting, protocol: Protocol) -> str:
    wanted = protocol.calibration.red_flag_sensitivity.value
    aim = f"sensitivity {wanted:g}" if question.sensitive else "Youden's index"
    parts = [
        f"{aim}{sample.where}",
        f"people left out: sensitivity {parting.sensitivity:.2f}, specificity {parting.specificity:.2f}",
        f"area {every.area:.2f}",
    ]
    unseen = int((~sample.shown).sum())
    if unseen:
        parts.append(f"{unseen} {question.positive} without a lesion found")
    if sample.gap is not None:
        # Any cut between two classes would do as well, and people drawn again never show that.
        near, far = sorted(abs(end) for end in sample.gap)
        parts.append(f"nobody lies between {near:.2f} and {far:.2f}")
    return "; ".join(parts)


def _problem(
    question: Question, every: Parting, parting: Parting, apart: float, width: float, protocol: Protocol
) -> str:
    settings = protocol.calibration
    area = ends(every.area_draws, level=settings.interval_level.value)[0]
    if area < settings.least_separation.value:
        return f"the labels hardly part it: area {every.area:.2f}, from {area:.2f} on"
    if width > apart:
        return f"the interval is wider than the classes are apart ({apart:.2f})"
    least = settings.red_flag_specificity.value
    if question.sensitive and parting.specificity < least:
        return f"at that sensitivity the specificity is {parting.specificity:.2f}, below {least:g}"
    return ""


def _sample(question: Question, cases: tuple[CohortCase, ...]) -> _Sample:
    asked = [case for case in cases if case.label is question.positive or case.label in question.negatives]
    used, where = _at_one_field(asked) if question.one_field else (asked, "")
    rows = []
    for case in used:
        marrow = case.whole if question.else_marrow or not question.in_lesion else None
        lesion = case.lesions[0] if question.in_lesion and case.lesions else None
        place, is_positive = lesion or marrow, case.label is question.positive
        value = None if place is None else place.value(question.name)
        if value is not None and math.isfinite(value):
            unseen = question.in_lesion and is_positive and lesion is None
            rows.append((-value if question.low else value, is_positive, not unseen))
    table = np.array(rows, float).reshape(-1, 3)
    return _Sample(values=table[:, 0], positive=table[:, 1] > 0, shown=table[:, 2] > 0, where=where)


def _at_one_field(cases: list[CohortCase]) -> tuple[list[CohortCase], str]:
    """Cases of the field strength that most have, the lower of two, and words for it."""
    fields = Counter(case.field_t or 0.0 for case in cases)
    if len(fields) < 2:
        return cases, ""
    most = min(fields, key=lambda field: (-fields[field], field))
    return [case for case in cases if (case.field_t or 0.0) == most], f" at {most:g} T"


def _kept(
    question: Question, old: EvidenceCuts, people: int, why: str, *, interval: tuple[float, float] | None = None
) -> tuple[Outcome, ...]:
    paths = [path for path, _ in question.bounds(0.0, 0.0, 0.0, old)]
    low, high = interval or (None, None)
    return tuple(
        Outcome(
            path=f"evidence.{path}",
            unit="1",
            old=_old(old, path),
            new=None,
            low=low,
            high=high,
            people=people,
            told=why,
        )
        for path in paths
    )


def _old(cuts: EvidenceCuts, path: str) -> float:
    name, _, end = path.partition(".")
    found = getattr(cuts, name)
    return float(getattr(found, end or "value"))
