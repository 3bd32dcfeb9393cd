from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.cohort.ledger import Ledger
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseAnswer, CaseState, MadeCase, StudySource
from marrowsignal.cohort.shards import in_shard
from marrowsignal.cohort.tables.build import build_cohort
from marrowsignal.cohort.tables.columns import LONG_TABLES, StudyState
from marrowsignal.cohort.tables.csv_files import CsvTable
from marrowsignal.cohort.tables.database import write_database
from marrowsignal.cohort.tables.records import Cohort
from marrowsignal.cohort.tables.studies import study_rows
from marrowsignal.cohort.tables.tabulate import TabulatedCase
from marrowsignal.errors import InputError, OutputError, UsageError
from marrowsignal.exports.layout import Layout
from marrowsignal.exports.tables.columns import Column, ColumnType
from marrowsignal.exports.tables.csv_text import csv_text
from marrowsignal.results.study_result import StudyResult
from tests.cohort.case_builder import write_case_folder
from tests.exports.told_columns import told_columns
from tests.report.study_builder import build_result, without_lesions

CASES = ("b-1", "a_2", "B3", "0a1b2c3d4e5f")


def unsearched() -> StudyResult:
    """A study in which lesions were not looked for, and foci dark on T1 were."""
    result = build_result()
    return replace(result, signals=replace(result.signals, lesions=None, dark_foci=result.signals.lesions))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cases of both layouts, one without a search for lesions, and their tables."""
    out = tmp_path_factory.mktemp("cohort")
    for case, layout in zip(CASES, (Layout.CASE, Layout.BIDS, Layout.CASE, Layout.CASE), strict=True):
        write_case_folder(out, case, layout=layout, result=unsearched() if case == "B3" else None)
    build_cohort(out)
    return out


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def query(out: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(out / "cohort.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def states(built: Cohort) -> dict[str, int]:
    return {one.state: one.rows for one in built.states}


def products(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((out / "cohort").iterdir())}


@pytest.mark.parametrize("table", [table.name for table in LONG_TABLES])
def test_rows_are_the_very_bytes_of_the_cases_own_tables(cases: Path, table: str) -> None:
    def own(case: str) -> tuple[bytes, bytes]:
        folder = next(one for one in (cases / case, cases / f"sub-{case.replace('_', '')}") if one.exists())
        file = folder / f"{table}.csv"
        header, _, body = file.read_bytes().partition(b"\r\n") if file.exists() else (b"", b"", b"")
        return header, body

    columns = next(one.columns for one in LONG_TABLES if one.name == table)
    header = ",".join(column.name for column in columns).encode() + b"\r\n"
    assert {own(case)[0] + b"\r\n" for case in CASES} <= {header, b"\r\n"}
    assert (cases / "cohort" / f"{table}.csv").read_bytes() == header + b"".join(own(case)[1] for case in sorted(CASES))


def test_studies_say_of_a_case_what_its_own_study_table_says(cases: Path) -> None:
    (own,) = rows_of(cases / "b-1" / "study.csv")
    (row,) = [row for row in rows_of(cases / "cohort" / "studies.csv") if row["case"] == "b-1"]
    shared = set(own) & set(row)
    assert len(shared) > 150
    assert {name: row[name] for name in shared} == {name: own[name] for name in shared}
    document = json.loads((cases / "b-1" / "result.json").read_bytes())
    assert row["input_sha256"] == document["provenance"]["input_sha256"]
    assert row["t1_slice_count"] == str(document["series"]["t1"]["slices"])
    assert row["pattern_reasons"] == "; ".join(document["pattern"]["reasons"])
    assert (row["state"], row["study"], row["folder"]) == ("done", "b-1", "b-1")


def test_nothing_in_the_tables_depends_on_order_runs_or_processes(cases: Path, tmp_path: Path) -> None:
    for case in sorted(CASES):
        source = cases / case if (cases / case).exists() else cases / "sub-a2"
        shutil.copytree(source, tmp_path / source.name)
    first = build_cohort(tmp_path)
    before = products(tmp_path)
    assert build_cohort(tmp_path, workers=2).sha256 == first.sha256
    assert products(tmp_path) == before == products(cases)


def test_tables_are_typed_by_their_columns_and_what_is_not_measured_is_null(cases: Path) -> None:
    told = told_columns((cases / "cohort" / "columns.json").read_text(encoding="utf-8"))
    kinds = {"text": "VARCHAR", "choice": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE"}
    for table in ("studies", *(one.name for one in LONG_TABLES)):
        found = query(cases, f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'")
        assert found == [(column["name"], kinds[column["type"]]) for column in told[f"{table}.csv"]]
    looked = dict(query(cases, 'SELECT "case", lesion_status FROM studies'))
    assert looked["B3"] == "not_evaluable"
    assert looked["b-1"] == "measured"
    assert query(cases, "SELECT lesion_count, lesion_volume_ml FROM studies WHERE \"case\" = 'B3'") == [(None, None)]
    assert query(cases, "SELECT count(*) FROM lesions WHERE \"case\" = 'B3'") == [(0,)]


def test_database_parquet_and_csv_hold_the_same(cases: Path) -> None:
    for table in ("studies", *(one.name for one in LONG_TABLES)):
        parquet = f"read_parquet('{cases / 'cohort' / table}.parquet')"
        assert (
            query(cases, f"(FROM {table} EXCEPT ALL FROM {parquet}) UNION ALL (FROM {parquet} EXCEPT ALL FROM {table})")
            == []
        )
    number = query(cases, "SELECT t1_marrow_to_muscle_ratio FROM regions WHERE label = 1 AND \"case\" = 'b-1'")
    (row,) = [row for row in rows_of(cases / "b-1" / "regions.csv") if row["label"] == "1"]
    assert number == [(float(row["t1_marrow_to_muscle_ratio"]),)]


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            st.one_of(st.none(), st.text("aä,;\"'=-1\u3042 ", max_size=9).map(str.strip)),
        ),
        max_size=40,
    )
)
def test_every_cell_comes_back_from_the_database_and_from_parquet(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    kinds = (("number", "mm", False), ("count", "1", True), ("words", "text", False), ("last", "text", False))
    columns = tuple(
        Column(table="t.csv", name=name, unit=unit, description="", descriptor="", source="", whole_number=whole)
        for name, unit, whole in kinds
    )
    assert [column.type for column in columns] == [ColumnType.NUMBER, ColumnType.INTEGER, *[ColumnType.TEXT] * 2]
    text = csv_text([column.name for column in columns], [(*row, "x") for row in rows])
    (folder / "t.csv").write_bytes(text.encode("utf-8"))
    table = CsvTable(name="t", columns=columns, file=folder / "t.csv")
    (count,) = write_database(folder / "t.duckdb", [table], parquet=folder, sha256="", findings=())
    told = [(number, whole, _plain(words), "x") for number, whole, words in rows]
    assert count.rows == len(rows)
    with duckdb.connect(str(folder / "t.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == told
        assert connection.execute(f"FROM read_parquet('{folder}/t.parquet')").fetchall() == told


def _plain(words: str | None) -> str | None:
    line = " ".join((words or "").split())
    return (f"'{line}" if line.startswith(("=", "-")) else line) or None


def damaged(out: Path) -> None:
    """Fill a folder with a good case and with every kind of bad one."""
    good = write_case_folder(out, "good")
    text = (good / "result.json").read_text(encoding="utf-8")
    for name, content in (
        ("cut", text.replace('"good"', '"cut"', 1)[: len(text) // 2]),
        ("0123456789ab", ""),
        ("Smith_Jane", "no JSON at all"),
        ("old", text.replace('"good"', '"old"', 1).replace('"schema_version": "1.5"', '"schema_version": "1.4"', 1)),
        ("listed", "[]"),
        ("dots", text.replace('"good"', '"../dots"', 1)),
        ("twin", text),
        ("long", text.replace('"good"', '"long"', 1).replace('"label": 1,', f'"label": {10**20},', 1)),
    ):
        (out / name).mkdir()
        (out / name / "result.json").write_text(content, encoding="utf-8")
    (out / "halved").mkdir()
    (out / "halved" / "study.csv").write_text("case", encoding="utf-8")
    (out / ".good.x.partial").mkdir()
    (out / ".good.x.partial" / "result.json").write_text(text, encoding="utf-8")
    (out / "notes").mkdir()
    (out / "notes" / "comparison.json").write_text("{}", encoding="utf-8")


def test_what_cannot_be_read_is_a_row_with_its_reason_and_hides_no_other(tmp_path: Path) -> None:
    damaged(tmp_path)
    built = build_cohort(tmp_path)
    assert states(built) == {"done": 1, "unreadable": 7, "outdated_schema": 1, "duplicate": 1}
    rows = rows_of(tmp_path / "cohort" / "studies.csv")
    told = {row["case"]: row["state_code"] for row in rows if row["state"] != "duplicate"}
    assert told == {
        "good": "",
        "cut": "result_damaged",
        "long": "result_damaged",
        "0123456789ab": "result_damaged",
        "old": "result_schema",
    } | {name: told[name] for name in told if name.startswith("folder-")}
    assert sorted(code for name, code in told.items() if name.startswith("folder-")) == [
        *["result_damaged"] * 3,
        "result_missing",
    ]
    (twin,) = [row for row in rows if row["state"] == "duplicate"]
    assert (twin["case"], twin["pattern_class"], twin["folder"]) == ("good", "", "")
    assert all(row["state_reason"] for row in rows if row["state"] != "done")
    assert {row["case"] for row in rows_of(tmp_path / "cohort" / "regions.csv")} == {"good"}
    assert {finding.code for finding in built.findings} == {
        "cohort_unreadable",
        "cohort_outdated_schema",
        "cohort_duplicate",
    }
    everything = b"".join(products(tmp_path).values()) + (tmp_path / "cohort.duckdb").read_bytes()
    assert b"Smith" not in everything
    assert str(tmp_path).encode() not in everything


def test_of_two_folders_with_one_case_the_one_named_by_it_is_taken(tmp_path: Path) -> None:
    write_case_folder(tmp_path, "z", result=without_lesions(), folder="a-copy")
    write_case_folder(tmp_path, "z")
    built = build_cohort(tmp_path)
    assert states(built) == {"done": 1, "duplicate": 1}
    assert query(tmp_path, "SELECT state, lesion_status, folder FROM studies") == [
        ("done", "measured", "z"),
        ("duplicate", None, None),
    ]


def test_the_same_images_under_two_names_and_mixed_versions_are_told(tmp_path: Path) -> None:
    result = build_result()
    write_case_folder(tmp_path, "x", result=result)
    write_case_folder(tmp_path, "y", result=replace(result, provenance=replace(result.provenance, version="0.0.9")))
    changed = replace(result.provenance, protocol_sha256="f" * 64, input_sha256="e" * 64)
    write_case_folder(tmp_path, "z", result=replace(result, provenance=changed))
    built = build_cohort(tmp_path)
    assert {one.code for one in built.findings} == {"cohort_same_input", "cohort_versions", "cohort_protocols"}
    assert query(tmp_path, "SELECT count(*) FROM findings") == [(3,)]
    assert any("x = y" in one.message for one in built.findings)


def test_old_tables_stay_when_new_ones_cannot_be_put_in_place(tmp_path: Path) -> None:
    write_case_folder(tmp_path, "x")
    build_cohort(tmp_path)
    before = products(tmp_path)
    write_case_folder(tmp_path, "y")
    (tmp_path / "cohort.duckdb").unlink()
    (tmp_path / "cohort.duckdb").mkdir()
    (tmp_path / "cohort.duckdb" / "full").touch()
    with pytest.raises(OutputError) as told:
        build_cohort(tmp_path)
    assert str(tmp_path) not in str(told.value)
    assert products(tmp_path) == before
    assert not list(tmp_path.glob(".cohort*"))


def test_a_reader_of_the_old_database_is_not_disturbed(tmp_path: Path) -> None:
    write_case_folder(tmp_path, "x")
    build_cohort(tmp_path)
    with duckdb.connect(str(tmp_path / "cohort.duckdb"), read_only=True) as reader:
        write_case_folder(tmp_path, "y")
        build_cohort(tmp_path)
        assert reader.execute('SELECT count(*), count(DISTINCT "case") FROM regions').fetchone() == (4, 1)
    assert query(tmp_path, "SELECT count(*) FROM studies") == [(2,)]


def test_a_folder_that_is_not_ours_is_neither_replaced_nor_taken_for_a_case(tmp_path: Path) -> None:
    write_case_folder(tmp_path, "x")
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="something else"):
        build_cohort(tmp_path)
    assert (tmp_path / "cohort" / "thesis.txt").exists()
    shutil.rmtree(tmp_path / "cohort")
    write_case_folder(tmp_path, "cohort")
    with pytest.raises(UsageError, match="cohort or private"):
        build_cohort(tmp_path)


def test_a_folder_without_cases_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case"):
        build_cohort(tmp_path)


def tabulated(case: str, **told: str) -> TabulatedCase:
    return TabulatedCase(case=case, state=StudyState.DONE, part=Path("part"), folder=case, facts="1", **told)


def made(*cases: str) -> tuple[MadeCase, ...]:
    return tuple(MadeCase(case=case, pattern_class="MIXED", confidence="low") for case in cases)


def test_studies_of_ledgers_without_a_folder_have_rows_with_their_reason() -> None:
    ledger = (
        LedgerRow(key="aa", state=CaseState.FAILED, code="memory_limit", reason="too large"),
        LedgerRow(key="bb", state=CaseState.REFUSED, code="no_pair", reason="no STIR"),
        LedgerRow(key="cc", state=CaseState.QUEUED),
        LedgerRow(key="dd", state=CaseState.DONE, cases=made("dd"), done_cases=made("dd")),
        LedgerRow(key="ee", state=CaseState.DONE, cases=made("ee"), done_cases=made("ee")),
    )
    rows = study_rows((tabulated("dd"),), ledger)
    assert [(row.case, row.state.value, row.code, row.tabulated is None) for row in rows] == [
        ("aa", "failed", "memory_limit", True),
        ("bb", "refused", "no_pair", True),
        ("dd", "done", "", False),
        ("ee", "missing", "case_folder_gone", True),
    ]


def test_pairs_of_one_study_share_it_and_one_that_failed_does_not_spoil_the_other() -> None:
    left = tabulated("aa-left", pair_label="left")
    (alone,) = study_rows((left,), ())
    assert alone.study == "aa"
    partly = LedgerRow(key="aa", state=CaseState.FAILED, code="x", reason="right failed", cases=made("aa-left"))
    rows = study_rows((left,), (partly,))
    assert [(row.case, row.study, row.state.value, row.code) for row in rows] == [
        ("aa", "aa", "failed", "x"),
        ("aa-left", "aa", "done", ""),
    ]


def test_a_later_failure_is_told_beside_the_older_values_and_a_superseded_case_has_none() -> None:
    later = LedgerRow(key="aa", state=CaseState.FAILED, code="x", reason="y", done_cases=made("aa"), superseded=("bb",))
    rows = study_rows((tabulated("aa"), tabulated("bb")), (later,))
    assert [(row.case, row.state.value, row.code, row.tabulated is None) for row in rows] == [
        ("aa", "done", "x", False),
        ("bb", "superseded", "case_superseded", True),
    ]


def test_ledgers_of_shards_are_read_and_attempts_leave_no_trace(tmp_path: Path) -> None:
    key, other = "0a1b2c3d4e5f", "f5e4d3c2b1a0"
    bad = CaseAnswer(state=CaseState.FAILED, stage="read_volume", code="no_slices", reason="there are no slices")
    write_case_folder(tmp_path, "x")
    shard = next((number, 2) for number in (1, 2) if in_shard(key, (number, 2)))
    before = None
    for retry in (False, True):
        with Ledger.open(tmp_path, shard=shard) as ledger:
            sources = [StudySource(key=key, paths=("/patients/Jane Doe",)), StudySource(key=other, paths=("/b",))]
            ledger.enqueue(sources, settings_sha256="s", retry_failed=retry)
            ledger.start(key)
            ledger.finish(key, bad)
        built = build_cohort(tmp_path)
        assert states(built) == {"done": 1, "failed": 1}
        assert query(tmp_path, "SELECT state_code, state_reason FROM studies WHERE state = 'failed'") == [
            ("no_slices", "there are no slices")
        ]
        assert before in (None, products(tmp_path))
        before = products(tmp_path)
    assert b"Jane" not in b"".join((before or {}).values())


ASKS_AND_WAITS = """
import sys
from pathlib import Path
from marrowsignal.cohort.tables.build import build_cohort

def wait(ready, total):
    print(ready, flush=True)
    sys.stdin.read()

build_cohort(Path(sys.argv[1]), workers=2, on_cases=wait)
"""


def test_processes_end_with_one_that_is_killed(tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"c{number}").mkdir()
        (tmp_path / f"c{number}" / "result.json").touch()
    line = [sys.executable, "-c", ASKS_AND_WAITS, str(tmp_path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        others = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(others) >= 2
    limit = time.monotonic() + 60
    while any(alive(one) for one in others):
        assert time.monotonic() < limit
        psutil.wait_procs(others, timeout=0.1)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
