from __future__ import annotations

import re
from dataclasses import replace

import pytest

from marrowsignal.alignment.records import AlignmentVerdict, PieceMotion
from marrowsignal.findings import Finding, Severity
from marrowsignal.protocol import load_protocol
from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.report import render_report
from marrowsignal.report.views.alignment_view import alignment_facts, alignment_view
from marrowsignal.report.views.court_view import court_rows
from marrowsignal.report.views.quality_view import quality_view, worst_state
from marrowsignal.report.views.wording import GATE_WORDS
from marrowsignal.results.quality_section import quality_sentence
from tests.report.study_builder import build_gate, build_quality, build_result


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(build_result())


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.S)
    assert found is not None
    return found.group()


def test_what_fails_stands_first_and_what_passed_is_folded(page: str) -> None:
    told = section(page, "quality")
    places = [told.index(f"because of {key}") for key in ("alignment", "slice_gap", "shading", "age", "coverage")]
    assert places == sorted(places)
    folds = [match.start() for match in re.finditer("<details>", told)]
    assert places[2] < folds[0] < places[3] < folds[1] < places[4]
    assert "open" not in re.findall("<details[^>]*>", told)[0]


def test_every_state_is_a_word_and_a_shape_beside_its_color(page: str) -> None:
    assert len(set(GATE_WORDS.values())) == len(GateState)
    told = section(page, "quality")
    for state, (symbol, words) in GATE_WORDS.items():
        assert f'<span class="gate {state.value}"><span aria-hidden="true">{symbol}</span> {words}</span>' in told


def test_a_row_says_value_limit_consequence_reason_and_source(page: str) -> None:
    row = next(
        row for row in re.findall("<tr>.*?</tr>", section(page, "quality"), re.S) if "because of alignment" in row
    )
    for words in (
        "2.40\N{NO-BREAK SPACE}mm",
        "warns above 1 mm; fails above 2 mm",
        "lesions are not judged",
        "SCIENCE 6 [X]",
    ):
        assert words in row


def test_a_gate_about_words_has_no_number_and_one_not_evaluated_none_measured() -> None:
    view = quality_view(build_quality())
    assert [row.value for row in view.passed] == ["97.5%", "no number"]
    assert [row.value for row in view.unknown] == ["not measured"]


def test_the_header_tells_the_verdict_and_leads_to_the_table(page: str) -> None:
    header = page[: page.index("</header>")]
    assert quality_sentence(build_quality()) in header
    assert '<span class="gate fail">' in header and 'href="#quality"' in header


@pytest.mark.parametrize(
    ("gates", "kind"),
    [
        ((), "not_evaluable"),
        ((build_gate("a"),), "pass"),
        ((build_gate("a"), build_gate("b", GateState.NOT_EVALUABLE)), "pass"),
        ((build_gate("a"), build_gate("b", GateState.NOT_EVALUABLE, consequence=Consequence.NO_STIR)), "not_evaluable"),
        ((build_gate("a"), build_gate("b", GateState.WARN)), "warn"),
        ((build_gate("c", GateState.FAIL), build_gate("b", GateState.WARN)), "fail"),
    ],
)
def test_the_worst_gate_gives_the_header_its_mark(gates: tuple, kind: str) -> None:
    assert worst_state(QualityReport(gates=gates)).value == kind


def test_every_gate_is_shown_exactly_once() -> None:
    view = quality_view(build_quality())
    rows = (*view.told, *view.unknown, *view.passed)
    assert sorted((row.key, row.series) for row in rows) == sorted((g.key, g.series) for g in build_quality().gates)


def test_texts_of_gates_are_escaped() -> None:
    bad = '"/><script>x</script>'
    gate = build_gate("a", GateState.FAIL, name=bad, reason=bad, limit=bad, source=bad)
    text = render_report(replace(build_result(), quality=QualityReport(gates=(gate,))))
    assert bad not in text and "<script>x" not in text


def test_a_finding_that_a_gate_tells_is_not_told_again() -> None:
    finding = Finding(code="stir_covers_part", stage="x", severity=Severity.WARN, message="Half is not covered.")
    result = build_result()
    result = replace(result, pair=replace(result.pair, findings=(finding,)))
    gate = build_gate("coverage", GateState.WARN, tells=("stir_covers_part",))
    assert "Half is not covered." in render_report(result)
    assert "Half is not covered." not in render_report(replace(result, quality=QualityReport(gates=(gate,))))


def test_the_alignment_is_put_in_words() -> None:
    result = build_result()
    quality = replace(result.pair.quality, edge_distance_mm=0.31, error_source="edges and halves in quadrature")
    piece = PieceMotion(
        centre_lps_mm=(41.0, 8.0, -12.0),
        t1_to_stir_lps=result.pair.t1_to_stir_lps,
        beyond_rigid_mm=1.9,
        voxels=10,
        reach_mm=15.0,
    )
    still = replace(piece, centre_lps_mm=(0.0, 0.0, 0.0), beyond_rigid_mm=0.0)
    facts = {f.name: f.value for f in alignment_facts(replace(result.pair, quality=quality, pieces=(piece, still)))}
    assert not any("S0" in name for name in facts)
    assert facts["A part about L41 P8 I12 mm moved on its own"].startswith("1.90")
    assert alignment_facts(replace(result.pair, quality=None)) == ()


def test_every_witness_of_the_registration_is_heard_in_the_table() -> None:
    result = build_result()
    limits = load_protocol("pelvis_sij").alignment
    quality = replace(
        result.pair.quality, edge_distance_mm=limits.usual_edge.value + 0.2, error_source="edges and halves"
    )
    estimate, *witnesses = court_rows(quality, limits)
    assert (estimate.value, estimate.meaning) == ("0.62\N{NO-BREAK SPACE}mm", "edges and halves")
    told = {row.question: (row.value, row.mark.words) for row in witnesses}
    assert told["Edges of bone, STIR against T1"] == ("1.30\N{NO-BREAK SPACE}mm", "not as expected")
    assert told["Shift still asked for, standard error over slices left out"] == ("not measured", "not measured")
    assert told["Mutual information of both series, before → after"] == ("0.71 → 0.78 nats", "as expected")
    assert court_rows(replace(quality, estimated_error_mm=None), limits)[0].value == "could not be bounded"


@pytest.mark.parametrize("verdict", list(AlignmentVerdict))
def test_the_verdict_on_the_alignment_has_a_mark(verdict: AlignmentVerdict) -> None:
    result = build_result()
    quality = replace(result.pair.quality, verdict=verdict, interpolator="B-spline")
    view = alignment_view(replace(result.pair, quality=quality), result.protocol.alignment)
    assert view is not None
    assert (view.mark.kind == "fail") is (verdict not in (AlignmentVerdict.PASS, AlignmentVerdict.WARN))
    assert "interpolated" in view.grid


def test_lesions_refused_are_told_where_numbers_are() -> None:
    result = build_result()
    signals = replace(result.signals, lesions=None, lesions_reason="registration may be 2.4 mm off", lesion_labels=None)
    text = render_report(replace(result, signals=signals))
    assert "Lesions were not looked for</strong> (registration may be 2.4 mm off)" in text
    assert "No lesion was found" not in text
