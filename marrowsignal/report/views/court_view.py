"""The registration court: every witness that was heard, what it said, and what was expected."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.alignment.records import AlignmentQuality
from marrowsignal.protocol.schema import AlignmentSettings
from marrowsignal.quality.records import GateState
from marrowsignal.report.views.quality_view import Mark, mark
from marrowsignal.report.views.wording import VERDICT_WORDS, number, with_unit

__all__ = ["CourtRow", "court_rows"]

_EXPECTED, _OTHER, _UNKNOWN = GateState.PASS, GateState.WARN, GateState.NOT_EVALUABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtRow:
    """One question, its answer, what was expected, and what the answer means."""

    question: str
    value: str
    expected: str
    mark: Mark
    meaning: str


def court_rows(quality: AlignmentQuality, limits: AlignmentSettings) -> tuple[CourtRow, ...]:
    """Put the measures of registration in the order in which they are weighed; the verdict comes first.

    Parameters
    ----------
    quality : AlignmentQuality
        Of one pair.
    limits : AlignmentSettings
        The protocol's cuts and weights.
    """
    return (
        _estimate(quality, limits),
        _row(
            "There and back: going to STIR and back misses by",
            quality.forward_backward_mm,
            limits.pass_error.value / limits.there_and_back_weight.value,
            f"by a second registration from STIR; enters the estimate {limits.there_and_back_weight.value:g} times",
        ),
        _row(
            "Shift still asked for, standard error over slices left out",
            quality.jackknife_mm,
            limits.pass_error.value / limits.jackknife_weight.value,
            f"large where slices disagree; enters the estimate {limits.jackknife_weight.value:g} times",
        ),
        _row(
            "Edges of bone, STIR against T1",
            quality.edge_distance_mm,
            limits.usual_edge.value,
            f"what is beyond that enters the estimate {limits.edge_weight.value:g} times",
        ),
        _row(
            "Shift that the worst tenth of the tissue asks for beyond the whole",
            quality.local_residual_mm,
            limits.usual_local.value,
            f"large where a part moved on its own; what is beyond that enters {limits.local_weight.value:g} times",
        ),
        _overlap(quality, limits),
        _information(quality),
    )


def _estimate(quality: AlignmentQuality, limits: AlignmentSettings) -> CourtRow:
    state, _ = VERDICT_WORDS[quality.verdict]
    to_voxels, to_lesions, to_regions = (
        f"{limit.value:g} mm" for limit in (limits.pass_error, limits.warn_error, limits.region_only_error)
    )
    return CourtRow(
        question="Estimated distance of STIR's tissue from T1's",
        value=with_unit(quality.estimated_error_mm, "mm", missing="could not be bounded"),
        expected=f"to {to_voxels} good for voxels, to {to_lesions} weakened, to {to_regions} for regions only",
        mark=mark(state),
        meaning=quality.error_source or quality.reason,
    )


def _row(question: str, value: float | None, expected: float, meaning: str) -> CourtRow:
    state = _UNKNOWN if value is None else _EXPECTED if value <= expected else _OTHER
    return CourtRow(
        question=question,
        value=with_unit(value, "mm"),
        expected=f"to {number(expected)} mm",
        mark=_mark(state),
        meaning=meaning,
    )


def _overlap(quality: AlignmentQuality, limits: AlignmentSettings) -> CourtRow:
    share, full = quality.overlap_fraction, limits.full_overlap.value
    return CourtRow(
        question="T1 tissue that STIR covers",
        value=with_unit(None if share is None else 100 * share, "percent"),
        expected=f"from {full:.0%}",
        mark=_mark(_UNKNOWN if share is None else _EXPECTED if share >= full else _OTHER),
        meaning=f"below {limits.min_overlap.value:.0%} nothing is registered",
    )


def _information(quality: AlignmentQuality) -> CourtRow:
    before, after = quality.mutual_information_before, quality.mutual_information_after
    gain = after - before
    return CourtRow(
        question="Mutual information of both series, before → after",
        value=f"{number(before)} → {number(after)} nats",
        expected="no less after",
        mark=_mark(_EXPECTED if gain >= 0 else _OTHER),
        meaning=f"{'+' if gain >= 0 else ''}{number(gain)}; more is better, and no absolute level is good",
    )


def _mark(state: GateState) -> Mark:
    symbol = mark(state)
    words = {_EXPECTED: "as expected", _OTHER: "not as expected", _UNKNOWN: "not measured"}[state]
    return Mark(kind=symbol.kind, symbol=symbol.symbol, words=words)
