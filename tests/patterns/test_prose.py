"""Sentences: each names criteria that exist, and says no number that is not theirs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.patterns.prose import Paragraph, told, write_paragraph
from marrowsignal.patterns.records import Criterion, CriterionState, PatternClass, Sentence

# every id that a sentence may be made from, with its unit
ROWS = {
    "D01.reconversion": ("G1", "reconversion", "1"),
    "D03.reconversion.sacrum.left": ("G1", "reconversion", "1"),
    "D03.high.ilium.right": ("add-on", "reconversion", "1"),
    "D04.reconversion": ("G2", "reconversion", "1"),
    "D04.edema": ("G2", "edema", "1"),
    "D05.edema": ("G3", "edema", "1"),
    "D07.edema": ("G2", "edema", "1"),
    "D10.edema": ("G1", "edema", "1"),
    "D21.reconversion.bias_cancelling_asymmetry": ("G4", "reconversion", "percent"),
    "D23.edema": ("G4", "edema", "percent"),
    "D24.edema": ("G3", "edema", "percent"),
    "D24.edema.count": ("G3", "edema", "lesions"),
    "D24.edema.volume": ("G3", "edema", "ml"),
    "D30.edema": ("G5", "edema", "percent"),
    "D30.all.edema": ("G5", "edema", "ml"),
    "D31.edema": ("add-on", "edema", "mm"),
    "D32.edema": ("G6", "edema", "mm"),
    "D35.edema": ("G6", "edema", "mm"),
    "D37.edema.left": ("add-on", "edema", "fraction"),
    "D37.edema.right": ("add-on", "edema", "fraction"),
    "D38.edema.left": ("add-on", "edema", "percent"),
    "D41.edema": ("add-on", "edema", "percent"),
    "D43.edema": ("add-on", "edema", "percent"),
    "D50.infiltration": ("G1", "infiltration", "percent"),
    "D51.infiltration": ("G3", "infiltration", "lesions"),
    "D51.sclerosis": ("add-on", "infiltration", "lesions"),
    "D01.infiltration": ("G1", "infiltration", "1"),
    "D04.infiltration": ("G2", "infiltration", "1"),
    "gate.contrast.T1": ("gate", "gate", "1"),
}
# names of series, sequences and machines are no measurements
NAMES = re.compile(r"\bT1\b|SPECT/CT")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?: (?:%|mm|mL))?")


@st.composite
def paragraphs(draw: st.DrawFn) -> Paragraph:
    criteria = []
    for criterion_id, (group, direction, unit) in ROWS.items():
        state = draw(st.sampled_from(CriterionState))
        known = state is not CriterionState.NOT_EVALUABLE
        whole = unit == "lesions"
        value = float(draw(st.integers(0, 9))) if whole else draw(st.floats(-99, 99))
        criteria.append(
            Criterion(
                id=criterion_id,
                group=group,
                direction=direction,
                statement="s",
                value=value if known else None,
                ci_low=None,
                ci_high=None,
                unit=unit,
                cut="c",
                state=state,
                source="t",
            )
        )
    add_ons = draw(st.sampled_from([(), ("DIFFUSE_LOW_T1_REVIEW",)]))
    return Paragraph(
        pattern=draw(st.sampled_from(PatternClass)),
        criteria=tuple(criteria),
        sides=draw(st.sampled_from(["", "left", "right", "both sides"])),
        not_looked_for=draw(st.sampled_from(["", "no STIR series"])),
        prevalence=draw(st.sampled_from(["", "Seen in 23.4 % of healthy people."])),
        add_ons=add_ons,
    )


def numbers(sentence: Sentence) -> list[str]:
    return NUMBER.findall(NAMES.sub("", sentence.text))


@given(paragraphs())
def test_every_sentence_names_criteria_of_the_call(made_of: Paragraph) -> None:
    known = {c.id for c in made_of.criteria}
    for sentence in write_paragraph(made_of):
        assert sentence.criteria
        assert set(sentence.criteria) <= known


@given(paragraphs())
def test_every_number_is_the_value_of_one_of_them(made_of: Paragraph) -> None:
    table = {c.id: c for c in made_of.criteria}
    for sentence in write_paragraph(made_of):
        if sentence.text == made_of.prevalence:
            continue
        values = {told(table[i]) for i in sentence.criteria if table[i].value is not None}
        # an asymmetry is told without its sign, so that the mirrored patient reads the same
        assert set(numbers(sentence)) <= values | {v.lstrip("-") for v in values}, sentence


@given(paragraphs())
def test_no_cause_and_no_fracture_excluded(made_of: Paragraph) -> None:
    text = " ".join(s.text for s in write_paragraph(made_of)).lower()
    for word in ("no fracture", "diagnos", "metasta", "osteomyelitis is", "caused by", "fat fraction is"):
        assert word not in text


@given(paragraphs())
def test_the_paragraph_opens_with_the_class_and_ends_with_limits(made_of: Paragraph) -> None:
    sentences = write_paragraph(made_of)
    assert "cause" in sentences[-1].text
    if made_of.prevalence:
        assert sentences[-2].text == made_of.prevalence
    flagged = made_of.pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE
    assert sentences[0].text.startswith("Red flag") is flagged


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [("1", 1.234, "1.23"), ("percent", 45.6, "46 %"), ("fraction", 0.456, "46 %"), ("mm", 11.4, "11 mm"),
     ("ml", 9.04, "9.0 mL"), ("lesions", 3.0, "3")],
)  # fmt: skip
def test_values_are_told_by_their_unit(unit: str, value: float, text: str) -> None:
    row = Criterion(
        id="D", group="G1", direction="edema", statement="", value=value, ci_low=None, ci_high=None, unit=unit,
        cut="", state=CriterionState.POSITIVE, source="",
    )  # fmt: skip
    assert told(row) == text


def row(criterion_id: str, value: float, unit: str, state: CriterionState) -> Criterion:
    return Criterion(
        id=criterion_id, group="add-on", direction="edema", statement="s", value=value, ci_low=None, ci_high=None,
        unit=unit, cut="c", state=state, source="t",
    )  # fmt: skip


def paragraph(*criteria: Criterion) -> str:
    made_of = Paragraph(
        pattern=PatternClass.FOCAL_EDEMA_LIKE, criteria=criteria, sides="", not_looked_for="", prevalence="", add_ons=()
    )
    return " ".join(s.text for s in write_paragraph(made_of))


RIM = row("D37.edema.left", 0.8, "fraction", CriterionState.POSITIVE)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ((), "the other head could not be judged"),
        ((row("D37.edema.right", 0.0, "fraction", CriterionState.NEGATIVE),), "the other head shows none"),
        ((row("D37.edema.right", 0.9, "fraction", CriterionState.POSITIVE),), "the other head shows one too"),
    ],
)
def test_the_other_head_is_told_as_it_was_measured(other: tuple[Criterion, ...], words: str) -> None:
    assert words in paragraph(RIM, *other)


def test_a_line_is_not_placed_in_the_leading_lesion() -> None:
    # It may lie in any of them; the criterion names which.
    text = paragraph(row("D35.edema", 11.2, "mm", CriterionState.POSITIVE))
    assert "A dark line of 11 mm in a lesion could be a fracture" in text


def test_lesions_against_a_joint_are_told_where_the_leading_one_is_not() -> None:
    text = paragraph(
        row("D04.edema", 2.0, "1", CriterionState.POSITIVE),
        row("D30.edema", 0.0, "percent", CriterionState.NEGATIVE),
        row("D30.all.edema", 5.9, "ml", CriterionState.POSITIVE),
    )
    assert "does not lie against the joint surface (others of 5.9 mL do)" in text


def test_a_large_volume_has_no_decimals() -> None:
    assert told(row("D24.edema.volume", 110.04, "ml", CriterionState.POSITIVE)) == "110 mL"
