"""What travels between discovery, ledger, runner and the processes that analyze: plain records that go through JSON."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["CaseAnswer", "CaseState", "CaseTask", "MadeCase", "StudySource"]

_SHOWN = frozenset({"key", "source", "state", "cases", "pattern_class", "confidence", "stage", "code", "reason"})


class _Record(BaseModel):
    """Frozen, and of known fields only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # Whoever logs a record, the workers of a cluster among them, logs no path and no UID.
        return [(name, value) for name, value in super().__repr_args__() if name in _SHOWN]


class CaseState(StrEnum):
    """Where a study stands.

    ``refused``: there is nothing to analyze in it (no usable T1 + STIR pair); ``failed``: it could not be analyzed.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


class StudySource(_Record):
    """One study as discovery or a manifest names it.

    Attributes
    ----------
    key : str
        Tells the study apart: its case name, a keyed hash of StudyInstanceUID; of what cannot be read a keyed hash of
        its place. Never a name of a file or folder.
    paths : tuple of str
        Folders, files and archives that hold it, and perhaps others.
    study_instance_uid : str or None
        Which study of those paths; None where all that lies there is meant.
    signature : str
        Hash of names, sizes and modification times of its files: equal means unchanged without reading them.
    size_bytes : int
        Of its files.
    files : int
        How many.
    case, protocol, marrow, t1_uid, stir_uid : str or None
        What a manifest says of it; as the options of ``analyze``.
    problem : str or None
        Why it cannot be analyzed, where that is known before any work.
    """

    key: str
    paths: tuple[str, ...]
    study_instance_uid: str | None = None
    signature: str = ""
    size_bytes: int = 0
    files: int = 0
    case: str | None = None
    protocol: str | None = None
    marrow: str | None = None
    t1_uid: str | None = None
    stir_uid: str | None = None
    problem: str | None = None


class CaseTask(_Record):
    """One study and all choices, as a process that analyzes gets them.

    Attributes
    ----------
    source : StudySource
        The study.
    out : str
        Folder of the cases.
    marrow_from, lesions_from : str
        As of ``analyze``.
    series_rules : str or None
        Path of own rules.
    allow_t1_only, dicom : bool
        As of ``analyze``.
    layout : str
        As of ``analyze``.
    done_input_sha256 : str or None
        Hash of the input when it was last done with these settings: where it is still that, nothing is redone.
    """

    source: StudySource
    out: str
    marrow_from: str = "automatic"
    lesions_from: str = "rules"
    series_rules: str | None = None
    allow_t1_only: bool = False
    dicom: bool = True
    layout: str = "case"
    done_input_sha256: str | None = None


class MadeCase(_Record):
    """One case folder that a study left behind: its name, class and confidence."""

    case: str
    pattern_class: str
    confidence: str


class CaseAnswer(_Record):
    """What became of one study.

    Attributes
    ----------
    state : CaseState
        ``done``, ``failed`` or ``refused``.
    cases : tuple of MadeCase
        Case folders written, whole; of a failed study those of its pairs that went well.
    unchanged : bool
        Whether the input was found to be the one that is done already; nothing was written then.
    input_sha256 : str or None
        Hash of the contents of the study's files; None where it was not read.
    protocol_sha256 : str or None
        Of the protocol used, where the study came so far.
    stage, code, reason : str
        Of the error; empty where there is none. The reason is what ``analyze`` would say: no path, no header value.
    output_failed : bool
        Whether the output could not be written, which is no fault of the study: the run ends and the study waits.
    wall_s, cpu_s : float
        What it took.
    peak_bytes : int or None
        Largest resident memory of its process; None where it was not seen.
    """

    state: CaseState
    cases: tuple[MadeCase, ...] = ()
    unchanged: bool = False
    input_sha256: str | None = None
    protocol_sha256: str | None = None
    stage: str = ""
    code: str = ""
    reason: str = ""
    output_failed: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int | None = None
