"""Tell the study of each file below a path by the first kilobytes, and open no more of archives than that."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.dicom.headers.header_scan import scan_study_uid
from marrowsignal.dicom.headers.header_values import UNREADABLE
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits, Metered
from marrowsignal.dicom.search.archive_members import ArchiveMembers
from marrowsignal.dicom.search.dicomdir import DicomdirCheck
from marrowsignal.dicom.search.file_kind import START_BYTES, FileKind, kind_of
from marrowsignal.dicom.search.file_search import NO_STUDIES
from marrowsignal.dicom.search.file_tally import FileTally, Trouble
from marrowsignal.dicom.search.header_reading import trouble_by_name, trouble_of
from marrowsignal.errors import InputError

__all__ = ["ArchivedStudies", "FileStudy", "look_into_archive", "study_of_file"]

# StudyInstanceUID lies there in nearly every file; what is longer is read on.
_HEAD_BYTES = 2**13
_MOST_HEAD_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStudy:
    """What one file turned out to be.

    Attributes
    ----------
    path : Path
        The file.
    kind : FileKind
        By its first bytes; ``OTHER`` for an archive that is known to be of programs or documents.
    study_instance_uid : str or None
        Empty for DICOM that has none; None for what is not DICOM or cannot be read.
    size_bytes, modified_ns : int
        Of the file; 0 where it cannot be looked at.
    trouble : Trouble or None
        Why it could not be read.
    """

    path: Path
    kind: FileKind
    study_instance_uid: str | None = None
    size_bytes: int = 0
    modified_ns: int = 0
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedStudies:
    """What lies in one archive.

    Attributes
    ----------
    studies : tuple of (str, int)
        StudyInstanceUIDs with the number of their files, in their order.
    troubles : str
        What could not be read, in words; empty where nothing was wrong.
    files : int
        Files in it.
    dicomdirs : tuple of DicomdirCheck
        What its DICOMDIRs name.
    """

    studies: tuple[tuple[str, int], ...]
    troubles: str
    files: int
    dicomdirs: tuple[DicomdirCheck, ...] = ()


def study_of_file(_number: int, path: Path) -> FileStudy:
    """Tell the study of one file; nothing is raised for a bad one."""
    try:
        with path.open("rb", buffering=0) as stream:
            about = os.fstat(stream.fileno())
            start = stream.read(_HEAD_BYTES)
            kind = kind_of(start[:START_BYTES])
            if kind in (FileKind.ZIP, FileKind.GZIP) and path.suffix.lower() in NO_STUDIES:
                kind = FileKind.OTHER
            uid, trouble = None, trouble_by_name(path, kind)
            if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
                try:
                    uid = scan_study_uid(stream, about.st_size, start)
                except (*UNREADABLE, MemoryError):
                    trouble = Trouble.DAMAGED
    except OSError as error:
        return FileStudy(path=path, kind=FileKind.OTHER, trouble=trouble_of(error))
    return FileStudy(
        path=path,
        kind=kind,
        study_instance_uid=uid,
        size_bytes=about.st_size,
        modified_ns=about.st_mtime_ns,
        trouble=trouble,
    )


def look_into_archive(path: Path, kind: FileKind, *, limits: ArchiveLimits | None = None) -> ArchivedStudies:
    """Tell the studies of an archive by the beginnings of its members; nothing is unpacked to a disk.

    Parameters
    ----------
    path : Path
        The archive.
    kind : FileKind
        ZIP, GZIP, or OTHER_ARCHIVE, which is not opened.
    limits : ArchiveLimits, optional
        How far it may expand.
    """
    tally = FileTally()
    if kind is FileKind.OTHER_ARCHIVE:
        tally.add(Trouble.ARCHIVE_OTHER)
    members = _MemberStudies(limits or ArchiveLimits(), tally)
    counts: dict[str, int] = {}
    try:
        for uid in _uids(members, path, kind):
            counts[uid] = counts.get(uid, 0) + 1
    except OSError as error:
        tally.add(trouble_of(error))
    except InputError as error:
        tally.add(next((one for one in Trouble if one.code == error.code), Trouble.ARCHIVE_DAMAGED))
    return ArchivedStudies(
        studies=tuple(sorted(counts.items())),
        troubles="; ".join(tally.told(trouble) for trouble in tally.counts()),
        files=tally.seen,
        dicomdirs=tuple(members.dicomdirs),
    )


def _uids(members: _MemberStudies, path: Path, kind: FileKind) -> Iterator[str]:
    if kind is not FileKind.OTHER_ARCHIVE:
        for _number, uid in members.files_of(path, kind):
            yield uid


class _MemberStudies(ArchiveMembers[str]):
    """Takes of each member its StudyInstanceUID."""

    def take(self, start: bytes, source: Metered) -> str | None:
        """Return the StudyInstanceUID, empty where there is none.

        Raises
        ------
        Exception
            Any of those by which `ArchiveMembers` tells a damaged member.
        """
        head = start + source.read(_HEAD_BYTES - len(start))
        try:
            return scan_study_uid(io.BytesIO(head), len(head), head)
        except EOFError:
            head += source.read(_MOST_HEAD_BYTES)
            return scan_study_uid(io.BytesIO(head), len(head), head)
