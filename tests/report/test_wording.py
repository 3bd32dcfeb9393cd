from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.patterns.records import CriterionState, PatternClass
from marrowsignal.report.views.wording import CLASS_WORDS, STATE_WORDS, Notes, interval, number, with_unit
from marrowsignal.signals.records import Measurement, MeasurementStatus


@given(st.floats(min_value=0.01, max_value=99))
def test_numbers_keep_two_digits(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=0.06)


def test_words_for_what_is_missing() -> None:
    assert with_unit(None, "mm") == "not measured"
    assert with_unit(math.nan, "mm", missing="?") == "?"
    assert with_unit(0.0, "ml") == "0\N{NO-BREAK SPACE}mL"
    assert with_unit(-12.34, "percent") == "−12.3%"
    assert with_unit(1.0, "deg") == "1.00°"
    assert interval(None, 1.0) == "" and interval(math.nan, 1.0) == ""
    assert interval(0.5, 1.0) == "0.50 to 1.00"


def test_every_class_and_state_has_words() -> None:
    assert set(CLASS_WORDS) == set(PatternClass)
    assert set(STATE_WORDS) == set(CriterionState)
    assert len({symbol for symbol, _ in STATE_WORDS.values()}) == len(CriterionState)


def test_notes_tell_each_reason_once() -> None:
    notes = Notes()
    missing = Measurement(id="D01", name="x", value=None, status=MeasurementStatus.NOT_EVALUABLE, reason="too small")
    small = Measurement(id="D01", name="x", value=1.0, status=MeasurementStatus.EXPLORATORY, reason="0.4 mL")
    firm = Measurement(id="D01", name="x", value=1.0)
    assert [notes.mark_of(item) for item in (missing, small, missing, firm)] == ["a", "b", "a", ""]
    assert notes.listed() == (("a", "not measured: too small"), ("b", "exploratory: 0.4 mL"))
    assert [Notes(texts=[str(i) for i in range(28)]).mark(text) for text in ("25", "26", "27")] == ["z", "aa", "ab"]
