"""How the tool's classes agree with a reader's labels, as the page prints it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.agreement import area_values, roc_area, roc_curve
from marrowsignal.cohort.page.labelled import Labelled, accuracy, kappa, labelled_by, share
from marrowsignal.cohort.page.page_data import CohortData, TableColumns
from marrowsignal.cohort.page.picks import Picks
from marrowsignal.cohort.page.reader_records import ClassAgreement, ConfidenceRow, ReaderView, RocChart
from marrowsignal.cohort.person_draws import with_draws
from marrowsignal.patterns.records import PatternClass
from marrowsignal.report.views.wording import CLASS_WORDS

__all__ = ["reader_views"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ABSTAINED = (PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS)
_CALLED = tuple(one for one in PatternClass if one not in _ABSTAINED)
_SIDE = 220.0


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
    every = labelled_by(reader, studies, labels)
    of_class = every.of(every.label >= 0)
    analyzed = of_class.of(of_class.called >= 0)
    is_open = np.isin(analyzed.called, [list(PatternClass).index(one) for one in _ABSTAINED])
    is_open |= np.isin(analyzed.label, [list(PatternClass).index(one) for one in _ABSTAINED])
    both = analyzed.of(~is_open)
    abstained = share(is_open, np.ones(is_open.size, bool), analyzed)
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
        accuracy=accuracy(both),
        kappa=kappa(both),
        kappa_with_open=kappa(analyzed),
        head=head,
        rows=rows,
        classes=_classes(analyzed),
        correctness=correct,
        correctness_reason=correct_reason,
        confidence=_by_confidence(both, name, picks),
        persons=every.persons,
        resampled=every.draws is not None,
    )


def _crossed(
    held: Labelled, name: str, picks: Picks
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


def _classes(held: Labelled) -> tuple[ClassAgreement, ...]:
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
                sensitivity=share(called, truth, held),
                specificity=share(~called, ~truth, held),
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


def _correctness(held: Labelled) -> tuple[RocChart | None, str]:
    return _roc(held.probability, held.label == held.called, held)


def _roc(scores: Floats, positive: Flags, held: Labelled) -> tuple[RocChart | None, str]:
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


def _by_confidence(held: Labelled, name: str, picks: Picks) -> tuple[ConfidenceRow, ...]:
    right = held.label == held.called
    rows = []
    for stated in sorted(set(held.probability[np.isfinite(held.probability)].tolist()), reverse=True):
        among = held.probability == stated
        wrong = held.study[among & ~right].tolist()
        rows.append(
            ConfidenceRow(
                stated=stated,
                right=share(right, among, held),
                hits=int((right & among).sum()),
                pick=picks.add("label", f"stated {stated:.2f} and not as the reader{name}", wrong),
            )
        )
    return tuple(rows)
