"""Whether both studies are of one patient, and how many days lie between them."""

from __future__ import annotations

from datetime import date

from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import UsageError
from marrowsignal.findings import Finding, Severity

__all__ = ["STAGE", "check_one_patient", "interval_days", "order_findings"]

STAGE = "compare_studies"


def check_one_patient(baseline: SeriesPair, followup: SeriesPair, *, other_patient: bool) -> tuple[Finding, ...]:
    """Refuse two patients; tell what headers do not say.

    Parameters
    ----------
    baseline, followup : SeriesPair
        Read in one process: the marks of PatientID hold no longer.
    other_patient : bool
        Whether the user knows that PatientID differs and is one patient all the same.

    Returns
    -------
    tuple of Finding
        What is doubtful.

    Raises
    ------
    UsageError
        If PatientID or PatientSex differ and `other_patient` is False.
    """
    one, two = baseline.t1, followup.t1
    sexes = {s.acquisition.patient_sex for s in (one, two)} - {None}
    named = bool(one.person and two.person)
    differs = "PatientID" if named and one.person != two.person else "PatientSex" if len(sexes) > 1 else ""
    if differs and not other_patient:
        raise UsageError(
            f"the two studies name different patients ({differs})",
            code="different_patients",
            stage=STAGE,
            hint="give two studies of one patient; --other-patient if it is one all the same",
        )
    if differs:
        return (_warning("patients_differ", f"{differs} of the two studies differs; the user says it is one patient."),)
    if not named:
        return (_warning("patient_not_known", "No PatientID in one of the studies: one patient is taken on trust."),)
    return ()


def interval_days(baseline: SeriesPair, followup: SeriesPair) -> int | None:
    """Days from the baseline's T1 to the follow-up's; None where a date is missing or was taken away."""
    first, second = (_day(pair.t1.acquired_at) for pair in (baseline, followup))
    return None if first is None or second is None else (second - first).days


def order_findings(days: int | None) -> tuple[Finding, ...]:
    """Tell a follow-up that is older, of the same day, or of no known day."""
    if days is None:
        return (_warning("interval_not_known", "A date is missing: the interval and the order are not known."),)
    if days < 0:
        text = f"The follow-up is {-days} days older than the baseline: rises and falls are told backwards in time."
        return (_warning("followup_older", text),)
    return ()


def _day(acquired_at: str) -> date | None:
    try:
        return date(int(acquired_at[:4]), int(acquired_at[4:6]), int(acquired_at[6:8]))
    except ValueError:
        return None


def _warning(code: str, message: str) -> Finding:
    return Finding(code=code, stage=STAGE, severity=Severity.WARN, message=message)
