"""Search folders and archives for DICOM files and keep count of what went wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.search.archive import Unpacker
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits
from marrowsignal.dicom.search.dicomdir import MAX_DICOMDIRS, checked_dicomdir, dicomdir_findings
from marrowsignal.dicom.search.file_kind import FileKind
from marrowsignal.dicom.search.file_tally import FileTally, Trouble
from marrowsignal.dicom.search.header_reading import LookedAt, NumberedFile, look_at_all, trouble_of
from marrowsignal.dicom.search.unpacked import UnpackedFile
from marrowsignal.dicom.search.walk import FolderWalk
from marrowsignal.errors import InputError
from marrowsignal.findings import Finding, Severity

__all__ = ["NO_STUDIES", "FileSearch", "GivenPath", "unreadable_input"]

_STAGE = "find_series"
_ARCHIVES = frozenset({FileKind.ZIP, FileKind.GZIP})
# Zip archives too, but of programs and documents: a viewer on a disc may bring thousands of classes.
NO_STUDIES = frozenset(
    {".apk", ".docx", ".egg", ".epub", ".jar", ".odp", ".ods", ".odt", ".pptx", ".war", ".whl", ".xlsx", ".xpi"}
)


@dataclass(frozen=True, slots=True)
class GivenPath:
    """One path the user gave."""

    path: Path
    kind: FileKind | None
    """None for a folder."""


@dataclass(frozen=True, slots=True)
class _Archive:
    path: Path
    kind: FileKind
    number: int | None
    """Its number among the files of a folder; None for one the user gave."""


class FileSearch:
    """One search over all paths that were given.

    Parameters
    ----------
    threads : ThreadPoolExecutor
        Read the headers.
    limits : ArchiveLimits
        How far archives may expand.
    study_instance_uid : str, optional
        Passes over the files of other studies.

    Attributes
    ----------
    headers : list of SliceHeader
        Found so far.
    tally : FileTally
        Files counted and troubles noted.
    """

    def __init__(
        self, threads: ThreadPoolExecutor, limits: ArchiveLimits, *, study_instance_uid: str | None = None
    ) -> None:
        self._threads = threads
        self.tally = FileTally()
        self._walk = FolderWalk(self.tally)
        self._study = study_instance_uid
        self._unpacker = Unpacker(limits, self.tally, study_instance_uid=study_instance_uid)
        self.headers: list[SliceHeader] = []
        self._archives: list[_Archive] = []
        self._dicomdirs: list[Path] = []

    def read(self, given: Iterable[GivenPath]) -> None:
        """Read every header; files of archives come after all others.

        Raises
        ------
        InputError
            If an archive that was given cannot be unpacked, or there is no room for it.
        """
        try:
            self._read(given)
        except BaseException:
            # Whoever keeps the error keeps these frames; the files must not wait for that.
            self._unpacker.discard()
            raise

    def _read(self, given: Iterable[GivenPath]) -> None:
        for looked in look_at_all(self._threads, self._files(given)):
            self._take(looked)
        for archive in self._archives:
            self._open(archive)

    def findings(self) -> tuple[Finding, ...]:
        """Return everything that went wrong, in a fixed order."""
        return (*self.tally.findings(), *self._about_dicomdirs(), *self._about_nothing())

    def _files(self, given: Iterable[GivenPath]) -> Iterator[NumberedFile]:
        for one in given:
            if one.kind is None:
                yield from self._walk.files(str(one.path))
            elif one.kind is FileKind.OTHER_ARCHIVE:
                self.tally.add(Trouble.ARCHIVE_OTHER)
                raise self._refused(Trouble.ARCHIVE_OTHER)
            elif one.kind in _ARCHIVES:
                self._archives.append(_Archive(one.path, one.kind, None))
            else:
                yield self.tally.count(), one.path

    def _take(self, looked: LookedAt) -> None:
        headers = [one for one in looked.headers if self._study in (None, one.study_instance_uid)]
        self.headers += headers
        if looked.trouble is not None:
            self.tally.add(looked.trouble, looked.number)
        elif looked.kind is FileKind.OTHER_ARCHIVE:
            self.tally.add(Trouble.ARCHIVE_OTHER, looked.number)
        elif looked.kind in _ARCHIVES and looked.path.suffix.lower() not in NO_STUDIES:
            self._archives.append(_Archive(looked.path, looked.kind, looked.number))
        elif looked.kind is FileKind.DICOMDIR:
            self._dicomdirs.append(looked.path)
        if not headers and isinstance(looked.path, UnpackedFile):
            looked.path.unlink(missing_ok=True)

    def _open(self, archive: _Archive) -> None:
        before = self.tally.counts()
        looked_at = self._members(archive)
        for looked in looked_at:
            self._take(looked)
        if archive.number is None and not any(looked.headers for looked in looked_at):
            trouble = next((one for one, count in self.tally.counts().items() if count > before[one]), None)
            if trouble is not None:
                raise self._refused(trouble)

    def _members(self, archive: _Archive) -> list[LookedAt]:
        """Return the files of an archive; of one that breaks its bounds none, since the rest would be missing."""
        members = self._unpacker.files_of(archive.path, archive.kind, archive.number)
        try:
            # What was just written is in memory: there is nothing to wait for.
            return list(look_at_all(self._threads, members, patience=math.inf))
        except OSError as error:
            if archive.number is None:
                raise unreadable_input(error) from None
            self.tally.add(trouble_of(error), archive.number)
        except InputError as error:
            trouble = next((one for one in Trouble if one.code == error.code), None)
            if archive.number is None or trouble is None:
                raise
            self.tally.add(trouble, archive.number)
        return []

    def _refused(self, trouble: Trouble) -> InputError:
        return InputError(
            f"nothing in the archive given can be read: {self.tally.told(trouble)}",
            code=trouble.code,
            stage=_STAGE,
            hint="unpack it and give the folder",
        )

    def _about_dicomdirs(self) -> tuple[Finding, ...]:
        checks = (*self._unpacker.dicomdirs, *(checked_dicomdir(path) for path in self._dicomdirs[:MAX_DICOMDIRS]))
        return dicomdir_findings(checks)

    def _about_nothing(self) -> tuple[Finding, ...]:
        if self.headers:
            return ()
        seen = self.tally.seen
        told = f"None of {seen} file(s) is DICOM that can be read." if seen else "There is not a single file here."
        return (_warning("no_dicom_found", told),)


def _warning(code: str, message: str) -> Finding:
    return Finding(code=code, stage=_STAGE, severity=Severity.WARN, message=message)


def unreadable_input(error: OSError) -> InputError:
    """Return the error for a given path that the file system does not let us read.

    Raise it ``from None``: what the file system says names the path.
    """
    permitted = not isinstance(error, PermissionError)
    reason = error.strerror or "unknown error"
    return InputError(
        f"the path given cannot be read: {reason}" if permitted else "the path given may not be read by this user",
        code="input_unreadable" if permitted else "input_not_permitted",
        stage=_STAGE,
        hint="check the path and the disk or share" if permitted else "ask for read permission, or copy the study",
    )
