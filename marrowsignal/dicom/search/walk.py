"""Walk folders: every regular file once, links followed without ever going round or up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from marrowsignal.dicom.search.file_tally import FileTally, Trouble

__all__ = ["FolderWalk", "is_system_leftover"]

# What operating systems and file servers leave; deleted studies in a recycle bin must not come back.
_SYSTEM_FOLDERS = frozenset(
    {
        "#recycle",
        "$recycle.bin",
        ".fseventsd",
        ".spotlight-v100",
        "@eadir",
        "__macosx",
        "lost+found",
        "recycler",
        "system volume information",
    }
)


def is_system_leftover(name: str) -> bool:
    """Whether an operating system made the file or folder; macOS leaves "._" forks beside every file it copies."""
    return name.startswith(("._", ".Trash")) or name.casefold() in _SYSTEM_FOLDERS


@dataclass(frozen=True, slots=True)
class _Subfolder:
    path: str
    real: str


@dataclass(slots=True)
class _Listing:
    files: list[str] = field(default_factory=list)
    folders: list[tuple[str, bool]] = field(default_factory=list)


class FolderWalk:
    """Finds the files below one or several folders, each real folder once.

    Links to folders are followed, unless they lead to a folder above the link or above where the walk began: that way
    lie loops and other patients. Pipes, sockets and devices are passed over.

    Parameters
    ----------
    tally : FileTally
        Told of each file found and of folders and links that lead nowhere.
    leave_out : callable, optional
        Given the path of a folder below the beginning and the names of its files, says whether it is left out with all
        that is below.
    """

    def __init__(
        self, tally: FileTally, *, leave_out: Callable[[str, Sequence[str]], bool] = lambda _path, _names: False
    ) -> None:
        self._tally = tally
        self._leave_out = leave_out
        self._visited: set[str] = set()

    def files(self, root: str) -> Iterator[tuple[int, str]]:
        """Yield number and path of each file below `root`, ordered by folder and name."""
        real_root = os.path.realpath(root)
        waiting = [_Subfolder(root, real_root)]
        while waiting:
            folder = waiting.pop()
            if folder.real in self._visited:
                continue
            self._visited.add(folder.real)
            listing = self._listing(folder.path)
            if folder.real != real_root and self._leave_out(folder.path, listing.files):
                continue
            for name in sorted(listing.files):
                yield self._tally.count(), os.path.join(folder.path, name)  # noqa: PTH118 - a million times
            for name, is_link in sorted(listing.folders, reverse=True):
                subfolder = self._subfolder(folder, name, is_link=is_link)
                if _lies_in(real_root, subfolder.real) or _lies_in(folder.real, subfolder.real):
                    self._tally.add(Trouble.LINK_UP)
                else:
                    waiting.append(subfolder)

    def _listing(self, folder: str) -> _Listing:
        listing = _Listing()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._sort_in(entry, listing)
        except OSError:
            self._tally.add(Trouble.FOLDER)
            return _Listing()
        return listing

    def _sort_in(self, entry: os.DirEntry[str], listing: _Listing) -> None:
        if is_system_leftover(entry.name):
            return
        try:
            if entry.is_file():
                listing.files.append(entry.name)
            elif entry.is_dir():
                listing.folders.append((entry.name, entry.is_symlink()))
            elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110
                self._tally.add(Trouble.LINK_BROKEN)
        except OSError:
            self._tally.add(Trouble.LINK_BROKEN)

    @staticmethod
    def _subfolder(parent: _Subfolder, name: str, *, is_link: bool) -> _Subfolder:
        path = os.path.join(parent.path, name)  # noqa: PTH118
        # Windows has junctions, which do not call themselves links.
        follow = is_link or os.name == "nt"
        return _Subfolder(path, os.path.realpath(path) if follow else os.path.join(parent.real, name))  # noqa: PTH118


def _lies_in(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)
