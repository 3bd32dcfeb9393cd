"""Count what went wrong with files and tell it in one finding a kind, without naming a file."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from enum import Enum

from marrowsignal.findings import Finding, Severity

__all__ = ["FileTally", "Trouble"]

_STAGE = "find_series"
_MOST_PLACES = 3


class Trouble(Enum):
    """What can be wrong with one file, folder or archive: code, severity and words of its finding."""

    DAMAGED = (
        "file_unreadable",
        Severity.WARN,
        "file(s) look like DICOM but cannot be read and were left out",
    )
    EMPTY = (
        "file_empty",
        Severity.WARN,
        "file(s) hold no bytes and were left out; the copy may be incomplete",
    )
    NOT_PERMITTED = (
        "file_not_permitted",
        Severity.WARN,
        "file(s) may not be read by this user and were left out",
    )
    VANISHED = (
        "file_vanished",
        Severity.WARN,
        "file(s) disappeared while the folder was read; something else may be writing to it",
    )
    NOT_READ = (
        "file_read_error",
        Severity.WARN,
        "file(s) could not be read from the disk or share and were left out",
    )
    FOLDER = (
        "folder_unreadable",
        Severity.WARN,
        "folder(s) could not be listed (no permission, or gone) and were left out",
    )
    LINK_BROKEN = (
        "link_broken",
        Severity.WARN,
        "link(s) lead nowhere; the files they stand for may not have been fetched",
    )
    LINK_UP = (
        "link_upwards",
        Severity.INFO,
        "link(s) to a folder above themselves were not followed",
    )
    ARCHIVE_DAMAGED = (
        "archive_unreadable",
        Severity.WARN,
        "archive(s) are damaged, or one part of several, and were left out",
    )
    ARCHIVE_TOO_LARGE = (
        "archive_too_large",
        Severity.WARN,
        "archive(s) would unpack to far more than their size allows and were left out",
    )
    ARCHIVE_NESTED = (
        "archive_nested",
        Severity.WARN,
        "archive(s) inside an archive were not opened; unpack the outer one and give its folder",
    )
    ARCHIVE_OTHER = (
        "archive_not_opened",
        Severity.WARN,
        "archive(s) of a kind that is not opened (tar, 7z, rar, xz, bz2); unpack them and give the folder",
    )
    ENCRYPTED = (
        "archive_encrypted",
        Severity.WARN,
        "file(s) in archives are encrypted and were left out; unpack them with the password and give the folder",
    )
    METHOD = (
        "archive_method_unknown",
        Severity.WARN,
        "file(s) in archives are compressed by a method other than deflate and were left out; "
        "unpack the archive and give the folder",
    )

    @property
    def code(self) -> str:
        """Code of the finding."""
        return self.value[0]

    @property
    def severity(self) -> Severity:
        """Severity of the finding."""
        return self.value[1]

    @property
    def words(self) -> str:
        """What follows the count."""
        return self.value[2]


_OF_FILES = frozenset(
    {Trouble.DAMAGED, Trouble.EMPTY, Trouble.NOT_PERMITTED, Trouble.VANISHED, Trouble.NOT_READ}
    | {Trouble.ENCRYPTED, Trouble.METHOD}
)


class FileTally:
    """Counts of one search.

    A file may be named after its patient, so findings tell places: the number of the file when all are counted
    by folder and name, the files of archives last.

    Attributes
    ----------
    seen : int
        Files counted so far.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._counts: Counter[Trouble] = Counter()
        self._places: dict[Trouble, list[int]] = {}

    def count(self) -> int:
        """Count one more file and return its number."""
        self.seen += 1
        return self.seen

    def add(self, trouble: Trouble, place: int | None = None) -> None:
        """Note a trouble, of file number `place` if it concerns one that was counted."""
        self._counts[trouble] += 1
        if place is not None:
            places = self._places.setdefault(trouble, [])
            insort(places, place)
            del places[_MOST_PLACES:]

    def counts(self) -> Counter[Trouble]:
        """Return how often each trouble was noted."""
        return Counter(self._counts)

    @property
    def unreadable(self) -> int:
        """Files that are or may be DICOM and could not be read."""
        return sum(self._counts[trouble] for trouble in _OF_FILES)

    def findings(self) -> tuple[Finding, ...]:
        """Return one finding a kind of trouble, in the order of `Trouble`."""
        return tuple(self._finding(trouble) for trouble in Trouble if trouble in self._counts)

    def _finding(self, trouble: Trouble) -> Finding:
        return Finding(code=trouble.code, stage=_STAGE, severity=trouble.severity, message=f"{self.told(trouble)}.")

    def told(self, trouble: Trouble) -> str:
        """Return count, words and places of a trouble."""
        count, places = self._counts[trouble], self._places.get(trouble)
        if not places:
            return f"{count} {trouble.words}"
        more = count - len(places)
        listed = ", ".join(str(place) for place in places) + (f" and {more} more" if more else "")
        return f"{count} {trouble.words} (number {listed} of {self.seen}, counted by folder and name)"
