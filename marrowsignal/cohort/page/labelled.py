"""What one reader says of studies, beside what the tool says, and shares of agreement with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.agreement import Estimate, cohen_kappa, confusion, kappa_values, wilson
from marrowsignal.cohort.page.page_data import TableColumns
from marrowsignal.cohort.person_draws import drawn_sums, person_draws, with_draws
from marrowsignal.patterns.records import PatternClass

__all__ = ["Labelled", "accuracy", "kappa", "labelled_by", "share"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# A reader's words for the classes that they stand for; "other" stands for none.
_CLASS_OF_WORD = {
    "normal": PatternClass.NORMAL_FOR_AGE,
    "reconversion": PatternClass.SYMMETRIC_RECONVERSION_LIKE,
    "edema": PatternClass.FOCAL_EDEMA_LIKE,
    "mixed": PatternClass.MIXED,
    "infiltration": PatternClass.RED_FLAG_INFILTRATION_LIKE,
} | {one.value.lower(): one for one in PatternClass}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Studies of one reader, row by row.

    Attributes
    ----------
    study : ndarray of int64, shape (row,)
        Row of `CohortData.studies`.
    label, called : ndarray of int64, shape (row,)
        Place in `PatternClass` of the reader's and the tool's class; -1 is a label that stands for none, or no class.
    probability : ndarray of float64, shape (row,)
        As the tool states it; NaN where it states none.
    person : ndarray of int64, shape (row,)
        Whose study it is.
    draws : ndarray of float64, shape (draw, person), or None
        How often each person is drawn; None where every study is of another person.
    """

    study: Integers
    label: Integers
    called: Integers
    probability: Floats
    person: Integers
    draws: Floats | None

    def of(self, kept: Flags) -> Labelled:
        """Return some of the rows."""
        return replace(
            self,
            study=self.study[kept],
            label=self.label[kept],
            called=self.called[kept],
            probability=self.probability[kept],
            person=self.person[kept],
        )

    def sums(self, draws: Floats, columns: Floats) -> Floats:
        """Return sums of columns over the rows, shape (draw, column)."""
        return drawn_sums(draws, self.person, columns)

    @property
    def persons(self) -> int:
        """How many persons they are of."""
        return int(np.unique(self.person).size)


def labelled_by(reader: str, studies: TableColumns, labels: TableColumns) -> Labelled:
    """Return all rows of one reader."""
    held = np.array([one == reader for one in labels.text("reader")], bool)
    study = labels.number("study").astype(np.int64)[held]
    places = {one.value: at for at, one in enumerate(PatternClass)}
    words = [one for one, keep in zip(labels.text("label"), held, strict=True) if keep]
    groups = [one for one, keep in zip(labels.text("group"), held, strict=True) if keep]
    classes = studies.text("pattern_class")
    # A study without a group is a person of its own.
    persons = [group or f"\0{at}" for group, at in zip(groups, study.tolist(), strict=True)]
    place = {one: at for at, one in enumerate(sorted(set(persons)))}
    named = [_CLASS_OF_WORD.get(word.strip().lower()) for word in words]
    return Labelled(
        study=study,
        label=np.array([-1 if one is None else places[one.value] for one in named], np.int64),
        called=np.array([places.get(classes[at], -1) for at in study.tolist()], np.int64),
        probability=studies.number("pattern_confidence_probability")[study],
        person=np.array([place[one] for one in persons], np.int64),
        draws=person_draws(len(place)) if len(place) < len(persons) else None,
    )


def accuracy(held: Labelled) -> Estimate:
    """Return the share of rows in which both say the same."""
    right = held.label == held.called
    return share(right, np.ones(right.size, bool), held)


def kappa(held: Labelled) -> Estimate:
    """Return Cohen's kappa of the two."""
    count = len(PatternClass)
    plain = cohen_kappa(confusion(held.label, held.called, classes=count))
    if held.draws is None:
        return plain
    cells = np.eye(count * count)[held.label * count + held.called]
    tables = held.sums(held.draws, cells).reshape(-1, count, count)
    return with_draws(plain, kappa_values(tables), persons=held.persons)


def share(hits: Flags, among: Flags, held: Labelled) -> Estimate:
    """Return the share of `hits` among some rows, with its interval."""
    plain = wilson(int((hits & among).sum()), int(among.sum()))
    if held.draws is None:
        return plain
    sums = held.sums(held.draws, np.column_stack([hits & among, among]).astype(np.float64))
    persons = held.of(among).persons
    if plain.value in (0.0, 1.0):
        # No draw differs from it: as many persons as there are, each counted once, bound it instead.
        bound = wilson(persons if plain.value else 0, persons)
        return replace(plain, low=bound.low, high=bound.high)
    return with_draws(plain, sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan), persons=persons)
