"""Criteria and groups of evidence in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marrowsignal.patterns.records import Criterion, CriterionState, EvidenceGroup, RegionCall, Sentence
from marrowsignal.report.views.wording import STATE_WORDS, cut_words, interval, number, sentence_case, with_unit

__all__ = [
    "CriterionRow",
    "GroupRow",
    "RegionCallRow",
    "SentenceRow",
    "StateCell",
    "criterion_rows",
    "group_rows",
    "region_call_rows",
    "sentence_rows",
    "state_cell",
]

_DIRECTIONS = {
    "reconversion": "reconversion",
    "edema": "edema",
    "infiltration": "infiltration",
    "gate": "quality gate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCell:
    """A state as symbol and word."""

    kind: str
    symbol: str
    words: str
    score: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionRow:
    """One criterion as printed."""

    id: str
    group: str
    direction: str
    statement: str
    value: str
    interval: str
    cut: str
    state: StateCell
    source: str
    jump: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group of evidence as printed: a cell for each direction."""

    id: str
    name: str
    reconversion: StateCell
    edema: StateCell
    infiltration: StateCell


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCallRow:
    """One region as printed: what it says by itself."""

    name: str
    words: str
    states: tuple[StateCell, ...]
    jump: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceRow:
    """One sentence of the summary and the criteria it rests on."""

    text: str
    criteria: str


def region_call_rows(regions: tuple[RegionCall, ...]) -> tuple[RegionCallRow, ...]:
    """Rows of the table of regions: low fat, high fat, low T1, excess water, lesion."""
    return tuple(
        RegionCallRow(
            name=item.name,
            words=item.words,
            states=tuple(
                state_cell(state)
                for state in (item.low_fat, item.high_fat, item.low_t1, item.excess_water, item.lesion)
            ),
            jump=f"region-{item.region_label}",
        )
        for item in regions
    )


def sentence_rows(sentences: tuple[Sentence, ...]) -> tuple[SentenceRow, ...]:
    """Rows that trace each sentence of the summary."""
    return tuple(SentenceRow(text=item.text, criteria=", ".join(item.criteria)) for item in sentences)


def criterion_rows(
    criteria: tuple[Criterion, ...], *, target: Callable[[Criterion], str] = lambda _: ""
) -> tuple[CriterionRow, ...]:
    """Rows of the evidence table, in the order of the call; `target` names what the viewer shows for one of them."""
    return tuple(
        CriterionRow(
            id=item.id,
            group=item.group,
            direction=_DIRECTIONS.get(item.direction, item.direction),
            statement=sentence_case(item.statement),
            value=with_unit(item.value, item.unit),
            interval=interval(item.ci_low, item.ci_high),
            cut=cut_words(item.cut),
            state=state_cell(item.state),
            source=item.source,
            jump=target(item),
        )
        for item in criteria
    )


def group_rows(groups: tuple[EvidenceGroup, ...]) -> tuple[GroupRow, ...]:
    """Rows of the table of groups."""
    return tuple(
        GroupRow(
            id=group.id,
            name=group.name,
            reconversion=state_cell(group.reconversion, group.score_reconversion),
            edema=state_cell(group.edema, group.score_edema),
            infiltration=state_cell(group.infiltration, group.score_infiltration),
        )
        for group in groups
    )


def state_cell(state: CriterionState, score: float = 0.0) -> StateCell:
    """Return how the state of a criterion is shown."""
    symbol, words = STATE_WORDS[state]
    return StateCell(
        kind=state.value,
        symbol=symbol,
        words=words,
        score=f"{'+' if score > 0 else ''}{number(score)}" if score else "",
    )
