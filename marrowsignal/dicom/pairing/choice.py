"""Choose the T1 and the STIR series that belong together, or say why none do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from marrowsignal.dicom.pairing.anatomy import anatomies_agree
from marrowsignal.dicom.pairing.candidates import (
    PairCandidate,
    fitting_candidates,
    insisted_candidates,
    lone_t1_candidates,
)
from marrowsignal.dicom.pairing.fields import (
    LabelledField,
    best_of_each_field,
    label_fields,
    same_field,
    without_borrowed,
)
from marrowsignal.dicom.pairing.findings import (
    choice_findings,
    left_out_findings,
    pair_reasons,
    several_pairs_finding,
)
from marrowsignal.dicom.pairing.fit import no_stir_covers
from marrowsignal.dicom.pairing.ranking import Ranking, series_comparisons
from marrowsignal.dicom.pairing.request import (
    PairRequest,
    no_pair,
    same_series,
    several_studies,
    t1s_after_contrast,
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
    other: different field strengths, body parts, planes, frames of reference; missing slices; timing only near a
    window; stitched, computed, Dixon, single-shot or 8-bit images; smaller common field of view; weaker identity of the
    T1, then of the STIR; more warnings; corrections by the scanner on one series only, or on none; coarser voxels. The
    latest of what is left is taken.

    Parameters
    ----------
    catalog : SeriesCatalog
        What `find_series` found below one path, or below two.
    t1_uid, stir_uid : str, optional
        SeriesInstanceUIDs that the user insists on; of several stacks with one UID the fitting one is taken.
    allow_t1_only : bool
        Whether a T1 is given on its own when no usable STIR fits any; a T1 after contrast when there is no plain one.
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
    others = wanted_series(catalog, None, SeriesIdentity.T1) if request.named == ("T1",) else []
    found = _candidates((t1s, stirs, others), request, rules) or _lone_t1s(t1s, catalog, request)
    candidates = _of_one_study(found, catalog)
    if not candidates:
        raise no_pair(catalog, (t1s, stirs), request, rules)
    rankings = best_of_each_field(candidates, rules)
    fields = label_fields(rankings, rules)
    several = several_pairs_finding([field.label for field in fields])
    left_out = left_out_findings(
        _not_measured(rankings, (t1s, stirs), rules), _other_studies(rankings, catalog), named=bool(request.named)
    )
    told = (*catalog.findings, *left_out, *several)
    used = {id(s) for r in rankings for s in r.best.series}
    rejected = tuple(s for s in catalog.series if id(s) not in used)
    return [
        replace(_pair(field, told, (request, rules)), rejected=rejected, rank=place)
        for place, field in enumerate(fields, start=1)
    ]


def _candidates(
    roles: tuple[list[Series], list[Series], list[Series]], request: PairRequest, rules: SeriesRules
) -> list[PairCandidate]:
    """Combine T1s and STIRs; the third are T1s that no pair is asked for, but that a STIR may belong to."""
    t1s, stirs, others = roles
    every = {id(s): s for s in (*t1s, *others)}
    found = fitting_candidates(list(every.values()), stirs, rules, across_studies=request.across_studies)
    if len(request.named) < 2:
        wanted = {id(s) for s in t1s}
        found = [c for c in without_borrowed(found, rules) if id(c.t1) in wanted]
    if not found and request.named and any(t1 is stir for t1 in t1s for stir in stirs):
        raise same_series(request)
    if not found and len(request.named) == 2:
        found = insisted_candidates(t1s, stirs)
    return found


def _lone_t1s(t1s: list[Series], catalog: SeriesCatalog, request: PairRequest) -> list[PairCandidate]:
    """Return each T1 on its own where the user allows it; those after contrast only where there is no other."""
    if not request.allow_t1_only or request.stir_uid is not None:
        return []
    return lone_t1_candidates(t1s or t1s_after_contrast(catalog))


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


def _other_studies(rankings: Sequence[Ranking], catalog: SeriesCatalog) -> int:
    used = frozenset().union(*(_studies(r.best) for r in rankings))
    return len({s.study_instance_uid for s in catalog.series} - used)


def _not_measured(
    rankings: Sequence[Ranking], roles: tuple[list[Series], list[Series]], rules: SeriesRules
) -> dict[str, list[Series]]:
    """Return, by the reason, the T1 series of the same study that show what no pair shows."""
    t1s, stirs = roles
    studies = frozenset().union(*(_studies(r.best) for r in rankings))
    by_reason: dict[str, list[Series]] = {}
    for lone in lone_t1_candidates([t1 for t1 in t1s if t1.study_instance_uid in studies]):
        if not any(same_field(lone, r.best, rules) for r in rankings):
            by_reason.setdefault(_why_not_measured(lone.t1, rankings, stirs, rules), []).append(lone.t1)
    return by_reason


def _why_not_measured(t1: Series, rankings: Sequence[Ranking], stirs: list[Series], rules: SeriesRules) -> str:
    dropped = [c for r in rankings for c, _ in r.dropped if c.t1 is t1]
    if any(not anatomies_agree(c) for c in dropped):
        return "the STIR that covers it names another body part"
    if dropped:
        return "the STIR that covers it is measured with another T1"
    if no_stir_covers(t1, stirs, rules):
        return "no STIR covers its field of view"
    return "the STIR that covers it is of another joint, by its side or its frame of reference"


def _pair(field: LabelledField, told: tuple[Finding, ...], by: tuple[PairRequest, SeriesRules]) -> SeriesPair:
    request, rules = by
    best = field.ranking.best
    comparisons = series_comparisons(field.ranking, rules)
    of_series = (f for s in best.series for f in s.findings)
    told_of_choice = choice_findings(field.ranking, request.named, rules)
    return SeriesPair(
        t1=best.t1,
        stir=best.stir,
        label=field.label,
        reasons=pair_reasons(best, request.named, comparisons),
        findings=tuple(dict.fromkeys((*told, *of_series, *field.findings, *told_of_choice))),
        comparisons=comparisons,
    )
