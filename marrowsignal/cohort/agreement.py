"""How well two raters agree, and how well a number parts two classes: each with its interval, formula and source.

Where several studies are of one person the analytic intervals are too narrow: those of `person_draws` take their place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

__all__ = [
    "Estimate",
    "RocCurve",
    "area_values",
    "cohen_kappa",
    "confusion",
    "kappa_values",
    "roc_area",
    "roc_curve",
    "wilson",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One number with its 95 % interval.

    Attributes
    ----------
    value : float or None
        None where it is not defined.
    low, high : float or None
        Ends of the interval; None where there is none.
    count : int
        Of what it rests on.
    reason : str
        Why the value or its interval is missing; empty where both are there.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RocCurve:
    """Shares called positive from each cut on, the strictest first; both begin at 0 and end at 1.

    Attributes
    ----------
    false_positive, true_positive : ndarray of float64, shape (cut,)
        Shares of the negatives and of the positives.
    """

    false_positive: Floats
    true_positive: Floats


def confusion(first: Integers, second: Integers, *, classes: int) -> Floats:
    """Count how often two raters gave each pair of classes.

    Parameters
    ----------
    first, second : ndarray of int64, shape (study,)
        Classes from 0 on.
    classes : int
        How many there are.

    Returns
    -------
    ndarray of float64, shape (class, class)
        Rows are the first rater's classes.

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2)
    array([[1., 1.],
           [0., 1.]])
    """
    flat = np.bincount(first * classes + second, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.float64)


def wilson(hits: int, count: int) -> Estimate:
    """Share with the score interval of Wilson, J Am Stat Assoc 1927;22:209.

    Parameters
    ----------
    hits, count : int
        How many of how many.

    Examples
    --------
    >>> one = wilson(0, 10)
    >>> one.value, round(one.low, 4), round(one.high, 4)
    (0.0, 0.0, 0.2775)
    """
    if count == 0:
        return Estimate(value=None, reason="no study to count")
    z = _z()
    share = hits / count
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low = 0.0 if hits == 0 else max(0.0, center - half)
    high = 1.0 if hits == count else min(1.0, center + half)
    return Estimate(value=share, low=low, high=high, count=count)


def cohen_kappa(table: Floats) -> Estimate:
    """Agreement beyond chance, with the large-sample interval of Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323.

    ``kappa = (po - pe) / (1 - pe)`` with the observed agreement po and that of the margins, pe (Cohen 1960).

    Parameters
    ----------
    table : ndarray of float64, shape (class, class)
        Studies by the classes of both raters.

    Examples
    --------
    >>> one = cohen_kappa(np.array([[44.0, 5.0, 1.0], [7.0, 20.0, 3.0], [9.0, 5.0, 6.0]]))
    >>> round(one.value, 4), round((one.high - one.value) / 1.959964, 4)
    (0.4915, 0.0721)
    """
    total = float(table.sum())
    if total == 0:
        return Estimate(value=None, reason="no study to compare")
    kappa = float(kappa_values(table[None])[0])
    if math.isnan(kappa):
        return Estimate(value=None, count=round(total), reason="both gave one class only")
    shares = table / total
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    diagonal = float(np.sum(np.diag(shares) * (1 - (rows + columns) * (1 - kappa)) ** 2))
    # The cell (i, j) meets the second rater's margin of class i and the first one's of class j.
    other = shares * (columns[:, None] + rows[None, :]) ** 2
    off = float(other.sum() - np.trace(other)) * (1 - kappa) ** 2
    variance = (diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * total)
    half = _z() * math.sqrt(max(variance, 0.0))
    if half == 0.0:
        reason = "no interval: the raters never disagree" if kappa == 1.0 else "no interval: it has no spread"
        return Estimate(value=kappa, count=round(total), reason=reason)
    return Estimate(value=kappa, low=max(-1.0, kappa - half), high=min(1.0, kappa + half), count=round(total))


def roc_curve(scores: Floats, positive: Flags) -> RocCurve:
    """Operating characteristic of a score; larger speaks for positive, and equal scores are called together.

    Parameters
    ----------
    scores : ndarray of float64, shape (study,)
        Finite.
    positive : ndarray of bool, shape (study,)
        Both classes must be there.

    Examples
    --------
    >>> curve = roc_curve(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    >>> curve.false_positive.tolist(), curve.true_positive.tolist()
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    hits, false = np.cumsum(truth)[last], np.cumsum(~truth)[last]
    return RocCurve(
        false_positive=np.concatenate([[0.0], false / max(1, int((~positive).sum()))]),
        true_positive=np.concatenate([[0.0], hits / max(1, int(positive.sum()))]),
    )


def roc_area(scores: Floats, positive: Flags) -> Estimate:
    """Area under the ROC curve with DeLong's variance.

    The variance is that of DeLong, Biometrics 1988;44:837, from mid-ranks as in Sun and Xu, IEEE Signal Process Lett
    2014;21:1389; the interval is taken on the logit scale, where it stays within 0 and 1 (Pepe 2003).

    Parameters
    ----------
    scores : ndarray of float64, shape (study,)
        Larger speaks for positive.
    positive : ndarray of bool, shape (study,)
        Class.

    Examples
    --------
    >>> one = roc_area(np.array([0.9, 0.8, 0.4, 0.7, 0.3, 0.2]), np.array([True, True, True, False, False, False]))
    >>> round(one.value, 4), round(one.low, 2), round(one.high, 2)
    (0.8889, 0.26, 0.99)
    """
    count, hits = int(scores.size), int(positive.sum())
    others = count - hits
    if hits == 0 or others == 0:
        return Estimate(value=None, count=count, reason="only one of the two classes is there")
    ranks = rankdata(scores)
    area = float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * others))
    if min(hits, others) < 2:
        return Estimate(value=area, count=count, reason="no interval: one class has a single study")
    of_hits = (ranks[positive] - rankdata(scores[positive])) / others
    of_others = 1.0 - (ranks[~positive] - rankdata(scores[~positive])) / hits
    error = math.sqrt(float(of_hits.var(ddof=1)) / hits + float(of_others.var(ddof=1)) / others)
    if error == 0.0 or area in (0.0, 1.0):
        return Estimate(value=area, count=count, reason="no interval: the classes do not overlap")
    middle, half = math.log(area / (1 - area)), _z() * error / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-end)) for end in (middle - half, middle + half))
    return Estimate(value=area, low=low, high=high, count=count)


def kappa_values(tables: Floats) -> Floats:
    """Cohen's kappa of many tables.

    Parameters
    ----------
    tables : ndarray of float64, shape (table, class, class)
        As of `cohen_kappa`.

    Returns
    -------
    ndarray of float64, shape (table,)
        NaN where both raters gave one class only, and of an empty table.
    """
    totals = tables.sum(axis=(1, 2))
    shares = tables / np.where(totals > 0, totals, np.nan)[:, None, None]
    agreed = np.trace(shares, axis1=1, axis2=2)
    chance = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    return np.asarray((agreed - chance) / np.where(chance < 1 - 1e-12, 1 - chance, np.nan))


def area_values(hits: Floats, others: Floats) -> Floats:
    """Areas under many ROC curves from how often each score is given; ties count half.

    Parameters
    ----------
    hits, others : ndarray of float64, shape (curve, level)
        Positives and negatives of each score, the lowest first.

    Returns
    -------
    ndarray of float64, shape (curve,)
        NaN where a class is missing.

    Examples
    --------
    >>> area_values(np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 1.0, 0.0]]))
    array([0.91666667])
    """
    pairs = hits.sum(axis=1) * others.sum(axis=1)
    below = np.cumsum(others, axis=1) - 0.5 * others
    return np.asarray((hits * below).sum(axis=1) / np.where(pairs > 0, pairs, np.nan))


def _z() -> float:
    return float(ndtri(0.5 + _LEVEL / 2))
