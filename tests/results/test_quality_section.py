from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.results.quality_section import CONSEQUENCE_WORDS, quality_section, quality_sentence
from tests.report.study_builder import build_gate, build_quality

KEYS = ("motion", "metal", "noise", "coverage", "age", "gap")
REPORTS = st.lists(
    st.builds(
        lambda key, state, holds: build_gate(key, state, consequence=holds),
        st.sampled_from(KEYS),
        st.sampled_from(GateState),
        st.sampled_from(Consequence),
    ),
    max_size=12,
).map(lambda gates: QualityReport(gates=tuple(gates)))


@given(REPORTS)
def test_every_gate_is_counted_once_and_kept_in_order(report: QualityReport) -> None:
    told = quality_section(report)
    assert told.passed + told.warned + told.failed + told.not_evaluable == len(report.gates)
    assert [(g.key, g.state, g.consequence) for g in told.gates] == [
        (g.key, g.state.value, g.consequence.value) for g in report.gates
    ]


@given(REPORTS)
def test_the_sentence_tells_every_consequence_and_nothing_else(report: QualityReport) -> None:
    sentence = quality_sentence(report).lower()
    for consequence, words in CONSEQUENCE_WORDS.items():
        holds = consequence is not Consequence.NONE and bool(report.with_consequence(consequence))
        assert (words.lower() in sentence) is holds


def test_the_sentence_reads_as_one() -> None:
    assert quality_sentence(build_quality()) == (
        "Quality gates: 1 fails (Alignment in order), 2 warn (Slice gap in order, T1 and STIR), 2 could not be "
        "evaluated, 2 passed. Lesions are not judged; confidence is lowered."
    )


def test_all_passed_none_evaluated_and_many() -> None:
    passed = QualityReport(gates=(build_gate("age"), build_gate("gap")))
    assert quality_sentence(passed) == "Quality gates: all 2 passed."
    assert quality_sentence(QualityReport(gates=())) == "No quality gate was evaluated."
    many = QualityReport(gates=tuple(build_gate(key, GateState.WARN) for key in KEYS))
    assert "(Motion in order; Metal in order; Noise in order; and 3 more)" in quality_sentence(many)


def test_a_series_is_not_named_twice() -> None:
    gate = build_gate("ghosts", GateState.WARN, name="Ghosts on STIR", series="STIR")
    assert "(Ghosts on STIR)" in quality_sentence(QualityReport(gates=(gate,)))


@pytest.mark.parametrize(
    ("state", "value", "status", "told"),
    [
        (GateState.PASS, 1.5, "measured", 1.5),
        (GateState.PASS, None, "no_number", None),
        (GateState.WARN, float("nan"), "not_evaluable", None),
        (GateState.NOT_EVALUABLE, None, "not_evaluable", None),
    ],
)
def test_a_gate_has_a_number_or_says_why_not(
    state: GateState, value: float | None, status: str, told: float | None
) -> None:
    gate = quality_section(QualityReport(gates=(replace(build_gate("age", state), value=value),))).gates[0]
    assert (gate.value, gate.status, bool(gate.reason)) == (told, status, True)
