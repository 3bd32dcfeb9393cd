"""What a run would do with each study: pure decisions, so that a dry run and a run say the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseState, StudySource
from marrowsignal.errors import InputError
from marrowsignal.findings import Finding
from marrowsignal.protocol import load_protocol, protocol_sha256

__all__ = ["Plan", "PlannedStudy", "StudySettings", "Why", "decide"]

_STAGE = "ledger"
_CHUNK = 1 << 20


class Why(StrEnum):
    """Why a study is to be done, or is not."""

    NEW = "new"
    INTERRUPTED = "interrupted"
    INPUT_CHANGED = "input_changed"
    SETTINGS_CHANGED = "settings_changed"
    FOLDER_MISSING = "folder_missing"
    RETRIED = "retried"
    DONE_BEFORE = "done_before"
    FAILED_BEFORE = "failed_before"
    REFUSED_BEFORE = "refused_before"

    @property
    def to_do(self) -> bool:
        """Whether the study is to be done."""
        return self not in (Why.DONE_BEFORE, Why.FAILED_BEFORE, Why.REFUSED_BEFORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStudy:
    """One study and what is decided of it.

    Attributes
    ----------
    source : StudySource
        The study.
    why : Why
        What is done with it, and for what reason.
    done_input_sha256 : str or None
        Hash of the input that its case folders were made of with these settings; None where there is no such run, or
        its folders are not all there.
    """

    source: StudySource
    why: Why
    done_input_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do.

    Attributes
    ----------
    studies : tuple of PlannedStudy
        All studies of the shard, in the order of their keys.
    other_shards : int
        Studies found that other shards take.
    not_found : int
        Studies of the ledger that are not among those found now; they are kept as they are.
    findings : tuple of Finding
        What weakens the decisions.
    """

    studies: tuple[PlannedStudy, ...]
    other_shards: int = 0
    not_found: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def to_do(self) -> tuple[StudySource, ...]:
        """Studies to be done, in the order of their keys."""
        return tuple(study.source for study in self.studies if study.why.to_do)

    @property
    def skipped(self) -> int:
        """Studies that are done already, or that failed or were refused and have not changed."""
        return sum(not study.why.to_do for study in self.studies)

    def count(self, why: Why) -> int:
        """Return how many studies are decided for one reason."""
        return self._counts()[why]

    def _counts(self) -> Counter[Why]:
        return Counter(study.why for study in self.studies)


def decide(
    source: StudySource, row: LedgerRow | None, *, settings_sha256: str, retry_failed: bool, folders_there: bool
) -> PlannedStudy:
    """Decide what is done with a study.

    Parameters
    ----------
    source : StudySource
        The study as it lies there now.
    row : LedgerRow or None
        What the ledger says of it.
    settings_sha256 : str
        Hash of all settings that count for this study, from `StudySettings`.
    retry_failed : bool
        Whether what failed is tried again unchanged.
    folders_there : bool
        Whether all case folders of ``row.done_cases`` are there.
    """
    if row is None:
        return PlannedStudy(source=source, why=Why.NEW)
    reusable = folders_there and row.done_settings_sha256 == settings_sha256
    why = _why(source, row, settings_sha256=settings_sha256, retry_failed=retry_failed)
    if why is Why.DONE_BEFORE and not folders_there:
        why = Why.FOLDER_MISSING
    known = row.done_input_sha256 if why.to_do and reusable else None
    return PlannedStudy(source=source, why=why, done_input_sha256=known)


def _why(source: StudySource, row: LedgerRow, *, settings_sha256: str, retry_failed: bool) -> Why:
    if row.state in (CaseState.QUEUED, CaseState.RUNNING):
        return Why.INTERRUPTED
    if row.settings_sha256 != settings_sha256:
        return Why.SETTINGS_CHANGED
    if row.signature != source.signature:
        return Why.INPUT_CHANGED
    if row.state is CaseState.FAILED:
        return Why.RETRIED if retry_failed else Why.FAILED_BEFORE
    return Why.REFUSED_BEFORE if row.state is CaseState.REFUSED else Why.DONE_BEFORE


class StudySettings:
    """Hashes of all settings of single studies: those of the run, and what a manifest says of each.

    Of files that the manifest names the contents count, not the places.

    Parameters
    ----------
    settings_sha256 : str
        Of the run.
    """

    def __init__(self, settings_sha256: str) -> None:
        self._of_run = settings_sha256
        self._protocols: dict[str, str] = {}

    def of(self, source: StudySource) -> str:
        """Return the hash for one study.

        Raises
        ------
        InputError
            If its label map cannot be read.
        ProtocolError
            If its protocol cannot be read.
        """
        own = (source.case, source.protocol, source.marrow, source.t1_uid, source.stir_uid)
        if all(choice is None for choice in own):
            return self._of_run
        marrow = None if source.marrow is None else _content_sha256(Path(source.marrow))
        told = (self._of_run, source.case, self._protocol(source.protocol), marrow, source.t1_uid, source.stir_uid)
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _protocol(self, name: str | None) -> str | None:
        if name is None:
            return None
        if name not in self._protocols:
            self._protocols[name] = protocol_sha256(load_protocol(name))
        return self._protocols[name]


def _content_sha256(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(
            f"a label map that the manifest names cannot be read ({error.strerror})",
            code="manifest_file_unreadable",
            stage=_STAGE,
            hint="check the column marrow",
        ) from error
    return digest.hexdigest()
