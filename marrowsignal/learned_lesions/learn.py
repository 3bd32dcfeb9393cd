"""From labelled lesions to a voxel model, each subject first judged by the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.learned_lesions.agreement import left_out_row, read_dices
from marrowsignal.learned_lesions.features import context_features, voxel_features
from marrowsignal.learned_lesions.records import LabelledLesions, LeftOutLesions, LesionModel
from marrowsignal.learned_lesions.view import MuscleLevels
from marrowsignal.marrow.atlas.trees import Trees, train_trees
from marrowsignal.protocol.schema import LesionModelSettings

__all__ = ["fit_lesions", "learn_lesions", "require_enough"]

_FEWEST_SUBJECTS = 3
_SEED = 30
_CUTS = np.round(np.arange(0.04, 0.9, 0.02), 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lesson:
    """One subject: features of every voxel looked at, the share of reads that marked it, and what is trained on.

    Attributes
    ----------
    of : LabelledLesions
        The subject.
    features : ndarray of float32, shape (voxel, feature)
        Of `voxel_features`.
    taken : ndarray of int64, shape (sample,)
        Voxels that are trained on, drawn at random: the same number from every subject.
    inside : ndarray of bool, shape (sample,)
        Whether one of the reads, drawn at random, marked the voxel: what they disagree on counts as both.
    """

    of: LabelledLesions
    features: NDArray[np.float32]
    taken: NDArray[np.int64]
    inside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Taught:
    """What a set of subjects gives: both rounds of trees and the cut."""

    first: Trees
    second: Trees
    cut: float


def learn_lesions(
    subjects: Sequence[LabelledLesions],
    *,
    settings: LesionModelSettings,
    least_ml: float,
    tell: Callable[[str], None],
) -> LesionModel:
    """Train a voxel model of lesions and measure it on each subject left out.

    Parameters
    ----------
    subjects : sequence of LabelledLesions
        Three or more.
    settings : LesionModelSettings
        From a protocol.
    least_ml : float
        Least volume of a lesion that is counted.
    tell : callable
        Called with a line of progress.

    Raises
    ------
    MaskError
        If fewer than three subjects have lesions, or none has a muscle reference.
    """
    require_enough(sum(any(subject.read_voxels) for subject in subjects))
    muscle = _usual_muscle(subjects)
    lessons = [_lesson(subject, muscle, settings) for subject in subjects]
    rows: list[LeftOutLesions] = []
    for n, lesson in enumerate(lessons):
        taught = _teach([other for k, other in enumerate(lessons) if k != n], settings)
        rows.append(_left_out(lesson, taught, least_ml))
        tell(f"{rows[-1].name}: lesions left out, Dice {rows[-1].dice:.3f}")
    return _model(_teach(lessons, settings), muscle, settings, tuple(rows))


def fit_lesions(subjects: Sequence[LabelledLesions], *, settings: LesionModelSettings) -> LesionModel:
    """Train a voxel model of lesions without measuring it.

    Parameters
    ----------
    subjects : sequence of LabelledLesions
        Two or more with lesions.
    settings : LesionModelSettings
        From a protocol.

    Raises
    ------
    MaskError
        If none has a muscle reference.
    """
    muscle = _usual_muscle(subjects)
    return _model(_teach([_lesson(subject, muscle, settings) for subject in subjects], settings), muscle, settings, ())


def _model(
    taught: _Taught, muscle: MuscleLevels, settings: LesionModelSettings, left_out: tuple[LeftOutLesions, ...]
) -> LesionModel:
    return LesionModel(
        first=taught.first,
        second=taught.second,
        cut=taught.cut,
        muscle=muscle,
        left_out=left_out,
        settings=settings,
    )


def require_enough(subjects: int) -> None:
    """Refuse to learn from fewer than three studies with lesions.

    Raises
    ------
    MaskError
        If there are fewer.
    """
    if subjects < _FEWEST_SUBJECTS:
        raise MaskError(
            f"lesions are labelled in {subjects} of the studies only, too few to learn from",
            code="lesions_too_few",
            stage="build_atlas",
            hint=f"label lesions in {_FEWEST_SUBJECTS} studies or more, or leave the lesions column out",
        )


def _usual_muscle(subjects: Sequence[LabelledLesions]) -> MuscleLevels:
    known = [subject.view.muscle for subject in subjects if subject.view.muscle is not None]
    if not known:
        raise MaskError(
            "no study with labelled lesions has a muscle reference",
            code="lesions_no_muscle",
            stage="build_atlas",
            hint="see what `marrowsignal analyze` says of their references",
        )
    return MuscleLevels(
        t1=float(np.median([levels.t1 for levels in known])), stir=float(np.median([levels.stir for levels in known]))
    )


def _lesson(subject: LabelledLesions, muscle: MuscleLevels, settings: LesionModelSettings) -> _Lesson:
    rng = np.random.default_rng(_SEED)
    taken = rng.integers(subject.reads.shape[1], size=int(settings.samples.value))
    read = rng.integers(len(subject.reads), size=len(taken))
    return _Lesson(
        of=subject,
        features=voxel_features(subject.view, subject.view.muscle or muscle),
        taken=taken,
        inside=subject.reads[read, taken],
    )


def _teach(lessons: Sequence[_Lesson], settings: LesionModelSettings) -> _Taught:
    """Train both rounds and choose the cut, from answers of models that had not seen the subject."""
    # By size, so that no group holds all that have lesions.
    order = np.argsort([sum(lesson.of.read_voxels) for lesson in lessons], kind="stable").tolist()
    count = min(len(lessons), int(settings.folds.value))
    groups = [order[k::count] for k in range(count)]
    others = [[k for k in range(len(lessons)) if k not in group] for group in groups]
    around: dict[int, NDArray[np.float32]] = {}
    for group, rest in zip(groups, others, strict=True):
        first = _trained([lessons[k] for k in rest], None, settings)
        around |= {k: context_features(lessons[k].of.view, first.probability(lessons[k].features)) for k in group}
    curves = []
    for group, rest in zip(groups, others, strict=True):
        second = _trained([lessons[k] for k in rest], [around[k] for k in rest], settings)
        curves += [
            _dice_curve(lessons[k], second.probability(np.hstack([lessons[k].features, around[k]]))) for k in group
        ]
    return _Taught(
        first=_trained(lessons, None, settings),
        second=_trained(lessons, [around[k] for k in range(len(lessons))], settings),
        cut=float(_CUTS[int(np.mean(curves, axis=0).argmax())]),
    )


def _trained(
    lessons: Sequence[_Lesson], around: Sequence[NDArray[np.float32]] | None, settings: LesionModelSettings
) -> Trees:
    seen = [lesson.features[lesson.taken] for lesson in lessons]
    if around is not None:
        seen = [np.hstack([part, near[lesson.taken]]) for part, near, lesson in zip(seen, around, lessons, strict=True)]
    inside = np.concatenate([lesson.inside for lesson in lessons])
    return train_trees(np.concatenate(seen), inside, rounds=int(settings.trees.value))


def _dice_curve(lesson: _Lesson, probability: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.array([np.mean(read_dices(lesson.of, probability >= cut)) for cut in _CUTS])


def _left_out(lesson: _Lesson, taught: _Taught, least_ml: float) -> LeftOutLesions:
    around = context_features(lesson.of.view, taught.first.probability(lesson.features))
    probability = taught.second.probability(np.hstack([lesson.features, around]))
    return left_out_row(lesson.of, probability >= taught.cut, least_ml=least_ml)
