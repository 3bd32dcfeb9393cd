"""What a spreadsheet, and a reader of RFC 4180, make of our cells."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.exports.tables.csv_text import csv_text

# OWASP, CSV Injection: a cell that begins with one of these is run as a formula.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "   =1", "\u00a0=1", "\ufeff=1", "\u200b=1", "＝1", "−1"],
)
def test_no_text_is_a_formula(text: str) -> None:
    (_, (cell,)) = cells(csv_text(["a"], [[text]]))
    assert cell.startswith("'") and cell.endswith("1" if "SUM" not in text else ")")


@pytest.mark.parametrize("number", [-1.5, -3, 0.0, 1e-300, 12])
def test_numbers_stay_numbers(number: float) -> None:
    (_, (cell,)) = cells(csv_text(["a"], [[number]]))
    assert float(cell) == number and not cell.startswith("'")


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_an_empty_cell(missing: float | None) -> None:
    assert csv_text(["a", "b"], [[missing, 1]]) == "a,b\r\n,1\r\n"


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=4))
def test_any_text_stays_one_cell_on_one_line(rows: list[list[str]]) -> None:
    text = csv_text(["a", "b", "c"], rows)
    read = cells(text)
    assert len(read) == len(rows) + 1 == text.count("\r\n") == text.count("\n") == text.count("\r")
    for given_row, row in zip(rows, read[1:], strict=True):
        assert len(row) == 3
        for before, after in zip(given_row, row, strict=True):
            assert not after.startswith(STARTS)
            words = " ".join("".join(c if c.isprintable() else " " for c in before).split())
            assert after in (words, f"'{words}")


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="2 cells under 1"):
        csv_text(["a"], [[1, 2]])
