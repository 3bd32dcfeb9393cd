"""Find the studies below folders and archives, each told by its StudyInstanceUID."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.shards import Shard, in_shard
from marrowsignal.cohort.study_places import Found, PlacedStudy, StudyPlaces, Suspects
from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.dicom.privacy.case_name import CaseKey, case_name
from marrowsignal.dicom.search.dicomdir import DicomdirCheck, checked_dicomdir, dicomdir_findings
from marrowsignal.dicom.search.file_kind import FileKind, named_like_dicom
from marrowsignal.dicom.search.file_search import GivenPath
from marrowsignal.dicom.search.file_tally import FileTally, Trouble
from marrowsignal.dicom.search.header_reading import NumberedFile, each_in_order, reading_threads
from marrowsignal.dicom.search.read_headers import given_path
from marrowsignal.dicom.search.study_files import FileStudy, look_into_archive, study_of_file
from marrowsignal.dicom.search.walk import FolderWalk
from marrowsignal.findings import Finding, Severity

__all__ = ["Discovery", "find_studies", "place_key"]

_STAGE = "find_studies"
_ARCHIVES = frozenset({FileKind.ZIP, FileKind.GZIP, FileKind.OTHER_ARCHIVE})
_TOLD_EVERY = 500
_NOT_LOOKED_AT = (Trouble.FOLDER.code, Trouble.NOT_READ.code)
# Before the place of DICOM files that name no study.
_NAMELESS = "\0"
_NO_UNICODE = "the name of a folder or file on the way to it is no valid Unicode; rename that"
_PARTIAL = re.compile(r"\..+\.partial")
_LEDGER = re.compile(r"ledger.*\.sqlite(-wal|-shm|-journal)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The studies found.

    Attributes
    ----------
    sources : tuple of StudySource
        Ordered by key: neither names nor places matter.
    findings : tuple of Finding
        What was passed over; none names a file or folder.
    files : int
        Files looked at, archives as one.
    """

    sources: tuple[StudySource, ...]
    findings: tuple[Finding, ...] = ()
    files: int = 0

    @property
    def looked_everywhere(self) -> bool:
        """Whether every folder could be listed, and every file read from the disk or share."""
        return all(finding.code not in _NOT_LOOKED_AT for finding in self.findings)


def find_studies(
    paths: Sequence[Path],
    *,
    key: CaseKey,
    shard: Shard | None = None,
    on_found: Callable[[int, int], None] = lambda _files, _studies: None,
) -> Discovery:
    """Find every study below some paths.

    Of each file no more is read than stands before StudyInstanceUID, of archives the same of each member, and nothing
    is unpacked to a disk. Series of one study may lie in several folders and archives, and several studies in one.
    Case folders of marrowsignal are left out.

    Parameters
    ----------
    paths : sequence of Path
        Folders (searched to the bottom), files, DICOMDIRs (their folder is searched), zip or gzip archives.
    key : CaseKey
        Makes the keys of the studies; that of the output folder.
    shard : tuple of int, optional
        Only studies of this shard are returned.
    on_found : callable, optional
        Called now and then with the numbers of files looked at and of studies found so far.

    Returns
    -------
    Discovery
        What looks like DICOM but cannot be read, and archives that cannot be opened, are sources with a `problem`.

    Raises
    ------
    InputError
        If there is nothing at one of `paths`, or it may not be read.
    """
    search = _Search(key, on_found)
    search.look_through([given_path(Path(path).absolute()) for path in paths])
    sources = search.sources()
    return Discovery(
        sources=tuple(source for source in sources if in_shard(source.key, shard)),
        findings=search.findings(),
        files=search.files,
    )


def place_key(place: str, *, key: CaseKey) -> str:
    """Return what tells a place apart whose study is not known: 12 hex digits of a keyed hash of its path."""
    told = b"place\0" + os.fsencode(os.path.realpath(place))
    return hmac.new(key.secret, told, hashlib.sha256).hexdigest()[:12]


class _Search:
    """One search over all paths given."""

    def __init__(self, key: CaseKey, on_found: Callable[[int, int], None]) -> None:
        self.files = 0
        self._tally = FileTally()
        self._key = key
        self._on_found = on_found
        self._places = StudyPlaces()
        self._studies: set[str] = set()
        self._problems: list[StudySource] = []
        self._dicomdirs: list[DicomdirCheck] = []
        self._walk = FolderWalk(self._tally, leave_out=self._is_ours)

    def look_through(self, given: Sequence[GivenPath]) -> None:
        """Look at every file, and into every archive."""
        folders = [str(one.path) for one in given if one.kind is None]
        files = {str(one.path): one.kind for one in given if one.kind is not None}
        with quiet_pydicom(), reading_threads() as threads:
            for root in dict.fromkeys(folders):
                self._places.begin(root)
                for looked in each_in_order(threads, self._files(root), study_of_file):
                    self._take(looked)
            self._places.close()
            alone = [file for file in files if not _lies_in(file, folders)]
            numbered: Iterator[NumberedFile] = ((self._tally.count(), file) for file in alone)
            for looked in each_in_order(threads, numbered, study_of_file):
                # A zip that unpacks itself is known by its end only.
                kind = files[str(looked.path)]
                self._take(replace(looked, kind=kind) if kind in _ARCHIVES else looked, given=True)
        self._told()

    def sources(self) -> list[StudySource]:
        """Return all studies and problems, ordered by key."""
        found = [self._source(uid, placed) for uid, placed in self._places.studies()]
        suspects = (self._suspected(suspects) for suspects in self._places.suspects)
        return sorted((*found, *suspects, *self._problems), key=lambda source: source.key)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was passed over."""
        others = self._places.others
        told = f"{others} file(s) are not DICOM and were passed over."
        passed = (Finding(code="files_not_dicom", stage=_STAGE, severity=Severity.INFO, message=told),)
        return (*self._tally.findings(), *dicomdir_findings(self._dicomdirs), *(passed if others else ()))

    def _files(self, root: str) -> Iterator[NumberedFile]:
        """Yield the files below a folder, but for ledgers.

        To close a file that this process also has open elsewhere drops its POSIX locks (fcntl(2)): the ledger of this
        run, where it lies below the input, could be opened by a second one then.
        """
        for number, file in self._walk.files(root):
            if not _LEDGER.fullmatch(os.path.basename(file)):  # noqa: PTH119 - a million times
                yield number, file

    def _is_ours(self, folder: str, names: Sequence[str]) -> bool:
        """Whether a folder is a case that we wrote, or half of one."""
        above, name = os.path.split(folder)
        ours = {"result.json", "report.html"}.issubset(names) or _PARTIAL.fullmatch(name) is not None
        if ours:
            self._places.set_apart(above)
        return ours

    def _take(self, looked: FileStudy, *, given: bool = False) -> None:
        if looked.kind in _ARCHIVES:
            self._take_archive(looked, given=given)
        else:
            self._take_file(looked, given=given)
        self.files += 1
        if self.files % _TOLD_EVERY == 0:
            self._told()

    def _told(self) -> None:
        self._on_found(self.files, len(self._studies))

    def _take_file(self, looked: FileStudy, *, given: bool) -> None:
        folder, name = str(looked.path.parent), looked.path.name
        found = _found(looked)
        if looked.trouble is not None:
            self._tally.add(looked.trouble)
        if looked.kind is FileKind.DICOMDIR:
            self._dicomdirs.append(checked_dicomdir(looked.path))
        elif looked.study_instance_uid is not None:
            self._take_study(looked, looked.study_instance_uid, found, given=given)
        elif given:
            self._problems.append(self._problem((str(looked.path),), found, "the file cannot be read as DICOM"))
        elif looked.trouble is not None and (looked.trouble in _DAMAGED or _is_plausible(name)):
            self._places.add_damaged(folder, name, found)
        else:
            self._places.add_other(folder, name, found, plausible=_is_plausible(name))

    def _take_study(self, looked: FileStudy, uid: str, found: Found, *, given: bool) -> None:
        folder = str(looked.path.parent)
        self._studies.add(uid)
        study = uid or f"{_NAMELESS}{looked.path if given else folder}"
        if given:
            self._places.add_file(str(looked.path), study, found)
        else:
            self._places.add(folder, looked.path.name, study, found)

    def _take_archive(self, looked: FileStudy, *, given: bool) -> None:
        archived = look_into_archive(looked.path, looked.kind)
        self._dicomdirs += archived.dicomdirs
        folder, name = str(looked.path.parent), looked.path.name
        for uid, files in archived.studies:
            self._take_study(looked, uid, _found(looked, files=files), given=given)
        if archived.studies:
            return
        if archived.troubles or given:
            why = archived.troubles or "it holds no DICOM"
            told = f"nothing in the archive can be read: {why}"
            self._problems.append(self._problem((str(looked.path),), _found(looked), told))
            self._places.set_apart(folder)
        else:
            self._places.add_other(folder, name, _found(looked), plausible=False)

    def _source(self, uid: str, placed: PlacedStudy) -> StudySource:
        paths = tuple(sorted(placed.paths))
        if uid.startswith(_NAMELESS):
            told = "its files hold no StudyInstanceUID to tell the study by; give it a case name in a manifest"
            return self._problem(paths, placed.found, told, place=uid)
        return StudySource(
            key=case_name(uid, key=self._key),
            paths=_in_unicode(paths),
            study_instance_uid=uid,
            signature=placed.found.signature,
            size_bytes=placed.found.size_bytes,
            files=placed.found.files,
            # The records of a run go through JSON, which has no such names.
            problem=None if all(map(_is_unicode, placed.paths)) else _NO_UNICODE,
        )

    def _suspected(self, suspects: Suspects) -> StudySource:
        files = suspects.found.files
        where = "nothing else of their folder can" if suspects.alone else "which study they belong to is not known"
        told = f"{files} file(s) look like DICOM but cannot be read, and {where}"
        return self._problem(suspects.paths, suspects.found, told, place=suspects.place)

    def _problem(self, paths: tuple[str, ...], found: Found, told: str, *, place: str | None = None) -> StudySource:
        where = paths[0] if place is None else place.removeprefix(_NAMELESS)
        return StudySource(
            key=place_key(where, key=self._key),
            paths=_in_unicode(paths),
            signature=found.signature,
            size_bytes=found.size_bytes,
            files=found.files,
            problem=told,
        )


_DAMAGED = frozenset({Trouble.DAMAGED, Trouble.EMPTY})


def _found(looked: FileStudy, *, files: int = 1) -> Found:
    return Found.file(looked.path.name, looked.size_bytes, looked.modified_ns, files=files)


def _in_unicode(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path if _is_unicode(path) else os.fsencode(path).decode("utf-8", "replace") for path in paths)


def _is_unicode(path: str) -> bool:
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)


def _is_plausible(name: str) -> bool:
    """Whether a file name could be that of a DICOM file: exports number them, or name them by UID."""
    suffix = Path(name).suffix
    return named_like_dicom(name) or (not name.startswith(".") and (not suffix or suffix[1:].isdigit()))


def _lies_in(file: str, folders: Sequence[str]) -> bool:
    real = Path(file).resolve()
    return any(real.is_relative_to(Path(folder).resolve()) for folder in folders)
