"""From a measurement and a cut to a state: only a whole interval beyond the cut counts (SCIENCE 3).

Volumes, shares, distances and overlaps (D22-D24, D30, D31, D33, D51) have no interval; their value decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from marrowsignal.patterns.records import Criterion, CriterionState
from marrowsignal.protocol.schema import Quantity
from marrowsignal.signals.records import Measurement, MeasurementStatus

__all__ = ["Question", "above", "all_of", "any_of", "below", "criterion", "measured", "not_evaluable", "opposite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a criterion asks.

    Attributes
    ----------
    id, group, direction, statement : str
        As in `Criterion`.
    """

    id: str
    group: str
    direction: str
    statement: str


def above(measurement: Measurement, cut: float, *, clear: float | None = None) -> CriterionState:
    """State of "the value is at least `cut`".

    Parameters
    ----------
    measurement : Measurement
        With or without an interval.
    cut : float
        The value has to reach it.
    clear : float, optional
        The interval's lower end has to reach it; by default the same cut.

    Returns
    -------
    CriterionState
        Positive when value and lower end pass, negative when the whole interval stays below `cut`, else
        indeterminate. A measurement that is only exploratory is never positive.

    Examples
    --------
    >>> above(Measurement(id="D", name="d", value=2.0, ci_low=1.7, ci_high=2.2), 1.6)
    <CriterionState.POSITIVE: 'positive'>
    >>> above(Measurement(id="D", name="d", value=2.0, ci_low=1.5, ci_high=2.2), 1.6)
    <CriterionState.INDETERMINATE: 'indeterminate'>
    """
    if measurement.value is None:
        return CriterionState.NOT_EVALUABLE
    low, high = _ends(measurement)
    if high < cut:
        return CriterionState.NEGATIVE
    passed = measurement.value >= cut and low >= (cut if clear is None else clear)
    if passed and measurement.status is MeasurementStatus.MEASURED:
        return CriterionState.POSITIVE
    return CriterionState.INDETERMINATE


def below(measurement: Measurement, cut: float, *, clear: float | None = None) -> CriterionState:
    """State of "the value is at most `cut`"; the mirror image of `above`."""
    if measurement.value is None:
        return CriterionState.NOT_EVALUABLE
    low, high = _ends(measurement)
    if low > cut:
        return CriterionState.NEGATIVE
    passed = measurement.value <= cut and high <= (cut if clear is None else clear)
    if passed and measurement.status is MeasurementStatus.MEASURED:
        return CriterionState.POSITIVE
    return CriterionState.INDETERMINATE


def all_of(*states: CriterionState) -> CriterionState:
    """State of "all of these"."""
    if not states or CriterionState.NOT_EVALUABLE in states:
        refuted = CriterionState.NEGATIVE in states
        return CriterionState.NEGATIVE if refuted else CriterionState.NOT_EVALUABLE
    if CriterionState.NEGATIVE in states:
        return CriterionState.NEGATIVE
    return CriterionState.INDETERMINATE if CriterionState.INDETERMINATE in states else CriterionState.POSITIVE


def any_of(*states: CriterionState) -> CriterionState:
    """State of "one of these": the strongest single item of a group (SCIENCE 4.3)."""
    for state in (CriterionState.POSITIVE, CriterionState.INDETERMINATE, CriterionState.NEGATIVE):
        if state in states:
            return state
    return CriterionState.NOT_EVALUABLE


def opposite(state: CriterionState) -> CriterionState:
    """State of "not this"."""
    swapped = {
        CriterionState.POSITIVE: CriterionState.NEGATIVE,
        CriterionState.NEGATIVE: CriterionState.POSITIVE,
    }
    return swapped.get(state, state)


def measured(measurements: Iterable[Measurement], descriptor: str, name: str) -> Measurement:
    """Return the measurement called `name`; one that says it was not made where there is none."""
    for item in measurements:
        if item.name == name:
            return item
    status = MeasurementStatus.NOT_EVALUABLE
    return Measurement(id=descriptor, name=name, value=None, status=status, reason="not measured in this study")


def criterion(
    question: Question, measurement: Measurement, cut: str, state: CriterionState, source: str | Quantity
) -> Criterion:
    """Put question, measurement, cut and state into one row; a value that is missing gives its reason for the cut."""
    if measurement.value is None and measurement.reason:
        cut = f"not evaluable: {measurement.reason}"
    return Criterion(
        id=question.id,
        group=question.group,
        direction=question.direction,
        statement=question.statement,
        value=measurement.value,
        ci_low=measurement.ci_low,
        ci_high=measurement.ci_high,
        unit=measurement.unit,
        cut=cut,
        state=state,
        source=source.source if isinstance(source, Quantity) else source,
    )


def not_evaluable(question: Question, reason: str) -> Criterion:
    """Row of a question that this version or this study cannot answer."""
    return Criterion(
        id=question.id,
        group=question.group,
        direction=question.direction,
        statement=question.statement,
        value=None,
        ci_low=None,
        ci_high=None,
        unit="1",
        cut=f"not evaluable: {reason}",
        state=CriterionState.NOT_EVALUABLE,
        source="",
    )


def _ends(measurement: Measurement) -> tuple[float, float]:
    value = float(measurement.value or 0.0)
    low = value if measurement.ci_low is None else measurement.ci_low
    high = value if measurement.ci_high is None else measurement.ci_high
    return low, high
