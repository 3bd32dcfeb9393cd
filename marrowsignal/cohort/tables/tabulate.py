"""From many ``result.json`` to lines of tables, by as many processes as are wanted; none holds more than one case."""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path

from marrowsignal.cohort.case_folders import CaseFolder, UnusableCase, names_case, read_case
from marrowsignal.cohort.tables.case_rows import long_texts, study_facts
from marrowsignal.cohort.tables.columns import StudyState
from marrowsignal.errors import InputError

__all__ = ["TabulatedCase", "tabulate"]

_CHUNK = 50  # cases a process takes at a time
_PAGE = "report.html"
# No count is so long, and a column of whole numbers has 64 bits.
_TOO_LONG = re.compile(rb",-?[0-9]{19,}[,\r]")
_STATES = {"result_schema": StudyState.OUTDATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TabulatedCase:
    """One case folder, its lines written to a part file.

    Attributes
    ----------
    case : str
        Its name, or what it is called where that is not known.
    state : StudyState
        ``done``, ``unreadable`` or ``outdated_schema``.
    code, reason : str
        Why it has no values; empty where it has.
    folder : str
        Name of its folder where that has a page and is named by the case; else empty.
    facts : str
        Its cells of `fact_columns` as CSV; empty where it has no values.
    part : Path
        File that holds its lines of `LONG_TABLES`, one table after the other.
    start : int
        Byte where they begin.
    lengths : tuple of int
        Bytes of each table.
    pair_label, version, protocol, protocol_sha256, input_sha256 : str
        As in ``result.json``; empty where it has no values.
    """

    case: str
    state: StudyState
    part: Path
    code: str = ""
    reason: str = ""
    folder: str = ""
    facts: str = ""
    start: int = 0
    lengths: tuple[int, ...] = ()
    pair_label: str = ""
    version: str = ""
    protocol: str = ""
    protocol_sha256: str = ""
    input_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    out: Path
    folders: tuple[CaseFolder, ...]
    part: Path


def tabulate(
    out: Path,
    folders: Sequence[CaseFolder],
    *,
    parts: Path,
    workers: int,
    on_cases: Callable[[int], None],
) -> tuple[TabulatedCase, ...]:
    """Write the lines of every case to part files.

    Parameters
    ----------
    out : Path
        Folder of the cases.
    folders : sequence of CaseFolder
        Its case folders.
    parts : Path
        An existing folder for the part files.
    workers : int
        Processes; with 1, or with few cases, none but this one.
    on_cases : callable
        Called with the number of cases that are ready.

    Returns
    -------
    tuple of TabulatedCase
        In the order of `folders`.

    Raises
    ------
    InputError
        If a process was ended from outside.
    OSError
        If a part file cannot be written.
    """
    chunks = [
        _Chunk(out=out, folders=tuple(folders[start : start + _CHUNK]), part=parts / f"{start:08d}")
        for start in range(0, len(folders), _CHUNK)
    ]
    made: dict[Path, tuple[TabulatedCase, ...]] = {}
    ready = 0
    for part, cases in _each(chunks, workers=min(workers, len(chunks))):
        made[part] = cases
        ready += len(cases)
        on_cases(ready)
    return tuple(case for chunk in chunks for case in made[chunk.part])


def _each(chunks: Sequence[_Chunk], *, workers: int) -> Iterator[tuple[Path, tuple[TabulatedCase, ...]]]:
    if workers <= 1:
        for chunk in chunks:
            yield chunk.part, _tabulate_chunk(chunk)
        return
    pool = ProcessPoolExecutor(workers, mp_context=_processes(), initializer=_live_as_parent_says)
    try:
        running = {pool.submit(_tabulate_chunk, chunk): chunk.part for chunk in chunks}
        for future in as_completed(running):
            yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a process that reads cases was ended from outside",
            code="cohort_process_died",
            stage="cohort",
            hint="look whether memory has run out, and run it again",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _processes() -> BaseContext:
    """Return how processes are begun: where it can be by one that has imported everything once, for all of them."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _live_as_parent_says() -> None:
    """Leave Ctrl-C to the parent, and end with it: a pool's processes wait for ever for one that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tabulate_chunk(chunk: _Chunk) -> tuple[TabulatedCase, ...]:
    cases = []
    with chunk.part.open("wb") as stream, _without_collection():
        for folder in chunk.folders:
            case, texts = _tabulate_case(chunk, folder, stream.tell())
            stream.writelines(texts)
            cases.append(case)
    return tuple(cases)


@contextmanager
def _without_collection() -> Iterator[None]:
    # A document is thousands of objects without a cycle: looking for one takes as long as reading them.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _tabulate_case(chunk: _Chunk, folder: CaseFolder, start: int) -> tuple[TabulatedCase, tuple[bytes, ...]]:
    document = read_case(chunk.out, folder)
    if isinstance(document, UnusableCase):
        return _without_values(chunk, document), ()
    texts, facts = tuple(text.encode("utf-8") for text in long_texts(document)), study_facts(document)
    if any(_TOO_LONG.search(text) for text in (*texts, facts.encode("utf-8"))):
        reason = "result.json holds a whole number of 19 digits or more: analyze the study again"
        return _without_values(chunk, UnusableCase(case=document.case, code="result_damaged", reason=reason)), ()
    linked = names_case(folder, document.case) and os.access(chunk.out / folder.name / _PAGE, os.F_OK)
    case = TabulatedCase(
        case=document.case,
        state=StudyState.DONE,
        part=chunk.part,
        folder=folder.name if linked else "",
        facts=facts,
        start=start,
        lengths=tuple(map(len, texts)),
        pair_label=document.series.label,
        version=document.provenance.version,
        protocol=document.protocol.name,
        protocol_sha256=document.protocol.sha256,
        input_sha256=document.provenance.input_sha256,
    )
    return case, texts


def _without_values(chunk: _Chunk, case: UnusableCase) -> TabulatedCase:
    state = _STATES.get(case.code, StudyState.UNREADABLE)
    return TabulatedCase(case=case.case, state=state, part=chunk.part, code=case.code, reason=case.reason)
