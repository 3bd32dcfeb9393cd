"""Choose the T1 and the STIR series that belong together, or say why none do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from marrowsignal.dicom.pairing.candidates import (
    PairCandidate,
    fitting_candidates,
    insisted_candidates,
    lone_t1_candidates,
)
from marrowsignal.dicom.pairing.fields import LabelledField, best_of_each_field, label_fields, same_field
from marrowsignal.dicom.pairing.findings import (
    choice_findings,
    left_out_findings,
    pair_reasons,
    several_pairs_finding,
)
from marrowsignal.dicom.pairing.ranking import Ranking, series_comparisons
from marrowsignal.dicom.pairing.request import (
    PairRequest,
    no_pair,
    same_series,
    several_studies,
    unknown_label,
    wanted_series,
)
from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesIdentity, SeriesPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_rules_file import default_series_rules

__all__ = ["find_pairs", "select_pair"]

_STAGE = "select_pair"


def find_pairs(
    catalog: SeriesCatalog,
    *,
    t1_uid: str | None = None,
    stir_uid: str | None = None,
    allow_t1_only: bool = False,
    across_studies: bool = False,
    rules: SeriesRules | None = None,
) -> tuple[SeriesPair, ...]:
    """Choose the T1 and the STIR of each field of view of one study: joints, sides, stations.

    Fields of view are different when along some patient axis they share less than
    ``rules.pairing.same_field_fraction`` of the shorter extent, or when BodyPartExamined leads to different protocols:
    repeats and other planes of one joint are not. In each field, combinations are dropped by one criterion after the
    other: different field strengths, body parts, planes, frames of reference; missing slices; stitched, computed,
    Dixon, single-shot or 8-bit images; smaller common field of view; weaker identity; more warnings; corrections by
    the scanner on one series only, or on none; coarser voxels. The latest of what is left is taken.

    Parameters
    ----------
    catalog : SeriesCatalog
        What `find_series` found below one path, or below two.
    t1_uid, stir_uid : str, optional
        SeriesInstanceUIDs that the user insists on; of several stacks with one UID the fitting one is taken.
    allow_t1_only : bool
        Whether a T1 is given on its own when no usable STIR fits any.
    across_studies : bool
        Whether T1 and STIR may come from two studies, when no study holds both.
    rules : SeriesRules, optional
        Least overlap and the like; the shipped ones by default.

    Returns
    -------
    tuple of SeriesPair
        At least one, in the order of their labels: by body part when there are several, left before right, stations
        from head to feet. Labels are unique and serve as folder names; the only
        pair's is empty.

    Raises
    ------
    NoUsablePairError
        If no study holds a usable T1 and a usable STIR that fit; lists each series with its reason.
    UsageError
        If a given UID is not there or is no MR volume, or several studies hold a pair.
    """
    request = PairRequest(t1_uid=t1_uid, stir_uid=stir_uid, allow_t1_only=allow_t1_only, across_studies=across_studies)
    return tuple(sorted(_ranked_pairs(catalog, request, rules or default_series_rules()), key=_side_and_station))


def select_pair(  # noqa: PLR0913 - the front door takes every choice a user has
    catalog: SeriesCatalog,
    *,
    t1_uid: str | None = None,
    stir_uid: str | None = None,
    label: str | None = None,
    allow_t1_only: bool = False,
    across_studies: bool = False,
    rules: SeriesRules | None = None,
) -> SeriesPair:
    """Choose the T1 and the STIR of one study, or of one of its fields of view.

    Parameters
    ----------
    catalog, t1_uid, stir_uid, allow_t1_only, across_studies, rules
        As `find_pairs` takes them.
    label : str, optional
        Which pair when the study holds several; by default the best by the criteria of `find_pairs`, with a finding.

    Returns
    -------
    SeriesPair
        One of those that `find_pairs` returns.

    Raises
    ------
    NoUsablePairError
        If no study holds a usable T1 and a usable STIR that fit; lists each series with its reason.
    UsageError
        If a given UID or label is not there, a series is no MR volume, or several studies hold a pair.
    """
    request = PairRequest(t1_uid=t1_uid, stir_uid=stir_uid, allow_t1_only=allow_t1_only, across_studies=across_studies)
    pairs = _ranked_pairs(catalog, request, rules or default_series_rules())
    if label is not None:
        named = [pair for pair in pairs if pair.label == label]
        if not named:
            raise unknown_label(label, [pair.label for pair in pairs])
        return named[0]
    if len(pairs) == 1:
        return pairs[0]
    others = ", ".join(sorted(pair.label for pair in pairs[1:]))
    message = f"Of several pairs '{pairs[0].label}' was taken, not {others}."
    finding = Finding(code="other_pairs", stage=_STAGE, severity=Severity.INFO, message=message)
    return replace(pairs[0], findings=(*pairs[0].findings, finding))


def _side_and_station(pair: SeriesPair) -> tuple[str, int]:
    side, _, number = pair.label.rpartition("-")
    return (side, int(number)) if number.isdecimal() else (pair.label, 0)


def _ranked_pairs(catalog: SeriesCatalog, request: PairRequest, rules: SeriesRules) -> list[SeriesPair]:
    """Return the pair of each field of view, the best first."""
    t1s = wanted_series(catalog, request.t1_uid, SeriesIdentity.T1)
    stirs = wanted_series(catalog, request.stir_uid, SeriesIdentity.STIR)
    candidates = _of_one_study(_candidates(t1s, stirs, request, rules), catalog)
    if not candidates:
        raise no_pair(catalog, t1s, stirs, request)
    rankings = best_of_each_field(candidates, rules)
    fields = label_fields(rankings, rules)
    several = several_pairs_finding([field.label for field in fields])
    told = (*catalog.findings, *_left_out(rankings, t1s, catalog, rules), *several)
    return [
        replace(_pair(field, catalog, told, (request, rules)), rank=place)
        for place, field in enumerate(fields, start=1)
    ]


def _candidates(
    t1s: list[Series], stirs: list[Series], request: PairRequest, rules: SeriesRules
) -> list[PairCandidate]:
    found = fitting_candidates(t1s, stirs, rules, across_studies=request.across_studies)
    if not found and request.named and any(t1 is stir for t1 in t1s for stir in stirs):
        raise same_series(request)
    if not found and len(request.named) == 2:
        found = insisted_candidates(t1s, stirs)
    if not found and request.allow_t1_only and request.stir_uid is None:
        found = lone_t1_candidates(t1s)
    return found


def _studies(candidate: PairCandidate) -> frozenset[str]:
    return frozenset(s.study_instance_uid for s in candidate.series)


def _of_one_study(candidates: list[PairCandidate], catalog: SeriesCatalog) -> list[PairCandidate]:
    """Keep what one study holds, or what one pair of studies holds when none holds both series.

    Raises
    ------
    UsageError
        If there is more than one such study: which is meant cannot be known.
    """
    studies = {_studies(c) for c in candidates}
    kept = {one for one in studies if len(one) == 1} or studies
    if len(kept) > 1:
        raise several_studies(len(frozenset().union(*kept)), len({s.study_instance_uid for s in catalog.series}))
    return [c for c in candidates if _studies(c) in kept]


def _left_out(
    rankings: Sequence[Ranking], t1s: Sequence[Series], catalog: SeriesCatalog, rules: SeriesRules
) -> tuple[Finding, ...]:
    """Tell what is not measured: T1 series that no STIR covers, and other studies below the path."""
    studies = frozenset().union(*(_studies(r.best) for r in rankings))
    lone = [
        c.t1
        for c in lone_t1_candidates(t1s)
        if c.t1.study_instance_uid in studies and not any(same_field(c, r.best, rules) for r in rankings)
    ]
    others = len({s.study_instance_uid for s in catalog.series} - studies)
    return left_out_findings(lone, others)


def _pair(
    field: LabelledField, catalog: SeriesCatalog, told: tuple[Finding, ...], by: tuple[PairRequest, SeriesRules]
) -> SeriesPair:
    request, rules = by
    best = field.ranking.best
    comparisons = series_comparisons(field.ranking, rules.pairing)
    of_series = (f for s in best.series for f in s.findings)
    return SeriesPair(
        t1=best.t1,
        stir=best.stir,
        label=field.label,
        reasons=pair_reasons(best, request.named, comparisons),
        rejected=tuple(s for s in catalog.series if not any(s is one for one in best.series)),
        findings=tuple(dict.fromkeys((*told, *of_series, *field.findings, *choice_findings(field.ranking, rules)))),
        comparisons=comparisons,
    )
