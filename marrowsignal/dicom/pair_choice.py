"""Choose the T1 and the STIR series that belong together, or say why none do."""

from __future__ import annotations

import itertools

from marrowsignal.dicom.pair_candidates import PairCandidate, best_candidate, overlap
from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesIdentity, SeriesPair
from marrowsignal.errors import NoUsablePairError, UsageError
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol.series_rules import SeriesRules, default_series_rules

__all__ = ["select_pair"]

_STAGE = "select_pair"


def select_pair(
    catalog: SeriesCatalog,
    *,
    t1_uid: str | None = None,
    stir_uid: str | None = None,
    rules: SeriesRules | None = None,
) -> SeriesPair:
    """Choose the T1 and the STIR of one study.

    Parameters
    ----------
    catalog : SeriesCatalog
        What `find_series` found.
    t1_uid, stir_uid : str, optional
        SeriesInstanceUIDs that the user insists on.
    rules : SeriesRules, optional
        Least overlap and the like; the shipped ones by default.

    Returns
    -------
    SeriesPair
        Same plane before same frame of reference before overlap, slices, evidence; the later of two repeats.

    Raises
    ------
    NoUsablePairError
        If no study holds a usable T1 and a usable STIR; lists each series with its reason.
    UsageError
        If a given UID is not there or is no MR volume, or several studies hold a pair.
    """
    chosen = rules or default_series_rules()
    t1s = _wanted(catalog, t1_uid, SeriesIdentity.T1, "--t1")
    stirs = _wanted(catalog, stir_uid, SeriesIdentity.STIR, "--stir")
    candidates = [
        candidate
        for t1, stir in itertools.product(t1s, stirs)
        if (candidate := _candidate(t1, stir, chosen, forced=bool(t1_uid and stir_uid))) is not None
    ]
    if not candidates:
        raise _no_pair(catalog, t1s, stirs)
    if len({c.t1.study_instance_uid for c in candidates}) > 1:
        raise UsageError(
            "several studies hold a T1 + STIR pair",
            code="several_studies",
            stage=_STAGE,
            hint="give one study's folder, name series with --t1 and --stir, or use `marrowsignal batch`",
        )
    best = best_candidate(candidates, chosen.pairing.near_equal_fraction.value)
    rejected = tuple(s for s in catalog.series if s is not best.t1 and s is not best.stir)
    return SeriesPair(
        t1=best.t1,
        stir=best.stir,
        reasons=_reasons(best, t1_uid, stir_uid),
        rejected=rejected,
        findings=tuple(
            dict.fromkeys(
                (*catalog.findings, *best.t1.findings, *best.stir.findings, *_findings(best, candidates, chosen))
            )
        ),
    )


def _wanted(catalog: SeriesCatalog, uid: str | None, identity: SeriesIdentity, option: str) -> list[Series]:
    if uid is None:
        return [s for s in catalog.series if s.usable and s.identity is identity]
    named = [s for s in catalog.series if s.series_instance_uid == uid]
    if not named:
        raise UsageError(
            f"there is no series with the UID given to {option}",
            code="series_uid_unknown",
            stage=_STAGE,
            hint="`marrowsignal inspect --json` lists the UIDs",
        )
    best = max(named, key=lambda s: (s.usable and s.identity is identity, s.geometry is not None, s.slices))
    refused = (SeriesIdentity.NOT_MR, SeriesIdentity.LOCALIZER, SeriesIdentity.DERIVED)
    if best.identity in refused or best.geometry is None:
        raise UsageError(
            f"{best.label}, given to {option}, is no MR volume to measure: {' '.join(best.reasons)}",
            code="series_uid_unfit",
            stage=_STAGE,
        )
    return [best]


def _candidate(t1: Series, stir: Series, rules: SeriesRules, *, forced: bool) -> PairCandidate | None:
    if t1 is stir:
        raise UsageError("the same series is given as T1 and as STIR", code="same_series", stage=_STAGE)
    if t1.study_instance_uid != stir.study_instance_uid and not forced:
        return None
    share, millilitres = overlap(t1.geometry, stir.geometry)
    if share < rules.pairing.min_overlap_fraction.value and not forced:
        return None
    return PairCandidate(t1=t1, stir=stir, overlap_fraction=share, overlap_ml=millilitres)


def _reasons(best: PairCandidate, t1_uid: str | None, stir_uid: str | None) -> tuple[str, ...]:
    given = [name for name, uid in (("T1", t1_uid), ("STIR", stir_uid)) if uid is not None]
    return (
        *((f"{' and '.join(given)} named by the user.",) if given else ()),
        f"T1: {best.t1.label}. STIR: {best.stir.label}.",
        f"{'Same' if best.same_plane else 'Different'} plane, "
        f"{'same' if best.same_frame else 'different'} frame of reference, "
        f"{best.overlap_fraction:.0%} of the smaller volume covered by the other.",
    )


def _findings(best: PairCandidate, candidates: list[PairCandidate], rules: SeriesRules) -> tuple[Finding, ...]:
    t1, stir = best.t1, best.stir
    fields = (t1.acquisition.magnetic_field_strength_t, stir.acquisition.magnetic_field_strength_t)
    norm = ["NORM" in s.acquisition.image_type for s in (t1, stir)]
    checks = (
        (not best.same_plane, "planes_differ", "T1 and STIR were acquired in different planes."),
        (not best.same_frame, "frames_differ", "T1 and STIR have different frames of reference."),
        (
            t1.study_instance_uid != stir.study_instance_uid,
            "studies_differ",
            "T1 and STIR come from different studies because both were named.",
        ),
        (
            best.overlap_fraction < rules.pairing.min_overlap_fraction.value,
            "little_overlap",
            f"T1 and STIR share only {best.overlap_fraction:.0%} of the smaller volume.",
        ),
        (
            None not in fields and abs((fields[0] or 0) - (fields[1] or 0)) > rules.pairing.field_tolerance.value,
            "field_strength_differs",
            "T1 and STIR were acquired at different field strengths.",
        ),
        (
            norm[0] != norm[1],
            "normalisation_differs",
            "Only one of T1 and STIR is prescan-normalised: coil shading differs.",
        ),
        *((True, "identity_overridden", text) for text in _overridden(best)),
    )
    found = [
        Finding(code=code, stage=_STAGE, severity=Severity.WARN, message=message)
        for holds, code, message in checks
        if holds
    ]
    return (*found, *_repeats(best, candidates))


def _overridden(best: PairCandidate) -> list[str]:
    roles = ((best.t1, SeriesIdentity.T1), (best.stir, SeriesIdentity.STIR))
    return [
        f"{s.label} is taken as {role.value.upper()} because the user named it: {' '.join(s.reasons)}"
        for s, role in roles
        if s.identity is not role or not s.usable
    ]


def _repeats(best: PairCandidate, candidates: list[PairCandidate]) -> list[Finding]:
    """Tell when other series would have served as well."""
    found = []
    for role, one, others in (
        ("T1", best.t1, [c.t1 for c in candidates]),
        ("STIR", best.stir, [c.stir for c in candidates]),
    ):
        same = {s.label for s in others if s is not one and s.orientation == one.orientation}
        if same:
            message = f"Several {role} series in this plane; {one.label} was taken, not {', '.join(sorted(same))}."
            found.append(Finding(code="repeated_series", stage=_STAGE, severity=Severity.INFO, message=message))
    return found


def _no_pair(catalog: SeriesCatalog, t1s: list[Series], stirs: list[Series]) -> NoUsablePairError:
    missing = [name for name, found in (("T1", t1s), ("STIR", stirs)) if not found]
    if missing:
        message = f"no usable {' and no usable '.join(missing)} series among {len(catalog.series)}"
    else:
        message = "no T1 and STIR series of one study cover the same anatomy"
    return NoUsablePairError(
        message,
        code="no_usable_pair",
        stage=_STAGE,
        hint="name the series with --t1 and --stir if you know better",
        series_reasons=tuple(f"{s.label}: {' '.join(s.reasons)}" for s in catalog.series),
    )
