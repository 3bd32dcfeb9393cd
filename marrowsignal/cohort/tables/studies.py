"""One row a study: case folders and what ledgers say of studies without one, each name once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseState
from marrowsignal.cohort.tables.columns import StudyState
from marrowsignal.cohort.tables.tabulate import TabulatedCase

__all__ = ["StudyRow", "study_rows"]

_ENDED = {CaseState.FAILED: StudyState.FAILED, CaseState.REFUSED: StudyState.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One row of ``studies``.

    Attributes
    ----------
    case : str
        Its name; of a study without a case folder its key.
    study : str
        The same for the pairs of one study.
    state : StudyState
        Whether it has values.
    code, reason : str
        Why not, or what a later attempt said; empty where there is nothing to tell.
    tabulated : TabulatedCase or None
        Its values; None where it has none.
    """

    case: str
    study: str
    state: StudyState
    code: str = ""
    reason: str = ""
    tabulated: TabulatedCase | None = None


def study_rows(cases: Sequence[TabulatedCase], ledger: Sequence[LedgerRow]) -> tuple[StudyRow, ...]:
    """Return a row for each case folder and for each study of a ledger that left none.

    Parameters
    ----------
    cases : sequence of TabulatedCase
        In the order of their folders.
    ledger : sequence of LedgerRow
        Of all ledgers, one a study.

    Returns
    -------
    tuple of StudyRow
        Ordered by case. One row a case has values: of several folders with one name that which is named by it, else
        the first.
    """
    known = _Known.of(ledger)
    rows: list[StudyRow] = []
    taken: set[str] = set()
    for case in sorted(cases, key=lambda one: (one.case, one.state is not StudyState.DONE, not one.folder)):
        rows.append(_duplicate(case, known) if case.case in taken else _row_of_case(case, known))
        taken.add(case.case)
    for study in ledger:
        rows += _rows_without_folder(study, taken)
    return tuple(sorted(rows, key=lambda row: (row.case, row.state is StudyState.DUPLICATE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What ledgers say of cases."""

    study_of: dict[str, LedgerRow]
    superseded: frozenset[str]

    @classmethod
    def of(cls, ledger: Sequence[LedgerRow]) -> _Known:
        renewed = {made.case for row in ledger for made in (*row.cases, *row.done_cases)}
        return cls(
            study_of={made.case: row for row in ledger for made in (*row.cases, *row.done_cases)},
            superseded=frozenset(name for row in ledger for name in row.superseded) - renewed,
        )


def _row_of_case(case: TabulatedCase, known: _Known) -> StudyRow:
    if case.case in known.superseded and case.state is StudyState.DONE:
        reason = "a later run over the same study made other cases; delete this folder"
        return StudyRow(
            case=case.case,
            study=_study(case, known),
            state=StudyState.SUPERSEDED,
            code="case_superseded",
            reason=reason,
        )
    row = StudyRow(case=case.case, study=_study(case, known), state=case.state, code=case.code, reason=case.reason)
    if case.state is not StudyState.DONE:
        return row
    later = known.study_of.get(case.case)
    # Of a run that failed over another pair, the pairs that went well are as good as any.
    if later is not None and later.state in _ENDED and case.case not in {made.case for made in later.cases}:
        row = replace(row, code=later.code, reason=later.reason)
    return replace(row, tabulated=case)


def _duplicate(case: TabulatedCase, known: _Known) -> StudyRow:
    reason = "another case folder holds a case of the same name, and is taken; delete one of them"
    return StudyRow(
        case=case.case, study=_study(case, known), state=StudyState.DUPLICATE, code="case_twice", reason=reason
    )


def _study(case: TabulatedCase, known: _Known) -> str:
    row = known.study_of.get(case.case)
    if row is not None:
        return row.name or row.key
    return case.case.removesuffix(f"-{case.pair_label}") if case.pair_label else case.case


def _rows_without_folder(study: LedgerRow, taken: set[str]) -> Iterator[StudyRow]:
    name = study.name or study.key
    if study.state in _ENDED and name not in taken:
        state = _ENDED[study.state]
        yield StudyRow(case=name, study=name, state=state, code=study.code, reason=study.reason)
        taken.add(name)
    for made in study.done_cases:
        if made.case not in taken:
            yield StudyRow(
                case=made.case,
                study=name,
                state=StudyState.MISSING,
                code="case_folder_gone",
                reason="its case folder is gone: run the batch again",
            )
            taken.add(made.case)
