"""Find the files below a path and read their headers; nothing here raises for one bad file."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from marrowsignal.dicom.header_values import UNREADABLE
from marrowsignal.dicom.slice_header import SliceHeader, read_slice_header
from marrowsignal.errors import InputError
from marrowsignal.findings import Finding, Severity

__all__ = ["FoundFiles", "read_headers", "unpack_zip"]

_STAGE = "find_series"
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_MAX_UNPACKED_BYTES = 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """Headers of all DICOM files below a path.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Readable DICOM objects, DICOMDIR files left out.
    files_seen, files_unreadable : int
        Files looked at; DICOM-like files that could not be read.
    findings : tuple of Finding
        One for each unreadable file.
    """

    headers: tuple[SliceHeader, ...]
    files_seen: int
    files_unreadable: int
    findings: tuple[Finding, ...]


def read_headers(path: Path) -> FoundFiles:
    """Read the header of every DICOM file below `path`: a folder, one file, a DICOMDIR or a zip.

    Raises
    ------
    InputError
        If there is nothing at `path`, or a zip cannot be unpacked.
    """
    headers: list[SliceHeader] = []
    findings: list[Finding] = []
    seen = 0
    for file in _files_below(path):
        seen += 1
        try:
            header = _read_if_dicom(file)
        except UNREADABLE:
            findings.append(_unreadable(file))
            continue
        if header is not None and header.sop_class_uid != _DICOMDIR_CLASS:
            headers.append(header)
    return FoundFiles(headers=tuple(headers), files_seen=seen, files_unreadable=len(findings), findings=tuple(findings))


def unpack_zip(path: Path) -> Path:
    """Unpack a zip into a temporary folder that lives until this process ends.

    Members get numbers for names: a name in a zip may be a path outside, or a patient.

    Raises
    ------
    InputError
        If the zip is damaged, encrypted or would unpack to more than 64 GiB.
    """
    folder = Path(tempfile.mkdtemp(prefix="marrowsignal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda m: m.filename)
            if sum(m.file_size for m in members) > _MAX_UNPACKED_BYTES:
                raise InputError(
                    f"{path.name} would unpack to more than 64 GiB",
                    code="zip_too_large",
                    stage=_STAGE,
                    hint="unzip the studies you want and give their folder",
                )
            for number, member in enumerate(members):
                name = f"{number:06d}{_plain_suffix(member.filename)}"
                with archive.open(member) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputError(
            f"{path.name} cannot be unpacked: it is damaged or encrypted",
            code="zip_unreadable",
            stage=_STAGE,
            hint="unzip it and give the folder",
        ) from error
    return folder


def _plain_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix[1:].isalnum() and len(suffix) <= 8 else ""


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_file():
        if zipfile.is_zipfile(path):
            path = unpack_zip(path)
        elif path.name.upper().startswith("DICOMDIR"):
            path = path.parent
        else:
            yield path
            return
    if not path.is_dir():
        raise InputError(
            f"there is no file or folder '{path.name}'",
            code="input_missing",
            stage=_STAGE,
            hint="give a folder, a zip or a DICOMDIR with one study",
        )
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            # macOS leaves "._" resource forks beside every file it copies.
            if name.startswith("._"):
                continue
            # A broken link, a socket or a pipe is no file, and reading a pipe never ends.
            if file.is_file():
                yield file


def _read_if_dicom(file: Path) -> SliceHeader | None:
    """Return the header, or None when the file is not DICOM at all."""
    with file.open("rb") as stream:
        start = stream.read(132)
    if start[128:132] == b"DICM":
        return read_slice_header(file)
    if not _looks_like_bare_dataset(start):
        if file.suffix.lower() in _DICOM_SUFFIXES:
            raise EOFError("named like DICOM but is not")
        return None
    header = read_slice_header(file, force=True)
    known = header.sop_class_uid or header.acquisition.modality
    return header if known else None


def _looks_like_bare_dataset(start: bytes) -> bool:
    """Whether a file without the preamble begins like a DICOM data set: group 2 or 8, a low element."""
    if len(start) < 8:
        return False
    little = start[0] in (2, 8) and start[1] == 0 and start[3] == 0
    big = start[0] == 0 and start[1] in (2, 8) and start[2] == 0
    return little or big


def _unreadable(file: Path) -> Finding:
    return Finding(
        code="file_unreadable",
        stage=_STAGE,
        severity=Severity.WARN,
        message=f"{file.name} looks like DICOM but cannot be read and was left out.",
    )
