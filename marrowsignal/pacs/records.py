"""What the rooms of the way to a PACS hand to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = [
    "Analysis",
    "ArrivedStudy",
    "FetchReport",
    "InstanceAddress",
    "ListenSettings",
    "Patience",
    "PushOutcome",
    "PushReport",
    "PushedObject",
    "TlsFiles",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a PACS is waited for, and how often it is asked again.

    Attributes
    ----------
    attempts : int
        How often one request is made at most, the first time included.
    first_wait_s, longest_wait_s : float
        Wait before the second attempt; it doubles from one to the next up to the longest, which also bounds what a
        PACS asks for with ``Retry-After``.
    connect_s, read_s : float
        How long a connection, and each part of an answer, may take.
    """

    attempts: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    connect_s: float = 10.0
    read_s: float = 120.0

    def waits_s(self) -> Iterator[float | None]:
        """Give the wait after each attempt, and None after the last."""
        for n in range(self.attempts - 1):
            yield min(self.first_wait_s * 2.0**n, self.longest_wait_s)
        yield None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceAddress:
    """Where one instance lies in a PACS."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """What a fetch did.

    Attributes
    ----------
    folder : Path
        Where the instances lie.
    fetched, already_there : int
        Instances brought by this run, and those an earlier one had brought. Together all that the PACS lists.
    """

    folder: Path
    fetched: int
    already_there: int


class PushOutcome(StrEnum):
    """What became of one object that was sent."""

    STORED = "stored"
    ALREADY_THERE = "already there"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedObject:
    """One object of a case and what became of it.

    Attributes
    ----------
    case : int
        Which of the given case folders, from 1.
    file : str
        Its file, for example ``marrow_seg.dcm``.
    outcome : PushOutcome
        Stored and already there mean: read back, and everything that was measured is the same.
    reason : str
        Why it was refused.
    coerced : tuple of str
        Keywords of patient and study that the PACS holds otherwise than the object, without their values.
    """

    case: int
    file: str
    outcome: PushOutcome
    reason: str = ""
    coerced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What became of all objects that were sent, in the order of cases and files."""

    objects: tuple[PushedObject, ...]

    @property
    def refused(self) -> tuple[PushedObject, ...]:
        """Those that are not in the PACS."""
        return tuple(sent for sent in self.objects if sent.outcome is PushOutcome.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Files of a server's TLS, all PEM.

    Attributes
    ----------
    certificate, key : Path
        What the server shows of itself.
    client_authority : Path or None
        Authority that must have signed a sender's certificate; without it senders need none.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """How studies are taken in by C-STORE.

    Attributes
    ----------
    inbox : Path
        Folder of the studies that arrive; made when missing.
    out : Path
        Folder of the cases; its key names the studies too, see `marrowsignal.dicom.case_key`.
    host : str
        Address to listen at; the default is reached from this machine only.
    port : int
        Port; 0 takes a free one.
    ae_title : str
        Own AE title; associations that call another are refused.
    quiet_s : float
        A study is complete when nothing of it came for so long and no association that brought part of it is open.
    allowed_ae_titles : tuple of str
        Titles of the senders that are let in; empty lets in all.
    tls : TlsFiles or None
        Without it the connection is not encrypted.
    min_free_bytes : int
        Where the disk has less left, senders are told that there is no room, and keep what they have.
    keep_hours : float
        How long the images of a study stay in the inbox once all is done with it.
    retry_s : float
        After how long a delivery that failed is tried again.
    """

    inbox: Path
    out: Path
    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "MARROWSIGNAL"
    quiet_s: float = 60.0
    allowed_ae_titles: tuple[str, ...] = ()
    tls: TlsFiles | None = None
    min_free_bytes: int = 2 << 30
    keep_hours: float = 72.0
    retry_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedStudy:
    """A complete study of the inbox.

    Attributes
    ----------
    name : str
        Keyed hash of its StudyInstanceUID, as cases have.
    images : Path
        Folder of its files.
    """

    name: str
    images: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the analysis of an arrived study left.

    Attributes
    ----------
    cases : tuple of str
        Names of the case folders, each whole.
    problem : str
        What could not be analyzed; empty when all could.
    """

    cases: tuple[str, ...]
    problem: str = ""
