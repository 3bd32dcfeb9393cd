from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

from marrowsignal.exports.tables.data_dictionary import columns_json, dictionary_markdown
from marrowsignal.exports.tables.dictionary import (
    COLUMNS,
    LESION_COLUMNS,
    QUALITY_COLUMNS,
    REGION_COLUMNS,
    SYMMETRY_COLUMNS,
)
from marrowsignal.exports.tables.study_columns import study_columns, study_parts
from marrowsignal.exports.tables.study_tables import (
    bones_csv,
    dark_foci_csv,
    lesions_csv,
    quality_csv,
    regions_csv,
    symmetry_csv,
    write_tables,
)
from marrowsignal.protocol import load_protocol
from marrowsignal.regions.records import Side
from marrowsignal.signals.records import BoneSignals, Measurement
from tests.exports.told_columns import told_columns
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
        (quality_csv(result), QUALITY_COLUMNS),
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


def test_quality_has_a_row_for_each_gate_in_its_order() -> None:
    result = build_result()
    table = rows(quality_csv(result))
    assert [(row["key"], row["series"], row["state"]) for row in table] == [
        (gate.key, gate.series, gate.state.value) for gate in result.quality.gates
    ]
    for row, gate in zip(table, result.quality.gates, strict=True):
        assert (float(row["value"]) if row["value"] else None) == gate.value
        assert (row["consequence"], row["limit"], row["source"]) == (gate.consequence.value, gate.limit, gate.source)


def test_tables_are_written_as_utf8_with_the_line_ends_of_rfc_4180(tmp_path: Path) -> None:
    result = build_result()
    region = replace(result.signals.regions[0], name='ílion, "left"')
    result = replace(result, signals=replace(result.signals, regions=(region,)))
    write_tables(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bones.csv",
        "columns.json",
        "lesions.csv",
        "measurements.csv",
        "quality.csv",
        "regions.csv",
        "study.csv",
        "symmetry.csv",
    ]
    raw = (tmp_path / "regions.csv").read_bytes()
    assert raw.endswith(b"\r\n") and raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert rows(raw.decode("utf-8"))[1]["region_name"] == 'ílion, "left"'


def test_every_column_of_every_table_is_in_the_dictionary(tmp_path: Path) -> None:
    write_tables(build_result(), tmp_path)
    told = told_columns((tmp_path / "columns.json").read_text(encoding="utf-8"))
    for file in tmp_path.glob("*.csv"):
        header = next(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        assert header == [column["name"] for column in told[file.name]], file.name
    for column in (column for columns in told.values() for column in columns):
        assert column["description"].endswith("."), column
        assert column["unit"] and column["field"]


def test_the_dictionary_is_small_and_loses_nothing_of_any_column() -> None:
    protocol = load_protocol("hips")
    text = columns_json((*COLUMNS, *study_parts(protocol)))
    assert len(text) < 100_000  # one lies in each of thousands of case folders
    told = [(table, column) for table, columns in told_columns(text).items() for column in columns]
    for (table, found), column in zip(told, (*COLUMNS, *study_columns(protocol)), strict=True):
        assert (table, found["name"], found["unit"]) == (column.table, column.name, column.unit)
        assert (found["type"], tuple(found.get("allowed", ()))) == (column.type, column.allowed)
        assert (found["description"], found["field"]) == (column.description, column.source)
        assert found.get("descriptor", "") == column.descriptor


def test_every_cell_is_of_the_type_the_dictionary_tells(tmp_path: Path) -> None:
    write_tables(build_result(), tmp_path)
    told = told_columns((tmp_path / "columns.json").read_text(encoding="utf-8"))
    kinds = {(table, one["name"]): one for table, columns in told.items() for one in columns}
    seen = set()
    for file in tmp_path.glob("*.csv"):
        for row in rows(file.read_text(encoding="utf-8")):
            for name, cell in row.items():
                kind = kinds[file.name, name]
                seen.add(kind["type"])
                if cell and kind["type"] == "choice":
                    assert cell in kind["allowed"], (file.name, name)
                elif cell and kind["type"] != "text":
                    assert math.isfinite((int if kind["type"] == "integer" else float)(cell)), (file.name, name)
    assert seen == {"text", "choice", "integer", "number"}


def test_the_dictionary_leaves_out_what_does_not_apply() -> None:
    (entry,) = json.loads(columns_json(COLUMNS[:1]))["tables"]
    assert entry["columns"][0].keys() == {"name", "unit", "type", "description", "field"}


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
