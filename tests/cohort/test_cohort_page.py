"""The page of a cohort: its counts are those of the tables, and nothing in them acts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import numpy as np
import pytest

from marrowsignal.cohort.page import render_cohort_page, write_cohort_page
from marrowsignal.cohort.page.drift import drift_tables, told_differences
from marrowsignal.cohort.page.groups import acquisition_groupings, text_grouping
from marrowsignal.cohort.page.measures import study_measures
from marrowsignal.cohort.page.outliers import find_outliers, suspects
from marrowsignal.cohort.page.page_data import CohortData
from marrowsignal.cohort.page.page_tables import read_cohort_data
from marrowsignal.cohort.page.picks import Picks
from marrowsignal.cohort.page.reader_view import reader_views
from marrowsignal.errors import InputError, OutputError
from tests.cohort.cohort_builder import CLASSES, add_labels, build_database, case_name

HOSTILE = '"><script>alert(1)</script></script>javascript:=1+1'


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_database(tmp_path_factory.mktemp("cohort") / "cohort.duckdb")


@pytest.fixture(scope="module")
def data(database: Path) -> CohortData:
    return read_cohort_data(database)


@pytest.fixture(scope="module")
def html(data: CohortData) -> str:
    return render_cohort_page(data)


def block(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="cohort-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def studies_of(pick: dict[str, Any]) -> list[int]:
    steps = [int(step) for step in pick["studies"].split(",")] if pick["studies"] else []
    return np.cumsum(steps).tolist() if steps else []


def picks(html: str) -> Iterator[tuple[str, list[int]]]:
    return ((one["title"], studies_of(one)) for one in block(html)["picks"])


def test_sets_are_what_a_query_finds(html: str, database: Path) -> None:
    found = dict(picks(html))
    with duckdb.connect(str(database), read_only=True) as connection:
        cases = [case for (case,) in connection.execute('SELECT "case" FROM studies ORDER BY 1').fetchall()]

        def rows(query: str) -> list[int]:
            return sorted(cases.index(case) for (case,) in connection.execute(query).fetchall())

        assert block(html)["cases"] == cases
        edema = rows("SELECT \"case\" FROM studies WHERE pattern_class = 'FOCAL_EDEMA_LIKE'")
        assert found["Focal edema-like pattern"] == edema
        warned = rows("SELECT \"case\" FROM quality WHERE key = 'alignment' AND state = 'warn'")
        assert found["warns: STIR against T1: estimated error"] == warned
        assert found["Failed"] == rows("SELECT \"case\" FROM studies WHERE state = 'failed'")
        signs = rows("SELECT \"case\" FROM studies WHERE pattern_add_ons = 'HIGH_FAT'")
        assert found["Fat signal above what is expected"] == signs


def test_a_reason_is_counted_once_whatever_its_numbers(html: str) -> None:
    found = dict(picks(html))
    assert len(found["the error is … mm [cannot be assessed]"]) == sum(at % 4 == 3 for at in range(57))


def test_both_sides_stand_in_the_plane_and_what_is_missing_is_null(html: str, data: CohortData) -> None:
    told = block(html)
    titles = [region["title"] for region in told["plane"]["regions"]]
    assert titles == ["whole marrow without lesions", "ilium"]
    ilium = told["plane"]["regions"][1]
    assert len(ilium["t1"]) == len(ilium["stir"]) == len(ilium["sides"]) == 2 * 57
    age = next(one for one in told["columns"] if one["key"] == "age")["values"]
    assert age[5] is None and age[6] == 26 and age[-1] is None
    assert data.regions[1].study.size == 2 * 57 and set(data.regions[1].side) == {"left", "right"}


def test_the_wrong_studies_come_first_and_what_fails_everywhere_is_no_ground(data: CohortData) -> None:
    ranked = suspects(data, find_outliers(data, study_measures(data.studies)))
    assert ranked[0].study == 0 and ranked[0].grounds[0].startswith("marrow mask")
    assert "fails: Metal" in next(one for one in ranked if one.study == 1).grounds
    assert len(ranked) < 10
    assert not any("Signal to noise" in words for one in ranked for words in one.grounds)


def test_a_scanner_that_differs_is_told_and_the_others_are_not(data: CohortData) -> None:
    measures = study_measures(data.studies)
    tables = drift_tables(data.studies.text("protocol"), acquisition_groupings(data.studies), measures, Picks())
    told = told_differences(tables)
    assert [(one.group, one.measure) for one in told] == [("scanner Second 1.5 T", "fat / muscle, STIR")]
    assert "higher" in told[0].words
    by_manufacturer = text_grouping("maker", "maker", data.studies.text("manufacturer"))
    both = drift_tables(
        data.studies.text("protocol"), [*acquisition_groupings(data.studies), by_manufacturer], measures, Picks()
    )
    assert [one.others for one in told_differences(both)] == [("maker Second",)]


def test_a_reader_is_compared_where_both_name_a_class_and_nobody_is_dropped_silently(tmp_path: Path) -> None:
    database = build_database(tmp_path / "cohort.duckdb")
    words = {"NORMAL_FOR_AGE": "normal", "FOCAL_EDEMA_LIKE": "edema", "SYMMETRIC_RECONVERSION_LIKE": "reconversion"}
    rows = [(case_name(at), words.get(CLASSES[at % 4][0], "edema"), "A", None) for at in range(60)]
    rows[0] = (rows[0][0], "other", "A", None)
    rows[1] = (rows[1][0], "normal", "A", None)
    repeated = [(case, label, "B", f"p{at // 4}") for at, (case, label, _, _) in enumerate(rows)]
    add_labels(database, rows + repeated)
    first, second = reader_views(read_cohort_data(database), Picks())
    opened, failed = sum(at % 4 == 3 for at in range(57)), 3
    assert first.labelled == 60 and first.compared == 60 - 1 - opened - failed
    assert first.compared + sum(count for _, count, _ in first.left_out) == first.labelled
    assert first.accuracy.value == pytest.approx((first.compared - 1) / first.compared)
    assert (first.abstained.count, first.abstained.value) == (56, pytest.approx(opened / 56))
    assert sum(value for _, cells in first.rows for value, _, _ in cells) == 56
    assert (first.persons, first.resampled, second.persons, second.resampled) == (60, False, 15, True)
    assert second.kappa.value == first.kappa.value and second.kappa.low != first.kappa.low
    perfect = next(one for one in second.classes if one.sensitivity.value == 1.0)
    assert 0 < perfect.sensitivity.low < 1.0 == perfect.sensitivity.high
    assert perfect.roc is None or perfect.roc.area.low is None or perfect.roc.area.low < 1.0
    edema = next(one for one in first.classes if one.words == "Focal edema-like pattern")
    assert edema.abstained == opened and edema.sensitivity.count == edema.labelled


def test_the_same_tables_make_the_same_bytes_and_an_old_page_is_replaced(database: Path, tmp_path: Path) -> None:
    page = write_cohort_page(tmp_path, database)
    before = page.read_bytes()
    page.write_text("old")
    assert write_cohort_page(tmp_path, database).read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["cohort.html"]


def test_no_name_of_a_case_acts(tmp_path: Path) -> None:
    database = build_database(tmp_path / "cohort.duckdb", name=HOSTILE, named=0)
    add_labels(database, [(HOSTILE, HOSTILE, HOSTILE, HOSTILE)])
    html = render_cohort_page(read_cohort_data(database))
    assert html.count("<script") == html.count("</script>") == 2
    assert HOSTILE in block(html)["cases"]
    links = re.findall(r'href="([^"]*)"', html)
    assert all(link.startswith(("./", "#")) for link in links)
    assert f"./{quote(HOSTILE)}/report.html" in links
    assert not any("<" in link or ":" in link for link in links)
    script = re.search(r"</script>\n<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    assert f"script-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")
    assert " style=" not in html and " onclick" not in html


@pytest.mark.parametrize(("studies", "failed"), [(0, 0), (1, 0), (1, 1), (3, 3)])
def test_cohorts_of_none_one_or_only_failures_have_a_page(tmp_path: Path, studies: int, failed: int) -> None:
    database = build_database(tmp_path / "cohort.duckdb", studies=studies, failed=failed)
    html = render_cohort_page(read_cohort_data(database))
    noun = "study" if studies == 1 else "studies"
    assert f"<h1>{studies} {noun}, {studies - failed} analyzed</h1>" in html
    assert "nan" not in re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL).lower().split()


def test_tables_that_cannot_be_read_and_folders_that_cannot_be_written_are_told_without_a_path(
    tmp_path: Path, database: Path
) -> None:
    wrong = tmp_path / "wrong.duckdb"
    wrong.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError) as caught:
        read_cohort_data(wrong)
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(OutputError) as missing:
        write_cohort_page(tmp_path / "gone", database)
    assert str(tmp_path) not in str(missing.value)
