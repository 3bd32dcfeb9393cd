"""Choose the best of several T1 + STIR combinations, and tell by which criteria the others were dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pairing.candidates import PairCandidate
from marrowsignal.dicom.pairing.criteria import Criterion, criteria
from marrowsignal.dicom.records import Comparison, Series, Verdict
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["Ranking", "rank", "series_comparisons"]

_LATER = "later repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The best candidate, and by which criterion each other one was dropped.

    Attributes
    ----------
    best : PairCandidate
        The best.
    dropped : tuple of (PairCandidate, int)
        The others with the place of the criterion that dropped them, the longest kept first.
    """

    best: PairCandidate
    dropped: tuple[tuple[PairCandidate, int], ...]


def rank(candidates: Sequence[PairCandidate], rules: SeriesRules) -> Ranking:
    """Drop candidates by one criterion after the other; of what is left the later is best.

    The outcome does not depend on the order of `candidates`.

    Parameters
    ----------
    candidates : sequence of PairCandidate
        At least one.
    rules : SeriesRules
        What is nearly equal.
    """
    left, dropped = list(candidates), []
    stages = criteria(rules)
    for place, stage in enumerate(stages):
        values = [stage.value(c) for c in left]
        enough = stage.share * max(values)
        dropped += [(c, place) for c, value in zip(left, values, strict=True) if value < enough]
        left = [c for c, value in zip(left, values, strict=True) if value >= enough]
    known = {id(s): s for c in candidates for s in c.series}
    moment = {key: _moment(s) for key, s in known.items()}
    moments = {id(c): tuple(moment[id(s)] for s in reversed(c.series)) for c in candidates}
    best = max(left, key=lambda c: moments[id(c)])
    dropped += [(c, len(stages)) for c in left if c is not best]
    dropped.sort(key=lambda d: (d[1], moments[id(d[0])]), reverse=True)
    return Ranking(best=best, dropped=tuple(dropped))


def series_comparisons(ranking: Ranking, rules: SeriesRules) -> tuple[Comparison, ...]:
    """Tell for each T1 and each STIR that was not taken how the taken one did by every criterion.

    A series is judged by the combination with it that was kept longest.
    """
    best, seen, told = ranking.best, {id(s) for s in ranking.best.series}, []
    for other, place in ranking.dropped:
        for taken, beaten in zip(best.series, other.series, strict=True):
            if id(beaten) not in seen:
                seen.add(id(beaten))
                told += _compared((best, other), (taken, beaten), place, rules)
    return tuple(told)


def _compared(
    candidates: tuple[PairCandidate, PairCandidate], series: tuple[Series, Series], place: int, rules: SeriesRules
) -> list[Comparison]:
    best, other = candidates
    stages = criteria(rules)
    rows = [(s.name, _verdict(s, best, other), _against(s.told(best), s.told(other))) for s in stages]
    rows.append((_LATER, _later(best, other), _order_in_words(best, other)))
    return [
        Comparison(
            criterion=name,
            winner=series[0].label,
            loser=series[1].label,
            verdict=Verdict.BETTER if index == place else verdict,
            decided=index == place,
            told=told,
        )
        for index, (name, verdict, told) in enumerate(rows)
    ]


def _verdict(stage: Criterion, best: PairCandidate, other: PairCandidate) -> Verdict:
    one, two = stage.value(best), stage.value(other)
    if min(one, two) >= stage.share * max(one, two):
        return Verdict.EQUAL
    return Verdict.BETTER if one > two else Verdict.WORSE


def _against(one: str, two: str) -> str:
    return f"both {one}" if one == two else f"{one} against {two}"


def _moments(candidate: PairCandidate) -> tuple[tuple[object, ...], ...]:
    """Order of acquisition, the STIR's first; what follows makes it complete."""
    return tuple(_moment(s) for s in reversed(candidate.series))


def _moment(series: Series) -> tuple[object, ...]:
    geometry = series.geometry
    place = () if geometry is None else tuple(geometry.affine_lps.ravel().tolist())
    return (series.acquired_at, series.series_number or 0, series.series_instance_uid, place, series.slices)


def _later(best: PairCandidate, other: PairCandidate) -> Verdict:
    if _moments(best) == _moments(other):
        return Verdict.EQUAL
    return Verdict.BETTER if _moments(best) > _moments(other) else Verdict.WORSE


def _order_in_words(best: PairCandidate, other: PairCandidate) -> str:
    for one, two in zip(reversed(best.series), reversed(other.series), strict=True):
        if one.acquired_at != two.acquired_at:
            return "acquired later" if one.acquired_at > two.acquired_at else "acquired earlier"
        if one.series_number != two.series_number:
            higher = (one.series_number or 0) > (two.series_number or 0)
            return f"{'higher' if higher else 'lower'} series number"
    return "acquired at one time"
