"""How the tool's classes agree with a reader's labels, as the page prints it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.agreement import (
    Estimate,
    area_values,
    cohen_kappa,
    confusion,
    kappa_values,
    roc_area,
    roc_curve,
    wilson,
)
from marrowsignal.cohort.page.page_data import CohortData, TableColumns
from marrowsignal.cohort.page.picks import Picks
from marrowsignal.cohort.page.reader_records import ClassAgreement, ConfidenceRow, ReaderView, RocChart
from marrowsignal.cohort.person_draws import drawn_sums, person_draws, with_draws
from marrowsignal.patterns.records import PatternClass
from marrowsignal.report.views.wording import CLASS_WORDS

__all__ = ["reader_views"]

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
_ABSTAINED = (PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS)
_CALLED = tuple(one for one in PatternClass if one not in _ABSTAINED)
_SIDE = 220.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labelled:
    """Studies of one reader, row by row: -1 is a label that stands for no class, or no class of the tool.

    `draws` are of persons, shape (draw, person); None where every study is of another person.
    """

    study: Integers
    label: Integers
    called: Integers
    probability: Floats
    person: Integers
    draws: Floats | None

    def of(self, kept: Flags) -> _Labelled:
        return replace(
            self,
            study=self.study[kept],
            label=self.label[kept],
            called=self.called[kept],
            probability=self.probability[kept],
            person=self.person[kept],
        )

    def sums(self, draws: Floats, columns: Floats) -> Floats:
        return drawn_sums(draws, self.person, columns)

    @property
    def persons(self) -> int:
        return int(np.unique(self.person).size)


def reader_views(data: CohortData, picks: Picks) -> tuple[ReaderView, ...]:
    """Compare each reader with the tool; empty without labels.

    Parameters
    ----------
    data : CohortData
        The cohort.
    picks : Picks
        Takes the sets.
    """
    if data.labels is None:
        return ()
    readers = sorted(set(data.labels.text("reader")))
    return tuple(_view(reader, data.studies, data.labels, picks) for reader in readers)


def _view(reader: str, studies: TableColumns, labels: TableColumns, picks: Picks) -> ReaderView:
    every = _labelled(reader, studies, labels)
    of_class = every.of(every.label >= 0)
    analyzed = of_class.of(of_class.called >= 0)
    is_open = np.isin(analyzed.called, [list(PatternClass).index(one) for one in _ABSTAINED])
    is_open |= np.isin(analyzed.label, [list(PatternClass).index(one) for one in _ABSTAINED])
    both = analyzed.of(~is_open)
    abstained = _share(is_open, np.ones(is_open.size, bool), analyzed)
    no_class = every.study[every.label < 0].tolist()
    not_analyzed = of_class.study[of_class.called < 0].tolist()
    left_out = (
        ("label stands for no class of the tool", no_class),
        ("not analyzed: failed or refused", not_analyzed),
        ("left open by the tool or the reader", analyzed.study[is_open].tolist()),
    )
    name = f" ({reader})" if reader else ""
    head, rows = _crossed(analyzed, name, picks)
    correct, correct_reason = _correctness(both)
    return ReaderView(
        reader=reader,
        labelled=every.study.size,
        compared=both.study.size,
        left_out=tuple(
            (words, len(held), picks.add("label", f"{words}{name}", held)) for words, held in left_out if held
        ),
        abstained=abstained,
        accuracy=_accuracy(both),
        kappa=_kappa(both),
        kappa_with_open=_kappa(analyzed),
        head=head,
        rows=rows,
        classes=_classes(analyzed),
        correctness=correct,
        correctness_reason=correct_reason,
        confidence=_by_confidence(both, name, picks),
        persons=every.persons,
        resampled=every.draws is not None,
    )


def _labelled(reader: str, studies: TableColumns, labels: TableColumns) -> _Labelled:
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
    return _Labelled(
        study=study,
        label=np.array([-1 if one is None else places[one.value] for one in named], np.int64),
        called=np.array([places.get(classes[at], -1) for at in study.tolist()], np.int64),
        probability=studies.number("pattern_confidence_probability")[study],
        person=np.array([place[one] for one in persons], np.int64),
        draws=person_draws(len(place)) if len(place) < len(persons) else None,
    )


def _crossed(
    held: _Labelled, name: str, picks: Picks
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[tuple[int, int, bool], ...]], ...]]:
    classes = list(PatternClass)
    shown = [at for at in range(len(classes)) if (held.label == at).any() or (held.called == at).any()]
    rows = []
    for label in shown:
        if not (held.label == label).any():
            continue
        cells = []
        for called in shown:
            members = held.study[(held.label == label) & (held.called == called)].tolist()
            title = f"reader{name}: {CLASS_WORDS[classes[label]]}, tool: {CLASS_WORDS[classes[called]]}"
            cells.append((len(members), picks.add("label", title, members), label == called))
        rows.append((CLASS_WORDS[classes[label]], tuple(cells)))
    return tuple(CLASS_WORDS[classes[at]] for at in shown), tuple(rows)


def _accuracy(held: _Labelled) -> Estimate:
    right = held.label == held.called
    return _share(right, np.ones(right.size, bool), held)


def _kappa(held: _Labelled) -> Estimate:
    count = len(PatternClass)
    plain = cohen_kappa(confusion(held.label, held.called, classes=count))
    if held.draws is None:
        return plain
    cells = np.eye(count * count)[held.label * count + held.called]
    tables = held.sums(held.draws, cells).reshape(-1, count, count)
    return with_draws(plain, kappa_values(tables), persons=held.persons)


def _share(hits: Flags, among: Flags, held: _Labelled) -> Estimate:
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


def _classes(held: _Labelled) -> tuple[ClassAgreement, ...]:
    found = []
    opened = np.isin(held.called, [list(PatternClass).index(one) for one in _ABSTAINED])
    for one in _CALLED:
        at = list(PatternClass).index(one)
        truth, called = held.label == at, held.called == at
        if not truth.any() and not called.any():
            continue
        roc, reason = _roc(_leaning(called, opened, held.probability), truth, held)
        found.append(
            ClassAgreement(
                words=CLASS_WORDS[one],
                labelled=int(truth.sum()),
                called=int(called.sum()),
                sensitivity=_share(called, truth, held),
                specificity=_share(~called, ~truth, held),
                abstained=int((truth & opened).sum()),
                roc=roc,
                roc_reason=reason,
            )
        )
    return tuple(found)


def _leaning(called: Flags, opened: Flags, probability: Floats) -> Floats:
    """How much the tool leans to a class: its probability where called, what is left of it where another is.

    An abstention leans neither way: it stands between the classes called and those not.
    """
    leaning = np.where(called, 0.5 + probability / 2, 0.5 - probability / 2)
    return np.where(opened, 0.5, leaning)


def _correctness(held: _Labelled) -> tuple[RocChart | None, str]:
    return _roc(held.probability, held.label == held.called, held)


def _roc(scores: Floats, positive: Flags, held: _Labelled) -> tuple[RocChart | None, str]:
    told = np.isfinite(scores)
    scores, positive = scores[told], positive[told]
    if positive.all() or not positive.any():
        return None, "no ROC curve: only one of the two outcomes is there with a stated probability"
    area = roc_area(scores, positive)
    if held.draws is not None:
        levels, which = np.unique(scores, return_inverse=True)
        given = np.eye(levels.size)[which]
        among = held.of(told)
        hits = among.sums(held.draws, given * positive[:, None])
        others = among.sums(held.draws, given * ~positive[:, None])
        rarer = min(among.of(positive).persons, among.of(~positive).persons)
        area = with_draws(area, area_values(hits, others), persons=rarer)
    curve = roc_curve(scores, positive)
    points = zip(curve.false_positive.tolist(), curve.true_positive.tolist(), strict=True)
    path = "M" + "L".join(f"{_SIDE * false:.1f} {_SIDE * (1 - true):.1f}" for false, true in points)
    return RocChart(path=path, area=area, positives=int(positive.sum()), negatives=int((~positive).sum())), ""


def _by_confidence(held: _Labelled, name: str, picks: Picks) -> tuple[ConfidenceRow, ...]:
    right = held.label == held.called
    rows = []
    for stated in sorted(set(held.probability[np.isfinite(held.probability)].tolist()), reverse=True):
        among = held.probability == stated
        wrong = held.study[among & ~right].tolist()
        rows.append(
            ConfidenceRow(
                stated=stated,
                right=_share(right, among, held),
                hits=int((right & among).sum()),
                pick=picks.add("label", f"stated {stated:.2f} and not as the reader{name}", wrong),
            )
        )
    return tuple(rows)
