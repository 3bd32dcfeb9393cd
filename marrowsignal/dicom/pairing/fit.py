"""Which test keeps a T1 and a STIR from being a pair, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from marrowsignal.dicom.pairing.candidates import PairCandidate, header_misfit, insisted_candidates
from marrowsignal.dicom.records import Series
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["no_stir_covers", "why_none_fit"]

_BORROWED = "the STIR shares its frame of reference with the T1 of another field of view"


def why_none_fit(t1s: Sequence[Series], stirs: Sequence[Series], rules: SeriesRules, *, across_studies: bool) -> str:
    """Tell which tests the combinations fail, the commonest first, and how many combinations each.

    Parameters
    ----------
    t1s, stirs : sequence of Series
        All with a geometry, none in a pair.
    rules : SeriesRules
        Least overlap; words for the sides.
    across_studies : bool
        Whether the two may come from different studies.
    """
    failed = Counter(
        _failed_test(c, rules)
        for c in insisted_candidates(t1s, stirs)
        if across_studies or c.t1.study_instance_uid == c.series[-1].study_instance_uid
    )
    count = failed.total()
    if len(failed) == 1:
        return next(iter(failed))
    return ", ".join(f"{told} ({n} of {count} combinations)" for told, n in failed.most_common())


def no_stir_covers(t1: Series, stirs: Sequence[Series], rules: SeriesRules) -> bool:
    """Whether no STIR of the same study covers enough of a T1."""
    here = [s for s in stirs if s.study_instance_uid == t1.study_instance_uid]
    return all(_covers_little(c, rules) for c in insisted_candidates([t1], here))


def _covers_little(candidate: PairCandidate, rules: SeriesRules) -> bool:
    return candidate.overlap_fraction < rules.pairing.min_overlap_fraction.value


def _failed_test(candidate: PairCandidate, rules: SeriesRules) -> str:
    if _covers_little(candidate, rules):
        least = rules.pairing.min_overlap_fraction.value
        return f"their fields of view share less than {least:.0%} of the smaller volume"
    return header_misfit(candidate.t1, candidate.series[-1], rules.side) or _BORROWED
