"""Tell the fields of view of one study apart, joints and stations, and name them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pairing.anatomy import named_anatomy
from marrowsignal.dicom.pairing.candidates import PairCandidate, lone_t1_candidates
from marrowsignal.dicom.pairing.ranking import Ranking, rank
from marrowsignal.dicom.pairing.side import said_side, side_by_tag, side_by_words
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules, SideWords

__all__ = ["LabelledField", "best_of_each_field", "label_fields", "same_field", "without_borrowed"]

_STAGE = "select_pair"
_X, _Z = 0, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledField:
    """The best candidate of one field of view, and what the field is called.

    Attributes
    ----------
    label : str
        Empty for the only field, else ``"left"``, ``"right"``, ``"station-1"``, a body part, or these joined.
    ranking : Ranking
        The best candidate of the field and the others.
    findings : tuple of Finding
        Where header and geometry disagree on the side.
    """

    label: str
    ranking: Ranking
    findings: tuple[Finding, ...]


def best_of_each_field(candidates: Sequence[PairCandidate], rules: SeriesRules) -> list[Ranking]:
    """Return the best candidate of each field of view, the best of all first."""
    left, found = list(candidates), []
    while left:
        ranking = rank(left, rules)
        leader = ranking.best
        field = [c for c in left if same_field(c, leader, rules)]
        found.append(ranking if len(field) == len(left) else rank(field, rules))
        kept = found[-1].best
        left = [c for c in left if not same_field(c, leader, rules) and not same_field(c, kept, rules)]
    return found


def without_borrowed(candidates: Sequence[PairCandidate], rules: SeriesRules) -> list[PairCandidate]:
    """Leave out each T1 with the STIR of another joint: a STIR in one frame of reference with the T1 of that joint."""
    homes: dict[int, set[int]] = {}
    for c in candidates:
        if c.common_frame:
            homes.setdefault(id(c.stir), set()).add(id(c.t1))
    moved = {id(c) for c in candidates if c.frame_named and not c.common_frame and id(c.stir) in homes}
    t1s = {id(c.t1): c.t1 for c in candidates} if moved else {}
    elsewhere = _of_other_fields(lone_t1_candidates(list(t1s.values())), rules)
    return [c for c in candidates if id(c) not in moved or homes[id(c.stir)].isdisjoint(elsewhere[id(c.t1)])]


def _of_other_fields(lone: Sequence[PairCandidate], rules: SeriesRules) -> dict[int, set[int]]:
    """Return for each T1 those of other fields of view, all by identity."""
    elsewhere: dict[int, set[int]] = {id(c.t1): set() for c in lone}
    for one, two in itertools.combinations(lone, 2):
        if not same_field(one, two, rules):
            elsewhere[id(one.t1)].add(id(two.t1))
            elsewhere[id(two.t1)].add(id(one.t1))
    return elsewhere


def same_field(a: PairCandidate, b: PairCandidate, rules: SeriesRules) -> bool:
    """Whether two candidates show one field of view: a repeat or another plane, not another joint or station."""
    if len({named_anatomy(a), named_anatomy(b)} - {""}) == 2:
        return False
    frame = a.t1.frame_of_reference_uid
    if not (frame and frame == b.t1.frame_of_reference_uid):
        # After repositioning both knees may lie at the isocentre: only the words tell them apart.
        said = {_said(a, rules.side), _said(b, rules.side)} - {""}
        if len(said) == 2:
            return False
    return a.field.same_as(b.field, rules.pairing.same_field_fraction.value)


def label_fields(rankings: Sequence[Ranking], rules: SeriesRules) -> list[LabelledField]:
    """Name each field by its side of the body, else by its place from head to feet.

    Parameters
    ----------
    rankings : sequence of Ranking
        One a field.
    rules : SeriesRules
        Words for the sides.

    Returns
    -------
    list of LabelledField
        In the order of `rankings`; labels are unique and serve as folder names.
    """
    candidates = [r.best for r in rankings]
    by_place = [_side_by_place(c, candidates, rules) for c in candidates]
    sides = [_agreed_side(c, place, rules.side) for c, place in zip(candidates, by_place, strict=True)]
    labels = _labels(candidates, sides) if len(candidates) > 1 else [""]
    return [
        LabelledField(label=label, ranking=ranking, findings=_side_findings(ranking.best, place, rules))
        for label, ranking, place in zip(labels, rankings, by_place, strict=True)
    ]


def _labels(candidates: list[PairCandidate], sides: list[str]) -> list[str]:
    """Return body part, where there are several, and side, with numbers from head to feet where they are not enough."""
    parts = [named_anatomy(c) for c in candidates]
    known = parts if len(set(parts)) > 1 else [""] * len(parts)
    names = ["-".join(filter(None, both)) for both in zip(known, sides, strict=True)]
    labels = list(names)
    for name, count in Counter(names).items():
        if name and count == 1:
            continue
        alike = [index for index, one in enumerate(names) if one == name]
        alike.sort(key=lambda index: _from_head(candidates[index]))
        for number, index in enumerate(alike, start=1):
            labels[index] = f"{name}-station-{number}".removeprefix("-")
    return labels


def _from_head(candidate: PairCandidate) -> tuple[object, ...]:
    x, y, z = candidate.field.centre_lps_mm
    return (-z, -x, y, candidate.t1.series_number or 0, candidate.t1.series_instance_uid)


def _side_by_place(candidate: PairCandidate, all_of_them: list[PairCandidate], rules: SeriesRules) -> str:
    """Return the side of a field that lies beside others at the same height; nothing when it lies between or alone.

    Only fields of one frame of reference lie beside each other: the next joint may be moved to where the first lay.
    """
    least = rules.pairing.same_field_fraction.value
    beside = [
        other.field.centre_lps_mm[_X]
        for other in all_of_them
        if other is not candidate
        and candidate.common_frame
        and other.common_frame == candidate.common_frame
        and other.field.shared_fraction(candidate.field, _Z) >= least
        and other.field.shared_fraction(candidate.field, _X) < least
    ]
    here = candidate.field.centre_lps_mm[_X]
    if beside and all(here > x for x in beside):
        return "left"
    return "right" if beside and all(here < x for x in beside) else ""


def _said(candidate: PairCandidate, words: SideWords) -> str:
    said = {said_side(s, words) for s in candidate.series} - {""}
    return said.pop() if len(said) == 1 else ""


def _agreed_side(candidate: PairCandidate, place: str, words: SideWords) -> str:
    """Return the side that place, tags and words name, each that speaks; nothing when two disagree."""
    sides = {place, *(side for s in candidate.series for side in (side_by_tag(s), side_by_words(s, words)))} - {""}
    return sides.pop() if len(sides) == 1 else ""


def _side_findings(candidate: PairCandidate, place: str, rules: SeriesRules) -> tuple[Finding, ...]:
    """Warn where Laterality, words and geometry name different sides."""
    messages = []
    for series in candidate.series:
        named = {
            "Laterality": side_by_tag(series),
            "description": side_by_words(series, rules.side),
            "position in the patient": place or _clear_side(candidate),
        }
        if len(set(named.values()) - {""}) > 1:
            told = ", ".join(f"{source} {side}" for source, side in named.items() if side)
            messages.append(f"The sides of {series.label} disagree: {told}.")
    return tuple(
        Finding(code="laterality_contradiction", stage=_STAGE, severity=Severity.WARN, message=message)
        for message in messages
    )


def _clear_side(candidate: PairCandidate) -> str:
    """Return the side a field lies on wholly, seen from the isocentre; a joint moved there has none."""
    if candidate.field.low_lps_mm[_X] > 0:
        return "left"
    return "right" if candidate.field.high_lps_mm[_X] < 0 else ""
