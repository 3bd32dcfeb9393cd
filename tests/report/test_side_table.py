"""Left against right: every side in its own column, and nothing missing without a reason."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.regions.records import Side
from marrowsignal.report import render_report
from marrowsignal.report.views.lesion_tables import dropped_table
from marrowsignal.report.views.side_table import SideTable, side_table
from marrowsignal.report.views.table_cells import measured_cell
from marrowsignal.report.views.wording import Notes, volume
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import DroppedCandidate, Measurement, MeasurementStatus
from tests.report.study_builder import build_result, without_lesions


def heads(table: SideTable) -> list[tuple[str, str]]:
    return [(column.title, below) for column in table.columns for below in column.below or ("",)]


def row(table: SideTable, name: str) -> dict[tuple[str, str], str]:
    """Text of each cell by its headings; a cell across both sides stands below both."""
    (found,) = [one for one in (*table.regions, *table.parts) if one.name == name]
    texts = [cell.text for cell in found.cells for _ in range(cell.span)]
    return dict(zip(heads(table), texts, strict=True))


def swapped(result: StudyResult) -> StudyResult:
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.NONE: Side.NONE}
    regions = tuple(replace(region, side=other[region.side]) for region in result.signals.regions)
    return replace(result, signals=replace(result.signals, regions=regions))


def test_each_side_stands_below_its_own_heading_and_jumps_to_itself() -> None:
    result = build_result()
    left, right = (next(r for r in result.signals.regions if r.region_label == label) for label in (1, 2))
    table = side_table(result)
    ilium = row(table, "ilium")
    for place, side in ((left, "left"), (right, "right")):
        told = ilium["T1 / muscle", side]
        assert told == f"{place.measurement('t1_marrow_to_muscle').value:.2f}"
    (found,) = [one for one in table.regions if len(one.jumps) == 2]
    assert found.jumps == (("left", "region-1"), ("right", "region-2"))
    assert [cell.jump for cell in found.cells[:2]] == ["region-1", "region-2"]


def test_a_mirrored_patient_swaps_the_columns_and_nothing_else() -> None:
    there, back = (side_table(one) for one in (build_result(), swapped(build_result())))
    assert heads(there) == heads(back)
    for one, other in zip(there.regions, back.regions, strict=True):
        texts = [cell.text for cell in one.cells]
        mirrored = [cell.text for cell in other.cells]
        assert sorted(texts) == sorted(mirrored)
    sided = [place for place, one in enumerate(there.regions) if len(one.jumps) == 2]
    assert sided
    for place in sided:
        one, other = there.regions[place].cells, back.regions[place].cells
        assert (one[0].text, one[1].text) == (other[1].text, other[0].text)


def test_every_row_fills_every_column() -> None:
    for result in (build_result(), without_lesions()):
        table = side_table(result)
        for one in (*table.regions, *table.parts):
            assert sum(cell.span for cell in one.cells) == len(heads(table)), one.name


def test_what_was_not_measured_says_so_and_a_note_says_why() -> None:
    result = build_result()
    first, *others = result.signals.regions
    gone = Measurement(
        id="D01", name="t1_marrow_to_muscle", value=None, status=MeasurementStatus.NOT_EVALUABLE, reason="too small"
    )
    kept = tuple(gone if m.name == gone.name else m for m in first.measurements)
    signals = replace(result.signals, regions=(replace(first, measurements=kept), *others))
    table = side_table(replace(result, signals=signals))
    (found,) = [one for one in table.regions if len(one.jumps) == 2]
    assert found.cells[0].text == "not measured" and not found.cells[0].number
    assert dict(table.notes)[found.cells[0].mark] == "not measured: too small"


def test_what_the_medians_leave_out_is_named_as_it_is_known() -> None:
    result = build_result()
    first, *rest = result.signals.symmetry
    held = replace(
        result.signals,
        whole=replace(result.signals.whole, name="whole marrow without what stood out on STIR"),
        lesions=None,
        lesions_reason="fat is not suppressed",
        symmetry=(first, replace(first, key="background"), *rest),
    )
    unsought = replace(held, whole=replace(held.whole, name="whole marrow"), symmetry=result.signals.symmetry)
    told = {
        words: render_report(replace(result, signals=signals)).partition('<section id="sides">')[2]
        for words, signals in (("held", held), ("unsought", unsought), ("told", result.signals))
    }
    assert "what stood out on STIR left out" in told["held"] and "lesions not told apart" not in told["held"]
    assert "Whole marrow, without what stood out on STIR" in told["held"]
    assert "lesions not told apart" in told["unsought"] and "in the first row" not in told["unsought"]
    assert "lesions left out" in told["told"]


def test_without_sides_there_is_one_column_a_measure() -> None:
    result = build_result()
    regions = tuple(replace(region, side=Side.NONE, key=f"l{region.region_label}") for region in result.signals.regions)
    result = replace(result, signals=replace(result.signals, regions=regions, symmetry=()))
    table = side_table(result)
    assert not table.sided and all(len(column.below) == 0 for column in table.columns)
    assert [one.jumps for one in table.regions[1:]] == [(("show", f"region-{n}"),) for n in (1, 2, 3)]
    assert "Left against right" not in render_report(result).partition('<section id="sides">')[2].partition("</h2>")[0]


@given(st.floats(min_value=0, max_value=500, allow_nan=False))
def test_a_volume_is_never_told_as_nothing(value: float) -> None:
    assert (volume(value) == "0.0") is (value == 0)


@given(st.floats(-200, 200), st.sampled_from(["1", "percent", "ml", "mm"]))
def test_a_column_has_one_number_of_digits(value: float, unit: str) -> None:
    made = Measurement(id="D", name="t1_marrow_to_muscle", value=value, ci_low=value, ci_high=value, unit=unit)
    cell = measured_cell(made, Notes())
    zero = measured_cell(replace(made, value=0.0, ci_low=0.0, ci_high=0.0), Notes())
    assert cell.number and len(cell.text.partition(".")[2]) == len(zero.text.partition(".")[2])
    assert cell.small == f"{cell.text} to {cell.text}"
    assert not cell.text.startswith("−0.0") or float(cell.text.replace("−", "-")) != 0


def test_what_was_dropped_is_shown_on_the_slice_it_lies_on() -> None:
    result = build_result()
    geometry = result.pair.t1.geometry
    for index in (0, 5, geometry.shape[0] - 1):
        point = tuple(float(x) for x in geometry.to_patient((index, 10, 10)))
        one = DroppedCandidate(kind="vessel", reason="x", volume_ml=1, region_name="y", centroid_lps_mm=point)
        table = dropped_table(replace(result, signals=replace(result.signals, dropped=(one,))))
        assert [cell.jump for cell in table.rows[0] if cell.jump] == [f"slice-{index}"]
