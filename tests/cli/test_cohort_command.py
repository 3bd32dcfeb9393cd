from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Outcome
from tests.cohort.case_builder import write_case_folder

Run = Callable[..., Outcome]


def test_tables_are_made_and_told(tmp_path: Path, run: Run) -> None:
    for case in ("x", "y"):
        write_case_folder(tmp_path, case)
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "result.json").touch()
    done = run("cohort", tmp_path, "--no-page", "-j", 1)
    assert done.code == 0
    assert "Studies: 2 done, 1 unreadable" in done.out
    assert "3 of 3 case folders read" in done.err
    assert "warning: 1 case folders cannot be read" in done.err
    assert (tmp_path / "cohort" / "studies.parquet").exists()
    assert not (tmp_path / "cohort.html").exists()


def test_json_holds_counts_and_no_path(tmp_path: Path, run: Run) -> None:
    write_case_folder(tmp_path, "x")
    done = run("cohort", tmp_path, "--no-page", "--json", "--quiet", "-j", 1)
    told = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert told["tables"]["studies"] == 1
    assert told["states"] == {"done": 1}
    assert str(tmp_path) not in done.out


def test_what_is_wrong_with_the_call_is_told_before_anything_is_written(tmp_path: Path, run: Run) -> None:
    assert run("cohort", tmp_path / "no").code == 5
    assert run("cohort", tmp_path, "--no-page").code == 5
    write_case_folder(tmp_path, "x")
    table = tmp_path / "Jane.csv"
    table.write_text("case,label,patient_name\nx,normal,Jane\n", encoding="utf-8")
    for option in ("--labels", "--covariates"):
        done = run("cohort", tmp_path, option, table)
        assert done.code == 2
        assert "Jane" not in done.err
    assert run("cohort", tmp_path, "--labels", tmp_path / "no.csv").code == 5
    assert not (tmp_path / "cohort").exists()
