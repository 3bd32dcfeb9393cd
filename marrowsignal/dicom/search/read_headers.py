"""Find the files below a path and read their headers; nothing here raises for one bad file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.search.archive_bounds import ArchiveLimits
from marrowsignal.dicom.search.file_kind import FileKind
from marrowsignal.dicom.search.file_search import FileSearch, GivenPath, unreadable_input
from marrowsignal.dicom.search.header_reading import kind_of_file, reading_threads
from marrowsignal.errors import InputError
from marrowsignal.findings import Finding

__all__ = ["FoundFiles", "given_path", "read_headers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """Headers of all DICOM files below one or several paths.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Readable DICOM objects, DICOMDIR files left out.
    files_seen, files_unreadable : int
        Files looked at, those in archives included; files that look like DICOM or cannot be opened, and were left out.
    findings : tuple of Finding
        One for each kind of trouble; none names a file.
    """

    headers: tuple[SliceHeader, ...]
    files_seen: int
    files_unreadable: int
    findings: tuple[Finding, ...]


def read_headers(
    paths: Path | Sequence[Path], *, limits: ArchiveLimits | None = None, study_instance_uid: str | None = None
) -> FoundFiles:
    """Read the header of every DICOM file below `paths`.

    Parameters
    ----------
    paths : Path or sequence of Path
        Folders (searched to the bottom), files, DICOMDIRs (their folder is searched), zip or gzip archives. Archives
        in folders are opened too, archives in archives are not. What archives hold is unpacked into a temporary
        folder that is removed when no header refers to it any more.
    limits : ArchiveLimits, optional
        How far archives may expand.
    study_instance_uid : str, optional
        Pass over the files of other studies; of archives they are not unpacked.

    Returns
    -------
    FoundFiles
        The same whatever the order in which files are listed or threads finish.

    Raises
    ------
    InputError
        If there is nothing at one of `paths`, it may not be read, or it is an archive that cannot be unpacked.
    """
    roots = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    given = [given_path(root) for root in roots]
    with quiet_pydicom(), reading_threads() as threads:
        search = FileSearch(threads, limits or ArchiveLimits(), study_instance_uid=study_instance_uid)
        search.read(given)
    return FoundFiles(
        headers=tuple(search.headers),
        files_seen=search.tally.seen,
        files_unreadable=search.tally.unreadable,
        findings=search.findings(),
    )


def given_path(path: Path) -> GivenPath:
    """Return what lies at a path that a user gave; for a DICOMDIR its folder.

    Raises
    ------
    InputError
        If there is nothing, or it may not be read.
    """
    try:
        if path.is_dir():
            with os.scandir(path):
                return GivenPath(path, None)
        if not path.is_file():
            raise _no_input(path)
        kind = kind_of_file(path)
    except OSError as error:
        raise unreadable_input(error) from None
    if path.name.upper().startswith("DICOMDIR") or kind is FileKind.DICOMDIR:
        return GivenPath(path.parent, None)
    # The kind that unpacks itself begins with a program.
    return GivenPath(path, FileKind.ZIP if kind is FileKind.OTHER and zipfile.is_zipfile(path) else kind)


def _no_input(path: Path) -> InputError:
    what = "what lies at the path given is neither a file nor a folder"
    return InputError(
        what if path.exists() else "there is no file or folder at the path given",
        code="input_missing",
        stage="find_series",
        hint="give a folder, a file, a zip or a DICOMDIR of one study",
    )
