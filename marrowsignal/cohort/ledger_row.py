"""One study as a ledger keeps it, and how that changes as the study waits and ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from marrowsignal import __version__
from marrowsignal.cohort.records import CaseAnswer, CaseState, MadeCase, StudySource

__all__ = ["LedgerRow", "finished_row", "queued_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One study as a ledger keeps it: no path, no UID.

    Attributes
    ----------
    key : str
        Tells the study apart, as in `marrowsignal.cohort.records.StudySource`.
    state : CaseState
        Where it stands.
    cases : tuple of MadeCase
        Case folders that its last run left; empty before the first.
    name : str
        What its case folders are named by: the case of a manifest, else the key.
    signature : str
        Of its files when it was last queued.
    size_bytes, files : int
        Of them.
    settings_sha256 : str
        Hash of the settings it was last queued with, its own of a manifest included.
    version : str
        Of marrowsignal.
    attempts : int
        How often it was begun with this input and these settings.
    queued_at, started_at, finished_at : str or None
        UTC, ISO 8601; None for what has not come.
    input_sha256, protocol_sha256 : str or None
        Of its last run, where that came so far.
    stage, code, reason : str
        Of the error; empty where there is none.
    wall_s, cpu_s : float or None
        What its last run took; None before the first.
    peak_bytes : int or None
        Largest resident memory of the process; None where it was not seen.
    done_settings_sha256, done_input_sha256, done_protocol_sha256 : str or None
        Of the run that left the case folders that lie there; None where there are none, or of several runs.
    done_cases : tuple of MadeCase
        The case folders of that run.
    superseded : tuple of str
        Names of cases that earlier runs left and later ones did not renew: their folders are of an old state.
    """

    key: str
    state: CaseState
    cases: tuple[MadeCase, ...] = ()
    name: str = ""
    signature: str = ""
    size_bytes: int = 0
    files: int = 0
    settings_sha256: str = ""
    version: str = ""
    attempts: int = 0
    queued_at: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    input_sha256: str | None = None
    protocol_sha256: str | None = None
    stage: str = ""
    code: str = ""
    reason: str = ""
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_bytes: int | None = None
    done_settings_sha256: str | None = None
    done_input_sha256: str | None = None
    done_protocol_sha256: str | None = None
    done_cases: tuple[MadeCase, ...] = ()
    superseded: tuple[str, ...] = ()


def queued_row(source: StudySource, row: LedgerRow | None, *, settings_sha256: str, now: str) -> LedgerRow:
    """Return the row of a study that waits; `row` is what was known of it, None for a new one."""
    row = row or LedgerRow(key=source.key, state=CaseState.QUEUED)
    same = row.settings_sha256 == settings_sha256 and row.signature == source.signature
    return LedgerRow(
        key=source.key,
        state=CaseState.QUEUED,
        name=source.case or source.key,
        signature=source.signature,
        size_bytes=source.size_bytes,
        files=source.files,
        settings_sha256=settings_sha256,
        version=__version__,
        attempts=row.attempts if same else 0,
        queued_at=now,
        done_settings_sha256=row.done_settings_sha256,
        done_input_sha256=row.done_input_sha256,
        done_protocol_sha256=row.done_protocol_sha256,
        done_cases=row.done_cases,
        superseded=_names(row),
    )


def finished_row(row: LedgerRow, answer: CaseAnswer, now: str) -> LedgerRow:
    """Return the row of a study that ended; what lies in its case folders changes only where some were written."""
    row = replace(
        row,
        state=answer.state,
        cases=(answer.cases or row.done_cases) if answer.unchanged else answer.cases,
        finished_at=now,
        input_sha256=answer.input_sha256,
        protocol_sha256=row.done_protocol_sha256 if answer.unchanged else answer.protocol_sha256,
        stage=answer.stage,
        code=answer.code,
        reason=answer.reason,
        wall_s=answer.wall_s,
        cpu_s=answer.cpu_s,
        peak_bytes=answer.peak_bytes,
        superseded=_names(row),
    )
    if answer.cases and not answer.unchanged:
        # Of a study that failed in part the folders are of two runs, which no later run can take for done.
        whole = answer.state is CaseState.DONE
        row = replace(
            row,
            done_settings_sha256=row.settings_sha256 if whole else None,
            done_input_sha256=answer.input_sha256 if whole else None,
            done_protocol_sha256=answer.protocol_sha256 if whole else None,
            done_cases=answer.cases if whole else (),
        )
    renewed = {made.case for made in row.cases}
    return replace(row, superseded=tuple(name for name in row.superseded if name not in renewed))


def _names(row: LedgerRow) -> tuple[str, ...]:
    """Return the names of all case folders that runs of a study have left."""
    return tuple(sorted({*row.superseded, *(made.case for made in (*row.cases, *row.done_cases))}))
