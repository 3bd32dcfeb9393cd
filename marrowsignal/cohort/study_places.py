"""Where studies lie: files told one by one, gathered into the folders that hold one study alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Found", "PlacedStudy", "StudyPlaces", "Suspects"]

_MODULUS = 1 << 128


@dataclass(slots=True)
class Found:
    """Number, bytes and signature of some files, whatever their order and the folders they lie in."""

    files: int = 0
    size_bytes: int = 0
    _sum: int = 0

    @classmethod
    def file(cls, name: str, size_bytes: int, modified_ns: int, *, files: int = 1) -> Found:
        """Return those of one file, or of an archive that holds several."""
        told = f"{size_bytes}/{modified_ns}/{name}".encode("utf-8", "surrogateescape")
        return cls(files, size_bytes, int.from_bytes(hashlib.sha256(told).digest()[:16], "big"))

    def add(self, other: Found) -> None:
        """Count other files too."""
        self.files += other.files
        self.size_bytes += other.size_bytes
        self._sum = (self._sum + other._sum) % _MODULUS

    @property
    def signature(self) -> str:
        """32 hexadecimal digits of names, sizes and modification times."""
        return f"{self._sum:032x}"


@dataclass(slots=True)
class PlacedStudy:
    """One study and where it lies.

    Attributes
    ----------
    paths : list of str
        Folders that hold it alone, and files.
    found : Found
        All its files.
    """

    paths: list[str] = field(default_factory=list)
    found: Found = field(default_factory=Found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """Files of one folder that look like DICOM, cannot be read, and cannot be told to belong to a study.

    Attributes
    ----------
    paths : tuple of str
        The folder where nothing in it can be read, else the files.
    place : str
        What tells them apart from those of other folders.
    found : Found
        Of them.
    alone : bool
        Whether nothing else of the folder can be read.
    """

    paths: tuple[str, ...]
    place: str
    found: Found
    alone: bool


@dataclass(slots=True)
class _Part:
    """Files of one study, or of none, side by side in one folder."""

    names: list[str] = field(default_factory=list)
    found: Found = field(default_factory=Found)

    def add(self, name: str, found: Found) -> None:
        self.names.append(name)
        self.found.add(found)


@dataclass(slots=True)
class _Whole:
    """A folder that holds one study alone."""

    study: str
    path: str
    found: Found = field(default_factory=Found)


@dataclass(slots=True)
class _Folder:
    path: str
    hidden: bool = False
    own: dict[str, _Part] = field(default_factory=dict)
    below: list[_Whole] = field(default_factory=list)
    damaged: _Part = field(default_factory=_Part)
    unnamed: _Part = field(default_factory=_Part)
    others: int = 0
    is_leaf: bool = True
    mixed: bool = False


class StudyPlaces:
    """Takes the files of a walk, folder by folder and each folder before those in it, and gathers them.

    What is in memory at a time is one entry for each study and folder, not for each file, unless several studies lie in
    one folder.

    Attributes
    ----------
    suspects : list of Suspects
        In the order of the walk; complete after `close`.
    others : int
        Files that are nothing of DICOM.
    """

    def __init__(self) -> None:
        self._studies: dict[str, PlacedStudy] = {}
        self.suspects: list[Suspects] = []
        self.others = 0
        self._open: list[_Folder] = []
        self._apart: set[str] = set()

    def begin(self, root: str) -> None:
        """Begin with a folder that was given."""
        self.close()
        self._open.append(_Folder(root))

    def add(self, folder: str, name: str, study: str, found: Found) -> None:
        """Take a file, or an archive, of a study."""
        self._enter(folder).own.setdefault(study, _Part()).add(name, found)

    def add_damaged(self, folder: str, name: str, found: Found) -> None:
        """Take a file that looks like DICOM and cannot be read."""
        self._enter(folder).damaged.add(name, found)

    def add_other(self, folder: str, name: str, found: Found, *, plausible: bool) -> None:
        """Take a file that is not DICOM; `plausible` where its name could be that of a DICOM file."""
        where = self._enter(folder)
        self.others += 1
        where.others += 1
        if plausible:
            where.unnamed.add(name, found)

    def set_apart(self, folder: str) -> None:
        """Note that something in a folder is of no study: neither it nor a folder above holds one study alone.

        To be called before the walk is beyond that folder.
        """
        while folder not in self._apart:
            self._apart.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120

    def add_file(self, path: str, study: str, found: Found) -> None:
        """Take a file that was given by itself."""
        self._place(study, (path,), found)

    def studies(self) -> Iterator[tuple[str, PlacedStudy]]:
        """Yield each StudyInstanceUID and where it lies; complete after `close`."""
        yield from self._studies.items()

    def close(self) -> None:
        """Gather what is left."""
        while self._open:
            self._leave()

    def _enter(self, folder: str) -> _Folder:
        while self._open[-1].path != folder and not _lies_below(folder, self._open[-1].path):
            self._leave()
        above = self._open[-1]
        for part in _parts_between(above.path, folder):
            above.is_leaf = False
            above = _Folder(os.path.join(above.path, part), above.hidden or part.startswith("."))  # noqa: PTH118
            self._open.append(above)
        return above

    def _leave(self) -> None:
        folder = self._open.pop()
        above = self._open[-1] if self._open else None
        self._doubt(folder)
        folder.mixed = folder.mixed or folder.path in self._apart
        studies = {*folder.own, *(whole.study for whole in folder.below)}
        if len(studies) == 1 and not folder.mixed:
            whole = _Whole(studies.pop(), folder.path)
            for found in (*(part.found for part in folder.own.values()), *(below.found for below in folder.below)):
                whole.found.add(found)
            if above is None:
                self._place(whole.study, (whole.path,), whole.found)
            else:
                above.below.append(whole)
        else:
            folder.mixed = folder.mixed or bool(studies)
            for study, part in folder.own.items():
                self._place(study, _joined(folder.path, part.names), part.found)
            for below in folder.below:
                self._place(below.study, (below.path,), below.found)
        if above is not None:
            above.mixed = above.mixed or folder.mixed

    def _doubt(self, folder: _Folder) -> None:
        """Set apart what looks like DICOM, cannot be read, and lies beside no study, or beside several."""
        damaged = folder.damaged
        if folder.own or damaged.names:
            exported = False
        else:
            # A whole folder of files without a suffix is an export, whatever became of its bytes.
            exported = folder.is_leaf and not folder.hidden and folder.others == len(folder.unnamed.names) > 0
        if exported:
            damaged = folder.unnamed
            self.others -= folder.others
        if len(folder.own) == 1:
            (part,) = folder.own.values()
            part.names += damaged.names
            part.found.add(damaged.found)
        elif damaged.names:
            whole = folder.is_leaf and not folder.own
            paths = (folder.path,) if whole else _joined(folder.path, damaged.names)
            self.suspects.append(Suspects(paths=paths, place=folder.path, found=damaged.found, alone=not folder.own))
            folder.mixed = True

    def _place(self, study: str, paths: tuple[str, ...], found: Found) -> None:
        placed = self._studies.setdefault(study, PlacedStudy())
        placed.paths += paths
        placed.found.add(found)


def _joined(folder: str, names: list[str]) -> tuple[str, ...]:
    return tuple(os.path.join(folder, name) for name in names)  # noqa: PTH118 - a million times


def _lies_below(inner: str, outer: str) -> bool:
    return inner.startswith(outer.rstrip(os.sep) + os.sep)


def _parts_between(outer: str, inner: str) -> tuple[str, ...]:
    return Path(inner).relative_to(outer).parts if inner != outer else ()
