"""Bounds that keep a hostile archive from filling disk, memory or time."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import IO, BinaryIO

from marrowsignal.dicom.search.file_tally import Trouble
from marrowsignal.errors import InputError

__all__ = ["ArchiveLimits", "BoundedReader", "ByteBudget", "Metered", "archive_refused", "archive_too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How far archives may expand; every count is of what really comes out, never of what headers claim.

    Attributes
    ----------
    max_members : int
        Members of one zip.
    max_directory_bytes : int
        Central directory of one zip.
    max_bytes : int
        Bytes unpacked in one search, all archives together.
    max_ratio : float
        Bytes unpacked over bytes of the archive, beyond `free_bytes`. Whole MR studies reach 1 to 3.
    free_bytes : int
        Bytes that any archive may give, whatever its size.
    """

    max_members: int = 200_000
    max_directory_bytes: int = 24 * 2**20
    max_bytes: int = 16 * 2**30
    max_ratio: float = 30.0
    free_bytes: int = 256 * 2**20


class ByteBudget:
    """Bytes that archives may still give.

    Parameters
    ----------
    limits : ArchiveLimits
        Bounds.
    """

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._bytes_left = limits.max_bytes
        self._archive_bytes_left = 0

    def begin_archive(self, size_bytes: int) -> None:
        """Begin with an archive of a size."""
        self._archive_bytes_left = self._limits.free_bytes + int(self._limits.max_ratio * size_bytes)

    def spend(self, count: int) -> None:
        """Count bytes that came out.

        Raises
        ------
        InputError
            If they are too many.
        """
        self._bytes_left -= count
        self._archive_bytes_left -= count
        if self._archive_bytes_left < 0:
            free_mib, ratio = self._limits.free_bytes / 2**20, self._limits.max_ratio
            raise archive_too_large(f"more than {free_mib:g} MiB and {ratio:g} times its own size")
        if self._bytes_left < 0:
            raise archive_too_large(f"more than {self._limits.max_bytes / 2**30:g} GiB in all")


class Metered:
    """What comes out of an archive, each byte counted as it comes.

    Parameters
    ----------
    source : file
        Gives the unpacked bytes.
    budget : ByteBudget
        Pays for them.
    """

    def __init__(self, source: IO[bytes] | gzip.GzipFile, budget: ByteBudget) -> None:
        self._source = source
        self._budget = budget
        self.seek = source.seek

    def read(self, count: int) -> bytes:
        """Return the next bytes, `count` at most."""
        data = self._source.read(count)
        self._budget.spend(len(data))
        return data


class BoundedReader:
    """A file that refuses to be read in one piece larger than any honest central directory.

    Parameters
    ----------
    stream : file
        The zip.
    most : int
        Bytes of one piece.
    """

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream = stream
        self._most = most
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes.

        Raises
        ------
        InputError
            If more are asked for than the bound.
        """
        if count > self._most:
            raise archive_too_large(f"its list of members claims more than {self._most / 2**20:g} MiB")
        return self._stream.read(count if count >= 0 else self._most)


def archive_too_large(why: str) -> InputError:
    """Return the error for an archive that breaks a bound."""
    return archive_refused(Trouble.ARCHIVE_TOO_LARGE, f"an archive would unpack to too much: {why}")


def archive_refused(trouble: Trouble, message: str) -> InputError:
    """Return the error for an archive that cannot be used as a whole."""
    hint = "unpack the studies you want and give their folder"
    return InputError(message, code=trouble.code, stage="find_series", hint=hint)
