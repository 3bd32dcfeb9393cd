"""From labelled studies to an atlas: brought together, left out one by one, learnt from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal import __version__
from marrowsignal.marrow.atlas.ballot import Ballot, Voter, hold_ballot, most_reach
from marrowsignal.marrow.atlas.decision import dice, expected_dice, inside_of, named_labels, probability_of, undecided
from marrowsignal.marrow.atlas.features import voxel_features
from marrowsignal.marrow.atlas.placing import Tilt
from marrowsignal.marrow.atlas.records import Atlas, AtlasSubject, LeftOut
from marrowsignal.marrow.atlas.study_view import labelled_sample, open_study
from marrowsignal.marrow.atlas.template import build_template
from marrowsignal.marrow.atlas.trees import Trees, train_trees
from marrowsignal.marrow.records import MaskKind
from marrowsignal.protocol.schema import AtlasSettings

__all__ = ["learn_atlas"]

_SEED = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lesson:
    """What one subject teaches: features of its undecided voxels, and the truth."""

    features: NDArray[np.float32]
    inside: NDArray[np.bool_]


def learn_atlas(
    subjects: Sequence[AtlasSubject],
    *,
    directions_lps: NDArray[np.float64],
    names: tuple[tuple[int, str], ...],
    kind: MaskKind,
    settings: AtlasSettings,
    tell: Callable[[str], None],
) -> Atlas:
    """Make an atlas of labelled subjects, each first segmented by the others.

    Parameters
    ----------
    subjects : sequence of AtlasSubject
        Three or more.
    directions_lps : ndarray of float64, shape (3, 3)
        Their axes.
    names : tuple of (int, str)
        Region key of each label value whose bone is known.
    kind : MaskKind
        Whether labels enclose marrow or whole bones.
    settings : AtlasSettings
        From a protocol.
    tell : callable
        Called with a line of progress.
    """
    studies = [
        open_study(s.t1, s.stir, spacing_mm=s.spacing_mm, directions_lps=directions_lps, settings=settings)
        for s in subjects
    ]
    samples = [labelled_sample(study.view, s.labels, settings) for study, s in zip(studies, subjects, strict=True)]
    most = settings.search_tilt.value
    transverse = int(np.abs(directions_lps[0]).argmax())
    template = build_template(
        samples,
        reach_mm=most_reach(settings),
        tilt=Tilt(axis=transverse, degrees=(-most, 0.0, most)),
        near_mm=settings.near.value,
    )
    tell(f"{len(subjects)} subjects brought together")
    voters = [Voter(view=studies[n].view, labels=s.labels, number=n) for n, s in enumerate(subjects)]
    ballots = []
    for n, study in enumerate(studies):
        others = [voter for voter in voters if voter.number != n]
        ballots.append(hold_ballot(study, others, template, settings=settings, left_out=n))
        tell(f"{subjects[n].name}: voted on by the others")
    left_out, trees, stir_trees = _learn(subjects, ballots, settings, tell)
    return Atlas(
        subjects=tuple(subjects),
        directions_lps=directions_lps,
        names=names,
        kind=kind,
        template=template,
        trees=trees,
        stir_trees=stir_trees,
        left_out=left_out,
        settings=settings,
        version=__version__,
    )


def _learn(
    subjects: Sequence[AtlasSubject], ballots: Sequence[Ballot], settings: AtlasSettings, tell: Callable[[str], None]
) -> tuple[tuple[LeftOut, ...], Trees, Trees | None]:
    both = all(subject.stir is not None for subject in subjects)
    lessons = [_lesson(s, b, settings) for s, b in zip(subjects, ballots, strict=True)]
    rows = []
    for n, (subject, ballot) in enumerate(zip(subjects, ballots, strict=True)):
        trees = _trained([lesson for k, lesson in enumerate(lessons) if k != n], settings)
        rows.append(_left_out(subject, ballot, trees, settings))
        tell(f"{subject.name}: left out, Dice {rows[-1].dice:.3f} (votes alone {rows[-1].votes_dice:.3f})")
    every = _trained(lessons, settings)
    if not both:
        return tuple(rows), every, None
    alone = [_lesson(s, _t1_only(b), settings) for s, b in zip(subjects, ballots, strict=True)]
    return tuple(rows), _trained(alone, settings), every


def _lesson(subject: AtlasSubject, ballot: Ballot, settings: AtlasSettings) -> _Lesson:
    where = undecided(ballot.votes, spacing_mm=subject.spacing_mm, settings=settings)
    most, many = int(settings.samples.value), int(np.count_nonzero(where))
    if many > most:
        taken = np.random.default_rng(_SEED).choice(np.flatnonzero(where), most, replace=False)
        where = np.zeros(where.size, bool)
        where[taken] = True
        where = where.reshape(ballot.votes.share.shape)
    return _Lesson(features=voxel_features(ballot.seen, where), inside=(subject.labels[ballot.box] > 0)[where])


def _trained(lessons: Sequence[_Lesson], settings: AtlasSettings) -> Trees:
    return train_trees(
        np.concatenate([lesson.features for lesson in lessons]),
        np.concatenate([lesson.inside for lesson in lessons]),
        rounds=int(settings.trees.value),
    )


def _t1_only(ballot: Ballot) -> Ballot:
    return replace(ballot, seen=replace(ballot.seen, contrasts=ballot.seen.contrasts[:1]))


def _left_out(subject: AtlasSubject, ballot: Ballot, trees: Trees, settings: AtlasSettings) -> LeftOut:
    probability = probability_of(ballot.seen, trees, settings)
    inside = inside_of(probability, spacing_mm=subject.spacing_mm, settings=settings)
    truth = subject.labels
    found, voted = np.zeros(truth.shape, np.uint16), np.zeros(truth.shape, bool)
    found[ballot.box] = named_labels(inside, ballot.votes)
    voted[ballot.box] = ballot.votes.share > 0.5
    values = np.unique(truth[truth > 0]).tolist()
    return LeftOut(
        name=subject.name,
        votes_dice=dice(voted, truth > 0),
        dice=dice(found > 0, truth > 0),
        expected_dice=expected_dice(probability, inside),
        placed=ballot.placed,
        label_dice=tuple((value, dice(found == value, truth == value)) for value in values),
    )
