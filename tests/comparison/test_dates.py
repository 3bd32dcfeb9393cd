"""One patient, days between, order: nothing of a date goes further."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.comparison.dates import check_one_patient, interval_days, order_findings
from marrowsignal.comparison.summary import interval_words
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import UsageError
from tests.report.study_builder import build_result

PAIR = build_result().series


def _of(person: str = "mark", at: str = "20200101120000", sex: str | None = "F") -> SeriesPair:
    facts = replace(PAIR.t1.acquisition, patient_sex=sex)
    return replace(PAIR, t1=replace(PAIR.t1, person=person, acquired_at=at, acquisition=facts))


def test_one_patient_is_no_finding() -> None:
    assert check_one_patient(_of(), _of(), other_patient=False) == ()


@pytest.mark.parametrize(("other", "words"), [(_of(person="another"), "PatientID"), (_of(sex="M"), "PatientSex")])
def test_two_patients_are_refused_unless_the_user_knows_better(other: SeriesPair, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        check_one_patient(_of(), other, other_patient=False)
    assert refused.value.code == "different_patients"
    assert "mark" not in str(refused.value)
    (told,) = check_one_patient(_of(), other, other_patient=True)
    assert told.code == "patients_differ"


def test_a_patient_who_is_not_named_is_told() -> None:
    (told,) = check_one_patient(_of(person=""), _of(), other_patient=False)
    assert told.code == "patient_not_known"


@given(st.dates(), st.dates())
def test_days_are_those_of_the_calendar(first, second) -> None:
    pairs = [_of(at=f"{day:%Y%m%d}".rjust(8, "0") + "101500") for day in (first, second)]
    assert interval_days(*pairs) == (second - first).days


@pytest.mark.parametrize("at", ["", "00000000101010", "2020", "20201301"])
def test_a_date_that_is_none_makes_no_interval(at: str) -> None:
    days = interval_days(_of(at=at), _of())
    assert days is None
    assert order_findings(days)[0].code == "interval_not_known"


def test_an_older_follow_up_is_told_without_its_date() -> None:
    days = interval_days(_of(at="20200401"), _of(at="20200101"))
    (told,) = order_findings(days)
    assert told.code == "followup_older"
    assert "91 days" in told.message
    assert "2020" not in told.message + interval_words(days)
    assert order_findings(0) == order_findings(91) == ()
