"""Unpack the DICOM files of zip and gzip archives within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from marrowsignal.dicom.headers.header_scan import scan_study_uid
from marrowsignal.dicom.headers.header_values import UNREADABLE
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits, Metered
from marrowsignal.dicom.search.archive_members import ArchiveMembers
from marrowsignal.dicom.search.file_kind import FileKind
from marrowsignal.dicom.search.file_tally import FileTally
from marrowsignal.dicom.search.unpacked import UnpackedFile, UnpackedFolder
from marrowsignal.errors import InputError

__all__ = ["Unpacker"]

_STAGE = "find_series"
_CHUNK = 2**18
_HEAD_BYTES = 2**13


class Unpacker(ArchiveMembers[UnpackedFile]):
    """Unpacks what looks like DICOM and leaves all else in the archive.

    Parameters
    ----------
    limits : ArchiveLimits
        Bounds.
    tally : FileTally
        Told of each member and of those that cannot be unpacked.
    study_instance_uid : str, optional
        Leaves other studies in the archive too.
    """

    def __init__(self, limits: ArchiveLimits, tally: FileTally, *, study_instance_uid: str | None = None) -> None:
        super().__init__(limits, tally)
        self._study = study_instance_uid
        self._folders: list[UnpackedFolder] = []
        self._folder: UnpackedFolder | None = None

    def files_of(self, path: Path, kind: FileKind, place: int | None = None) -> Iterator[tuple[int, UnpackedFile]]:
        """Yield number and path of each DICOM file, as `ArchiveMembers.files_of`."""
        if kind is FileKind.ZIP:
            # A folder of its own, that can go when the series of this zip are gone.
            self._folder = None
        return super().files_of(path, kind, place)

    def discard(self) -> None:
        """Remove everything unpacked so far."""
        for folder in self._folders:
            folder.remove()

    def take(self, start: bytes, source: Metered) -> UnpackedFile | None:
        """Copy a file out unless it is of another study; half a file is not left behind."""
        if self._study is not None:
            start += source.read(_HEAD_BYTES)
            if _study_of(start) not in (None, self._study):
                return None
        if self._folder is None:
            self._folder = UnpackedFolder()
            self._folders.append(self._folder)
        file = self._folder.new_file()
        whole = False
        try:
            with _created(file) as target:
                chunk = start
                while chunk:
                    _write(target, chunk)
                    chunk = source.read(_CHUNK)
            whole = True
        finally:
            if not whole:
                file.unlink(missing_ok=True)
        return file


def _study_of(head: bytes) -> str | None:
    """Return the StudyInstanceUID, None where the beginning of the file does not tell it."""
    try:
        return scan_study_uid(io.BytesIO(head), len(head), head)
    except UNREADABLE:
        return None


def _created(file: Path) -> io.FileIO:
    try:
        return file.open("xb", buffering=0)
    except OSError as error:
        raise _no_room(error) from None


def _write(target: io.FileIO, chunk: bytes) -> None:
    remaining = memoryview(chunk)
    try:
        while remaining:
            remaining = remaining[target.write(remaining) :]
    except OSError as error:
        raise _no_room(error) from None


def _no_room(error: OSError) -> InputError:
    return InputError(
        f"an archive cannot be unpacked into the temporary folder ({error.strerror})",
        code="temporary_folder",
        stage=_STAGE,
        hint="free some space, or point TMPDIR at a larger disk",
    )
