"""By which criteria, in which order, the better of several T1 + STIR combinations is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pair_candidates import PairCandidate
from marrowsignal.dicom.records import Comparison, Series, Verdict
from marrowsignal.findings import Severity
from marrowsignal.protocol.series_rules import PairingRules

__all__ = [
    "Ranking",
    "distortion_corrected",
    "field_strengths_differ",
    "normalised",
    "rank",
    "series_comparisons",
]

_SLICES_MISSING = "slices_missing"
_SECOND_CHOICE = frozenset({"stitched", "named_derived", "dixon_in_phase", "single_shot", "eight_bit"})
_LATER = "later repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Criterion:
    """One question: the more the better; a share below 1 calls nearly as much equal."""

    name: str
    value: Callable[[PairCandidate], float]
    told: Callable[[PairCandidate], str]
    share: float = 1.0


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


def rank(candidates: Sequence[PairCandidate], rules: PairingRules) -> Ranking:
    """Drop candidates by one criterion after the other; of what is left the later is best.

    The outcome does not depend on the order of `candidates`.

    Parameters
    ----------
    candidates : sequence of PairCandidate
        At least one.
    rules : PairingRules
        What is nearly equal.
    """
    left, dropped = list(candidates), []
    stages = _criteria(rules)
    for place, stage in enumerate(stages):
        values = [stage.value(c) for c in left]
        enough = stage.share * max(values)
        dropped += [(c, place) for c, value in zip(left, values, strict=True) if value < enough]
        left = [c for c, value in zip(left, values, strict=True) if value >= enough]
    best = max(left, key=_moments)
    dropped += [(c, len(stages)) for c in left if c is not best]
    return Ranking(best=best, dropped=tuple(sorted(dropped, key=lambda d: (d[1], _moments(d[0])), reverse=True)))


def series_comparisons(ranking: Ranking, rules: PairingRules) -> tuple[Comparison, ...]:
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
    candidates: tuple[PairCandidate, PairCandidate], series: tuple[Series, Series], place: int, rules: PairingRules
) -> list[Comparison]:
    best, other = candidates
    stages = _criteria(rules)
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


def _verdict(stage: _Criterion, best: PairCandidate, other: PairCandidate) -> Verdict:
    one, two = stage.value(best), stage.value(other)
    if min(one, two) >= stage.share * max(one, two):
        return Verdict.EQUAL
    return Verdict.BETTER if one > two else Verdict.WORSE


def _against(one: str, two: str) -> str:
    return f"both {one}" if one == two else f"{one} against {two}"


def _criteria(rules: PairingRules) -> tuple[_Criterion, ...]:
    near = rules.near_equal_fraction.value
    return (
        _Criterion(
            name="same field strength",
            value=lambda c: not field_strengths_differ(c, rules),
            told=lambda c: "two field strengths" if field_strengths_differ(c, rules) else "one field strength",
        ),
        _Criterion(
            name="same plane",
            value=lambda c: c.plane_angle_deg <= rules.plane_tolerance.value,
            told=lambda c: f"slices of T1 and STIR {c.plane_angle_deg:.0f} deg apart",
        ),
        _Criterion(
            name="same frame of reference",
            value=lambda c: c.same_frame,
            told=lambda c: c.frame_in_words,
        ),
        _Criterion(
            name="complete",
            value=lambda c: len(c.series) - _with_gaps(c),
            told=lambda c: f"{_with_gaps(c)} of {len(c.series)} with missing slices",
        ),
        _Criterion(
            name="kind of image",
            value=lambda c: len(c.series) - _second_choice(c),
            told=lambda c: f"{_second_choice(c)} of {len(c.series)} stitched, computed, Dixon, single-shot or 8-bit",
        ),
        _Criterion(
            name="common field of view",
            value=lambda c: c.overlap_ml,
            told=lambda c: f"{c.overlap_ml:.0f} mL covered",
            share=near,
        ),
        _Criterion(
            name="identity score",
            value=lambda c: sum(s.identity_score for s in c.series),
            told=lambda c: "scores " + " + ".join(f"{s.identity_score:.2f}" for s in c.series),
            share=near,
        ),
        _Criterion(
            name="fewer warnings", value=lambda c: 1 / (1 + _warnings(c)), told=lambda c: f"{_warnings(c)} warnings"
        ),
        _Criterion(name="same corrections by the scanner", value=_agreeing_corrections, told=_corrections_in_words),
        _Criterion(name="corrected by the scanner", value=_corrections, told=_corrections_in_words),
        _Criterion(name="resolution", value=_fineness, told=_voxels_in_words, share=near),
    )


def _with_gaps(candidate: PairCandidate) -> int:
    return sum(any(f.code == _SLICES_MISSING for f in s.findings) for s in candidate.series)


def _second_choice(candidate: PairCandidate) -> int:
    return sum(any(f.code in _SECOND_CHOICE for f in s.findings) for s in candidate.series)


def _warnings(candidate: PairCandidate) -> int:
    findings = (f for s in candidate.series for f in s.findings)
    return sum(f.severity is not Severity.INFO and f.code != _SLICES_MISSING for f in findings)


def field_strengths_differ(candidate: PairCandidate, rules: PairingRules) -> bool:
    """Whether both series name a field strength and these differ."""
    named = [t for s in candidate.series if (t := s.acquisition.magnetic_field_strength_t) is not None]
    return max(named, default=0.0) - min(named, default=0.0) > rules.field_tolerance.value


def normalised(series: Series) -> bool:
    """Whether the scanner evened out coil shading (prescan normalisation), by ImageType."""
    return "NORM" in series.acquisition.image_type


def distortion_corrected(series: Series) -> bool:
    """Whether the scanner corrected gradient distortion, by ImageType."""
    return bool({"DIS2D", "DIS3D"} & set(series.acquisition.image_type))


def _agreeing_corrections(candidate: PairCandidate) -> float:
    return sum(len({of(s) for s in candidate.series}) == 1 for of in (normalised, distortion_corrected))


def _corrections(candidate: PairCandidate) -> float:
    return sum(of(s) for s in candidate.series for of in (normalised, distortion_corrected))


def _corrections_in_words(candidate: PairCandidate) -> str:
    count = len(candidate.series)
    even, straight = (sum(of(s) for s in candidate.series) for of in (normalised, distortion_corrected))
    return f"{even} of {count} normalised, {straight} of {count} distortion-corrected"


def _voxels_mm3(candidate: PairCandidate) -> list[float]:
    return [math.prod(s.geometry.spacing_mm) for s in candidate.series if s.geometry is not None]


def _fineness(candidate: PairCandidate) -> float:
    voxels = _voxels_mm3(candidate)
    return float(math.prod(voxels) ** (-1.0 / len(voxels)))


def _voxels_in_words(candidate: PairCandidate) -> str:
    return "voxels of " + " and ".join(f"{v:.2f}" for v in _voxels_mm3(candidate)) + " mm3"


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
