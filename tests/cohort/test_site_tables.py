from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.cohort.covariates import read_covariates
from marrowsignal.cohort.labels import CaseLabel, read_labels
from marrowsignal.cohort.tables.build import build_cohort
from marrowsignal.errors import InputError, UsageError
from marrowsignal.exports.tables.columns import ColumnType
from tests.cohort.case_builder import write_case_folder


def table(folder: Path, text: str | bytes) -> Path:
    file = folder / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return file


def test_values_come_as_they_are_and_what_is_empty_is_not_known(tmp_path: Path) -> None:
    read = read_covariates(
        table(
            tmp_path,
            "\ufeffcase,AGE_years,sex,ferritin_ug_l,site,hours_ratio,smoking\r\n"
            "x,93,w,12.5,A,,never\r\n\r\ny,,Male,,B,0,\r\n",
        )
    )
    assert [column.name for column in read.columns] == [
        *("cov_age_years", "cov_sex", "cov_ferritin_ug_l", "cov_site", "cov_hours_ratio", "cov_smoking"),
    ]
    kinds = [ColumnType.NUMBER, ColumnType.CHOICE, ColumnType.NUMBER, ColumnType.TEXT, ColumnType.NUMBER]
    assert [column.type for column in read.columns] == [*kinds, ColumnType.TEXT]
    assert [column.unit for column in read.columns][:3] == ["years", "text", "ug/l"]
    assert all("never scored" in column.description for column in read.columns)
    assert read.rows == (
        ("x", (90.0, "F", 12.5, "A", None, "never")),
        ("y", (None, "M", None, "B", 0.0, None)),
    )


def test_a_spreadsheet_that_writes_semicolons_is_read(tmp_path: Path) -> None:
    read = read_covariates(table(tmp_path, "key;crp_mg_l\nx;3.5\n"))
    assert read.rows == (("x", (3.5,)),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no header"),
        ("case,,sex\nx,,F\n", "without"),
        ("case,sex,SEX\nx,F,F\n", "same header"),
        ("case,sex\nx,F,9\n", "row 2 has 3 cells"),
        ("sex\nF\n", "column case, or key"),
        ("case,key,sex\nx,x,F\n", "column case, or key"),
        ("case\nx\n", "no column but"),
        ("case,sex\nx,F\nx,M\n", "row 3"),
        ("case,sex\n,F\n", "row 2"),
        ("case,sex\nx,unknown\n", "neither F nor M"),
        ("case,ferritin\nx,1\n", "must be called ferritin_ug_l"),
        ("case,age\nx,50\n", "must be called age_years"),
        ("case,hemoglobin_mmol_l\nx,8\n", "must be called hemoglobin_g_dl"),
        ("case,crp_mg_l\nx,<3\n", "no number"),
        ('case,crp_mg_l\nx,"3,5"\n', "no number"),
        ("case,crp_mg_l\nx,nan\n", "no number"),
        ("case,vo2 max\nx,1\n", "cannot name a column"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_covariates(table(tmp_path, text))


@pytest.mark.parametrize(
    "header",
    [
        "name",
        "Patient_Name",
        "last name",
        "NACHNAME",
        "nom",
        "birth_date",
        "DOB",
        "Geburtsdatum",
        "MRN",
        "patient-id",
        "study_date",
        "e-mail",
        "StudyInstanceUID",
        "address_street",
    ],
)
def test_a_column_that_names_a_person_is_refused(tmp_path: Path, header: str) -> None:
    for read in (read_covariates, read_labels):
        with pytest.raises(UsageError, match="names a person"):
            read(table(tmp_path, f"case,label,{header}\nx,normal,Jane\n"))


@pytest.mark.parametrize("cell", ["1961-02-28", "28.02.1961", "2/28/61", "19610228", "1.2.840.113619.2.1.99", "a" * 65])
def test_a_cell_that_names_a_person_is_refused_and_not_repeated(tmp_path: Path, cell: str) -> None:
    with pytest.raises(UsageError, match="row 2 of its column 2") as told:
        read_covariates(table(tmp_path, f"case,remark\nx,{cell}\n"))
    assert cell not in str(told.value)


def test_texts_that_are_nearly_all_different_are_taken_for_names(tmp_path: Path) -> None:
    rows = "".join(f"c{number},Jane{number}\n" for number in range(12))
    with pytest.raises(UsageError, match="nearly all different"):
        read_covariates(table(tmp_path, f"case,remark\n{rows}"))
    groups = "".join(f"c{number},centre {number % 3}\n" for number in range(12))
    assert len(read_covariates(table(tmp_path, f"case,remark\n{groups}")).rows) == 12


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = table(tmp_path_factory.getbasetemp(), b"case,label\n" + content)
    for read in (read_covariates, read_labels):
        try:
            read(file)
        except (InputError, UsageError) as error:
            assert str(file) not in str(error)


def test_labels_are_those_of_calibrate_or_pattern_classes(tmp_path: Path) -> None:
    text = "case,label,reader,group\ny,Edema,r1,p\ny,MIXED,r2,p\nx,normal,,\nz,,,\n"
    assert read_labels(table(tmp_path, text)) == (
        CaseLabel(case="x", label="normal", reader="", group="", site=""),
        CaseLabel(case="y", label="edema", reader="r1", group="p", site=""),
        CaseLabel(case="y", label="MIXED", reader="r2", group="p", site=""),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,reader\nx,r\n", "columns are not"),
        ("case,label,extra\nx,normal,1\n", "columns are not"),
        ("case,label\nx,arthritis\n", "does not exist"),
        ("case,label\nx,normal\nx,edema\n", "row 3"),
        ("case,label\n,normal\n", "names no case"),
    ],
)
def test_labels_out_of_form_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_labels(table(tmp_path, text))


def test_they_are_joined_by_case_or_study_and_strangers_are_counted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for case in ("x", "y"):
        write_case_folder(out, case)
    covariates = table(tmp_path, "key,crp_mg_l,site\nx,1.5,A\nstranger,2,A\n")
    labels = tmp_path / "labels.csv"
    labels.write_text("case,label,reader\ny,other,r1\nJane,normal,r1\n", encoding="utf-8")
    built = build_cohort(out, labels=labels, covariates=covariates)
    with duckdb.connect(str(out / "cohort.duckdb"), read_only=True) as connection:
        joined = connection.execute('SELECT "case", cov_crp_mg_l, cov_site FROM studies').fetchall()
        told = connection.execute("FROM labels").fetchall()
    assert joined == [("x", 1.5, "A"), ("y", None, None)]
    assert told == [("y", "other", "r1", None, None)]
    assert {one.code for one in built.findings} >= {"covariates_unknown_case", "labels_unknown_case"}
    assert not any("Jane" in one.message or "stranger" in one.message for one in built.findings)


def test_the_queries_of_the_manual_run(tmp_path: Path, repository: Path) -> None:
    manual = (repository / "docs" / "cohort.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", manual, re.DOTALL)
    out = tmp_path / "out"
    write_case_folder(out, "x")
    build_cohort(out, covariates=table(tmp_path, "case,hemoglobin_g_dl\nx,13.5\n"))
    with duckdb.connect(str(out / "cohort.duckdb"), read_only=True) as connection:
        rows = [connection.execute(query).fetchall() for query in queries]
        covariate = rows[-1]
    assert len(queries) > 5
    assert covariate[0][2] == 13.5
    (python,) = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    told: dict[str, list] = {}
    exec(python.replace("OUT/", f"{out}/"), told)
    assert len(told["rows"]) == 1
    assert told["parquet"] == [(4,)]
