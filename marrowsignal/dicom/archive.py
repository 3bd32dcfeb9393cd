"""Unpack the DICOM files of zip and gzip archives within bounds."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Protocol

from marrowsignal.dicom.dicomdir import MAX_DICOMDIR_BYTES, DicomdirCheck, check_dicomdir, holds_name
from marrowsignal.dicom.file_kind import START_BYTES, FileKind, kind_of, named_like_dicom
from marrowsignal.dicom.file_tally import FileTally, Trouble
from marrowsignal.dicom.unpacked import UnpackedFile, UnpackedFolder
from marrowsignal.dicom.walk import is_system_leftover
from marrowsignal.errors import InputError

__all__ = ["ArchiveLimits", "Unpacker"]

_STAGE = "find_series"
_CHUNK = 2**18
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How far archives may expand; every count is of what really came out, never of what headers claim.

    Attributes
    ----------
    max_members : int
        Members of one zip.
    max_directory_bytes : int
        Central directory of one zip.
    max_bytes : int
        Bytes unpacked in one search, all archives together.
    max_ratio : float
        Bytes unpacked over bytes of the archive, beyond `free_bytes`. Whole MR studies reach 2 to 5.
    free_bytes : int
        Bytes that any archive may give, whatever its size.
    """

    max_members: int = 200_000
    max_directory_bytes: int = 24 * 2**20
    max_bytes: int = 16 * 2**30
    max_ratio: float = 30.0
    free_bytes: int = 256 * 2**20


class Unpacker:
    """Unpacks what looks like DICOM and leaves all else in the archive.

    Parameters
    ----------
    limits : ArchiveLimits
        Bounds.
    tally : FileTally
        Told of each member and of those that cannot be unpacked.
    """

    def __init__(self, limits: ArchiveLimits, tally: FileTally) -> None:
        self.dicomdirs: list[DicomdirCheck] = []
        self._limits = limits
        self._tally = tally
        self._folders: list[UnpackedFolder] = []
        self._folder: UnpackedFolder | None = None
        self._bytes_left = limits.max_bytes
        self._archive_bytes_left = 0

    def files_of(self, path: Path, kind: FileKind, place: int | None = None) -> Iterator[tuple[int, UnpackedFile]]:
        """Yield number and path of each DICOM file of a zip, or the one of a gzip.

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
        self._archive_bytes_left = self._limits.free_bytes + int(self._limits.max_ratio * path.stat().st_size)
        with path.open("rb") as stream:
            if kind is FileKind.ZIP:
                # A folder of its own, that can go when the series of this zip are gone.
                self._folder = None
                yield from self._members(stream)
            else:
                number = self._tally.count() if place is None else place
                file = self._gunzipped(stream, path.name, number)
                if file is not None:
                    yield number, file

    def discard(self) -> None:
        """Remove everything unpacked so far."""
        for folder in self._folders:
            folder.remove()

    def _members(self, stream: BinaryIO) -> Iterator[tuple[int, UnpackedFile]]:
        try:
            archive = zipfile.ZipFile(_BoundedReader(stream, self._limits.max_directory_bytes))
        except _BAD_ARCHIVE as error:
            raise _refused(
                Trouble.ARCHIVE_DAMAGED, "a zip archive cannot be opened: it is damaged, or one part of several"
            ) from error
        with archive:
            members = [m for m in archive.infolist() if not _is_folder_or_leftover(m.filename)]
            if len(members) > self._limits.max_members:
                raise _too_large(f"it has more than {self._limits.max_members} members")
            names = [member.filename for member in members]
            for member in sorted(members, key=lambda m: (m.filename, m.header_offset)):
                number = self._tally.count()
                file = self._member(archive, member, number, names)
                if file is not None:
                    yield number, file

    def _member(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, number: int, names: list[str]
    ) -> UnpackedFile | None:
        if member.flag_bits & _ENCRYPTED_FLAG:
            self._tally.add(Trouble.ENCRYPTED, number)
        elif member.compress_type not in _METHODS:
            self._tally.add(Trouble.METHOD, number)
        else:
            try:
                with archive.open(member) as source:
                    return self._sorted_out(source, member.filename, number, names)
            except (*_BAD_ARCHIVE, OSError):
                self._tally.add(Trouble.DAMAGED, number)
        return None

    def _sorted_out(self, source: IO[bytes], name: str, number: int, names: list[str]) -> UnpackedFile | None:
        start = source.read(START_BYTES)
        kind = kind_of(start)
        if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
            return self._written(start, source)
        if kind is FileKind.GZIP:
            source.seek(0)
            return self._gunzipped(source, name, number)
        if kind is FileKind.DICOMDIR:
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

    def _gunzipped(self, source: IO[bytes], name: str, number: int) -> UnpackedFile | None:
        try:
            with gzip.GzipFile(fileobj=source) as inner:
                start = inner.read(START_BYTES)
                kind = kind_of(start)
                if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
                    return self._written(start, inner)
        except (*_BAD_ARCHIVE, OSError):
            self._tally.add(Trouble.DAMAGED, number)
            return None
        if kind in (FileKind.ZIP, FileKind.GZIP, FileKind.OTHER_ARCHIVE):
            self._tally.add(Trouble.ARCHIVE_OTHER, number)
        elif named_like_dicom(PurePosixPath(name).stem):
            self._tally.add(Trouble.DAMAGED, number)
        return None

    def _written(self, start: bytes, source: _Readable) -> UnpackedFile:
        """Copy a file out, counting what really comes; half a file is not left behind."""
        if self._folder is None:
            self._folder = UnpackedFolder()
            self._folders.append(self._folder)
        file = self._folder.new_file()
        whole = False
        try:
            with file.open("xb") as target:
                chunk = start
                while chunk:
                    self._spend(len(chunk))
                    _write(target, chunk)
                    chunk = source.read(_CHUNK)
            whole = True
        finally:
            if not whole:
                file.unlink(missing_ok=True)
        return file

    def _spend(self, count: int) -> None:
        self._bytes_left -= count
        self._archive_bytes_left -= count
        if self._archive_bytes_left < 0:
            raise _too_large(f"more than {self._limits.max_ratio:g} times its size")
        if self._bytes_left < 0:
            raise _too_large(f"more than {self._limits.max_bytes / 2**30:g} GiB in all")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _BoundedReader:
    """A file that refuses to be read in one piece larger than any honest central directory."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream = stream
        self._most = most
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, count: int = -1) -> bytes:
        if count > self._most:
            raise _too_large(f"its list of members claims more than {self._most / 2**20:g} MiB")
        return self._stream.read(count if count >= 0 else self._most)


def _write(target: BinaryIO, chunk: bytes) -> None:
    try:
        target.write(chunk)
    except OSError as error:
        raise InputError(
            f"an archive cannot be unpacked into the temporary folder ({error.strerror})",
            code="temporary_folder",
            stage=_STAGE,
            hint="free some space, or point TMPDIR at a larger disk",
        ) from error


def _is_folder_or_leftover(name: str) -> bool:
    return name.endswith("/") or any(is_system_leftover(part) for part in name.split("/"))


def _too_large(why: str) -> InputError:
    return _refused(Trouble.ARCHIVE_TOO_LARGE, f"an archive would unpack to too much: {why}")


def _refused(trouble: Trouble, message: str) -> InputError:
    hint = "unpack the studies you want and give their folder"
    return InputError(message, code=trouble.code, stage=_STAGE, hint=hint)
