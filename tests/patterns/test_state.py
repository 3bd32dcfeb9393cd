"""From intervals and cuts to states, and from states to states."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.patterns.records import CriterionState
from marrowsignal.patterns.state import Question, above, all_of, any_of, below, criterion, not_evaluable
from marrowsignal.protocol.schema import Quantity
from marrowsignal.signals.records import Measurement, MeasurementStatus
from tests.patterns.facts_builder import N, P, U, X

STATES = (P, N, U, X)
number = st.floats(-100, 100)
QUESTION = Question(id="D04.edema", group="G2", direction="edema", statement="STIR over muscle")


def measurement(
    value: float | None, low: float | None = None, high: float | None = None, status: str = "measured"
) -> Measurement:
    return Measurement(
        id="D04", name="m", value=value, ci_low=low, ci_high=high, status=MeasurementStatus(status), reason="r"
    )


@st.composite
def intervals(draw: st.DrawFn) -> Measurement:
    low, value, high = sorted(draw(st.tuples(number, number, number)))
    status = draw(st.sampled_from(["measured", "exploratory"]))
    if draw(st.booleans()):
        return measurement(value, low, high, status)
    return measurement(value, status=status)


def negated(m: Measurement) -> Measurement:
    low, high = (None if end is None else -end for end in (m.ci_high, m.ci_low))
    return measurement(-m.value, low, high, m.status)


@pytest.mark.parametrize(
    ("m", "clear", "state"),
    [
        (measurement(2.0, 1.7, 2.2), None, P),
        (measurement(2.0, 1.5, 2.2), None, U),
        (measurement(2.0, 1.5, 2.2), 1.5, P),
        (measurement(2.0, 1.49, 2.2), 1.5, U),
        (measurement(1.59, 1.55, 1.7), 1.5, U),  # the value itself has to pass
        (measurement(1.2, 1.0, 1.59), None, N),
        (measurement(1.2, 1.0, 1.6), None, U),
        (measurement(1.6), None, P),  # the cut belongs to it
        (measurement(1.5), None, N),
        (measurement(2.0, 1.7, 2.2, "exploratory"), None, U),
        (measurement(1.2, 1.0, 1.5, "exploratory"), None, N),
        (measurement(None, status="not_evaluable"), None, X),
    ],
)
def test_above_by_its_whole_interval(m: Measurement, clear: float | None, state: CriterionState) -> None:
    assert above(m, 1.6, clear=clear) is state


@pytest.mark.parametrize(
    ("m", "clear", "state"),
    [
        (measurement(0.9, 0.8, 1.0), None, P),
        (measurement(0.9, 0.8, 1.05), None, U),
        (measurement(0.9, 0.8, 1.05), 1.1, P),
        (measurement(0.9, 0.8, 1.15), 1.1, U),
        (measurement(1.01, 0.9, 1.05), 1.1, U),  # the value itself has to pass
        (measurement(1.2, 1.01, 1.4), None, N),
        (measurement(1.2, 1.0, 1.4), None, U),
        (measurement(None, status="not_evaluable"), None, X),
    ],
)
def test_below_by_its_whole_interval(m: Measurement, clear: float | None, state: CriterionState) -> None:
    assert below(m, 1.0, clear=clear) is state


@given(intervals(), number, st.one_of(st.none(), number))
def test_below_is_the_mirror_image_of_above(m: Measurement, cut: float, clear: float | None) -> None:
    assert below(m, cut, clear=clear) is above(negated(m), -cut, clear=None if clear is None else -clear)


@given(intervals(), number, number)
def test_a_higher_cut_never_helps(m: Measurement, one: float, other: float) -> None:
    order = (N, U, P)
    low, high = sorted((one, other))
    assert order.index(above(m, high)) <= order.index(above(m, low))


@given(intervals(), number)
def test_only_measured_values_are_positive_and_states_follow_the_interval(m: Measurement, cut: float) -> None:
    state = above(m, cut)
    low = m.value if m.ci_low is None else m.ci_low
    high = m.value if m.ci_high is None else m.ci_high
    assert (state is N) == (high < cut)
    assert (state is P) == (low >= cut and m.status is MeasurementStatus.MEASURED)


@given(intervals(), number)
def test_above_and_below_agree_only_at_the_cut_itself(m: Measurement, cut: float) -> None:
    if above(m, cut) is P and below(m, cut) is P:
        assert m.value == cut


@pytest.mark.parametrize(
    ("a", "b", "both", "either"),
    [
        (P, P, P, P),
        (P, N, N, P),
        (P, U, U, P),
        (P, X, X, P),
        (N, N, N, N),
        (N, U, N, U),
        (N, X, N, N),
        (U, U, U, U),
        (U, X, X, U),
        (X, X, X, X),
    ],
)
def test_truth_tables(a: CriterionState, b: CriterionState, both: CriterionState, either: CriterionState) -> None:
    assert all_of(a, b) is all_of(b, a) is both
    assert any_of(a, b) is any_of(b, a) is either


def test_of_one_and_of_none() -> None:
    for state in STATES:
        assert all_of(state) is any_of(state) is state
    assert all_of() is any_of() is X


@given(st.lists(st.sampled_from(STATES), max_size=6))
def test_order_and_repetition_do_not_matter(states: list[CriterionState]) -> None:
    for rule in (all_of, any_of):
        assert rule(*states) is rule(*reversed(states)) is rule(*states, *states)


@pytest.mark.parametrize("rule", [all_of, any_of])
def test_grouping_does_not_matter(rule: object) -> None:
    for a, b, c in itertools.product(STATES, repeat=3):
        assert rule(rule(a, b), c) is rule(a, rule(b, c)) is rule(a, b, c)


def test_a_criterion_carries_everything_over() -> None:
    source = Quantity(value=1.6, unit="1", source="SCIENCE D04")
    made = criterion(QUESTION, measurement(2.0, 1.7, 2.2), "at least 1.6", P, source)
    assert (made.id, made.group, made.direction, made.statement) == ("D04.edema", "G2", "edema", "STIR over muscle")
    assert (made.value, made.ci_low, made.ci_high, made.unit) == (2.0, 1.7, 2.2, "1")
    assert (made.cut, made.state, made.source) == ("at least 1.6", P, "SCIENCE D04")
    assert criterion(QUESTION, measurement(2.0), "", P, "own words").source == "own words"


def test_what_cannot_be_answered_says_why() -> None:
    made = not_evaluable(QUESTION, "there is no lesion")
    assert (made.value, made.state) == (None, X)
    assert made.cut == "not evaluable: there is no lesion"
