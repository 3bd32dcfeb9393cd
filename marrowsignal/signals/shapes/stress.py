"""Stress reaction or fracture by T1 and a line (SCIENCE D36)."""

from __future__ import annotations

from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["stress_grade"]

_NAME = ("D36", "stress_grade")
_STIR_ONLY, _T1_TOO, _LINE = 2.0, 3.0, 4.0
_EITHER = "grade 2 or 3: the interval of T1 against the marrow around holds the cut"


def stress_grade(*, has_line: bool, t1_drop: Measurement, drop_cut: float) -> Measurement:
    """D36: 4 with a candidate line, 3 with T1 below the marrow around (D10), 2 with signal on STIR alone.

    Grade 1 needs the periosteum and is not told (Fredericson, Am J Sports Med 1995; Arendt, Clin Sports Med 1997).
    D10 counts as below where its whole interval is, or its value where there is no interval; where its interval holds
    the cut, grade 2 is exploratory.
    """
    if has_line:
        return Measurement(id=_NAME[0], name=_NAME[1], value=_LINE, unit="grade")
    if t1_drop.value is None:
        return unmeasured(*_NAME, f"T1 against the marrow around: {t1_drop.reason}", "grade")
    low = t1_drop.value if t1_drop.ci_low is None else t1_drop.ci_low
    high = t1_drop.value if t1_drop.ci_high is None else t1_drop.ci_high
    status, reason = t1_drop.status, t1_drop.reason
    if low <= drop_cut < high:
        status = MeasurementStatus.EXPLORATORY
        reason = "; ".join(filter(None, (reason, _EITHER)))
    grade = _T1_TOO if high <= drop_cut else _STIR_ONLY
    return Measurement(id=_NAME[0], name=_NAME[1], value=grade, unit="grade", status=status, reason=reason)
