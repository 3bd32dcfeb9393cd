"""How many studies there are of each class, each reason and each sign, and what the quality gates say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from marrowsignal.cohort.page.page_data import CohortData, GateOutcome, TableColumns
from marrowsignal.cohort.page.picks import Picks
from marrowsignal.patterns.records import Confidence, PatternClass
from marrowsignal.report.views.wording import CLASS_WORDS, add_on_words, sentence_case

__all__ = ["CountRow", "GateRow", "add_on_rows", "class_rows", "gate_rows", "reason_rows", "state_rows"]

_STATE_WORDS = {
    "done": "Analyzed",
    "failed": "Failed",
    "refused": "Refused: no usable T1 + STIR pair",
    "unreadable": "Case folder unreadable",
    "outdated_schema": "Case folder of an older version",
    "duplicate": "Case name used twice",
    "missing": "Case folder is gone",
    "superseded": "Replaced by another case folder",
}
_OPEN_CLASSES = (PatternClass.CANNOT_ASSESS, PatternClass.INDETERMINATE)
_MOST_REASONS = 20
_HELD_DOWN = "confidence held down"  # tells of the confidence, not of the class
_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)?")  # not that of T1 or L5


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """One row of a table of counts.

    Attributes
    ----------
    words, small : str
        What is counted, and a second line in small print.
    kind : str
        Class of a pattern in lower case, for its mark; empty for others.
    count : int
        Studies.
    share : float
        Of all that the table counts.
    pick : int
        Its set.
    parts : tuple of (int, int)
        Count and set of each part, for example each confidence.
    """

    words: str
    count: int
    share: float
    pick: int
    small: str = ""
    kind: str = ""
    parts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One gate: how many fail, warn, could not be evaluated and pass, and the sets of the first three."""

    name: str
    series: str
    failed: int
    warned: int
    not_evaluable: int
    passed: int
    failed_pick: int
    warned_pick: int
    not_evaluable_pick: int

    @property
    def told(self) -> int:
        """Studies for which it was evaluated."""
        return self.failed + self.warned + self.passed


def state_rows(studies: TableColumns, picks: Picks) -> tuple[CountRow, ...]:
    """Count what became of the studies."""
    return _rows(
        "state",
        [(_STATE_WORDS.get(state, state), state, [at]) for at, state in enumerate(studies.text("state"))],
        picks,
        order=[*_STATE_WORDS.values()],
        total=studies.count,
    )


def class_rows(studies: TableColumns, picks: Picks) -> tuple[CountRow, ...]:
    """Count the classes of analyzed studies, by confidence too; a class that no study has keeps its row.

    Parameters
    ----------
    studies : TableColumns
        One row a study.
    picks : Picks
        Takes the sets.

    Returns
    -------
    tuple of CountRow
        `parts` are high, moderate, low and no confidence.
    """
    classes, confidences = studies.text("pattern_class"), studies.text("pattern_confidence")
    total = sum(bool(one) for one in classes)
    found = []
    for one in PatternClass:
        members = [at for at, told in enumerate(classes) if told == one.value]
        parts = []
        for confidence in Confidence:
            held = [at for at in members if confidences[at] == confidence.value]
            pick = picks.add("class", f"{CLASS_WORDS[one]}, confidence {confidence.value}", held)
            parts.append((len(held), pick))
        found.append(
            CountRow(
                words=CLASS_WORDS[one],
                small=one.value,
                kind=one.value.lower(),
                count=len(members),
                share=len(members) / total if total else 0.0,
                pick=picks.add("class", CLASS_WORDS[one], members),
                parts=tuple(parts),
            )
        )
    return tuple(found)


def reason_rows(studies: TableColumns, picks: Picks) -> tuple[CountRow, ...]:
    """Count why studies have no class: errors of those not analyzed, and what forbids or leaves open the others."""
    told: list[tuple[str, str, list[int]]] = []
    columns = ("state", "state_code", "state_reason", "pattern_class", "pattern_reasons")
    for at, (state, code, reason, pattern, why) in enumerate(zip(*(studies.text(n) for n in columns), strict=True)):
        if state != "done":
            told.append((_without_numbers(reason) or _STATE_WORDS.get(state, state), " · ".join((state, code)), [at]))
        elif pattern in _OPEN_CLASSES:
            word = CLASS_WORDS[PatternClass(pattern)].lower()
            reasons = [one for one in why.split("; ") if one and not one.startswith(_HELD_DOWN)]
            told += [(_without_numbers(one), word, [at]) for one in reasons or ["no reason given"]]
    return _rows("reason", told, picks, order=[], total=studies.count)[:_MOST_REASONS]


def add_on_rows(studies: TableColumns, picks: Picks) -> tuple[CountRow, ...]:
    """Count further signs that were to be checked."""
    told = [
        (sentence_case(add_on_words(code)), code, [at])
        for at, codes in enumerate(studies.text("pattern_add_ons"))
        for code in codes.split()
    ]
    return _rows("sign", told, picks, order=[], total=sum(state == "done" for state in studies.text("state")))


def gate_rows(data: CohortData, picks: Picks) -> tuple[GateRow, ...]:
    """Count outcomes of each gate; those that fail or warn most come first."""
    rows = [_gate_row(gate, picks) for gate in data.gates]
    return tuple(sorted(rows, key=lambda row: (-row.failed, -row.warned, -row.not_evaluable)))


def _gate_row(gate: GateOutcome, picks: Picks) -> GateRow:
    name = gate.name.removesuffix(f" ({gate.series})") if gate.series else gate.name
    title = f"{name}, {gate.series}" if gate.series and gate.series not in name else name
    return GateRow(
        name=name,
        series=gate.series,
        failed=gate.failed.size,
        warned=gate.warned.size,
        not_evaluable=gate.not_evaluable.size,
        passed=gate.passed,
        failed_pick=picks.add("gate", f"fails: {title}", gate.failed.tolist()),
        warned_pick=picks.add("gate", f"warns: {title}", gate.warned.tolist()),
        not_evaluable_pick=picks.add("gate", f"not evaluable: {title}", gate.not_evaluable.tolist()),
    )


def _rows(
    kind: str, told: Iterable[tuple[str, str, Sequence[int]]], picks: Picks, *, order: Sequence[str], total: int
) -> tuple[CountRow, ...]:
    held: dict[tuple[str, str], set[int]] = {}
    for words, small, studies in told:
        held.setdefault((words, small), set()).update(studies)
    place = {words: at for at, words in enumerate(order)}
    ordered = sorted(held.items(), key=lambda item: (place.get(item[0][0], len(place)), -len(item[1]), item[0]))
    return tuple(
        CountRow(
            words=words,
            small="" if small == words else small,
            count=len(studies),
            share=len(studies) / total if total else 0.0,
            pick=picks.add(kind, f"{words} [{small}]" if kind == "reason" else words, studies),
        )
        for (words, small), studies in ordered
    )


def _without_numbers(text: str) -> str:
    """Return a reason as others share it.

    >>> _without_numbers("T1 moved by 3.2 mm, of 20")
    'T1 moved by … mm, of …'
    """
    return _NUMBER.sub("…", text.strip())
