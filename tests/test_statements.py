"""docs/statements.md keeps in step with the code, its limits and the method: nothing promised, nothing untold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from marrowsignal.patterns import PatternClass
from marrowsignal.results import descriptors

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "marrowsignal"
PROMISED = 34
HEAD = ("no.", "statement", "measured by", "limit", "shown in")
DESCRIPTOR = re.compile(r"\bD\d\d\b")
LINK = re.compile(r"\]\(([\w.]+)(?:#([\w-]+))?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statement."""

    number: int
    statement: str
    measured_by: str
    limit: str
    shown_in: str


def rows_of(text: str) -> tuple[Row, ...]:
    """The table of a page."""
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    assert tuple(cells[0]) == HEAD
    return tuple(Row(number=int(c[0]), statement=c[1], measured_by=c[2], limit=c[3], shown_in=c[4]) for c in cells[1:])


def anchors_of(text: str) -> set[str]:
    """Anchors that headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def computed() -> set[str]:
    """Descriptors that the code gives an id to: measurements and criteria."""
    levels = [getattr(descriptors, name) for name in descriptors.__all__ if name.endswith("_DESCRIPTORS")]
    catalogue = {descriptor.id for level in levels for descriptor in level}
    in_code = re.compile(r"""["'](D\d\d)(?:\.[\w.{}]*)?["']""")
    quoted = {
        found
        for folder in ("signals", "patterns", "comparison")
        for path in (SOURCE / folder).rglob("*.py")
        for found in in_code.findall(path.read_text(encoding="utf-8"))
    }
    return catalogue | quoted


def codes() -> set[str]:
    """Names of classes and add-ons."""
    text = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "patterns").rglob("*.py"))
    return {item.value for item in PatternClass} | set(re.findall(r'"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"', text))


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "statements.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(text: str) -> tuple[Row, ...]:
    return rows_of(text)


def test_every_statement_is_there_once(rows: tuple[Row, ...]) -> None:
    assert [row.number for row in rows] == list(range(1, PROMISED + 1))
    assert len({row.statement for row in rows}) == PROMISED
    assert all(row.statement.endswith(".") for row in rows)


def test_every_statement_is_measured_or_a_limit(rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert row.measured_by != "-" or "limits.md#" in row.limit, row.statement
        assert row.limit == "-" or "limits.md#" in row.limit, row.statement


def test_every_descriptor_named_is_computed(rows: tuple[Row, ...]) -> None:
    known = computed()
    for row in rows:
        assert set(DESCRIPTOR.findall(row.measured_by)) <= known, row.statement


def test_every_class_and_add_on_named_exists(rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", row.measured_by)) <= codes(), row.statement


def test_every_link_leads_somewhere(text: str) -> None:
    links = LINK.findall(text)
    assert links
    for page, anchor in links:
        target = DOCS / page
        assert target.is_file(), page
        assert not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")), f"{page}#{anchor}"


def test_every_place_named_exists(rows: tuple[Row, ...]) -> None:
    from marrowsignal.exports.tables.dictionary import COLUMNS
    from marrowsignal.results.document_models import ResultDocument

    for row in rows:
        for table in re.findall(r"\w+\.csv", row.shown_in):
            assert table in {column.table for column in COLUMNS}, row.statement
        for key in re.findall(r"`(\w+)`", row.shown_in.replace("`compare`", "")):
            assert key in ResultDocument.model_fields, row.statement


def test_every_descriptor_of_the_code_is_told(text: str) -> None:
    told = set(DESCRIPTOR.findall(text)) | set(DESCRIPTOR.findall((DOCS / "method.md").read_text(encoding="utf-8")))
    assert computed() <= told


def test_what_the_check_itself_sees() -> None:
    page = f"# One\n## What T1 and STIR cannot tell\n| {' | '.join(HEAD)} |\n|---|---|---|---|---|\n"
    row = "| 1 | It is. | D01, `D02` | [x](limits.md#time) | regions.csv |\n"
    assert rows_of(page + row)[0].measured_by == "D01, `D02`"
    assert anchors_of(page) == {"one", "what-t1-and-stir-cannot-tell"}
    assert LINK.findall(row) == [("limits.md", "time")]
    assert {"D01", "D20", "D31"} <= computed()
    assert {"HIGH_FAT", "MIXED"} <= codes()
