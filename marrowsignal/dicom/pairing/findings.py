"""What weakens a chosen pair, and why it was chosen, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marrowsignal.dicom.pairing.candidates import PairCandidate, persons_differ
from marrowsignal.dicom.pairing.criteria import (
    COMMON_FIELD,
    criteria,
    distortion_corrected,
    field_strengths_differ,
    fineness,
    normalised,
)
from marrowsignal.dicom.pairing.ranking import Ranking
from marrowsignal.dicom.pairing.side import sides_contradict
from marrowsignal.dicom.records import Comparison, Series, SeriesIdentity
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["choice_findings", "left_out_findings", "pair_reasons", "several_pairs_finding"]

_STAGE = "select_pair"


def pair_reasons(best: PairCandidate, named: Sequence[str], comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Say why these two.

    Parameters
    ----------
    best : PairCandidate
        The chosen one.
    named : sequence of str
        Which of T1 and STIR the user named.
    comparisons : sequence of Comparison
        How it did against the others.
    """
    by_user = (f"{' and '.join(named)} named by the user.",) if named else ()
    decided = tuple(
        f"S{c.winner.removeprefix('s')} rather than {c.loser}: {c.criterion} ({c.told})."
        for c in comparisons
        if c.decided
    )
    if best.stir is None:
        why = "After contrast a T1 fits no STIR" if best.t1.acquisition.post_contrast else "No usable STIR fits"
        return (*by_user, f"{why}: T1 alone is measured.", *decided)
    return (
        *by_user,
        f"{_apart(best)}, "
        f"{best.frame_in_words}, "
        f"{best.overlap_fraction:.0%} of the smaller volume covered by the other.",
        *decided,
    )


def _apart(best: PairCandidate) -> str:
    angle = round(best.plane_angle_deg)
    return f"Slices {angle} deg apart" if angle else "Slices parallel"


def choice_findings(ranking: Ranking, named: Sequence[str], rules: SeriesRules) -> tuple[Finding, ...]:
    """Tell what weakens the best candidate of a field of view, and which series would have served as well.

    Parameters
    ----------
    ranking : Ranking
        The candidates of the field of view.
    named : sequence of str
        Which of T1 and STIR the user named.
    rules : SeriesRules
        Tolerances; words for the sides.
    """
    best = ranking.best
    weak = _of_lone_t1(best.t1) if best.stir is None else _warnings(best, best.stir, rules)
    return (*weak, *_overridden(best, named), *_repeats(ranking), *_finer_pair(ranking, rules))


def left_out_findings(t1s: Mapping[str, Sequence[Series]], other_studies: int, *, named: bool) -> tuple[Finding, ...]:
    """Tell of T1 series that are not measured, by the reason, and of other studies below the same path.

    Parameters
    ----------
    t1s : mapping of str to sequence of Series
        For each reason the T1 series.
    other_studies : int
        How many studies hold nothing that is measured.
    named : bool
        Whether they were not asked, because the user named a series.
    """
    messages = []
    for why, series in sorted(t1s.items()):
        names = ", ".join(sorted({s.label for s in series}))
        messages.append(("t1_without_stir", f"Not measured: {names}: {why}."))
    if other_studies:
        lie = "1 other study lies" if other_studies == 1 else f"{other_studies} other studies lie"
        hold = "holds" if other_studies == 1 else "hold"
        why = "not looked at, because the user named a series" if named else f"{hold} no pair"
        messages.append(("other_studies", f"{lie} below the same path: {why}."))
    return tuple(_finding(code, message, Severity.INFO) for code, message in messages)


def several_pairs_finding(labels: Sequence[str]) -> tuple[Finding, ...]:
    """Tell that the series of other pairs were not rejected but are a case of their own."""
    if len(labels) < 2:
        return ()
    message = f"The study holds {len(labels)} pairs, each measured for itself: {', '.join(sorted(labels))}."
    return (_finding("several_pairs", message, Severity.INFO),)


def _of_lone_t1(t1: Series) -> list[Finding]:
    if t1.acquisition.post_contrast:
        message = (
            "The T1 was acquired after contrast, which brightens marrow and muscle: its signals do not compare with "
            "those of a plain T1."
        )
        return [_finding("t1_after_contrast", message)]
    return [_finding("stir_missing", "No usable STIR covers this field of view: T1 alone is measured.", Severity.INFO)]


def _warnings(best: PairCandidate, stir: Series, rules: SeriesRules) -> list[Finding]:
    t1 = best.t1
    positions = {s.acquisition.patient_position for s in best.series} - {None}
    checks = (
        (
            best.plane_angle_deg > rules.pairing.plane_tolerance.value,
            "planes_differ",
            f"T1 and STIR were acquired in different planes ({best.plane_angle_deg:.0f} deg apart).",
        ),
        (
            best.frame_named and not best.same_frame,
            "frames_differ",
            "T1 and STIR have different frames of reference: the patient may have been moved in between.",
        ),
        (
            not best.frame_named,
            "frame_of_reference_missing",
            "T1 or STIR names no frame of reference: whether the patient was moved in between is not known.",
        ),
        (
            len(positions) > 1,
            "positions_differ",
            f"The patient lay differently for T1 and STIR ({' and '.join(sorted(map(str, positions)))}).",
        ),
        (
            t1.study_instance_uid != stir.study_instance_uid,
            "studies_differ",
            "T1 and STIR come from different studies: marrow may have changed in between.",
        ),
        (
            best.overlap_fraction < rules.pairing.min_overlap_fraction.value,
            "little_overlap",
            f"T1 and STIR share only {best.overlap_fraction:.0%} of the smaller volume.",
        ),
        (
            field_strengths_differ(best, rules.pairing),
            "field_strength_differs",
            "T1 and STIR were acquired at different field strengths.",
        ),
        (
            normalised(t1) != normalised(stir),
            "normalisation_differs",
            "Only one of T1 and STIR is prescan-normalised: coil shading differs.",
        ),
        (
            distortion_corrected(t1) != distortion_corrected(stir),
            "distortion_correction_differs",
            "Only one of T1 and STIR is corrected for distortion: far from the isocentre they lie apart.",
        ),
        (
            persons_differ(t1, stir),
            "persons_differ",
            "T1 and STIR name different patients: PatientID or PatientSex differs.",
        ),
        (
            sides_contradict(t1, stir, rules.side),
            "sides_differ",
            "T1 and STIR name different sides of the body.",
        ),
    )
    return [_finding(code, message) for holds, code, message in checks if holds]


def _overridden(best: PairCandidate, named: Sequence[str]) -> list[Finding]:
    roles = zip(best.series, (SeriesIdentity.T1, SeriesIdentity.STIR), strict=False)
    return [
        _finding(
            "identity_overridden",
            f"{s.label} is taken as {role.value.upper()} because the user named it: {' '.join(s.reasons)}",
        )
        for s, role in roles
        if role.value.upper() in named and (s.identity is not role or not s.usable)
    ]


def _repeats(ranking: Ranking) -> list[Finding]:
    """Tell when other series of the same field of view and plane would have served as well."""
    best, found = ranking.best, []
    for place, role in enumerate(("T1", "STIR")[: len(best.series)]):
        one = best.series[place]
        others = {id(s): s for c, _ in ranking.dropped if (s := c.series[place]) is not one}
        same = [s for s in others.values() if s.orientation == one.orientation]
        if not same:
            continue
        names = ", ".join(sorted({s.label for s in same}))
        message = f"Several {role} series in this plane; {one.label} was taken, not {names}."
        found.append(_finding("repeated_series", message, Severity.INFO))
        if any(s.frame_of_reference_uid != one.frame_of_reference_uid for s in same):
            message = (
                f"Other {role} series in this plane have another frame of reference: repeats after the patient was "
                "moved, or another joint that is not measured unless its series are named."
            )
            found.append(_finding("repeat_after_repositioning", message))
    return found


def _finer_pair(ranking: Ranking, rules: SeriesRules) -> list[Finding]:
    """Warn of the pair of one joint, say, that was dropped because another covers both joints, but coarser."""
    best, names = ranking.best, [one.name for one in criteria(rules)]
    for other, place in ranking.dropped:
        apart = not any(s is b for s in other.series for b in best.series)
        alike = [s.orientation for s in other.series] == [s.orientation for s in best.series]
        if apart and alike and names[place : place + 1] == [COMMON_FIELD] and _finer(other, best, rules):
            message = (
                f"A pair with finer voxels covers a part of this field of view and is not measured: "
                f"{' and '.join(s.label for s in other.series)}; to measure it, name its series."
            )
            return [_finding("finer_pair_inside", message)]
    return []


def _finer(one: PairCandidate, two: PairCandidate, rules: SeriesRules) -> bool:
    return fineness(two) < rules.pairing.near_equal_fraction.value * fineness(one)


def _finding(code: str, message: str, severity: Severity = Severity.WARN) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=severity, message=message)
