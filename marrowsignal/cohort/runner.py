"""A run over many studies: a bounded number at a time through any executor, each answer into the ledger as it comes."""

from __future__ import annotations

import queue
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from marrowsignal.cohort.records import CaseAnswer, CaseState, CaseTask
from marrowsignal.cohort.watched_process import CaseLimits, run_case, stop_case_processes
from marrowsignal.errors import MarrowSignalError, OutputError, SomeStudiesFailedError

__all__ = ["NOT_BEGUN", "BatchOutcome", "RunLedger", "RunSetup", "StopRequest", "run_batch", "run_here"]

NOT_BEGUN = "not_begun"
"""Code of the answer of an executor that did not begin a study any more; it waits for the next run."""

_STAGE = "batch"
_LOOK_EACH_S = 0.2
_MOST_WORKERS_LOST = 3


class RunLedger(Protocol):
    """What a run needs of a ledger."""

    def start(self, key: str) -> None:
        """Note that a study is begun."""

    def finish(self, key: str, answer: CaseAnswer) -> None:
        """Note what became of a study."""

    def requeue(self, key: str) -> None:
        """Note that a study waits again."""


@dataclass(slots=True)
class StopRequest:
    """How often a user, or a scheduler, asked the run to end; a signal handler may call it.

    Once: nothing new is begun. Twice: what runs is stopped too, and waits for the next run.
    """

    times: int = 0

    def ask(self) -> None:
        """Ask once more."""
        self.times += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetup:
    """How studies are run.

    Attributes
    ----------
    window : callable
        Returns how many studies may be with the executor now: its workers, and for far ones a few more. Asked several
        times a second; an error of ours that it raises ends the run.
    limits : CaseLimits
        What each may take.
    analyze : callable
        Importable function that answers a task; it is called by the executor's workers.
    stop_now : callable
        Stops the running ones; their `analyze` returns ``process_died`` or their future is cancelled.
    end_waiting : callable
        Keeps those that wait in the executor from being begun: they are answered by `NOT_BEGUN`. Asked again and again
        from when the run is to end.
    check : callable
        Asked when an executor lost a study; raises an error of ours where the fault is with the executor as a whole.
    """

    window: Callable[[], int]
    limits: CaseLimits
    analyze: Callable[[CaseTask, CaseLimits], CaseAnswer] = run_case
    stop_now: Callable[[], None] = stop_case_processes
    end_waiting: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What a run did.

    Attributes
    ----------
    done : int
        Studies analyzed.
    unchanged : int
        Studies that were found to be done already, though their files seemed to have changed.
    failed, refused : int
        Studies that ended so.
    problem : MarrowSignalError or None
        Why the run ended before its studies did: the output cannot be written, or the workers are gone.
    """

    done: int = 0
    unchanged: int = 0
    failed: int = 0
    refused: int = 0
    problem: MarrowSignalError | None = None

    def with_answer(self, answer: CaseAnswer) -> BatchOutcome:
        """Count one more."""
        counted = "unchanged" if answer.unchanged else answer.state.value
        return replace(self, **{counted: getattr(self, counted) + 1})


def run_batch(
    tasks: Iterable[CaseTask],
    ledger: RunLedger,
    executor: Executor,
    *,
    setup: RunSetup,
    stop: StopRequest,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
) -> BatchOutcome:
    """Run studies through an executor until all have ended, or the run is to end.

    Parameters
    ----------
    tasks : iterable of CaseTask
        Taken one by one, as places are free.
    ledger : RunLedger
        Told of every beginning and end, by this thread only.
    executor : Executor
        Threads of this process, or `distributed.Client.get_executor()`: ``setup.analyze`` runs there.
    setup : RunSetup
        How.
    stop : StopRequest
        Looked at several times a second.
    on_end : callable, optional
        Called with each study that ended and its answer.

    Returns
    -------
    BatchOutcome
        What was done. Studies that were begun and did not end wait in the ledger.
    """
    return _Run(iter(tasks), ledger, executor, setup=setup, stop=stop, on_end=on_end).go()


def run_here(
    tasks: Iterable[CaseTask],
    ledger: RunLedger,
    *,
    jobs: int,
    limits: CaseLimits,
    stop: StopRequest,
    on_end: Callable[[CaseTask, CaseAnswer], None] = lambda _task, _answer: None,
) -> BatchOutcome:
    """Run studies on this machine, each in one of `jobs` processes.

    Parameters
    ----------
    tasks, ledger, stop, on_end
        As `run_batch` takes them.
    jobs : int
        How many at once.
    limits : CaseLimits
        What each may take.

    Returns
    -------
    BatchOutcome
        As `run_batch`.
    """
    setup = RunSetup(window=lambda: jobs, limits=limits)
    with ThreadPoolExecutor(jobs, thread_name_prefix="case") as threads:
        return run_batch(tasks, ledger, threads, setup=setup, stop=stop, on_end=on_end)


class _Run:
    """One run: which studies are with the executor, and why it ends."""

    def __init__(
        self,
        tasks: Iterator[CaseTask],
        ledger: RunLedger,
        executor: Executor,
        *,
        setup: RunSetup,
        stop: StopRequest,
        on_end: Callable[[CaseTask, CaseAnswer], None],
    ) -> None:
        self._tasks = tasks
        self._ledger = ledger
        self._executor = executor
        self._setup = setup
        self._stop = stop
        self._on_end = on_end
        self._again: deque[CaseTask] = deque()
        self._lost: Counter[str] = Counter()
        self._running: dict[Future[CaseAnswer], CaseTask] = {}
        self._ended: queue.SimpleQueue[Future[CaseAnswer]] = queue.SimpleQueue()
        self._outcome = BatchOutcome()

    def go(self) -> BatchOutcome:
        """Run to the end."""
        while True:
            self._fill()
            if not self._running:
                return self._outcome
            future = self._next_ended()
            if future is not None:
                self._take(future, self._running.pop(future))

    @property
    def _ends(self) -> bool:
        return self._stop.times > 0 or self._outcome.problem is not None

    @property
    def _stops_now(self) -> bool:
        return self._stop.times > 1

    def _fill(self) -> None:
        """Begin studies as long as there are places."""
        while self._has_place():
            task = self._again.popleft() if self._again else next(self._tasks, None)
            if task is None:
                return
            if not self._tried(partial(self._ledger.start, task.source.key)):
                return
            if task.source.problem is not None:
                self._finish(task, _unreadable(task.source.problem))
            else:
                self._submit(task)

    def _has_place(self) -> bool:
        if self._ends:
            return False
        try:
            return len(self._running) < max(1, self._setup.window())
        except MarrowSignalError as error:
            self._end(error)
            return False

    def _submit(self, task: CaseTask) -> None:
        try:
            future = self._executor.submit(self._setup.analyze, task, self._setup.limits)
        except Exception as error:  # noqa: BLE001 - of whatever kind the executor is
            self._wait_again(task)
            self._end(_workers_gone(error))
            return
        self._running[future] = task
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> Future[CaseAnswer] | None:
        """Wait a moment for a study to end; there may be new places before."""
        if self._stops_now:
            for future in self._running:
                future.cancel()
            self._setup.stop_now()
        elif self._ends:
            self._setup.end_waiting()
        try:
            return self._ended.get(timeout=_LOOK_EACH_S)
        except queue.Empty:
            return None

    def _take(self, future: Future[CaseAnswer], task: CaseTask) -> None:
        """Note what became of a study that is no longer with the executor."""
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            self._wait_again(task)
            if not self._ends and self._tried(self._setup.check):
                self._retry(task, error)
            return
        answer = future.result()
        if answer.output_failed:
            self._wait_again(task)
            self._end(_output_failed(answer))
        elif answer.code == NOT_BEGUN or (self._stops_now and answer.code == "process_died"):
            self._wait_again(task)
            self._tried(self._setup.check)
        else:
            self._finish(task, answer)

    def _retry(self, task: CaseTask, error: BaseException) -> None:
        """Give a study whose worker was lost to another one, unless it takes every worker with it."""
        key = task.source.key
        # A scheduler that comes back has dropped all studies: no fault of theirs.
        self._lost[key] += not isinstance(error, CancelledError)
        if self._lost[key] < _MOST_WORKERS_LOST:
            self._again.append(task)
        else:
            self._finish(task, _worker_lost(type(error).__name__))

    def _finish(self, task: CaseTask, answer: CaseAnswer) -> None:
        if self._tried(partial(self._ledger.finish, task.source.key, answer)):
            self._outcome = self._outcome.with_answer(answer)
            self._on_end(task, answer)

    def _wait_again(self, task: CaseTask) -> None:
        self._tried(partial(self._ledger.requeue, task.source.key))

    def _tried(self, act: Callable[[], None]) -> bool:
        """Write into the ledger, or look at the workers; where that fails the run ends, and the next one goes on."""
        try:
            act()
        except MarrowSignalError as error:
            self._end(error)
            return False
        return True

    def _end(self, problem: MarrowSignalError) -> None:
        if self._outcome.problem is None:
            self._outcome = replace(self._outcome, problem=problem)


def _unreadable(problem: str) -> CaseAnswer:
    return CaseAnswer(state=CaseState.FAILED, stage="find_series", code="input_unreadable", reason=problem)


def _worker_lost(what: str) -> CaseAnswer:
    return CaseAnswer(
        state=CaseState.FAILED,
        stage=_STAGE,
        code="worker_lost",
        reason=f"{_MOST_WORKERS_LOST} workers were lost while they had this study ({what})",
    )


def _output_failed(answer: CaseAnswer) -> OutputError:
    return OutputError(
        answer.reason,
        code=answer.code,
        stage=answer.stage,
        hint="check that the output folder is writable and has space left, then run again: what is done is kept",
    )


def _workers_gone(error: Exception) -> SomeStudiesFailedError:
    return SomeStudiesFailedError(
        f"no worker takes a study any more ({type(error).__name__})",
        code="workers_gone",
        stage=_STAGE,
        hint="look after the cluster, then run again: what is done is kept",
    )
