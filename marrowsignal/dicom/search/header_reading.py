"""Look at files, in several threads where reading means waiting, and hand on what they are in order."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from marrowsignal.dicom.headers.header_values import UNREADABLE
from marrowsignal.dicom.headers.slice_header import SliceHeader, read_slice_headers
from marrowsignal.dicom.search.file_kind import START_BYTES, FileKind, kind_of, named_like_dicom
from marrowsignal.dicom.search.file_tally import Trouble

__all__ = [
    "LookedAt",
    "NumberedFile",
    "each_in_order",
    "kind_of_file",
    "look_at_all",
    "reading_threads",
    "trouble_by_name",
    "trouble_of",
]

# Python works on one header at a time, so threads only cost on a local disk; on a share eight wait together.
_THREADS = 8
_PATIENCE = 2.0
_FILES_A_TASK = 16
_TASKS_AHEAD = 4 * _THREADS

NumberedFile = tuple[int, Path | str]
Looked = TypeVar("Looked")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What one file turned out to be.

    Attributes
    ----------
    number : int
        Its number in the search.
    path : Path
        The file.
    kind : FileKind
        By its first bytes.
    headers : tuple of SliceHeader
        One a slice; empty when it is not DICOM.
    trouble : Trouble or None
        Why it could not be read.
    """

    number: int
    path: Path
    kind: FileKind
    headers: tuple[SliceHeader, ...] = ()
    trouble: Trouble | None = None


@contextmanager
def reading_threads() -> Iterator[ThreadPoolExecutor]:
    """Give the threads; an interrupt drops what they have not begun."""
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="read-headers")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def look_at_all(
    threads: ThreadPoolExecutor, files: Iterable[NumberedFile], *, patience: float = _PATIENCE
) -> Iterator[LookedAt]:
    """Look at `files` and yield what each is, in their order.

    Parameters
    ----------
    threads, files, patience
        As of `each_in_order`.
    """
    return each_in_order(threads, files, _look_at, patience=patience)


def each_in_order(
    threads: ThreadPoolExecutor,
    files: Iterable[NumberedFile],
    look: Callable[[int, Path], Looked],
    *,
    patience: float = _PATIENCE,
) -> Iterator[Looked]:
    """Look at `files` in some way and yield what comes of each, in their order.

    Parameters
    ----------
    threads : ThreadPoolExecutor
        Take over when reading turns out to mean waiting, and then work a few hundred files ahead.
    files : iterable of NumberedFile
        Number and path of each.
    look : callable
        Looks at one.
    patience : float
        How many times the processor's time reading may take before `threads` take over.
    """

    def look_at_some(task: list[NumberedFile]) -> list[Looked]:
        return [look(number, file if isinstance(file, Path) else Path(file)) for number, file in task]

    remaining = iter(files)
    while task := list(itertools.islice(remaining, _FILES_A_TASK)):
        began, busy = time.perf_counter(), time.thread_time()
        looked_at = look_at_some(task)
        waited = time.perf_counter() - began > patience * (time.thread_time() - busy)
        yield from looked_at
        if waited:
            yield from _look_ahead(threads, remaining, look_at_some)


def _look_ahead(
    threads: ThreadPoolExecutor,
    remaining: Iterator[NumberedFile],
    look_at_some: Callable[[list[NumberedFile]], list[Looked]],
) -> Iterator[Looked]:
    waiting: deque[Future[list[Looked]]] = deque()
    while task := list(itertools.islice(remaining, _FILES_A_TASK)):
        waiting.append(threads.submit(look_at_some, task))
        if len(waiting) == _TASKS_AHEAD:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def kind_of_file(path: Path) -> FileKind:
    """Return what a file's first bytes say.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        return kind_of(stream.read(START_BYTES))


def trouble_of(error: OSError) -> Trouble:
    """Return what an error of the file system means for the user."""
    if isinstance(error, PermissionError):
        return Trouble.NOT_PERMITTED
    return Trouble.VANISHED if isinstance(error, FileNotFoundError) else Trouble.NOT_READ


def _look_at(number: int, path: Path) -> LookedAt:
    try:
        with path.open("rb", buffering=0) as stream:
            return _look_into(number, path, stream)
    except OSError as error:
        return LookedAt(number=number, path=path, kind=FileKind.OTHER, trouble=trouble_of(error))


def _look_into(number: int, path: Path, stream: BinaryIO) -> LookedAt:
    kind = kind_of(stream.read(START_BYTES))
    if kind in (FileKind.DICOM, FileKind.BARE_DATASET):
        try:
            headers = _headers_of(path, stream, kind)
        except (*UNREADABLE, MemoryError):
            return LookedAt(number=number, path=path, kind=kind, trouble=Trouble.DAMAGED)
        return LookedAt(number=number, path=path, kind=kind, headers=headers)
    return LookedAt(number=number, path=path, kind=kind, trouble=trouble_by_name(path, kind))


def _headers_of(path: Path, stream: BinaryIO, kind: FileKind) -> tuple[SliceHeader, ...]:
    """Return the headers of a file's slices; none when it only began like a data set."""
    stream.seek(0)
    headers = read_slice_headers(path, stream)
    known = kind is FileKind.DICOM or any(h.sop_class_uid or h.acquisition.modality for h in headers)
    return headers if known else ()


def trouble_by_name(path: Path, kind: FileKind) -> Trouble | None:
    """Return the trouble of a file that is not DICOM but is named as if it were."""
    if kind is FileKind.OTHER and named_like_dicom(path.name):
        return Trouble.DAMAGED
    if kind is FileKind.EMPTY and not path.name.startswith("."):
        # Exports name files by number or UID, which ends in what looks like a suffix of digits.
        plausible = named_like_dicom(path.name) or not path.suffix or path.suffix[1:].isdigit()
        return Trouble.EMPTY if plausible else None
    return None
