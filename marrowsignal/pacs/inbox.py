"""The folder in which studies arrive: each image whole or not there, and what became of each study beside it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from marrowsignal.dicom.privacy.case_name import CaseKey, case_name
from marrowsignal.errors import OutputError
from marrowsignal.pacs.instance_file import file_name, read_uids
from marrowsignal.pacs.records import ArrivedStudy
from marrowsignal.pacs.whole_file import write_whole

__all__ = ["Delivery", "Inbox", "NoRoomError", "NotAnInstanceError", "StudyState", "StudyStatus"]

_OUTCOME = "outcome.json"
_IMAGES = "images"
_ARRIVING = ".arriving"
_SECONDS_AN_HOUR = 3600.0


class NoRoomError(Exception):
    """The disk has no room for an instance."""


class NotAnInstanceError(Exception):
    """What came is no instance, or another one than announced."""


class StudyState(StrEnum):
    """What the analysis of a study came to."""

    ANALYZED = "analyzed"
    FAILED = "failed"


class Delivery(StrEnum):
    """What became of the cases after the analysis."""

    NOT_ASKED = "not asked for"
    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStatus:
    """What became of a study; ``outcome.json`` in its folder holds the same.

    Attributes
    ----------
    state : StudyState
        What its analysis came to.
    reason : str
        Why it failed, wholly or in part.
    cases : tuple of str
        Names of the case folders that are whole.
    delivery : Delivery
        What became of those.
    delivery_reason : str
        Why they wait or were refused.
    images : str
        Hash of the images that were analyzed: where others lie there now, the study is analyzed anew.
    finished_s : float
        When, in seconds since 1970.
    """

    state: StudyState
    reason: str = ""
    cases: tuple[str, ...] = ()
    delivery: Delivery = Delivery.NOT_ASKED
    delivery_reason: str = ""
    images: str
    finished_s: float

    @property
    def all_done(self) -> bool:
        """Whether nobody needs to look at it any more."""
        return self.state is StudyState.ANALYZED and self.delivery in (Delivery.NOT_ASKED, Delivery.DONE)


class Inbox:
    """Studies that arrive; several threads may bring instances at once.

    Parameters
    ----------
    folder : Path
        Made when missing, readable by its owner only: it holds images with the patient's name.
    key : CaseKey
        Names the studies.
    min_free_bytes : int
        What must stay free on the disk.

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """

    def __init__(self, folder: Path, *, key: CaseKey, min_free_bytes: int) -> None:
        self._folder, self._key, self._min_free_bytes = folder, key, min_free_bytes
        self._arriving = folder / _ARRIVING
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # What was cut off was never answered with Success: its sender still has it.
            shutil.rmtree(self._arriving, ignore_errors=True)
            self._arriving.mkdir(mode=0o700)
        except OSError as error:
            raise OutputError(
                f"the inbox cannot be written ({error.strerror})",
                code="output_not_writable",
                stage="listen",
                hint="give another folder with --inbox",
            ) from error

    def receive(self, data: bytes, *, sop_instance_uid: str) -> str:
        """Keep one instance; when this returns, the disk has it.

        Parameters
        ----------
        data : bytes
            The whole DICOM file.
        sop_instance_uid : str
            Which instance the sender says it is.

        Returns
        -------
        str
            Name of its study.

        Raises
        ------
        NotAnInstanceError
            If it is not that instance, or tells no study.
        NoRoomError
            If the disk cannot keep it.
        """
        uids = read_uids(io.BytesIO(data))
        study = "" if uids is None else str(uids.get("StudyInstanceUID", ""))
        if uids is None or not study or uids.get("SOPInstanceUID") != sop_instance_uid:
            raise NotAnInstanceError
        name = case_name(study, key=self._key)
        file = self._folder / name / _IMAGES / file_name(sop_instance_uid)
        try:
            self._check_room(len(data))
            if not (file.is_file() and file.read_bytes() == data):
                with self._lock:
                    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    self._arriving.mkdir(exist_ok=True, mode=0o700)
                    write_whole(file, data, by_way_of=self._arriving / uuid.uuid4().hex)
        except OSError as error:
            raise NoRoomError from error
        return name

    def _check_room(self, size: int) -> None:
        if shutil.disk_usage(self._folder).free - size < self._min_free_bytes:
            raise NoRoomError

    def study(self, name: str) -> ArrivedStudy:
        """Return a study by its name."""
        return ArrivedStudy(name=name, images=self._folder / name / _IMAGES)

    def unfinished(self) -> Iterator[str]:
        """Give the names of the studies that hold images no analysis has seen, and of those not delivered."""
        for name in self._names():
            status = self.status(name)
            if status is None or status.images != self.images_hash(name) or status.delivery is Delivery.WAITING:
                yield name

    def _names(self) -> list[str]:
        return sorted(folder.parent.name for folder in self._folder.glob(f"*/{_IMAGES}"))

    def images_hash(self, name: str) -> str:
        """Return a hash that is another one as soon as an image comes or is replaced."""
        digest = hashlib.sha256()
        for entry in sorted(os.scandir(self._folder / name / _IMAGES), key=lambda found: found.name):
            facts = entry.stat()
            digest.update(f"{entry.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def status(self, name: str) -> StudyStatus | None:
        """Return what became of a study; None where nothing has yet, or it cannot be read."""
        try:
            held = json.loads((self._folder / name / _OUTCOME).read_bytes())
            return StudyStatus(
                state=StudyState(held["state"]),
                reason=str(held["reason"]),
                cases=tuple(str(case) for case in held["cases"]),
                delivery=Delivery(held["delivery"]),
                delivery_reason=str(held["delivery_reason"]),
                images=str(held["images"]),
                finished_s=float(held["finished_s"]),
            )
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def set_status(self, name: str, status: StudyStatus) -> None:
        """Write what became of a study.

        Raises
        ------
        OutputError
            If it cannot be written: the study would be analyzed again and again.
        """
        text = json.dumps(asdict(status), indent=1) + "\n"
        try:
            write_whole(self._folder / name / _OUTCOME, text.encode(), by_way_of=self._arriving / uuid.uuid4().hex)
        except OSError as error:
            raise OutputError(
                f"the inbox cannot be written ({error.strerror})", code="output_not_writable", stage="listen"
            ) from error

    def remove_finished(self, *, keep_hours: float) -> tuple[str, ...]:
        """Remove the studies with which all is done since `keep_hours`, and return their names."""
        removed = []
        for name in self._names():
            status = self.status(name)
            if status is None or not status.all_done or time.time() - status.finished_s < keep_hours * _SECONDS_AN_HOUR:
                continue
            with self._lock:
                if self.images_hash(name) != status.images:
                    continue
                # Renamed first: what arrives from now on finds an empty place, not half a folder.
                grave = self._arriving / uuid.uuid4().hex
                (self._folder / name).rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
            removed.append(name)
        return tuple(removed)
