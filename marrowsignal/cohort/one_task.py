"""One task of a run: the study analyzed where it must be, and an answer whatever happens."""

from __future__ import annotations

import errno
import functools
import json
import os
import shutil
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from marrowsignal.cohort.one_study import (
    StudyRequest,
    analyze_pair,
    folder_names,
    pairs_of,
    series_of,
    some_pairs_failed,
)
from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask, MadeCase
from marrowsignal.dicom import SeriesPair, input_sha256
from marrowsignal.errors import MarrowSignalError, NoUsablePairError, OutputError
from marrowsignal.exports.layout import CaseOptions, Layout
from marrowsignal.protocol.series_rules import SeriesRules
from marrowsignal.protocol.series_rules_file import load_series_rules

__all__ = ["answer_task"]

_STAGE = "analyze"
_PACKAGE = "marrowsignal"
# What is no fault of the study: the place of the results is full, read-only or gone.
_KEY_CODES = frozenset({"case_key_unreadable", "case_key_damaged"})
_OUTPUT_ERRNOS = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "ESTALE", "ENODEV", "ENOTCONN", "ETIMEDOUT")
    if hasattr(errno, name)
)
_NEARLY_FULL_BYTES = 1 << 28


@dataclass(slots=True)
class _Known:
    """What is known of a study when it ends, well or not."""

    out: Path
    input_sha256: str | None = None
    protocol_sha256: str | None = None
    cases: list[MadeCase] = field(default_factory=list)
    files_unreadable: int = 0

    def answer(self, state: CaseState, *, error: Exception | None = None) -> CaseAnswer:
        """Return what became of the study."""
        stage, code, reason = ("", "", "") if error is None else _told(error)
        return CaseAnswer(
            state=state,
            cases=tuple(self.cases),
            input_sha256=self.input_sha256,
            protocol_sha256=self.protocol_sha256,
            stage=stage,
            code=code,
            reason=reason,
            output_failed=_is_output_failure(error, self.out),
        )


def answer_task(task: CaseTask) -> CaseAnswer:
    """Analyze one study into its case folders, and tell what became of it.

    Parameters
    ----------
    task : CaseTask
        The study and all choices.

    Returns
    -------
    CaseAnswer
        ``done``; ``refused`` where there is no usable pair; ``failed`` with its reason for every other error, a bug
        among them: nothing is raised.
    """
    _forget_peak()
    wall, cpu = time.perf_counter(), _cpu_s()
    known = _Known(out=Path(task.out))
    try:
        answer = _analyzed(task, known)
    except NoUsablePairError as error:
        answer = _without_pair(known, error)
    except Exception as error:  # noqa: BLE001 - one bad study must not end a night's run
        answer = known.answer(CaseState.FAILED, error=error)
    taken = {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_s() - cpu, "peak_bytes": _peak_bytes()}
    return answer.model_copy(update=taken)


def _analyzed(task: CaseTask, known: _Known) -> CaseAnswer:
    request = _request_of(task)
    catalog = series_of(request)
    known.files_unreadable = catalog.files_unreadable
    known.input_sha256 = input_sha256({file: None for series in catalog.series for file in series.files})
    pairs = pairs_of(request, catalog)
    names = folder_names(request, pairs)
    if known.input_sha256 == task.done_input_sha256 and _take_finished(request, names, known):
        return known.answer(CaseState.DONE).model_copy(update={"unchanged": True})
    failed = _analyze_pairs(request, dict(zip(names, pairs, strict=True)), known)
    if not failed:
        return known.answer(CaseState.DONE)
    if len(pairs) == 1:
        raise failed[0][1]
    told = some_pairs_failed(len(pairs), [label for label, _error in failed])
    reasons = "; ".join(f"{label}: {_reason(error)}" for label, error in failed)
    told.message = f"{told.message} ({reasons})"
    return known.answer(CaseState.FAILED, error=told)


def _without_pair(known: _Known, error: NoUsablePairError) -> CaseAnswer:
    """Refuse a study; where files of it cannot be read nobody knows what it holds, so that it failed."""
    if not known.files_unreadable:
        return known.answer(CaseState.REFUSED, error=error)
    reason = f"{error.message}; {known.files_unreadable} files there cannot be read"
    return known.answer(CaseState.FAILED, error=error).model_copy(update={"reason": reason})


def _analyze_pairs(request: StudyRequest, pairs: dict[str, SeriesPair], known: _Known) -> list[tuple[str, Exception]]:
    """Analyze each pair; one that fails does not stop the others, unless nothing can be written."""
    failed: list[tuple[str, Exception]] = []
    for name, pair in pairs.items():
        try:
            result = analyze_pair(request, pair, name).result
        except Exception as error:
            if _is_output_failure(error, request.out):
                raise
            failed.append((pair.label, error))
        else:
            known.protocol_sha256 = result.provenance.protocol_sha256
            call = result.call
            known.cases.append(
                MadeCase(case=name, pattern_class=call.pattern_class.value, confidence=call.confidence.value)
            )
    return failed


def _request_of(task: CaseTask) -> StudyRequest:
    source = task.source
    marrow = None
    if source.marrow is not None:
        # Late: it brings libraries that an unreadable study needs not.
        from marrowsignal.marrow.supplied import MarrowRequest  # noqa: PLC0415

        marrow = MarrowRequest(path=Path(source.marrow))
    return StudyRequest(
        paths=tuple(Path(path) for path in source.paths),
        out=Path(task.out),
        options=CaseOptions(dicom=task.dicom, layout=Layout(task.layout)),
        study_instance_uid=source.study_instance_uid,
        # The key of a study that was found is its name: a worker needs no secret to make it.
        case=source.case or (source.key if source.study_instance_uid is not None else None),
        protocol=source.protocol,
        marrow=marrow,
        marrow_from=task.marrow_from,
        lesions_from=task.lesions_from,
        t1_uid=source.t1_uid,
        stir_uid=source.stir_uid,
        allow_t1_only=task.allow_t1_only,
        rules=_rules(task.series_rules),
    )


@functools.cache
def _rules(file: str | None) -> SeriesRules | None:
    return None if file is None else load_series_rules(Path(file))


def _take_finished(request: StudyRequest, names: tuple[str, ...], known: _Known) -> bool:
    """Take what the case folders of an unchanged study say; False where one is not there or cannot be read."""
    made: list[MadeCase] = []
    for name in names:
        file = request.out / request.options.layout.folder_name(name) / "result.json"
        try:
            document = json.loads(file.read_bytes())
            pattern, provenance = document["pattern"], document["provenance"]
            made.append(MadeCase(case=name, pattern_class=pattern["class"], confidence=pattern["confidence"]))
            protocol = str(provenance["protocol_sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        known.protocol_sha256 = protocol
    known.cases = made
    return True


def _told(error: Exception) -> tuple[str, str, str]:
    """Return stage, code and reason of an error; the words of a foreign exception may quote the header."""
    if isinstance(error, MarrowSignalError):
        return error.stage, error.code, error.message
    if isinstance(error, MemoryError):
        return _STAGE, "memory_limit", "the machine has not the memory that the study needs"
    return _STAGE, "bug", _reason(error)


def _reason(error: Exception) -> str:
    if isinstance(error, MarrowSignalError):
        return error.message
    return f"a bug ({type(error).__name__} in {_place(error)})"


def _place(error: Exception) -> str:
    """Return module and line where our code was last."""
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    ours = [(frame.f_globals.get("__name__", ""), frame.f_lineno) for frame in frames]
    return next((f"{name}:{line}" for name, line in reversed(ours) if name.split(".")[0] == _PACKAGE), _PACKAGE)


def _is_output_failure(error: Exception | None, out: Path) -> bool:
    """Whether the place of the results is to blame, so that the next study would fail like this one."""
    if not isinstance(error, OutputError):
        return False
    cause = error.__cause__
    if error.code == "output_not_writable" and isinstance(cause, RuntimeError):
        # An image writer that tells no cause: what it wrote is gone again, and with it the fullness of the disk.
        return shutil.disk_usage(out).free < _NEARLY_FULL_BYTES
    if error.code == "output_not_writable":
        return isinstance(cause, OSError) and cause.errno in _OUTPUT_ERRNOS
    return error.code in _KEY_CODES


def _cpu_s() -> float:
    """Return CPU seconds of this process and of the ended ones that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _forget_peak() -> None:
    # Linux begins a new peak by this; elsewhere only what the owner saw is told.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_bytes() -> int | None:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
