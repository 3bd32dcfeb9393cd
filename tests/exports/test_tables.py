from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from marrowsignal.exports.tables.dictionary import (
    COLUMNS,
    LESION_COLUMNS,
    REGION_COLUMNS,
    SYMMETRY_COLUMNS,
    dictionary_markdown,
)
from marrowsignal.exports.tables.study_tables import (
    bones_csv,
    columns_csv,
    dark_foci_csv,
    lesions_csv,
    regions_csv,
    symmetry_csv,
    write_tables,
)
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import BoneSignals, Measurement
from tests.report.study_builder import build_result, without_lesions

DOCS = Path(__file__).parents[2] / "docs" / "outputs.md"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_headers_are_the_declared_columns_in_order() -> None:
    result = build_result()
    for text, columns in (
        (regions_csv(result), REGION_COLUMNS),
        (lesions_csv(result), LESION_COLUMNS),
        (symmetry_csv(result), SYMMETRY_COLUMNS),
    ):
        header = next(csv.reader(io.StringIO(text)))
        assert header == [column.name for column in columns]
        assert len(set(header)) == len(header)
        assert header[:3] == ["case", "pattern_class", "pattern_confidence"]


def test_cells_hold_the_measured_numbers_in_full() -> None:
    result = build_result()
    table = rows(regions_csv(result))
    assert [row["region_name"] for row in table] == ["all marrow", "left ilium", "right ilium", "sacrum"]
    left = table[1]
    measured = result.signals.regions[0].measurement("t1_marrow_to_muscle")
    assert float(left["t1_marrow_to_muscle_ratio"]) == measured.value
    assert float(left["t1_marrow_to_muscle_ratio_ci_low"]) == measured.ci_low
    assert left["t1_marrow_to_muscle_ratio_status"] == "measured"
    assert float(left["volume_ml"]) == result.regions.regions[0].volume_ml
    assert rows(lesions_csv(result))[0]["side"] == "left"


def test_an_empty_cell_means_not_measured() -> None:
    result = without_lesions()
    for row in rows(regions_csv(result))[1:]:
        assert row["t1_median_au"] == ""
        assert row["median_status"] == "not_evaluable"
        assert row["t1_marrow_to_muscle_ratio"] == ""
        assert row["t1_marrow_to_muscle_ratio_status"] == "not_evaluable"
        assert row["t1_marrow_to_muscle_ratio_reason"]
    assert rows(lesions_csv(result)) == []


def test_a_measurement_that_was_not_taken_is_told() -> None:
    result = build_result()
    region = replace(result.signals.regions[0], measurements=())
    row = rows(regions_csv(replace(result, signals=replace(result.signals, regions=(region,)))))[1]
    assert row["stir_marrow_to_muscle_ratio"] == ""
    assert row["stir_marrow_to_muscle_ratio_reason"] == "not part of this analysis"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1"])
def test_no_text_cell_is_a_formula(text: str) -> None:
    result = build_result()
    region = replace(result.signals.regions[0], name=text)
    table = rows(regions_csv(replace(result, signals=replace(result.signals, regions=(region,)))))
    assert table[1]["region_name"] == "'" + text.strip()


def test_negative_numbers_stay_numbers() -> None:
    result = build_result()
    lesion = replace(result.signals.lesions[0], centroid_lps_mm=(-1.5, 0.0, 2.0))
    table = rows(lesions_csv(replace(result, signals=replace(result.signals, lesions=(lesion,)))))
    assert table[0]["centroid_x_lps_mm"] == "-1.5"


def test_tables_are_written_as_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    result = build_result()
    region = replace(result.signals.regions[0], name='ílion, "left"')
    result = replace(result, signals=replace(result.signals, regions=(region,)))
    write_tables(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bones.csv",
        "columns.csv",
        "lesions.csv",
        "regions.csv",
        "symmetry.csv",
    ]
    raw = (tmp_path / "regions.csv").read_bytes()
    assert b"\r" not in raw
    assert rows(raw.decode("utf-8"))[1]["region_name"] == 'ílion, "left"'


def test_every_column_is_in_the_dictionary() -> None:
    told = {(row["table"], row["column"]) for row in rows(columns_csv())}
    assert told == {(column.table, column.name) for column in COLUMNS}
    for column in COLUMNS:
        assert column.description.endswith("."), column.name
        assert column.unit and column.source


def test_the_manual_holds_the_current_dictionary() -> None:
    text = DOCS.read_text(encoding="utf-8")
    begin, end = "<!-- columns: generated -->", "<!-- columns: end -->"
    assert text[text.index(begin) + len(begin) : text.index(end)].strip() == dictionary_markdown().strip()


def test_nan_is_an_empty_cell_that_says_so() -> None:
    result = build_result()
    region = result.signals.regions[0]
    region = replace(region, measurements=(replace(region.measurements[0], value=float("nan")),))
    row = rows(regions_csv(replace(result, signals=replace(result.signals, regions=(region,)))))[1]
    assert row["t1_marrow_to_muscle_ratio"] == ""
    assert row["t1_marrow_to_muscle_ratio_status"] == "not_evaluable"


BONES = (
    BoneSignals(
        key="distal_femur",
        name="distal femur, left",
        side=Side.LEFT,
        measurements=(Measurement(id="D26", name="epiphysis_fat_signal", value=0.8, ci_low=0.75, ci_high=0.85),),
    ),
)


def test_foci_dark_on_t1_and_bones_have_their_tables() -> None:
    result = build_result()
    (lesion,) = result.signals.lesions
    focus = replace(lesion, region_name="=sacrum")
    found = replace(result, signals=replace(result.signals, dark_foci=(focus,), bones=BONES))
    (row,) = rows(dark_foci_csv(found))
    assert row["region_name"] == "'=sacrum"
    assert float(row["volume_ml"]) == lesion.volume_ml
    (bone,) = rows(bones_csv(found))
    assert (bone["bone"], bone["bone_name"], bone["side"]) == ("distal_femur", "distal femur, left", "left")
    assert float(bone["epiphysis_fat_signal_ratio"]) == 0.8
    assert bone["necrosis_rim_fraction"] == ""
    assert bone["necrosis_rim_fraction_reason"] == "not part of this analysis"


def test_foci_not_looked_for_have_no_table_and_none_found_an_empty_one(tmp_path: Path) -> None:
    result = build_result()
    assert dark_foci_csv(replace(result, signals=replace(result.signals, dark_foci=None))) is None
    none = replace(result, signals=replace(result.signals, dark_foci=()))
    assert rows(dark_foci_csv(none)) == rows(bones_csv(none)) == []
    write_tables(none, tmp_path)
    assert {"dark_foci.csv", "bones.csv"} <= {path.name for path in tmp_path.iterdir()}
