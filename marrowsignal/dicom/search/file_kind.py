"""Tell from its first bytes what a file is: DICOM, an archive, or nothing of ours."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import PurePosixPath

__all__ = ["START_BYTES", "FileKind", "kind_of", "named_like_dicom"]

# The preamble, the prefix and the Media Storage SOP Class UID lie within the first block of every file.
START_BYTES = 512

_DICOMDIR_MEDIA_CLASS = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b\x08"
_TAR = b"ustar"
# 7-Zip, RAR, xz, bzip2, Zstandard.
_OTHER_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd")


_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})


class FileKind(Enum):
    """What the first bytes say."""

    DICOM = auto()
    BARE_DATASET = auto()
    DICOMDIR = auto()
    ZIP = auto()
    GZIP = auto()
    OTHER_ARCHIVE = auto()
    EMPTY = auto()
    OTHER = auto()


def kind_of(start: bytes) -> FileKind:
    """Return the kind of a file.

    Parameters
    ----------
    start : bytes
        Its first `START_BYTES` bytes, or all of a smaller file.
    """
    if not start:
        return FileKind.EMPTY
    if start[128:132] == b"DICM":
        return FileKind.DICOMDIR if _DICOMDIR_MEDIA_CLASS in start else FileKind.DICOM
    if start.startswith(_ZIP):
        return FileKind.ZIP
    if start.startswith(_GZIP):
        return FileKind.GZIP
    if start.startswith(_OTHER_ARCHIVES) or start[257:262] == _TAR:
        return FileKind.OTHER_ARCHIVE
    return FileKind.BARE_DATASET if _begins_like_dataset(start) else FileKind.OTHER


def named_like_dicom(name: str) -> bool:
    """Whether a file name has one of the suffixes DICOM files are given."""
    return PurePosixPath(name).suffix.lower() in _DICOM_SUFFIXES


def _begins_like_dataset(start: bytes) -> bool:
    """Whether the first element is of group 2 or 8, low, and has a VR or a short length (PS3.5, 7.1)."""
    if len(start) < 8:
        return False
    little = start[0] in (2, 8) and start[1] == 0 and start[3] == 0
    big = start[0] == 0 and start[1] in (2, 8) and start[2] == 0
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    short = int.from_bytes(start[4:8], "little") <= 0xFFFF
    return (little and (explicit or short)) or (big and (explicit or start[4:6] == b"\x00\x00"))
