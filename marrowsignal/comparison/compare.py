"""Two dates of one patient, from their results to what changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marrowsignal.alignment.chemical_shift import read_chemical_shift
from marrowsignal.alignment.records import AlignedPair, AlignmentVerdict, ChemicalShift
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.comparison.common_references import common_references
from marrowsignal.comparison.common_tissue import CommonDate, common_dates
from marrowsignal.comparison.dates import STAGE, check_one_patient, interval_days, order_findings
from marrowsignal.comparison.drift import closed_by, drift_findings, protocol_drift
from marrowsignal.comparison.lesion_change import LesionDate, lesion_changes, numbered_labels
from marrowsignal.comparison.records import (
    CommonSpace,
    Comparison,
    DatesRegistration,
    DriftItem,
    LesionChange,
    ReferenceAgreement,
    Scope,
)
from marrowsignal.comparison.region_change import region_changes, unmatched_rows
from marrowsignal.comparison.registration import register_dates
from marrowsignal.comparison.summary import comparison_summary
from marrowsignal.comparison.time_evidence import time_evidence
from marrowsignal.dicom.chemical_shift import find_chemical_shift
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.intensity.records import References
from marrowsignal.patterns.classify import classify
from marrowsignal.patterns.records import PatternCall
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import Protocol
from marrowsignal.quality.records import Consequence
from marrowsignal.quality.withhold import withhold
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.measure import measure_signals
from marrowsignal.signals.records import Lesion, Signals

__all__ = ["compare_studies"]

_DATES = ("baseline", "followup")
_OF_CHEMICAL_SHIFT = frozenset({"D11", "D12"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Measured:
    """One date measured anew in the common tissue."""

    common: CommonDate
    references: References
    signals: Signals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lesions:
    """Lesions of one kind on both dates."""

    changes: tuple[LesionChange, ...] | None
    reason: str
    labels: tuple[LabelVolume, LabelVolume] | None = None


def compare_studies(
    baseline: StudyResult,
    followup: StudyResult,
    *,
    protocol: Protocol | None = None,
    case: str | None = None,
    other_patient: bool = False,
) -> Comparison:
    """Compare two dates of one patient (SCIENCE 7.4).

    Parameters
    ----------
    baseline, followup : StudyResult
        Both analyzed in this process; the follow-up is the later one, and told where it is not.
    protocol : Protocol, optional
        Repeatability and limits; the baseline's by default.
    case : str, optional
        Case identifier; by default that of the baseline and of the follow-up.
    other_patient : bool
        Whether to compare although the headers name two patients.

    Returns
    -------
    Comparison
        Closed, with the reason, where the protocols drifted apart or the dates could not be brought onto each other.

    Raises
    ------
    UsageError
        If the headers name two patients.
    """
    rules = protocol or baseline.protocol
    findings = check_one_patient(baseline.series, followup.series, other_patient=other_patient)
    days = interval_days(baseline.series, followup.series)
    drift = protocol_drift(baseline.series, followup.series, protocol=rules)
    findings += (*order_findings(days), *_of_dates(baseline, followup), *drift_findings(drift))
    draft = _draft(baseline, followup, rules, case, days, drift)
    closed = closed_by(drift, Scope.ALL)
    if not closed and closed_by(drift, Scope.T1) and closed_by(drift, Scope.STIR):
        closed = f"{closed_by(drift, Scope.T1)}; {closed_by(drift, Scope.STIR)}"
    if closed:
        return _closed(draft, closed, findings)
    registration = register_dates(baseline, followup, protocol=rules)
    draft = replace(draft, registration=registration)
    if not registration.quality.allows_regions:
        text = f"the two dates could not be brought onto each other: {_error_words(registration)}"
        return _closed(draft, text, (*findings, _registration_finding(registration)))
    if registration.quality.verdict is not AlignmentVerdict.PASS:
        findings += (_registration_finding(registration),)
    return _compared(draft, registration, findings)


def _draft(
    baseline: StudyResult,
    followup: StudyResult,
    protocol: Protocol,
    case: str | None,
    days: int | None,
    drift: tuple[DriftItem, ...],
) -> Comparison:
    return Comparison(
        case=case or f"{baseline.case}-{followup.case}"[:64],
        protocol=protocol,
        baseline=baseline,
        followup=followup,
        interval_days=days,
        drift=drift,
        closed="",
        registration=None,
        references=(),
        regions=(),
        lesions=None,
        lesions_reason="",
        dark_foci=None,
        dark_foci_reason="",
        baseline_signals=None,
        followup_signals=None,
        space=None,
        time=time_evidence(days, regions=(), lesions=None, dark_foci=None, closed="not compared yet"),
        followup_call=followup.call,
        summary="",
    )


def _closed(draft: Comparison, reason: str, findings: tuple[Finding, ...]) -> Comparison:
    time = time_evidence(draft.interval_days, regions=(), lesions=None, dark_foci=None, closed=reason)
    done = replace(
        draft,
        closed=reason,
        lesions_reason=reason,
        dark_foci_reason=reason,
        time=time,
        followup_call=_call(draft.followup, time),
        findings=findings,
    )
    return replace(done, summary=comparison_summary(done))


def _compared(draft: Comparison, registration: DatesRegistration, findings: tuple[Finding, ...]) -> Comparison:
    rules, drift = draft.protocol, draft.drift
    commons = common_dates(draft.baseline, draft.followup, registration, protocol=rules)
    measured, agreement = _measured(commons, rules)
    one, two = measured
    no_t1, no_stir = closed_by(drift, Scope.T1), closed_by(drift, Scope.STIR)
    rows = region_changes(one.signals, two.signals, protocol=rules, no_t1=no_t1, no_stir=no_stir)
    lone = unmatched_rows(rows, draft.baseline.regions.regions, draft.followup.regions.regions)
    water = _lesions(measured, registration, rules, closed=closed_by(drift, Scope.LESIONS))
    dark = _dark_foci(measured, registration, rules, closed=closed_by(drift, Scope.LESIONS) if no_t1 else no_t1)
    time = time_evidence(
        draft.interval_days, regions=(*rows, *lone), lesions=water.changes, dark_foci=dark.changes, closed=""
    )
    done = replace(
        draft,
        references=agreement,
        regions=(*rows, *lone),
        lesions=water.changes,
        lesions_reason=water.reason,
        dark_foci=dark.changes,
        dark_foci_reason=dark.reason,
        baseline_signals=one.signals,
        followup_signals=two.signals,
        space=_space(commons, registration, water),
        time=time,
        followup_call=_call(draft.followup, time),
        findings=(*findings, *_disagreements(agreement)),
    )
    return replace(done, summary=comparison_summary(done))


def _call(followup: StudyResult, time: TimeEvidence) -> PatternCall:
    """Name the follow-up's pattern from its own measurements, with the change since the baseline as evidence."""
    facts = followup.series.t1.acquisition
    own = followup.protocol.for_person(
        age_y=facts.patient_age_y, sex=facts.patient_sex, field_t=facts.magnetic_field_strength_t
    )
    return classify(
        followup.pair,
        followup.signals,
        quality=followup.quality,
        protocol=own,
        findings=followup.findings,
        time=time,
    )


def _measured(
    commons: tuple[CommonDate, CommonDate], protocol: Protocol
) -> tuple[tuple[_Measured, _Measured], tuple[ReferenceAgreement, ...]]:
    made: list[_Measured] = []
    told: list[ReferenceAgreement] = []
    for common, other, date in zip(commons, commons[::-1], _DATES, strict=True):
        references, agreement = common_references(common, other.result, date=date, protocol=protocol)
        told += agreement
        signals = measure_signals(
            common.result.pair,
            common.marrow,
            common.regions,
            references,
            protocol=protocol,
            chemical_shift=_chemical_shift(common.result, protocol),
        )
        made.append(_Measured(common=common, references=references, signals=withhold(signals, common.result.quality)))
    return (made[0], made[1]), tuple(told)


def _chemical_shift(result: StudyResult, protocol: Protocol) -> ChemicalShift | None:
    """Read the Dixon series again where the study was measured with one: a result does not keep them."""
    if not any(m.value is not None for m in result.signals.whole.measurements if m.id in _OF_CHEMICAL_SHIFT):
        return None
    found = find_chemical_shift(result.series)
    return None if found is None else read_chemical_shift(found, result.pair, settings=protocol.alignment)


def _lesions(
    measured: tuple[_Measured, _Measured], registration: DatesRegistration, protocol: Protocol, *, closed: str
) -> _Lesions:
    reason = closed or _no_voxels(registration) or _not_looked_for(measured, "lesions")
    if reason:
        return _Lesions(changes=None, reason=reason)
    return _matched(measured, registration, protocol, dark=False)


def _dark_foci(
    measured: tuple[_Measured, _Measured], registration: DatesRegistration, protocol: Protocol, *, closed: str
) -> _Lesions:
    reason = closed or _no_voxels(registration) or _not_looked_for(measured, "dark_foci")
    if reason:
        return _Lesions(changes=None, reason=reason)
    return _matched(measured, registration, protocol, dark=True)


def _matched(
    measured: tuple[_Measured, _Measured], registration: DatesRegistration, protocol: Protocol, *, dark: bool
) -> _Lesions:
    one, two = (_lesion_date(date, dark=dark) for date in measured)
    error = registration.quality.estimated_error_mm
    tolerance = protocol.alignment.warn_error.value if error is None else error
    changes = lesion_changes(one, two, tolerance_mm=tolerance, protocol=protocol)
    return _Lesions(changes=changes, reason="", labels=numbered_labels(changes, one, two))


def _lesion_date(date: _Measured, *, dark: bool) -> LesionDate:
    pair, signals, normal = date.common.result.pair, date.signals, date.references.normal_marrow
    lesions: tuple[Lesion, ...] = (signals.dark_foci if dark else signals.lesions) or ()
    labels = signals.dark_labels if dark else signals.lesion_labels
    series = pair.t1 if dark or pair.stir is None else pair.stir
    if labels is None:
        raise AssertionError("lesions were looked for")
    return LesionDate(
        common=date.common,
        lesions=lesions,
        labels=labels,
        signal=series.array,
        normal=normal.t1 if dark else normal.stir,
        dark=dark,
    )


def _no_voxels(registration: DatesRegistration) -> str:
    if registration.quality.allows_lesions:
        return ""
    return f"the registration of the dates allows medians of regions only: {_error_words(registration)}"


def _not_looked_for(measured: tuple[_Measured, _Measured], field: str) -> str:
    for date, words in zip(measured, ("baseline", "follow-up"), strict=True):
        if getattr(date.signals, field) is None:
            return f"not looked for at {words}: {date.signals.lesions_reason or 'no reason given'}"
    return ""


def _space(commons: tuple[CommonDate, CommonDate], registration: DatesRegistration, water: _Lesions) -> CommonSpace:
    here, there = commons[0].result.pair, commons[1].result.pair
    grid = here.t1.geometry
    volumes = [
        None
        if series is None
        else resample_onto(series, grid, registration.baseline_to_followup_lps, pieces=registration.pieces)
        for series in (there.t1, there.stir)
    ]
    if volumes[0] is None:
        raise AssertionError("every pair has a T1")
    t1 = SignalVolume(array=volumes[0][0], geometry=grid, acquisition=there.t1.acquisition)
    stir = None
    if volumes[1] is not None and there.stir is not None:
        stir = SignalVolume(array=volumes[1][0], geometry=grid, acquisition=there.stir.acquisition)
    return CommonSpace(
        followup=AlignedPair(
            t1=t1,
            stir=stir,
            covered_mask=volumes[0][1],
            body_mask=np.asarray(here.body_mask & volumes[0][1]),
            t1_to_stir_lps=None,
            quality=None,
        ),
        baseline_changes=None if water.labels is None else water.labels[0],
        followup_changes=None if water.labels is None else water.labels[1],
        regions=commons[0].regions.labels,
    )


def _of_dates(baseline: StudyResult, followup: StudyResult) -> tuple[Finding, ...]:
    """Tell a date that by itself cannot be assessed."""
    found = []
    for date, result in (("baseline", baseline), ("follow-up", followup)):
        gates = result.quality.with_consequence(Consequence.NO_ASSESSMENT)
        if gates:
            why = "; ".join(gate.reason for gate in gates)
            text = f"The {date} by itself cannot be assessed: {why}."
            found.append(Finding(code="date_not_assessable", stage=STAGE, severity=Severity.WARN, message=text))
    return tuple(found)


def _registration_finding(registration: DatesRegistration) -> Finding:
    quality = registration.quality
    failed = quality.verdict is AlignmentVerdict.FAIL
    return Finding(
        code=f"dates_registration_{quality.verdict}",
        stage=STAGE,
        severity=Severity.FAIL if failed else Severity.WARN,
        message=f"Registration of the two dates: {_error_words(registration)}.",
    )


def _error_words(registration: DatesRegistration) -> str:
    quality = registration.quality
    if quality.estimated_error_mm is None:
        return "its error could not be bounded"
    return f"the remaining error is estimated at {quality.estimated_error_mm:.1f} mm"


def _disagreements(agreement: tuple[ReferenceAgreement, ...]) -> tuple[Finding, ...]:
    told = dict.fromkeys((one.date, one.tissue, one.reason) for one in agreement if not one.agrees)
    return tuple(
        Finding(
            code=f"reference_{tissue}_not_common",
            stage=STAGE,
            severity=Severity.WARN,
            message=f"Reference at {'follow-up' if date == 'followup' else date}: {reason}.",
        )
        for date, tissue, reason in told
    )
