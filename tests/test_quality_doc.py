"""docs/quality.md keeps in step with the gates as they are declared.

``python -m tests.test_quality_doc`` writes its table anew.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.quality.records import Consequence, GateState
from marrowsignal.quality.table import GATES, GateDeclaration
from marrowsignal.report.views.wording import GATE_WORDS

DOCS = Path(__file__).parents[1] / "docs" / "quality.md"
BEGIN, END = "<!-- gates: generated -->", "<!-- gates: end -->"


@pytest.fixture(scope="module")
def text() -> str:
    return DOCS.read_text(encoding="utf-8")


def holds(row: GateDeclaration) -> str:
    told = [f"{word}: `{kind.value}`" for word, said, kind in (
        ("warns", row.warns, row.on_warn), ("fails", row.fails, row.on_fail),
    ) if said and kind is not Consequence.NONE]  # fmt: skip
    if row.on_unknown is not Consequence.NONE:
        told.append(f"(`{row.on_unknown.value}`)")
    return "; ".join(told)


def table(protocol: Protocol) -> str:
    head = ["| gate | series | what is checked | limit | holds back | source |", "|---|---|---|---|---|---|"]
    rows = [
        (f"`{row.key}`", ", ".join(filter(None, row.series)), row.name, row.limit(protocol), holds(row), row.source)
        for row in GATES
    ]
    return "\n".join([*head, *(f"| {' | '.join(cells)} |" for cells in rows)])


def test_the_table_is_that_of_the_code(text: str) -> None:
    written = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert written.splitlines() == table(load_protocol("generic")).splitlines()


def test_every_gate_is_described_once(text: str) -> None:
    told = Counter(re.findall(r"\(`(\w+)`\)", text.split("## What each looks at")[1]))
    assert told == {row.key: 1 for row in GATES}


def test_every_state_and_consequence_is_explained(text: str) -> None:
    for state in GateState:
        assert f"| {' '.join(GATE_WORDS[state])} |" in text
    for kind in Consequence:
        assert (f"| `{kind.value}` |" in text) is (kind is not Consequence.NONE)


if __name__ == "__main__":
    whole = DOCS.read_text(encoding="utf-8")
    start, rest = whole[: whole.index(BEGIN) + len(BEGIN)], whole[whole.index(END) :]
    DOCS.write_text(f"{start}\n{table(load_protocol('generic'))}\n{rest}", encoding="utf-8")
