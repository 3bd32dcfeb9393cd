"""Go through the members of zip and gzip archives within bounds, and hand on what looks like DICOM."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Generic, TypeVar

from marrowsignal.dicom.search.archive_bounds import (
    ArchiveLimits,
    BoundedReader,
    ByteBudget,
    Metered,
    archive_refused,
    archive_too_large,
)
from marrowsignal.dicom.search.dicomdir import (
    MAX_DICOMDIR_BYTES,
    MAX_DICOMDIRS,
    DicomdirCheck,
    check_dicomdir,
    holds_name,
)
from marrowsignal.dicom.search.file_kind import START_BYTES, FileKind, kind_of, named_like_dicom
from marrowsignal.dicom.search.file_tally import FileTally, Trouble
from marrowsignal.dicom.search.walk import is_system_leftover

__all__ = ["ArchiveMembers"]

Taken = TypeVar("Taken")

_BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
# bzip2 and LZMA may turn four kilobytes into gigabytes before anyone can count; no DICOM writer uses them in a zip.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED_FLAG = 0x1


class ArchiveMembers(ABC, Generic[Taken]):
    """Goes through archives; what is done with a member that looks like DICOM is the subclass's.

    Parameters
    ----------
    limits : ArchiveLimits
        Bounds.
    tally : FileTally
        Told of each member and of those that cannot be read.
    """

    def __init__(self, limits: ArchiveLimits, tally: FileTally) -> None:
        self.dicomdirs: list[DicomdirCheck] = []
        self._limits = limits
        self._budget = ByteBudget(limits)
        self._tally = tally

    @abstractmethod
    def take(self, start: bytes, source: Metered) -> Taken | None:
        """Return what is kept of a member that begins like DICOM; None where it turns out to be none.

        Parameters
        ----------
        start : bytes
            Its first bytes, which are read already.
        source : Metered
            Gives the others.
        """

    def files_of(self, path: Path, kind: FileKind, place: int | None = None) -> Iterator[tuple[int, Taken]]:
        """Yield number and what is taken of each DICOM file of a zip, or of the one of a gzip.

        Parameters
        ----------
        path : Path
            The archive.
        kind : FileKind
            ZIP or GZIP.
        place : int, optional
            Number the archive itself was counted by.

        Raises
        ------
        InputError
            If it is damaged as a whole, expands too much, or there is no room to unpack it.
        """
        self._budget.begin_archive(path.stat().st_size)
        with path.open("rb") as stream:
            if kind is FileKind.ZIP:
                yield from self._members(stream)
            else:
                number = self._tally.count() if place is None else place
                taken = self._gunzipped(stream, path.name, number)
                if taken is not None:
                    yield number, taken

    def _members(self, stream: BinaryIO) -> Iterator[tuple[int, Taken]]:
        try:
            archive = zipfile.ZipFile(BoundedReader(stream, self._limits.max_directory_bytes))
        except _BAD_ARCHIVE as error:
            raise archive_refused(
                Trouble.ARCHIVE_DAMAGED, "a zip archive cannot be opened: it is damaged, or one part of several"
            ) from error
        with archive:
            members = [m for m in archive.infolist() if not _is_folder_or_leftover(m.filename)]
            if len(members) > self._limits.max_members:
                raise archive_too_large(f"it has more than {self._limits.max_members} members")
            names = [member.filename for member in members]
            for member in sorted(members, key=lambda m: (m.filename, m.header_offset)):
                number = self._tally.count()
                taken = self._member(archive, member, number, names)
                if taken is not None:
                    yield number, taken

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, number: int, names: list[str]) -> Taken | None:
        if member.flag_bits & _ENCRYPTED_FLAG:
            self._tally.add(Trouble.ENCRYPTED, number)
        elif member.compress_type not in _METHODS:
            self._tally.add(Trouble.METHOD, number)
        else:
            try:
                with archive.open(member) as unpacking:
                    return self._sorted_out(Metered(unpacking, self._budget), member.filename, number, names)
            except (*_BAD_ARCHIVE, OSError):
                self._tally.add(Trouble.DAMAGED, number)
        return None

    def _sorted_out(self, source: Metered, name: str, number: int, names: list[str]) -> Taken | None:
        start = source.read(START_BYTES)
        kind = kind_of(start)
        if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
            return self.take(start, source)
        if kind is FileKind.GZIP:
            source.seek(0)
            return self._gunzipped(source, name, number)
        if kind is FileKind.DICOMDIR and len(self.dicomdirs) < MAX_DICOMDIRS:
            self._check_dicomdir(start + source.read(MAX_DICOMDIR_BYTES), name, names)
        elif kind in (FileKind.ZIP, FileKind.OTHER_ARCHIVE):
            self._tally.add(Trouble.ARCHIVE_NESTED, number)
        elif named_like_dicom(name):
            self._tally.add(Trouble.DAMAGED if start else Trouble.EMPTY, number)
        return None

    def _check_dicomdir(self, data: bytes, name: str, names: list[str]) -> None:
        above = name.rpartition("/")[0]
        below = [other[len(above) :].lstrip("/") for other in names if other.startswith(above)]
        self.dicomdirs.append(check_dicomdir(data, holds_name(below)))

    def _gunzipped(self, source: BinaryIO | Metered, name: str, number: int) -> Taken | None:
        kind = FileKind.OTHER
        try:
            with gzip.GzipFile(fileobj=source) as unpacking:
                inner = Metered(unpacking, self._budget)
                start = inner.read(START_BYTES)
                kind = kind_of(start)
                if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
                    return self.take(start, inner)
        except (*_BAD_ARCHIVE, OSError):
            if kind is not FileKind.OTHER:
                self._tally.add(Trouble.DAMAGED, number)
                return None
        if kind in (FileKind.ZIP, FileKind.GZIP, FileKind.OTHER_ARCHIVE):
            self._tally.add(Trouble.ARCHIVE_OTHER, number)
        elif named_like_dicom(PurePosixPath(name).stem):
            self._tally.add(Trouble.DAMAGED, number)
        return None


def _is_folder_or_leftover(name: str) -> bool:
    return name.endswith("/") or any(is_system_leftover(part) for part in name.split("/"))
