"""What a run over many studies says at its end, and what it would do at a dry run."""

from __future__ import annotations

import json as json_text
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from marrowsignal.cli.terminal import say

if TYPE_CHECKING:
    from marrowsignal.cohort.ledger_plan import Plan, PlannedStudy
    from marrowsignal.cohort.ledger_row import LedgerRow
    from marrowsignal.cohort.runner import BatchOutcome

__all__ = ["BatchReport", "tell_plan", "tell_report"]

_SOME_FAILED, _INTERRUPTED = 8, 130
_FEW, _MOST_TOLD = 3, 20
_MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What a run did, and how its studies stand after it.

    Attributes
    ----------
    plan : Plan
        What was to be done.
    outcome : BatchOutcome
        What was.
    bad : tuple of LedgerRow
        Studies of the plan that failed or were refused, in this run or before.
    waiting : int
        Studies that wait for the next run.
    interrupted : bool
        Whether the user, or a scheduler, ended it.
    cohort_code : int
        Exit code of the making of the cohort tables.
    """

    plan: Plan
    outcome: BatchOutcome
    bad: tuple[LedgerRow, ...]
    waiting: int
    interrupted: bool
    cohort_code: int

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        if self.interrupted:
            return _INTERRUPTED
        if self.outcome.problem is not None:
            return self.outcome.problem.exit_code
        return self.cohort_code or (_SOME_FAILED if self.bad else 0)


def tell_report(report: BatchReport, *, json: bool) -> None:
    """Print the summary of a run: lines for people, or one document."""
    if json:
        typer.echo(json_text.dumps(_document(report), indent=2))
        return
    outcome = report.outcome
    counts = (
        (outcome.done, "done"),
        (outcome.unchanged, "found unchanged"),
        (report.plan.skipped, "skipped"),
        (outcome.failed, "failed"),
        (outcome.refused, "refused"),
        (report.waiting, "waiting"),
    )
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    say(f"{len(report.plan.studies)} studies: {told or 'nothing to do'}")
    if len(report.bad) > _FEW:
        reasons = Counter(f"{row.state.value}, {row.code}" for row in report.bad)
        say("; ".join(f"{number} {reason}" for reason, number in sorted(reasons.items())))
    for row in report.bad[:_MOST_TOLD]:
        say(f"{row.state.value} {row.key}: {row.stage}: {row.reason} [{row.code}]")
    if len(report.bad) > _MOST_TOLD:
        say(f"and {len(report.bad) - _MOST_TOLD} more: the cohort table studies has them all")


def tell_plan(plan: Plan, *, json: bool) -> None:
    """Print what a run would do with each study."""
    if json:
        typer.echo(json_text.dumps([_planned(study) for study in plan.studies], indent=2))
        return
    for study in plan.studies:
        source = study.source
        what = "do  " if study.why.to_do else "skip"
        problem = "" if source.problem is None else f"; will fail: {source.problem}"
        why = study.why.value.replace("_", " ")
        say(f"{what} {source.key}  {source.files} files, {source.size_bytes / _MB:.1f} MB: {why}{problem}")
    beyond = f", {plan.other_shards} of other shards" if plan.other_shards else ""
    say(f"{len(plan.studies)} studies: {len(plan.to_do)} to do, {plan.skipped} to skip{beyond}")


def _document(report: BatchReport) -> dict[str, object]:
    outcome = report.outcome
    return {
        "studies": len(report.plan.studies),
        "done": outcome.done,
        "unchanged": outcome.unchanged,
        "skipped": report.plan.skipped,
        "failed": outcome.failed,
        "refused": outcome.refused,
        "waiting": report.waiting,
        "interrupted": report.interrupted,
        "problem": None if outcome.problem is None else outcome.problem.code,
        "not_done": [
            {"key": row.key, "state": row.state.value, "stage": row.stage, "code": row.code, "reason": row.reason}
            for row in report.bad
        ],
    }


def _planned(study: PlannedStudy) -> dict[str, object]:
    source = study.source
    return {
        "key": source.key,
        "to_do": study.why.to_do,
        "why": study.why.value,
        "files": source.files,
        "size_bytes": source.size_bytes,
        "problem": source.problem,
    }
