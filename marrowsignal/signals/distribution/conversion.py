"""Whether marrow is reddest where red marrow stays longest (D25)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.zones import FatSignal, fat_signal_of, regions_called
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["conversion_order", "kendall_tau", "pairs_apart"]

_ORDER = ("D25", "conversion_order")
_ZONES = ("D25", "conversion_zones")


def conversion_order(bench: Bench) -> tuple[Measurement, ...]:
    """Kendall's tau between the fat signal of the zones in view and the order of conversion, and how many those are.

    The fat-signal index stands for the red-like fraction of a zone: it has no cut that all zones lie beyond, and no
    band of its own for each zone that would take the order out. 1: the zone that keeps red marrow longest is reddest,
    and so on; 0: no order; -1: the other way round.
    """
    settings = bench.protocol.distribution
    found, problems = [], []
    for zone in settings.zones:
        regions = regions_called(bench, zone.keys)
        fat = fat_signal_of(bench, regions, seed=zone.name) if regions else "not in view"
        if isinstance(fat, FatSignal):
            found.append(fat)
        elif fat != "not in view":
            problems.append(f"{zone.name}: {fat}")
    count = Measurement(id=_ZONES[0], name=_ZONES[1], value=float(len(found)), unit="zones")
    return _tau(bench, found, "; ".join(problems)), count


def _tau(bench: Bench, found: list[FatSignal], problems: str) -> Measurement:
    settings = bench.protocol.distribution
    if len(found) < settings.min_zones.value:
        return unmeasured(*_ORDER, "; ".join(filter(None, (f"{len(found)} zones of conversion in view", problems))))
    least = settings.zone_difference.value
    values = np.array([fat.value for fat in found])
    told = settings.min_told_apart.value
    if pairs_apart(values, least=least) < told:
        reason = f"the zones in view are alike: less than {100 * told:g} % of their pairs differ by {least:g} FSI"
        return unmeasured(*_ORDER, reason)
    value = float(kendall_tau(values, least=least))
    draws = kendall_tau(np.stack([fat.draws for fat in found]), least=least)
    low, high = interval(draws, level=bench.protocol.signals.interval_level.value)
    return Measurement(id=_ORDER[0], name=_ORDER[1], value=value, ci_low=min(low, value), ci_high=max(high, value))


def kendall_tau(values: ArrayLike, *, least: float) -> NDArray[np.float64]:
    """Kendall's tau b of values against their order; values closer than `least` count as tied.

    Parameters
    ----------
    values : array_like of float, shape (n, ...)
        In the expected order, the smallest first; further axes are cases of their own.
    least : float
        Least difference that tells two values apart.

    Returns
    -------
    ndarray of float64, shape (...)
        ``(C - D) / sqrt(n (n - 1) / 2 * (C + D))`` with C pairs in order and D the other way round (Kendall 1945); 0
        where all are tied.

    Examples
    --------
    >>> float(kendall_tau([0.1, 0.3, 0.5, 0.7], least=0.05))
    1.0
    >>> float(kendall_tau([0.7, 0.5, 0.3, 0.1], least=0.05))
    -1.0
    """
    step = _steps(values)
    right, wrong = (step >= least).sum(axis=0), (step <= -least).sum(axis=0)
    told = np.maximum(right + wrong, 1)
    return np.asarray((right - wrong) / np.sqrt(len(step) * told))


def pairs_apart(values: ArrayLike, *, least: float) -> float:
    """Share of pairs of values that differ by `least` or more.

    Examples
    --------
    >>> pairs_apart([0.1, 0.1, 0.5], least=0.05)
    0.6666666666666666
    """
    return float(np.mean(np.abs(_steps(values)) >= least))


def _steps(values: ArrayLike) -> NDArray[np.float64]:
    """Every later value less every earlier one."""
    array = np.asarray(values, float)
    first, second = np.triu_indices(len(array), 1)
    return np.asarray(array[second] - array[first])
