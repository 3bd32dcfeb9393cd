"""What is done with each study of a shard, by its own ledger and those beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.cohort.ledger_merge import rows_of_others
from marrowsignal.cohort.ledger_plan import Plan, PlannedStudy, StudySettings, decide
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.leftovers import case_is_there
from marrowsignal.cohort.records import CaseState, StudySource
from marrowsignal.cohort.shards import Shard, in_shard
from marrowsignal.errors import UsageError
from marrowsignal.findings import Finding

__all__ = ["DecidedStudies", "DecidedStudy", "decide_all"]

_STAGE = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedStudy:
    """One study with its row and its settings."""

    plan: PlannedStudy
    row: LedgerRow | None
    settings_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedStudies:
    """All studies of a shard, ordered by key, and what is told beside them, as in `Plan`."""

    studies: tuple[DecidedStudy, ...]
    other_shards: int
    not_found: int
    findings: tuple[Finding, ...]

    def plan(self) -> Plan:
        """Return what others need of it."""
        return Plan(
            studies=tuple(one.plan for one in self.studies),
            other_shards=self.other_shards,
            not_found=self.not_found,
            findings=self.findings,
        )


def decide_all(
    out: Path,
    rows: tuple[LedgerRow, ...],
    sources: Iterable[StudySource],
    *,
    shard: Shard | None,
    settings_sha256: str,
    retry_failed: bool,
) -> DecidedStudies:
    """Decide what is done with every study of a shard; nothing is written.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    rows : tuple of LedgerRow
        Of the shard's own ledger; what others have done is looked up.
    sources : iterable of StudySource
        All studies found.
    shard : tuple of int or None
        Which are decided.
    settings_sha256, retry_failed
        As of `decide`.

    Raises
    ------
    UsageError
        If two studies have one key.
    InputError, ProtocolError
        If a file that a manifest names cannot be read.
    """
    found = sorted(sources, key=lambda source: source.key)
    own = [source for source in found if in_shard(source.key, shard)]
    keys = {source.key for source in own}
    if len(keys) < len(own):
        raise UsageError(
            f"{len(own) - len(keys)} studies are given twice",
            code="study_given_twice",
            stage=_STAGE,
            hint="name each study once, or give each its own case name",
        )
    known = {row.key: row for row in rows}
    others, findings = rows_of_others(out, shard)
    for row in others:
        mine = known.get(row.key)
        if row.state is CaseState.DONE and (mine is None or (mine.finished_at or "") < (row.finished_at or "")):
            known[row.key] = row
    settings_of = StudySettings(settings_sha256)
    studies = []
    for source in own:
        settings = settings_of.of(source)
        last = known.get(source.key)
        there = last is None or all(case_is_there(out, made.case) for made in last.done_cases)
        plan = decide(source, last, settings_sha256=settings, retry_failed=retry_failed, folders_there=there)
        studies.append(DecidedStudy(plan=plan, row=last, settings_sha256=settings))
    not_found = sum(row.key not in keys for row in rows)
    return DecidedStudies(
        studies=tuple(studies), other_shards=len(found) - len(own), not_found=not_found, findings=findings
    )
