"""A process for the studies of one thread: its time and memory are watched, and what it does ends with it."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from marrowsignal.cohort.case_environment import case_environment
from marrowsignal.cohort.case_watch import CaseLimits, CaseWatch, children_of, resident_bytes
from marrowsignal.cohort.leftovers import remove_leftovers
from marrowsignal.cohort.records import CaseAnswer, CaseTask

__all__ = ["CaseLimits", "run_case", "stop_case_processes"]

_LOOK_EACH_S = 0.1
_END_WITHIN_S = 10.0
_KILLED = 9
_CUT_OFF = frozenset({"memory_limit", "process_died", "time_limit"})


class _CaseProcess:
    """One process of `marrowsignal.cohort.case_process`, and what is to be removed with it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.served = 0
        self.out = ""
        scratch = tempfile.mkdtemp(prefix="marrowsignal-")
        try:
            self._process = _start(scratch, threads)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        self._watched = psutil.Process(self._process.pid)
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True).start()
        # When the thread that it serves has ended, or Python does.
        self.end = weakref.finalize(self, _end, self._process, scratch)
        with _lock:
            _alive.add(self)

    def answer(self, task: CaseTask, limits: CaseLimits) -> CaseAnswer:
        """Have one study analyzed; after an answer that this process did not give itself it has ended."""
        self.served += 1
        self.out = task.out
        watch = CaseWatch(watched=self._watched, limits=limits)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(task.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return self._died(watch)
        while True:
            try:
                line = self._answers.get(timeout=_LOOK_EACH_S)
            except queue.Empty:
                over = watch.look()
                if over is not None:
                    self.end()
                    return over
                continue
            return self._died(watch) if line is None else watch.completed(CaseAnswer.model_validate_json(line))

    def kill(self) -> None:
        """End it in the middle of its work; who waits for an answer gets one."""
        _kill(self._process)

    def is_worn(self, limits: CaseLimits) -> bool:
        """Whether the next study is better served by a new one."""
        if not self.end.alive or self._process.poll() is not None:
            return True
        # What libraries keep of earlier studies is not to bring the next one over its budget.
        grown = limits.memory_bytes is not None and 4 * resident_bytes(self._watched) > 3 * limits.memory_bytes
        return grown or self.served >= limits.studies_per_process or self.threads != limits.threads

    def _died(self, watch: CaseWatch) -> CaseAnswer:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_WITHIN_S)
        code = self._process.returncode
        self.end()
        if code == -_KILLED:
            how = "was killed, perhaps by the system for want of memory"
        else:
            how = f"ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return watch.failed("process_died", f"the process that analyzed the study {how}")


_of_thread = threading.local()
_lock = threading.Lock()
_alive: weakref.WeakSet[_CaseProcess] = weakref.WeakSet()


def run_case(task: CaseTask, limits: CaseLimits) -> CaseAnswer:
    """Analyze one study in the process of the calling thread, which is kept for its next one.

    Parameters
    ----------
    task : CaseTask
        The study and all choices.
    limits : CaseLimits
        What it may take.

    Returns
    -------
    CaseAnswer
        What its process says; ``failed`` with code ``time_limit``, ``memory_limit`` or ``process_died`` where that was
        ended or died.

    Raises
    ------
    OSError
        If no process can be started.
    """
    process: _CaseProcess | None = getattr(_of_thread, "process", None)
    if process is None or process.is_worn(limits):
        if process is not None:
            process.end()
        process = _of_thread.process = _CaseProcess(limits.threads)
    answer = process.answer(task, limits)
    if answer.code in _CUT_OFF:
        remove_leftovers(Path(task.out), (task.source.case or task.source.key,))
    return answer


def stop_case_processes(out: str | None = None) -> None:
    """Kill the processes of all threads at once: each `run_case` that waits returns ``failed``, ``process_died``.

    Parameters
    ----------
    out : str, optional
        Only those whose last task writes into this folder: a cluster may serve other runs too.
    """
    with _lock:
        processes = tuple(_alive)
    for process in processes:
        if out is None or process.out == out:
            process.kill()


def _start(scratch: str, threads: int) -> subprocess.Popen[bytes]:
    environment = case_environment(threads) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
    windows_flags = 0
    if sys.platform == "win32":
        windows_flags = subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        [sys.executable, "-m", "marrowsignal.cohort.case_process", scratch],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        # Ctrl-C goes to the terminal's group: it must not end what is to be finished, not even while it starts.
        process_group=None if sys.platform == "win32" else 0,
        creationflags=windows_flags,
    )


def _read(stream: BinaryIO, answers: queue.SimpleQueue[bytes | None]) -> None:
    with stream:
        for line in stream:
            # Half a line is what a killed process had begun to say.
            if line.endswith(b"\n"):
                answers.put(line)
    answers.put(None)


def _end(process: subprocess.Popen[bytes], scratch: str) -> None:
    """End a process, idle or not, and remove its temporary files."""
    _kill(process)
    if process.stdin is not None:
        # What could not be sent to a dead process cannot be flushed either.
        with suppress(OSError):
            process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_WITHIN_S)
    shutil.rmtree(scratch, ignore_errors=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started: a segmenter has a process group of its own."""
    if process.poll() is not None:
        return
    with suppress(psutil.Error):
        watched = psutil.Process(process.pid)
        # Stopped, it starts nothing while its children are looked for.
        watched.suspend()
        for child in children_of(watched):
            with suppress(psutil.Error):
                child.kill()
    process.kill()
