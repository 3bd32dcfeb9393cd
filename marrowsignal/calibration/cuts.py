"""Where two classes part: cuts by Youden's index or by a sensitivity wanted, each with draws of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.calibration.resampling import drawn_counts

__all__ = ["Parting", "part_classes", "sensitive_cut", "youden_cut"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parting:
    """A cut and how it does.

    Attributes
    ----------
    cut : float
        Positive from it on.
    draws : ndarray of float64, shape (draw,)
        The cut in resampled people.
    area : float
        Area under the ROC curve.
    area_draws : ndarray of float64, shape (draw,)
        The same in resampled people.
    sensitivity, specificity : float
        Of cuts found in resampled people, on the people left out of each (nan where none was ever left out).
    """

    cut: float
    draws: Floats
    area: float
    area_draws: Floats
    sensitivity: float
    specificity: float


def youden_cut(values: Floats, positive: NDArray[np.bool_], counts: Counts) -> Floats:
    """Cut that maximizes sensitivity + specificity - 1 (Youden, Cancer 1950), one a row of `counts`.

    Parameters
    ----------
    values : ndarray of float64, shape (person,)
        Larger speaks for positive.
    positive : ndarray of bool, shape (person,)
        Class.
    counts : ndarray of int64, shape (draw, person)
        How often each person counts.

    Returns
    -------
    ndarray of float64, shape (draw,)
        Halfway between the neighbours that it parts; the middle of the middle one where several do as well.
    """
    order = np.argsort(values, kind="stable")
    ranked, is_positive, drawn = values[order], positive[order], counts[:, order]
    # Between neighbour k and k + 1 everything up to k is called negative.
    missed = np.cumsum(drawn * is_positive, axis=1)[:, :-1]
    cleared = np.cumsum(drawn * ~is_positive, axis=1)[:, :-1]
    positives = np.maximum(1, (drawn * is_positive).sum(axis=1))[:, None]
    negatives = np.maximum(1, (drawn * ~is_positive).sum(axis=1))[:, None]
    index = np.where(ranked[1:] > ranked[:-1], cleared / negatives - missed / positives, -np.inf)
    best = index >= index.max(axis=1, keepdims=True) - 1e-12
    # People drawn in no class leave several neighbours equal: the plateau's two ends span the true gap.
    first = best.argmax(axis=1)
    last = best.shape[1] - 1 - best[:, ::-1].argmax(axis=1)
    together = np.array([row[a : b + 1].all() for row, a, b in zip(best, first, last, strict=True)])
    last = np.where(together, last, first)
    return np.asarray((ranked[first] + ranked[last + 1]) / 2)


def sensitive_cut(values: Floats, positive: NDArray[np.bool_], counts: Counts, *, sensitivity: float) -> Floats:
    """Largest cut from which on at least a share `sensitivity` of the positives lies; arguments as in `youden_cut`."""
    order = np.argsort(-values, kind="stable")
    kept = np.cumsum(counts[:, order] * positive[order], axis=1)
    wanted = sensitivity * kept[:, -1:] - 1e-9
    return np.asarray(values[order][np.argmax(kept >= wanted, axis=1)])


def part_classes(
    values: Floats, positive: NDArray[np.bool_], *, sensitivity: float | None, draws: int, seed: int
) -> Parting:
    """Estimate a cut, its draws, and what it does to people it has not seen.

    Parameters
    ----------
    values, positive
        As in `youden_cut`; both classes have people.
    sensitivity : float or None
        Wanted; None for Youden's index.
    draws : int
        Draws of people, within each class.
    seed : int
        Of the random generator.
    """
    counts = drawn_counts(positive.astype(np.int64), draws=draws, seed=seed)
    every = np.vstack([np.ones((1, len(values)), np.int64), counts])
    if sensitivity is None:
        cuts = youden_cut(values, positive, every)
    else:
        cuts = sensitive_cut(values, positive, every, sensitivity=sensitivity)
    areas = _areas(values, positive, every)
    left_out = every[1:] == 0
    called = values[None, :] >= cuts[1:, None]
    return Parting(
        cut=float(cuts[0]),
        draws=cuts[1:],
        area=float(areas[0]),
        area_draws=areas[1:],
        sensitivity=_share(called, left_out & positive),
        specificity=_share(~called, left_out & ~positive),
    )


def _share(right: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    count = int(among.sum())
    return float((right & among).sum() / count) if count else float("nan")


def _areas(values: Floats, positive: NDArray[np.bool_], counts: Counts) -> Floats:
    """Area under the ROC curve as the share of pairs in the right order, ties half (Mann and Whitney)."""
    levels, which = np.unique(values, return_inverse=True)
    table = np.zeros((len(values), levels.size))
    table[np.arange(len(values)), which] = 1.0
    positives, negatives = (counts * positive) @ table, (counts * ~positive) @ table
    below = np.cumsum(negatives, axis=1) - 0.5 * negatives
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.asarray((positives * below).sum(axis=1) / np.maximum(pairs, 1.0))
